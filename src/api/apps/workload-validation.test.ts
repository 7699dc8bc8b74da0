import { testCreates, testUpdates, testStatusUpdates, type Valid } from "../testing/validation-cases.ts";

const labels = { app: "x" };
const container = { name: "c", image: "i" };
const template = { metadata: { labels }, spec: { containers: [container] } };
const selector = { matchLabels: labels };
const spec = (fields: object): object => ({ spec: fields });
const valid: Valid = {
  "v1/ReplicationController": { spec: { template } },
  "apps/v1/Deployment": { spec: { selector, template } },
  "apps/v1/ReplicaSet": { spec: { selector, template } },
  "apps/v1/DaemonSet": { spec: { selector, template } },
  "apps/v1/StatefulSet": { spec: { selector, template } },
  "apps/v1/ControllerRevision": { data: {}, revision: 1 },
};

testCreates(valid, [
  [
    "apps/v1/Deployment",
    spec({ replicas: -1 }),
    "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
  ],
  [
    "apps/v1/Deployment",
    spec({ selector: undefined }),
    "spec.selector: Required value",
    'spec.template.metadata.labels: Invalid value: {"app":"x"}: `selector` does not match template `labels`',
  ],
  [
    "apps/v1/Deployment",
    spec({ selector: { matchLabels: { app: undefined } } }),
    'spec.selector: Invalid value: {"matchLabels":{}}: empty selector is invalid for deployment',
  ],
  [
    "apps/v1/Deployment",
    spec({ template: { metadata: { labels: { app: "y" } } } }),
    'spec.template.metadata.labels: Invalid value: {"app":"y"}: `selector` does not match template `labels`',
  ],
  [
    "apps/v1/ReplicaSet",
    spec({ template: { metadata: { labels: { app: "y" } } } }),
    'spec.template.metadata.labels: Invalid value: {"app":"y"}: `selector` does not match template `labels`',
  ],
  [
    "apps/v1/DaemonSet",
    spec({ template: { metadata: { labels: { app: "y" } } } }),
    'spec.template.metadata.labels: Invalid value: {"app":"y"}: `selector` does not match template `labels`',
  ],
  ["v1/ReplicationController", { metadata: { generateName: "A_" } }],
  [
    "apps/v1/ReplicaSet",
    { metadata: { generateName: "A_" } },
    'metadata.generateName: Invalid value: "A_": a lowercase RFC 1123 subdomain …',
  ],
  [
    "v1/ReplicationController",
    spec({ selector: { app: "z" } }),
    'spec.template.metadata.labels: Invalid value: {"app":"x"}: `selector` does not match template `labels`',
  ],
  [
    "apps/v1/Deployment",
    spec({ template: { spec: { restartPolicy: "Never" } } }),
    'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
  ],
  [
    "apps/v1/Deployment",
    spec({ template: { spec: { containers: [] } } }),
    "spec.template.spec.containers: Required value",
  ],
  [
    "apps/v1/Deployment",
    spec({ strategy: { type: "Blue" } }),
    'spec.strategy: Unsupported value: {"Type":"Blue","RollingUpdate":null}: supported values: "Recreate", "RollingUpdate"',
  ],
  [
    "apps/v1/Deployment",
    spec({ strategy: { type: "Recreate", rollingUpdate: {} } }),
    "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
  ],
  [
    "apps/v1/Deployment",
    spec({ strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } } }),
    "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0",
  ],
  [
    "apps/v1/Deployment",
    spec({ strategy: { rollingUpdate: { maxUnavailable: "101%" } } }),
    'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%',
  ],
  [
    "apps/v1/Deployment",
    spec({ progressDeadlineSeconds: 5, minReadySeconds: 5 }),
    "spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds",
  ],
  [
    "apps/v1/DaemonSet",
    spec({ updateStrategy: { rollingUpdate: { maxSurge: 1 } } }),
    "spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero",
  ],
  [
    "apps/v1/StatefulSet",
    spec({ podManagementPolicy: "Chaos" }),
    `spec.podManagementPolicy: Invalid value: "Chaos": must be 'OrderedReady' or 'Parallel'`,
  ],
  [
    "apps/v1/StatefulSet",
    { metadata: { name: "a.b" } },
    'metadata.name: Invalid value: "a.b": must not contain dots',
  ],
  ["apps/v1/ControllerRevision", { data: undefined }, "data: Required value: data is mandatory"],
]);
const strategy = (fields: object): object => spec({ strategy: fields });
const daemons = (fields: object): object => spec({ updateStrategy: fields });
const mismatch = 'Invalid value: {"app":"x"}: `selector` does not match template `labels`';
const negative = "must be greater than or equal to 0";
testCreates(valid, [
  ["apps/v1/DaemonSet", spec({ selector: undefined }), `spec.template.metadata.labels: ${mismatch}`],
  [
    "apps/v1/DaemonSet",
    daemons({ type: "Blue" }),
    'spec.updateStrategy: Unsupported value: {"Type":"Blue","RollingUpdate":null}: supported values: "RollingUpdate", "OnDelete"',
  ],
  [
    "apps/v1/DaemonSet",
    daemons({ rollingUpdate: { maxUnavailable: 0 } }),
    "spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0",
  ],
  [
    "apps/v1/DaemonSet",
    daemons({ rollingUpdate: { maxUnavailable: 0, maxSurge: "101%" } }),
    'spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: "101%": must not be greater than 100%',
  ],
  [
    "apps/v1/ReplicaSet",
    spec({ selector: undefined }),
    "spec.selector: Required value",
    `spec.template.metadata.labels: ${mismatch}`,
  ],
  // Of a selector that can't be understood nobody knows whom it selects: the template isn't looked at.
  [
    "apps/v1/ReplicaSet",
    spec({
      selector: { matchExpressions: [{ key: "a", operator: "Near" }] },
      template: { spec: { containers: [] } },
    }),
    'spec.selector.matchExpressions[0].operator: Invalid value: "Near": not a valid selector operator',
    'spec.selector: Invalid value: {"matchLabels":{"app":"x"},"matchExpressions":[{"key":"a","operator":"Near"}]}: invalid label selector',
  ],
  [
    "apps/v1/Deployment",
    strategy({ rollingUpdate: { maxSurge: -1 } }),
    `spec.strategy.rollingUpdate.maxSurge: Invalid value: -1: ${negative}`,
  ],
  [
    "apps/v1/Deployment",
    strategy({ rollingUpdate: { maxSurge: "1Gi" } }),
    `spec.strategy.rollingUpdate.maxSurge: Invalid value: "1Gi": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')`,
  ],
  ["apps/v1/ControllerRevision", { data: [] }, "data: Required value: data must be a valid JSON object"],
  ["apps/v1/ControllerRevision", { data: "x" }, "data: Required value: data must be a valid JSON object"],
  ["apps/v1/ControllerRevision", { revision: -1 }, `revision: Invalid value: -1: ${negative}`],
  // What an annotation says of pods.
  [
    "apps/v1/Deployment",
    spec({ template: { metadata: { annotations: { "controller.kubernetes.io/pod-deletion-cost": "+1" } } } }),
    'spec.template.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: "+1": must be a 32bit integer',
  ],
]);
const unconverted = {
  metadata: {
    annotations: {
      "non-convertible.kubernetes.io/spec.selector": "a in (b, c)",
      "non-convertible.kubernetes.io": "d",
    },
  },
};
testUpdates(valid, [
  ["v1/ReplicationController", unconverted, spec({ replicas: 5 })],
  [
    "v1/ReplicationController",
    unconverted,
    spec({ selector: { ...labels, b: "c" }, template: { metadata: { labels: { b: "c" } } } }),
    'spec.selector: Invalid value: {"app":"x","b":"c"}: cannot update non-convertible selector',
  ],
  [
    "v1/ReplicationController",
    { metadata: { annotations: { "non-convertible.kubernetes.io/x": "y" } } },
    {},
    'x: Not found: "y": unknown non-convertible field',
  ],
  ["apps/v1/Deployment", {}, spec({ replicas: 3 })],
  [
    "apps/v1/Deployment",
    {},
    spec({ selector: { matchLabels: { app: "x", b: "c" } }, template: { metadata: { labels: { b: "c" } } } }),
    'spec.selector: Invalid value: {"matchLabels":{"app":"x","b":"c"}}: field is immutable',
  ],
  ["apps/v1/StatefulSet", {}, spec({ replicas: 3 })],
  [
    "apps/v1/StatefulSet",
    {},
    spec({ serviceName: "s" }),
    "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
  ],
  ["apps/v1/ControllerRevision", {}, { data: { a: 1 } }, 'data: Invalid value: {"a":1}: field is immutable'],
]);
testStatusUpdates(valid, [
  ...["apps/v1/Deployment", "apps/v1/ReplicaSet"].map(
    (key) =>
      [
        key,
        {},
        { status: { terminatingReplicas: -1 } },
        `status.terminatingReplicas: Invalid value: -1: ${negative}`,
      ] as const,
  ),
  ...(["replicas", "updatedReplicas", "unavailableReplicas", "observedGeneration"] as const).map(
    (field) =>
      [
        "apps/v1/Deployment",
        {},
        { status: { [field]: -1 } },
        `status.${field}: Invalid value: -1: ${negative}`,
        ...(field === "replicas"
          ? ["updatedReplicas", "readyReplicas", "availableReplicas"].map(
              (other) => `status.${other}: Invalid value: 0: cannot be greater than status.replicas`,
            )
          : []),
      ] as const,
  ),
  ...[
    "currentNumberScheduled",
    "numberMisscheduled",
    "desiredNumberScheduled",
    "numberReady",
    "observedGeneration",
    "updatedNumberScheduled",
    "numberAvailable",
    "numberUnavailable",
    "collisionCount",
  ].map(
    (field) =>
      [
        "apps/v1/DaemonSet",
        {},
        { status: { [field]: -1 } },
        `status.${field}: Invalid value: -1: ${negative}`,
      ] as const,
  ),
  [
    "v1/ReplicationController",
    {},
    { status: { replicas: 1, fullyLabeledReplicas: 2 } },
    "status.fullyLabeledReplicas: Invalid value: 2: cannot be greater than status.replicas",
  ],
  [
    "v1/ReplicationController",
    {},
    { status: { replicas: 2, readyReplicas: 1, availableReplicas: 2 } },
    "status.availableReplicas: Invalid value: 2: cannot be greater than readyReplicas",
  ],
  [
    "apps/v1/Deployment",
    {},
    { status: { replicas: 1, readyReplicas: 2 } },
    "status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas",
  ],
  [
    "apps/v1/ReplicaSet",
    {},
    { status: { replicas: 1, observedGeneration: -1 } },
    "status.observedGeneration: Invalid value: -1: must be greater than or equal to 0",
  ],
  [
    "apps/v1/Deployment",
    { status: { collisionCount: 2 } },
    { status: { collisionCount: 1 } },
    "status.collisionCount: Invalid value: 1: cannot be decremented",
  ],
]);
