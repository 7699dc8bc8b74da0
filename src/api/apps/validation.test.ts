import { testCreates, testStatusUpdates, testUpdates, type Valid } from "../testing/validation-cases.ts";

const set = "apps/v1/StatefulSet";
const labels = { app: "x" };
const claim = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
const container = { name: "c", image: "i", volumeMounts: [{ name: "data", mountPath: "/data" }] };
const valid: Valid = {
  [set]: {
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [container] } },
      volumeClaimTemplates: [{ metadata: { name: "data" }, spec: claim }],
    },
  },
};
const spec = (fields: object): object => ({ spec: fields });
const template = (fields: object): object => ({ spec: { template: { spec: fields } } });
const forbidden =
  "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
const negative = "must be greater than or equal to 0";
const noContainers = template({ containers: [] });
const badName = { ...container, name: "A" };

testCreates(valid, [
  [
    set,
    spec({ template: { metadata: { labels: { app: "y" } } } }),
    'spec.template.metadata.labels: Invalid value: {"app":"y"}: `selector` does not match template `labels`',
  ],
  [
    set,
    spec({ template: { metadata: { labels: { "a b": "" } } } }),
    'spec.template.labels: Invalid value: "a b": name part must consist of…',
  ],
  [
    set,
    spec({ template: { spec: { restartPolicy: "Never" } } }),
    'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
  ],
  [
    set,
    spec({ template: { spec: { activeDeadlineSeconds: 5 } } }),
    "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in StatefulSet is not Supported",
  ],
  [
    set,
    spec({ ordinals: { start: -1 } }),
    "spec.ordinals.start: Invalid value: -1: must be greater than or equal to 0",
  ],
  [
    set,
    spec({ persistentVolumeClaimRetentionPolicy: { whenDeleted: "Keep" } }),
    'spec.persistentVolumeClaimRetentionPolicy.whenDeleted: Unsupported value: "Keep": supported values: "Retain", "Delete"',
  ],
]);
testUpdates(valid, [
  [set, {}, spec({ replicas: 5, ordinals: { start: 3 }, minReadySeconds: 2 })],
  [
    set,
    {},
    spec({ volumeClaimTemplates: [] }),
    'spec.template.spec.containers[0].volumeMounts[0].name: Not found: "data"',
    forbidden,
  ],
  [set, {}, spec({ serviceName: "s" }), forbidden],
  [set, {}, spec({ podManagementPolicy: "Parallel" }), forbidden],
  [
    set,
    {},
    spec({ selector: { matchLabels: { b: "c" } }, template: { metadata: { labels: { b: "c" } } } }),
    forbidden,
  ],
  [
    set,
    {},
    spec({
      volumeClaimTemplates: [{ metadata: { name: "data" }, spec: { ...claim, storageClassName: "s" } }],
    }),
    forbidden,
  ],
  [
    set,
    {},
    spec({
      updateStrategy: { type: "OnDelete", rollingUpdate: undefined },
      revisionHistoryLimit: 1,
      persistentVolumeClaimRetentionPolicy: { whenScaled: "Delete" },
    }),
  ],
  [set, {}, spec({ replicas: -1 }), `spec.replicas: Invalid value: -1: ${negative}`],
  [set, {}, template({ containers: [] }), "spec.template.spec.containers: Required value"],
  // What was bad before may stay, and a template that was bad before may change.
  [set, spec({ serviceName: "A_b" }), spec({ replicas: 2 })],
  [set, spec({ volumeClaimTemplates: [{ metadata: { name: "data" }, spec: {} }] }), spec({ replicas: 2 })],
  [set, noContainers, spec({ replicas: 2 })],
  [set, noContainers, template({ containers: [badName] })],
  [
    set,
    noContainers,
    spec({ template: { metadata: { labels: { app: "y" } } } }),
    'spec.template.metadata.labels: Invalid value: {"app":"y"}: `selector` does not match template `labels`',
  ],
]);
testCreates(valid, [
  [set, spec({ serviceName: "" })],
  [set, spec({ serviceName: "a-b" })],
  [set, spec({ serviceName: "a.b" }), 'spec.serviceName: Invalid value: "a.b": must not contain dots'],
  [set, noContainers, "spec.template.spec.containers: Required value"],
  [set, template({ hostname: "A_", subdomain: "B_" })],
  [set, template({ volumes: [{ name: "data", emptyDir: {} }, { name: "other" }] })],
  [
    set,
    template({ volumes: [{ name: "other", secret: {} }] }),
    "spec.template.spec.volumes[1].secret.secretName: Required value",
  ],
  [
    set,
    spec({
      volumeClaimTemplates: [{ metadata: { name: "data" }, spec: { accessModes: ["ReadWriteOnce"] } }],
    }),
    "spec.volumeClaimTemplates[0].spec.resources[storage]: Required value",
  ],
  [set, spec({ replicas: -1 }), `spec.replicas: Invalid value: -1: ${negative}`],
  [set, spec({ minReadySeconds: -1 }), `spec.minReadySeconds: Invalid value: -1: ${negative}`],
  [
    set,
    spec({ selector: undefined }),
    "spec.selector: Required value",
    'spec.template.metadata.labels: Invalid value: {"app":"x"}: `selector` does not match template `labels`',
  ],
  [
    set,
    spec({ selector: { matchLabels: { app: undefined } } }),
    'spec.selector: Invalid value: {"matchLabels":{}}: empty selector is invalid for statefulset',
  ],
  [
    set,
    spec({ selector: { matchExpressions: [{ key: "a", operator: "In" }] } }),
    "spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
    'spec.selector: Invalid value: {"matchLabels":{"app":"x"},"matchExpressions":[{"key":"a","operator":"In"}]}',
  ],
  [
    set,
    spec({ updateStrategy: { type: "Blue" } }),
    `spec.updateStrategy: Invalid value: {"Type":"Blue","RollingUpdate":null}: must be 'RollingUpdate' or 'OnDelete'`,
  ],
  [
    set,
    spec({ updateStrategy: { type: "OnDelete", rollingUpdate: { partition: 1 } } }),
    `spec.updateStrategy.rollingUpdate: Invalid value: {"Partition":1,"MaxUnavailable":null}: only allowed for updateStrategy 'RollingUpdate'`,
  ],
  [
    set,
    spec({ updateStrategy: { rollingUpdate: { partition: -1 } } }),
    `spec.updateStrategy.rollingUpdate.partition: Invalid value: -1: ${negative}`,
  ],
  [set, spec({ updateStrategy: { rollingUpdate: { maxUnavailable: "50%" } } })],
  [
    set,
    spec({ updateStrategy: { rollingUpdate: { maxUnavailable: 0 } } }),
    "spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: 0: cannot be 0",
  ],
  [
    set,
    spec({ updateStrategy: { rollingUpdate: { maxUnavailable: "150%" } } }),
    'spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: "150%": must not be greater than 100%',
  ],
  [
    set,
    spec({ updateStrategy: { rollingUpdate: { maxUnavailable: -1 } } }),
    `spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: -1: ${negative}`,
  ],
]);
const counts = (fields: object): object => ({ status: { replicas: 3, ...fields } });
testStatusUpdates(valid, [
  [set, {}, counts({ readyReplicas: 3, currentReplicas: 2, updatedReplicas: 1, availableReplicas: 3 })],
  [
    set,
    {},
    { status: { replicas: -1 } },
    `status.replicas: Invalid value: -1: ${negative}`,
    "status.readyReplicas: Invalid value: 0: cannot be greater than status.replicas",
    "status.currentReplicas: Invalid value: 0: cannot be greater than status.replicas",
    "status.updatedReplicas: Invalid value: 0: cannot be greater than status.replicas",
    "status.availableReplicas: Invalid value: 0: cannot be greater than status.replicas",
  ],
  ...["readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"].map(
    (field) =>
      [
        set,
        {},
        counts({ [field]: -1 }),
        `status.${field}: Invalid value: -1: ${negative}`,
        ...(field === "readyReplicas"
          ? ["status.availableReplicas: Invalid value: 0: cannot be greater than status.readyReplicas"]
          : []),
      ] as const,
  ),
  [set, {}, counts({ observedGeneration: -1 }), `status.observedGeneration: Invalid value: -1: ${negative}`],
  [set, {}, counts({ collisionCount: -1 }), `status.collisionCount: Invalid value: -1: ${negative}`],
  [
    set,
    { status: { collisionCount: 2 } },
    counts({ collisionCount: 1 }),
    "status.collisionCount: Invalid value: 1: cannot be decremented",
  ],
  [
    set,
    {},
    counts({ readyReplicas: 4 }),
    "status.readyReplicas: Invalid value: 4: cannot be greater than status.replicas",
  ],
  [
    set,
    {},
    counts({ currentReplicas: 4 }),
    "status.currentReplicas: Invalid value: 4: cannot be greater than status.replicas",
  ],
  [
    set,
    {},
    counts({ updatedReplicas: 4 }),
    "status.updatedReplicas: Invalid value: 4: cannot be greater than status.replicas",
  ],
  [
    set,
    {},
    counts({ readyReplicas: 1, availableReplicas: 2 }),
    "status.availableReplicas: Invalid value: 2: cannot be greater than status.readyReplicas",
  ],
]);
