import { testCreates, testUpdates, type Valid } from "../testing/validation-cases.ts";

const volume = "v1/PersistentVolume";
const claim = "v1/PersistentVolumeClaim";
const valid: Valid = {
  [volume]: {
    spec: {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      csi: { driver: "d", volumeHandle: "h" },
    },
  },
  [claim]: { spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } } },
};
const spec = (fields: object): object => ({ spec: fields });
const from = (source: object): object => spec({ csi: undefined, ...source });
const pod = (source: object): object =>
  spec({ containers: [{ name: "c", image: "i" }], volumes: [{ name: "v", ...source }] });
const group = "snapshot.storage.k8s.io";

testCreates(valid, [
  [volume, spec({ accessModes: [] }), "spec.accessModes: Required value"],
  [
    volume,
    spec({ nodeAffinity: {} }),
    "spec.nodeAffinity.required: Required value: must specify required node constraints",
  ],
  [
    volume,
    spec({ volumeAttributesClassName: "" }),
    "spec.volumeAttributesClassName: Required value: an empty string is disallowed",
  ],
  [
    volume,
    from({ nfs: { server: "s", path: "/p" }, volumeAttributesClassName: "a" }),
    "spec.csi: Required value: has to be specified when using volumeAttributesClassName",
  ],
  [
    volume,
    spec({ csi: { nodePublishSecretRef: { name: "s" } } }),
    "spec.csi.nodePublishSecretRef.namespace: Required value",
  ],
  [
    volume,
    from({ local: { path: "a/../b" }, nodeAffinity: { required: { nodeSelectorTerms: [{}] } } }),
    `spec.local.path: Invalid value: "a/../b": must not contain '..'`,
  ],
  [
    volume,
    from({ hostPath: { path: "/a/.." }, persistentVolumeReclaimPolicy: "Recycle" }),
    `spec.hostPath.path: Invalid value: "/a/..": must not contain '..'`,
    "spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount of '/'",
  ],
  [
    volume,
    { metadata: { annotations: { "volume.beta.kubernetes.io/mount-options": "ro" } } },
    "metadata.annotations[volume.beta.kubernetes.io/mount-options]: Forbidden: may not specify mount options for this volume type",
  ],
  [volume, from({ fc: { targetWWNs: ["a"], lun: 1 } })],
  [
    volume,
    from({ fc: { targetWWNs: ["a"] } }),
    "spec.fc.lun: Required value: lun is required if targetWWNs is specified",
  ],
  [
    volume,
    from({ fc: {} }),
    "spec.fc.targetWWNs: Required value: must specify either targetWWNs or wwids, but not both",
  ],
  [volume, from({ glusterfs: { path: "p" } }), "spec.glusterfs.endpoints: Required value"],
  [volume, from({ iscsi: { targetPortal: "p", iqn: "iqn.2015-02.example.com:test", lun: 0 } })],
  [
    volume,
    from({ iscsi: { targetPortal: "", iqn: "x", lun: 256, chapAuthSession: true } }),
    "spec.iscsi.targetPortal: Required value",
    'spec.iscsi.iqn: Invalid value: "x": must be valid format',
    "spec.iscsi.lun: Invalid value: 256: must be between 0 and 255, inclusive",
    "spec.iscsi.secretRef: Required value",
  ],
  ["v1/Pod", pod({ rbd: { monitors: [], image: "i" } }), "spec.volumes[0].rbd.monitors: Required value"],
  [
    "v1/Pod",
    pod({ gitRepo: { repository: "r", directory: "/d" } }),
    'spec.volumes[0].gitRepo.directory: Invalid value: "/d": must be a relative path',
  ],
  [
    "v1/Pod",
    pod({ awsElasticBlockStore: { volumeID: "v", partition: 256 } }),
    "spec.volumes[0].awsElasticBlockStore.partition: Invalid value: 256: must be between 1 and 255, inclusive",
  ],
  [claim, spec({ dataSource: { apiGroup: group, kind: "VolumeSnapshot", name: "s" } })],
  [
    claim,
    spec({ dataSource: { kind: "Pod", name: "" } }),
    "spec.dataSource.name: Required value",
    `spec.dataSource: Invalid value: "Pod": must be 'PersistentVolumeClaim' when referencing the default apiGroup`,
  ],
  [
    claim,
    spec({
      dataSource: { kind: "PersistentVolumeClaim", name: "a" },
      dataSourceRef: { kind: "PersistentVolumeClaim", name: "b" },
    }),
    "spec: Invalid value: {}: must match dataSourceRef",
  ],
  [
    claim,
    spec({
      dataSource: { kind: "PersistentVolumeClaim", name: "a" },
      dataSourceRef: { kind: "PersistentVolumeClaim", name: "a", namespace: "" },
    }),
  ],
  [
    claim,
    spec({
      dataSource: { apiGroup: group, kind: "VolumeSnapshot", name: "s" },
      dataSourceRef: { apiGroup: group, kind: "VolumeSnapshot", name: "s", namespace: "n" },
    }),
    "spec: Invalid value: {}: may not be specified when dataSourceRef.namespace is specified",
  ],
  [claim, spec({ accessModes: ["ReadWriteOncePod", "ReadWriteOncePod"] })],
  [
    claim,
    spec({ accessModes: ["ReadWriteOncePod", "ReadWriteOnce"] }),
    "spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes",
  ],
]);
testUpdates(valid, [
  [volume, {}, spec({ csi: { controllerExpandSecretRef: { name: "s", namespace: "n" } } })],
  [
    volume,
    {},
    spec({ csi: { volumeHandle: "i" } }),
    "spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation\n…",
  ],
  [
    volume,
    spec({ volumeAttributesClassName: "a" }),
    spec({ volumeAttributesClassName: undefined }),
    "spec.volumeAttributesClassName: Forbidden: update from non-nil value to nil is forbidden",
  ],
]);
