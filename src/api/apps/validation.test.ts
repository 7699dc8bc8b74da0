import { testCreates, testUpdates, type Valid } from "../testing/validation-cases.ts";

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
    "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
  ],
]);
