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
  ["apps/v1/Deployment", spec({ selector: undefined }), "spec.selector: Required value"],
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
    'spec.strategy.type: Unsupported value: "Blue": supported values: "Recreate", "RollingUpdate"',
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
testUpdates(valid, [
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
