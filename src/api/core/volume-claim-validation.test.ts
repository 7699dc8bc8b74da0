import { testCreates, testStatusUpdates, testUpdates, type Valid } from "../testing/validation-cases.ts";

const spec = (fields: object): object => ({ spec: fields });
const valid: Valid = {
  "v1/PersistentVolume": {
    spec: { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/x" } },
  },
  "v1/PersistentVolumeClaim": {
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
  },
};

const onNodes = (key: string): object => ({
  spec: {
    nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key, operator: "Exists" }] }] } },
  },
});

testCreates(valid, [
  [
    "v1/PersistentVolume",
    spec({ capacity: undefined }),
    "spec.capacity: Required value",
    'spec.capacity: Unsupported value: null: supported values: "storage"',
  ],
  ["v1/PersistentVolume", spec({ hostPath: undefined }), "spec: Required value: must specify a volume type"],
  [
    "v1/PersistentVolumeClaim",
    spec({ accessModes: [] }),
    "spec.accessModes: Required value: at least 1 access mode is required",
  ],
  ["v1/PersistentVolumeClaim", spec({ resources: undefined }), "spec.resources[storage]: Required value"],
  [
    "v1/PersistentVolumeClaim",
    spec({ accessModes: ["RWX"] }),
    'spec.accessModes: Unsupported value: "RWX": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"',
  ],
]);
testUpdates(valid, [
  ["v1/PersistentVolumeClaim", {}, spec({ volumeName: "v" })],
  [
    "v1/PersistentVolumeClaim",
    {},
    spec({ volumeMode: "Block" }),
    "spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n…",
    'volumeMode: Invalid value: "Block": field is immutable',
  ],
  [
    "v1/PersistentVolumeClaim",
    { status: { phase: "Bound" } },
    spec({ resources: { requests: { storage: "2Gi" } } }),
  ],
  [
    "v1/PersistentVolume",
    {},
    spec({ hostPath: { path: "/y" } }),
    "spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation\n…",
  ],
]);

const claim = "v1/PersistentVolumeClaim";
const beta = "volume.beta.kubernetes.io/storage-class";
const asks = (storage: string): object => ({ spec: { resources: { requests: { storage } } } });
const bound = { status: { phase: "Bound", capacity: { storage: "1Gi" } } };
const fixed =
  "spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n…";
const noted = (name: string | undefined): object => ({ metadata: { annotations: { [beta]: name } } });
const ofClass = (storageClassName: string | undefined): object => ({ spec: { storageClassName } });
const attributed = (volumeAttributesClassName: string | undefined): object => ({
  spec: { volumeAttributesClassName },
});
const current = { status: { phase: "Bound", currentVolumeAttributesClassName: "gold" } };

testUpdates(valid, [
  [claim, {}, asks("2Gi"), fixed],
  [claim, bound, asks("2Gi")],
  [
    claim,
    bound,
    asks("512Mi"),
    "spec.resources.requests.storage: Forbidden: field can not be less than status.capacity",
  ],
  [claim, { ...bound, ...asks("3Gi") }, asks("2Gi")],
  // Where no capacity is told yet, none is fallen below.
  [claim, { status: { phase: "Bound" }, ...asks("3Gi") }, asks("2Gi")],
  [claim, { ...bound, spec: { volumeName: "v" } }, { spec: { volumeName: "w" } }, fixed],
  [claim, {}, { spec: { accessModes: ["ReadWriteMany"] } }, fixed],
  // A class may be given once, and one that an annotation named may move into the field.
  [claim, {}, ofClass("a")],
  [claim, ofClass("a"), ofClass("b"), fixed],
  [claim, ofClass("a"), ofClass(undefined), fixed],
  [claim, noted("a"), ofClass("a")],
  [claim, noted("a"), { ...noted(undefined), ...ofClass("a") }],
  [claim, noted("a"), ofClass("b"), fixed],
  [claim, noted("a"), noted("b"), `metadata.annotations.${beta}: Invalid value: "b": field is immutable`],
  [claim, {}, attributed("gold"), fixed],
  [claim, bound, attributed("gold")],
  [claim, { ...current, ...attributed("gold") }, attributed("silver")],
  [
    claim,
    { ...current, ...attributed("gold") },
    attributed(undefined),
    "spec.volumeAttributesClassName: Forbidden: update to nil is forbidden when status.currentVolumeAttributesClassName is not nil",
  ],
  [
    claim,
    { ...current, ...attributed("gold") },
    attributed(""),
    "spec.volumeAttributesClassName: Forbidden: update to empty string is forbidden when status.currentVolumeAttributesClassName is not nil",
  ],
  [
    "v1/PersistentVolume",
    {},
    { spec: { volumeMode: "Block" } },
    'volumeMode: Invalid value: "Block": field is immutable',
  ],
  ["v1/PersistentVolume", onNodes("beta.kubernetes.io/arch"), onNodes("kubernetes.io/arch")],
  [
    "v1/PersistentVolume",
    onNodes("kubernetes.io/arch"),
    onNodes("kubernetes.io/os"),
    'nodeAffinity: Invalid value: {"Required":{"NodeSelectorTerms":[{"MatchExpressions":[{"Key":"kubernetes.io/os","Operator":"Exists","Values":null}],"MatchFields":null}]}}: field is immutable, except for updating from beta label to GA',
  ],
  ["v1/PersistentVolume", {}, onNodes("kubernetes.io/os")],
]);
testStatusUpdates(valid, [
  [
    claim,
    {},
    {
      status: {
        capacity: { storage: "1Gi" },
        allocatedResources: { storage: "1Gi", "example.com/x": "1" },
        allocatedResourceStatuses: { storage: "NodeResizePending" },
      },
    },
  ],
  [
    claim,
    {},
    { status: { capacity: { storage: "-1" } } },
    "status.capacity[storage]: Invalid value: -1: must be a valid resource quantity",
  ],
  [
    claim,
    {},
    { status: { allocatedResources: { cpu: "1" }, allocatedResourceStatuses: { storage: "Growing" } } },
    'status.allocatedResourceStatuses: Unsupported value: "storage": supported values: "ControllerResizeInProgress", "ControllerResizeInfeasible", "NodeResizeInProgress", "NodeResizeInfeasible", "NodeResizePending"',
    'status.allocatedResources: Unsupported value: "cpu": supported values: "storage"',
  ],
  [claim, {}, { spec: { accessModes: [] } }, "Spec.accessModes: Required value"],
]);
