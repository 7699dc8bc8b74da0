import {
  testCreates,
  testUpdates,
  type CreateCase,
  type UpdateCase,
  type Valid,
} from "../testing/validation-cases.ts";

const csi = { driver: "example.com", volumeHandle: "h" };
const valid: Valid = {
  "storage.k8s.io/v1/StorageClass": { provisioner: "example.com/p" },
  "storage.k8s.io/v1/VolumeAttributesClass": { driverName: "example.com", parameters: { a: "b" } },
  "storage.k8s.io/v1/CSIDriver": {},
  "storage.k8s.io/v1/CSINode": {
    spec: { drivers: [{ name: "example.com", nodeID: "i", topologyKeys: ["a/b"] }] },
  },
  "storage.k8s.io/v1/CSIStorageCapacity": { storageClassName: "s", capacity: "1Gi" },
  "storage.k8s.io/v1/VolumeAttachment": {
    spec: { attacher: "example.com", nodeName: "n", source: { persistentVolumeName: "v" } },
  },
};
const spec = (fields: object): object => ({ spec: fields });
const [storageClass, attributes, driver, node, capacity, attachment] = Object.keys(valid) as [
  string,
  string,
  string,
  string,
  string,
  string,
];
const subdomain =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character…";
const term = (...expressions: readonly object[]): object => ({ matchLabelExpressions: expressions });
const inline = (fields: object): object =>
  spec({
    source: {
      persistentVolumeName: undefined,
      inlineVolumeSpec: { accessModes: ["ReadWriteOnce"], csi, ...fields },
    },
  });
const at = "spec.source.inlineVolumeSpec";

const creates: readonly CreateCase[] = [
  [storageClass, { provisioner: "" }, "provisioner: Required value"],
  [
    storageClass,
    { parameters: Object.fromEntries(Array.from({ length: 513 }, (_, index) => [`k${index}`, ""])) },
    "parameters: Too long: may not be more than 512 bytes",
  ],
  [storageClass, { parameters: { "": "x" } }, 'parameters: Invalid value: "": field can not be empty.'],
  [
    storageClass,
    { parameters: { a: "x".repeat(256 * 1024) } },
    "parameters: Too long: may not be more than 262144 bytes",
  ],
  [
    storageClass,
    { reclaimPolicy: "Recycle" },
    'reclaimPolicy: Unsupported value: "Recycle": supported values: "Delete", "Retain"',
  ],
  [storageClass, { reclaimPolicy: "" }],
  [
    storageClass,
    { volumeBindingMode: "" },
    'volumeBindingMode: Unsupported value: "": supported values: "Immediate", "WaitForFirstConsumer"',
  ],
  [storageClass, { provisioner: "A/B C" }, 'provisioner: Invalid value: "a/b c": name part must consist of…'],
  [storageClass, { allowedTopologies: [term({ key: "a", values: ["b"] })] }],
  [
    storageClass,
    { allowedTopologies: [term()] },
    'allowedTopologies[0].matchLabelExpressions: Duplicate value: ""',
  ],
  [
    storageClass,
    { allowedTopologies: [term({ key: "a", values: [] }, { key: "a", values: ["b", "b"] })] },
    "allowedTopologies[0].matchLabelExpressions[0].values: Required value",
    'allowedTopologies[0].matchLabelExpressions[1].values[1]: Duplicate value: "b"',
    'allowedTopologies[0].matchLabelExpressions[1].key: Duplicate value: "a"',
  ],
  [
    storageClass,
    { allowedTopologies: [term({ key: "a", values: ["b", "c"] }), term({ key: "a", values: ["c", "b"] })] },
    'allowedTopologies[1].matchLabelExpressions: Duplicate value: ""',
  ],
  [
    attributes,
    { parameters: undefined },
    "parameters: Required value: must contain at least one key/value pair",
  ],
  [attributes, { driverName: "" }, "driverName: Required value"],
  [driver, { metadata: { name: "a_b" } }, `metadata.name: Invalid value: "a_b": ${subdomain}`],
  [driver, { metadata: { name: "d".repeat(64) } }],
  [
    driver,
    spec({ fsGroupPolicy: "Some" }),
    'spec.fsGroupPolicy: Unsupported value: "Some": supported values: "File", "None", "ReadWriteOnceWithFSType"',
  ],
  [
    driver,
    spec({ volumeLifecycleModes: ["Short"] }),
    'spec.volumeLifecycleModes: Unsupported value: "Short": supported values: "Persistent", "Ephemeral"',
  ],
  [
    driver,
    spec({
      tokenRequests: [
        { audience: "a" },
        { audience: "a" },
        { audience: "b", expirationSeconds: 5 },
        { audience: "c", expirationSeconds: 2 ** 33 },
      ],
    }),
    'spec.tokenRequests[1].audience: Duplicate value: "a"',
    "spec.tokenRequests[2].expirationSeconds: Invalid value: 5: may not specify a duration less than 10 minutes",
    "spec.tokenRequests[3].expirationSeconds: Invalid value: 8589934592: may not specify a duration larger than 2^32 seconds",
  ],
  [
    driver,
    spec({ nodeAllocatableUpdatePeriodSeconds: 9 }),
    "spec.nodeAllocatableUpdatePeriodSeconds: Invalid value: 9: must be greater than or equal to 10 seconds",
  ],
  [
    driver,
    spec({ serviceAccountTokenInSecrets: true }),
    "spec.serviceAccountTokenInSecrets: Invalid value: true: serviceAccountTokenInSecrets is set but no tokenRequests are specified",
  ],
  [
    node,
    spec({
      drivers: [
        { name: "a", nodeID: "" },
        { name: "b", nodeID: "x".repeat(256) },
        { name: "a", nodeID: "x".repeat(257), allocatable: { count: -1 }, topologyKeys: ["k", "k", "a b"] },
      ],
    }),
    "spec.drivers[0].nodeID: Required value",
    `spec.drivers[2].nodeID: Invalid value: "${"x".repeat(257)}": must be 256 characters or less`,
    "spec.drivers[2].allocatable.count: Invalid value: -1: must be greater than or equal to 0",
    'spec.drivers[2].name: Duplicate value: "a"',
    'spec.drivers[2]: Duplicate value: "k"',
    'spec.drivers[2]: Invalid value: "a b": name part must consist of…',
  ],
  [capacity, { storageClassName: "A" }, `storageClassName: Invalid value: "A": ${subdomain}`],
  [capacity, { capacity: "-1" }, 'capacity: Invalid value: "-1": must be greater than or equal to 0'],
  [
    capacity,
    { nodeTopology: { matchExpressions: [{ key: "a", operator: "In" }] } },
    "nodeTopology.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
  ],
  [
    attachment,
    spec({ attacher: "", nodeName: "" }),
    "spec.attacher: Required value",
    `spec.nodeName: Invalid value: "": ${subdomain}`,
    "spec.attacher: Required value",
  ],
  [
    attachment,
    spec({ source: { persistentVolumeName: undefined } }),
    "spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName",
  ],
  [
    attachment,
    spec({ source: { inlineVolumeSpec: {}, persistentVolumeName: "V" } }),
    "spec.source: Forbidden: must specify exactly one of inlineVolumeSpec and persistentVolumeName",
    `spec.source.persistentVolumeName: Invalid value: "V": ${subdomain}`,
  ],
  [
    attachment,
    spec({ source: { persistentVolumeName: "" } }),
    "spec.source.persistentVolumeName: Required value: must specify non empty persistentVolumeName",
    `spec.source.persistentVolumeName: Invalid value: "": ${subdomain}`,
  ],
  [attachment, inline({})],
  [
    attachment,
    inline({
      claimRef: { name: "c" },
      capacity: { storage: "1Gi" },
      csi: undefined,
      nodeAffinity: {},
      storageClassName: "s",
      volumeMode: "Block",
      persistentVolumeReclaimPolicy: "Delete",
    }),
    `${at}.claimRef: Forbidden: may not be specified in the context of inline volumes`,
    `${at}.capacity: Forbidden: may not be specified in the context of inline volumes`,
    `${at}.csi: Required value: has to be specified in the context of inline volumes`,
    `${at}: Required value: must specify a volume type`,
    `${at}.persistentVolumeReclaimPolicy: Forbidden: may only be Retain in the context of inline volumes`,
    `${at}.nodeAffinity: Forbidden: may not be specified in the context of inline volumes`,
    `${at}.storageClassName: Forbidden: may not be specified in the context of inline volumes`,
    `${at}.volumeMode: Forbidden: may not specify volumeMode other than Filesystem in the context of inline volumes`,
  ],
  [
    attachment,
    { status: { attached: false, attachError: { message: "x".repeat(1025), errorCode: -1 } } },
    "status.attachError.message: Too long: may not be more than 262144 bytes",
    "status.attachError.errorCode: Invalid value: -1: must be between 0 and 2147483647, inclusive",
  ],
];

const updates: readonly UpdateCase[] = [
  [storageClass, {}, { allowVolumeExpansion: true }],
  [
    storageClass,
    {},
    { parameters: { a: "b" } },
    "parameters: Forbidden: updates to parameters are forbidden.",
  ],
  [
    storageClass,
    {},
    { volumeBindingMode: "WaitForFirstConsumer" },
    'volumeBindingMode: Invalid value: "WaitForFirstConsumer": field is immutable',
  ],
  [
    attributes,
    {},
    { driverName: "other.com" },
    "driverName: Forbidden: updates to driverName are forbidden.",
  ],
  [
    attributes,
    {},
    { driverName: "" },
    "driverName: Forbidden: updates to driverName are forbidden.",
    "driverName: Required value",
  ],
  [driver, {}, spec({ podInfoOnMount: true })],
  [
    driver,
    {},
    spec({ attachRequired: false }),
    "spec.attachedRequired: Invalid value: false: field is immutable",
  ],
  [
    driver,
    {},
    spec({ volumeLifecycleModes: ["Ephemeral"] }),
    'spec.volumeLifecycleModes: Invalid value: ["Ephemeral"]: field is immutable',
  ],
  [
    node,
    {},
    spec({
      drivers: [
        { name: "example.com", nodeID: "i", topologyKeys: ["a/b"], allocatable: { count: 3 } },
        { name: "b", nodeID: "i" },
      ],
    }),
  ],
  [
    node,
    {},
    spec({ drivers: [{ name: "example.com", nodeID: "j", allocatable: { count: 1 } }] }),
    'spec.drivers: Invalid value: {"Name":"example.com","NodeID":"j","TopologyKeys":null,"Allocatable":null}: field is immutable',
  ],
  [
    node,
    spec({ drivers: [{ name: "example.com", nodeID: "i", allocatable: { count: 1 } }] }),
    spec({ drivers: [] }),
  ],
  [capacity, {}, { capacity: "2Gi" }],
  [capacity, {}, { storageClassName: "t" }, 'storageClassName: Invalid value: "t": field is immutable'],
  [
    attachment,
    {},
    spec({ nodeName: "m" }),
    'spec: Invalid value: {"Attacher":"example.com","Source":{"PersistentVolumeName":"v","InlineVolumeSpec":null},"NodeName":"m"}: field is immutable',
  ],
  [attachment, spec({ attacher: "a_b", source: { persistentVolumeName: "V" } }), {}],
];

testCreates(valid, creates);
testUpdates(valid, updates);
