/** Upstream's own cases of volumes, as facts. upstream: pkg/apis/core/validation/validation_test.go (TestValidateVolumes) */
import { testCreates, type CreateCase, type Valid } from "../testing/validation-cases.ts";

const pod = "v1/Pod";
const volume = "v1/PersistentVolume";
const deployment = "apps/v1/Deployment";
const containers = [{ name: "c", image: "i" }];
const template = { metadata: { labels: { a: "b" } }, spec: { containers } };
const valid: Valid = {
  [pod]: { spec: { containers } },
  [volume]: {
    spec: {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      csi: { driver: "d", volumeHandle: "h" },
    },
  },
  [deployment]: { spec: { selector: { matchLabels: { a: "b" } }, template } },
};
const at = "spec.volumes[0]";
const inPod = (source: object, name = "v"): object => ({ spec: { volumes: [{ name, ...source }] } });
const inVolume = (source: object): object => ({ spec: { csi: undefined, ...source } });
const twice = "may not specify more than 1 volume type";
const mode = "must be a number between 0 and 0777 (octal), both inclusive";
const iscsiForm = "must be valid format starting with iqn, eui, or naa";
const iscsi = { targetPortal: "127.0.0.1", iqn: "iqn.2015-02.example.com:test", lun: 1 };
const iscsiLength =
  "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.";
const registry = "must be a host:port pair or multiple pairs separated by commas";
const wwns = "must specify either targetWWNs or wwids, but not both";
const file = (path: string): object => ({ path, fieldRef: { fieldPath: "metadata.name" } });
const projected = (...sources: readonly object[]): object => inPod({ projected: { sources } });
const certificate = (files: object): object => ({
  podCertificate: { signerName: "example.com/own", keyType: "ED25519", ...files },
});
const token = { serviceAccountToken: { path: "/t" } };
const reserved = "kubernetes.io and k8s.io namespaces are reserved";
const long = "n".repeat(63);

const pods: readonly (readonly [changes: object, ...faults: readonly string[]])[] = [
  [inPod({ hostPath: { path: "" } }), `${at}.hostPath.path: Required value`],
  [
    inPod({ hostPath: { path: "/a/../b", type: "x" } }),
    `${at}.hostPath.path: Invalid value: "/a/../b": must not contain '..'`,
    `${at}.hostPath.type: Unsupported value: "x": supported values: "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"`,
  ],
  [inPod({ gitRepo: { repository: "" } }), `${at}.gitRepo.repository: Required value`],
  [
    inPod({ gitRepo: { repository: "r", directory: "/a/.." } }),
    `${at}.gitRepo.directory: Invalid value: "/a/..": must be a relative path`,
    `${at}.gitRepo.directory: Invalid value: "/a/..": must not contain '..'`,
  ],
  [
    inPod({ gcePersistentDisk: { pdName: "", partition: 256 } }),
    `${at}.persistentDisk.pdName: Required value`,
    `${at}.persistentDisk.partition: Invalid value: 256: must be between 1 and 255, inclusive`,
  ],
  [
    inPod({ awsElasticBlockStore: { volumeID: "", partition: -1 } }),
    `${at}.awsElasticBlockStore.volumeID: Required value`,
    `${at}.awsElasticBlockStore.partition: Invalid value: -1: must be between 1 and 255, inclusive`,
  ],
  [inPod({ iscsi })],
  [inPod({ iscsi: { ...iscsi, targetPortal: "" } }), `${at}.iscsi.targetPortal: Required value`],
  [inPod({ iscsi: { ...iscsi, iqn: "" } }), `${at}.iscsi.iqn: Required value`],
  [inPod({ iscsi: { ...iscsi, iqn: "x" } }), `${at}.iscsi.iqn: Invalid value: "x": ${iscsiForm}`],
  [
    inPod({ iscsi: { ...iscsi, iqn: "iqn.2015" } }),
    `${at}.iscsi.iqn: Invalid value: "iqn.2015": must be valid format`,
  ],
  [
    inPod({ iscsi: { ...iscsi, lun: 256 } }),
    `${at}.iscsi.lun: Invalid value: 256: must be between 0 and 255, inclusive`,
  ],
  [inPod({ iscsi: { ...iscsi, chapAuthSession: true } }), `${at}.iscsi.secretRef: Required value`],
  [inPod({ iscsi: { ...iscsi, secretRef: {} } })],
  [
    inPod({ iscsi: { ...iscsi, initiatorName: "y" } }),
    `${at}.iscsi.initiatorname: Invalid value: "y": ${iscsiForm}`,
  ],
  [
    inPod({ iscsi: { ...iscsi, initiatorName: iscsi.iqn } }, long),
    `${at}.name: Invalid value: "${long}": ${iscsiLength}`,
  ],
  [inPod({ fc: {} }), `${at}.fc.targetWWNs: Required value: ${wwns}`],
  [
    inPod({ fc: { targetWWNs: ["a"], wwids: ["b"], lun: 1 } }),
    `${at}.fc.targetWWNs: Invalid value: ["a"]: targetWWNs and wwids can not be specified simultaneously`,
  ],
  [
    inPod({ fc: { targetWWNs: ["a"] } }),
    `${at}.fc.lun: Required value: lun is required if targetWWNs is specified`,
  ],
  [
    inPod({ secret: { secretName: "", defaultMode: 0o1000, items: [{ key: "", path: "..x" }] } }),
    `${at}.secret.secretName: Required value`,
    `${at}.secret.defaultMode: Invalid value: 512: ${mode}`,
    `${at}.secret.items[0].key: Required value`,
    `${at}.secret.items[0].path: Invalid value: "..x": must not start with '..'`,
  ],
  [
    inPod({ persistentVolumeClaim: { claimName: "" } }),
    `${at}.persistentVolumeClaim.claimName: Required value`,
  ],
  [
    inPod({ nfs: { server: "", path: "" } }),
    `${at}.nfs.server: Required value`,
    `${at}.nfs.path: Required value`,
    `${at}.nfs.path: Invalid value: "": must be an absolute path`,
  ],
  [
    inPod({ quobyte: { registry: "", volume: "" } }),
    `${at}.quobyte.registry: Required value: ${registry}`,
    `${at}.quobyte.volume: Required value`,
  ],
  [
    inPod({ quobyte: { registry: "r1:1,[::1]:2,r3", volume: "v" } }),
    `${at}.quobyte.registry: Invalid value: "r1:1,[::1]:2,r3": ${registry}`,
  ],
  [
    inPod({ quobyte: { registry: "r:1", volume: "v", tenant: "t".repeat(65) } }),
    `${at}.quobyte.tenant: Required value: must be a UUID and may not exceed a length of 64 characters`,
  ],
  [
    inPod({ glusterfs: { endpoints: "", path: "" } }),
    `${at}.glusterfs.endpoints: Required value`,
    `${at}.glusterfs.path: Required value`,
  ],
  [inPod({ flocker: {} }), `${at}.flocker: Required value: one of datasetName and datasetUUID is required`],
  [
    inPod({ flocker: { datasetName: "a/b", datasetUUID: "u" } }),
    `${at}.flocker: Invalid value: "resource": datasetName and datasetUUID can not be specified simultaneously`,
    `${at}.flocker.datasetName: Invalid value: "a/b": must not contain '/'`,
  ],
  [
    inPod({ rbd: { monitors: [], image: "" } }),
    `${at}.rbd.monitors: Required value`,
    `${at}.rbd.image: Required value`,
  ],
  [
    inPod({ cinder: { volumeID: "", secretRef: {} } }),
    `${at}.cinder.volumeID: Required value`,
    `${at}.cinder.secretRef.name: Required value`,
  ],
  [inPod({ cephfs: { monitors: [] } }), `${at}.cephfs.monitors: Required value`],
  [
    inPod({ flexVolume: { driver: "", options: { "My.K8s.io/o": "x" } } }),
    `${at}.flexVolume.driver: Required value`,
    `${at}.flexVolume.options[My.K8s.io/o]: Invalid value: "My.K8s.io/o": ${reserved}`,
  ],
  [
    inPod({ azureDisk: { diskName: "", diskURI: "", kind: "Managed", cachingMode: "x" } }),
    `${at}.azureDisk.diskName: Required value`,
    `${at}.azureDisk.diskURI: Required value`,
    `${at}.azureDisk.cachingMode: Unsupported value: "x": supported values: "None", "ReadOnly", "ReadWrite"`,
    `${at}.azureDisk.diskURI: Unsupported value: "": supported values: "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"`,
  ],
  [
    inPod({ azureDisk: { diskName: "d", diskURI: "/subscriptions/x" } }),
    `${at}.azureDisk.diskURI: Unsupported value: "/subscriptions/x": supported values: "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"`,
  ],
  [
    inPod({ storageos: { volumeName: "", volumeNamespace: "A", secretRef: {} } }),
    `${at}.storageos.volumeName: Required value`,
    `${at}.storageos.volumeNamespace: Invalid value: "A": a lowercase RFC 1123 label…`,
    `${at}.storageos.secretRef.name: Required value`,
  ],
  [
    inPod({ csi: { driver: "d", nodePublishSecretRef: { name: "" } } }),
    `${at}.csi.nodePublishSecretRef.name: Required value`,
  ],
  [
    inPod({ csi: { driver: "d", nodePublishSecretRef: { name: "A" } } }),
    `${at}.csi.name: Invalid value: "A": a lowercase RFC 1123 subdomain…`,
  ],
  // Which file it is isn't told.
  [
    inPod({ downwardAPI: { items: [{ path: "", mode: 0o1000 }] } }),
    `${at}.downwardAPI.path: Required value`,
    `${at}.downwardAPI: Required value: one of fieldRef and resourceFieldRef is required`,
    `${at}.downwardAPI.mode: Invalid value: 512: ${mode}`,
  ],
  [
    inPod({ downwardAPI: { items: [{ path: "../a", fieldRef: { fieldPath: "spec.nodeName" } }] } }),
    `${at}.downwardAPI.path: Invalid value: "../a": must not contain '..'`,
    `${at}.downwardAPI.fieldRef.fieldPath: Unsupported value: "spec.nodeName": supported values: …`,
  ],
  [
    projected(
      { secret: { name: "s", items: [{ key: "k", path: "p" }] } },
      { configMap: { name: "m", items: [{ key: "k", path: "p" }] } },
      { downwardAPI: { items: [file("p")] } },
    ),
    `${at}.projected: Invalid value: "m": conflicting duplicate paths`,
    `${at}.projected: Invalid value: "p": conflicting duplicate paths`,
  ],
  [
    projected({ secret: { name: "" }, configMap: { name: "m" } }),
    `${at}.projected.sources[0].secret.name: Required value`,
    `${at}.projected.sources[0]: Forbidden: ${twice} per source`,
  ],
  [projected({})],
  [
    projected({ clusterTrustBundle: {} }, { clusterTrustBundle: { name: "b" } }),
    `${at}.projected.sources[0].clusterTrustBundle: Required value: either name or signerName must be specified`,
    `${at}.projected.sources[0].clusterTrustBundle.path: Required value`,
    `${at}.projected.sources[1].clusterTrustBundle.path: Required value`,
    `${at}.projected: Invalid value: "": conflicting duplicate paths`,
  ],
  [projected(certificate({ keyPath: "k", certificateChainPath: "c" }))],
  [
    projected(certificate({})),
    `${at}.projected.sources[0].podCertificate: Required value: specify at least one of credentialBundlePath, keyPath, and certificateChainPath`,
  ],
  [
    projected({ configMap: { name: "m", items: [{ key: "k", path: "p" }] } }, certificate({ keyPath: "p" })),
    `${at}.projected: Invalid value: "p": conflicting duplicate paths`,
  ],
  [
    projected(certificate({ keyPath: "../k", credentialBundlePath: "../k" })),
    `${at}.projected.sources[0].podCertificate.credentialBundlePath: Invalid value: "../k": must not contain '..'`,
    `${at}.projected.sources[0].podCertificate.keyPath: Invalid value: "../k": must not contain '..'`,
    `${at}.projected: Invalid value: "../k": conflicting duplicate paths`,
  ],
  [
    { spec: { serviceAccountName: "s", volumes: [{ name: "v", projected: { sources: [token] } }] } },
    `${at}.projected.path: Invalid value: "/t": must be a relative path`,
  ],
  [
    inPod({ emptyDir: {}, cephfs: { monitors: ["m"] }, downwardAPI: {}, hostPath: { path: "/" } }),
    `${at}.hostPath: Forbidden: ${twice}`,
    `${at}.cephFS: Forbidden: ${twice}`,
    `${at}.downwarAPI: Forbidden: ${twice}`,
  ],
  [
    inPod({
      ephemeral: {
        volumeClaimTemplate: {
          spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1" } } },
        },
      },
    }),
  ],
  [inPod({ image: {} }), `${at}.image.reference: Required value`],
];

const claimTemplate = {
  ephemeral: {
    volumeClaimTemplate: {
      spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1" } } },
    },
  },
};
const podName = Array.from({ length: 4 }, () => "p".repeat(63))
  .join(".")
  .slice(0, 252);

const volumes: readonly CreateCase[] = [
  [
    volume,
    inVolume({ iscsi: { ...iscsi, iqn: "x" } }),
    'spec.iscsi.iqn: Invalid value: "x": must be valid format',
  ],
  [volume, inVolume({ iscsi: { ...iscsi, secretRef: {} } }), "spec.iscsi.secretRef.name: Required value"],
  [
    volume,
    { metadata: { name: long }, ...inVolume({ iscsi: { ...iscsi, initiatorName: iscsi.iqn } }) },
    `spec.iscsi.targetportal: Invalid value: "127.0.0.1": ${iscsiLength}`,
  ],
  [
    volume,
    inVolume({ cinder: { volumeID: "v", secretRef: {} } }),
    "spec.cinder.secretRef.name: Required value",
    "spec.cinder.secretRef.namespace: Required value",
  ],
  [
    volume,
    inVolume({ glusterfs: { endpoints: "e", path: "p", endpointsNamespace: "" } }),
    'spec.glusterfs.endpointsNamespace: Invalid value: "": if the endpointnamespace is set, it must be a valid namespace name',
  ],
  [
    volume,
    inVolume({ azureFile: { secretName: "s", shareName: "h", secretNamespace: "" } }),
    "spec.azureFile.secretNamespace: Required value",
  ],
  [
    volume,
    inVolume({ storageos: { volumeName: "v", secretRef: { name: "s" } } }),
    "spec.storageos.secretRef.namespace: Required value",
  ],
  [volume, inVolume({}), "spec: Required value: must specify a volume type"],
  [volume, { spec: { nfs: { server: "s", path: "/p" } } }, `spec.csi: Forbidden: ${twice}`],
];

testCreates(valid, [
  ...pods.map(([changes, ...faults]): CreateCase => [pod, changes, ...faults]),
  ...volumes,
  // A template's image may be filled in later, and claims have no names yet.
  [deployment, { spec: { template: { spec: { volumes: [{ name: "v", image: {} }] } } } }],
  [
    pod,
    { metadata: { name: podName }, ...inPod(claimTemplate) },
    `${at}.name: Invalid value: "v": PVC name "${podName}-v": must be no more than 253 characters`,
  ],
  [
    pod,
    {
      spec: {
        volumes: [
          { name: "v", persistentVolumeClaim: { claimName: "x-w" } },
          { name: "w", ...claimTemplate },
          { name: "u", persistentVolumeClaim: { claimName: "x-v" } },
        ],
      },
    },
    `${at}.persistentVolumeClaim.claimName: Invalid value: "x-w": must not reference a PVC that gets created for an ephemeral volume`,
  ],
]);
