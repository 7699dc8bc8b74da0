import { testCreates, testUpdates, type Valid } from "../testing/validation-cases.ts";

const spec = (fields: object): object => ({ spec: fields });
const valid: Valid = {
  "v1/PersistentVolume": {
    spec: { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/x" } },
  },
  "v1/PersistentVolumeClaim": {
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
  },
};

testCreates(valid, [
  [
    "v1/PersistentVolume",
    spec({ capacity: undefined }),
    "spec.capacity: Required value",
    'spec.capacity: Unsupported value: {}: supported values: "storage"',
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
