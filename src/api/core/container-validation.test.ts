import { testCreates, type Valid } from "../testing/validation-cases.ts";

const container = { name: "c", image: "i" };
const valid: Valid = { "v1/Pod": { spec: { containers: [container] } } };

const volumes = [
  { name: "dir", emptyDir: {} },
  { name: "other", emptyDir: {} },
  { name: "claim", persistentVolumeClaim: { claimName: "k" } },
  { name: "claim2", persistentVolumeClaim: { claimName: "k2" } },
];
const withVolumes = (fields: object): object => ({
  spec: { volumes, containers: [{ ...container, ...fields }] },
});
const mounts = (...volumeMounts: readonly object[]): object => withVolumes({ volumeMounts });
const devices = (...volumeDevices: readonly object[]): object => withVolumes({ volumeDevices });
const at = "spec.containers[0].volumeMounts";
const disks = "spec.containers[0].volumeDevices";
const mount = { name: "dir", mountPath: "/a" };
const disk = { name: "claim", devicePath: "/d" };

/** upstream: pkg/apis/core/validation/validation_test.go TestValidateVolumeMounts, TestValidateRecursiveReadOnly, TestValidateMountPropagation */
testCreates(valid, [
  ["v1/Pod", mounts(mount, { name: "dir", mountPath: "/b" })],
  ["v1/Pod", mounts({ name: "dir", mountPath: "relative/path" })],
  ["v1/Pod", mounts({ name: "dir", mountPath: "/a", subPath: "b/..c" })],
  [
    "v1/Pod",
    mounts({ name: "", mountPath: "/a" }),
    `${at}[0].name: Required value`,
    `${at}[0].name: Not found: ""`,
  ],
  ["v1/Pod", mounts({ name: "unknown", mountPath: "/a" }), `${at}[0].name: Not found: "unknown"`],
  ["v1/Pod", mounts({ name: "dir", mountPath: "" }), `${at}[0].mountPath: Required value`],
  [
    "v1/Pod",
    mounts(mount, { ...mount, name: "other" }),
    `${at}[1].mountPath: Invalid value: "/a": must be unique`,
  ],
  [
    "v1/Pod",
    mounts({ ...mount, subPath: "/baz" }),
    `${at}.subPath: Invalid value: "/baz": must be a relative path`,
  ],
  [
    "v1/Pod",
    mounts({ ...mount, subPath: "bar/../../baz" }),
    `${at}.subPath: Invalid value: "bar/../../baz": must not contain '..'`,
  ],
  [
    "v1/Pod",
    mounts({ ...mount, subPath: "a", subPathExpr: "b" }),
    `${at}[0].subPathExpr: Invalid value: "b": subPathExpr and subPath are mutually exclusive`,
  ],
  [
    "v1/Pod",
    mounts({ ...mount, mountPropagation: "Sideways" }),
    `${at}.mountPropagation: Unsupported value: "Sideways": supported values: "Bidirectional", "HostToContainer", "None"`,
  ],
  [
    "v1/Pod",
    mounts({ ...mount, mountPropagation: "Bidirectional" }),
    `${at}.mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged containers`,
  ],
  ["v1/Pod", mounts({ ...mount, recursiveReadOnly: "Disabled" })],
  ["v1/Pod", mounts({ ...mount, readOnly: true, recursiveReadOnly: "Enabled" })],
  ["v1/Pod", mounts({ ...mount, readOnly: true, recursiveReadOnly: "IfPossible", mountPropagation: "None" })],
  [
    "v1/Pod",
    mounts({ ...mount, recursiveReadOnly: "Enabled" }),
    `${at}.recursiveReadOnly: Forbidden: may only be specified when readOnly is true`,
  ],
  [
    "v1/Pod",
    mounts({ ...mount, readOnly: true, recursiveReadOnly: "Enabled", mountPropagation: "HostToContainer" }),
    `${at}.recursiveReadOnly: Forbidden: may only be specified when mountPropagation is None or not specified`,
  ],
  [
    "v1/Pod",
    mounts({ ...mount, readOnly: true, recursiveReadOnly: "Maybe" }),
    `${at}.recursiveReadOnly: Unsupported value: "Maybe": supported values: "Disabled", "Enabled", "IfPossible"`,
  ],
]);

/** upstream: validation_test.go TestAlphaValidateVolumeDevices */
testCreates(valid, [
  ["v1/Pod", devices(disk, { name: "claim2", devicePath: "/e" })],
  [
    "v1/Pod",
    devices({ name: "", devicePath: "/d" }),
    `${disks}[0].name: Required value`,
    `${disks}[0].name: Not found: ""`,
  ],
  ["v1/Pod", devices({ name: "claim", devicePath: "" }), `${disks}[0].devicePath: Required value`],
  ["v1/Pod", devices({ name: "unknown", devicePath: "/d" }), `${disks}[0].name: Not found: "unknown"`],
  [
    "v1/Pod",
    devices({ name: "claim", devicePath: "/d/../e" }),
    `${disks}[0].devicePath: Invalid value: "/d/../e": can not contain backsteps ('..')`,
  ],
  [
    "v1/Pod",
    devices({ name: "dir", devicePath: "/d" }),
    `${disks}[0].name: Invalid value: "dir": can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode`,
  ],
  [
    "v1/Pod",
    devices(disk, { ...disk, devicePath: "/e" }),
    `${disks}[1].name: Invalid value: "claim": must be unique`,
  ],
  [
    "v1/Pod",
    devices(disk, { ...disk, name: "claim2" }),
    `${disks}[1].devicePath: Invalid value: "/d": must be unique`,
  ],
  [
    "v1/Pod",
    withVolumes({ volumeMounts: [{ name: "claim", mountPath: "/a" }], volumeDevices: [disk] }),
    `${at}[0].name: Invalid value: "claim": must not already exist in volumeDevices`,
    `${disks}[0].name: Invalid value: "claim": must not already exist in volumeMounts`,
  ],
  [
    "v1/Pod",
    withVolumes({ volumeMounts: [{ name: "dir", mountPath: "/d" }], volumeDevices: [disk] }),
    `${at}[0].mountPath: Invalid value: "/d": must not already exist as a path in volumeDevices`,
    `${disks}[0].devicePath: Invalid value: "/d": must not already exist as a path in volumeMounts`,
  ],
]);

const port = { containerPort: 80, hostPort: 80, protocol: "TCP" };

/** upstream: validation_test.go TestValidateInitContainers, TestValidateContainers and the order of ValidatePodSpec */
testCreates(valid, [
  [
    "v1/Pod",
    {
      spec: {
        containers: [container],
        initContainers: [
          { ...container, name: "one" },
          { ...container, name: "two", ports: [port, { ...port, name: "again" }] },
        ],
      },
    },
    'spec.initContainers[0].ports[1].hostPort: Duplicate value: "TCP//80"',
  ],
  [
    "v1/Pod",
    { spec: { containers: [container], initContainers: [{ image: "i" }, { image: "i" }] } },
    "spec.initContainers[0].name: Required value",
    "spec.initContainers[1].name: Required value",
  ],
  [
    "v1/Pod",
    { spec: { containers: [{ ...container, terminationMessagePolicy: "Somewhere" }] } },
    'spec.containers[0].terminationMessagePolicy: Unsupported value: "Somewhere": supported values: "File", "FallbackToLogsOnError"',
  ],
  [
    "v1/Pod",
    {
      spec: {
        hostUsers: false,
        hostPID: true,
        nodeName: "A",
        tolerations: [{ key: "k", operator: "Near" }],
        containers: [{ ...container, image: "i ", resources: { claims: [{ name: "gpu" }] } }],
      },
    },
    'spec.containers[0].resources.claims[0]: Not found: "gpu": must be one of the names in pod.spec.resourceClaims which is empty',
    "spec.HostPID: Forbidden: when `hostUsers` is false",
    `spec.nodeName: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`,
    'spec.tolerations[0].operator: Unsupported value: "Near": supported values: "Equal", "Exists"',
    'spec.containers[0].image: Invalid value: "i ": must not have leading or trailing whitespace',
  ],
]);

const contexts = "spec.containers[0].securityContext";
const spread = { maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule" };
const soft = { ...spread, whenUnsatisfiable: "ScheduleAnyway" };
const spreads = (...topologySpreadConstraints: readonly object[]): object => ({
  spec: { topologySpreadConstraints, containers: [container] },
});

/** upstream: validation_test.go TestValidateSecurityContext, TestValidateTopologySpreadConstraints, TestValidateOSFields */
testCreates(valid, [
  [
    "v1/Pod",
    {
      spec: { hostUsers: false, containers: [{ ...container, securityContext: { procMount: "Unmasked" } }] },
    },
  ],
  [
    "v1/Pod",
    withVolumes({ securityContext: { procMount: "Unmasked" } }),
    `${contexts}.procMount: Invalid value: "Unmasked": \`hostUsers\` must be false to use \`Unmasked\``,
  ],
  [
    "v1/Pod",
    withVolumes({
      securityContext: { procMount: "Bare", runAsUser: -1, appArmorProfile: {}, seccompProfile: {} },
    }),
    `${contexts}.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive`,
    `${contexts}.procMount: Unsupported value: "Bare": supported values: "Default", "Unmasked"`,
    `${contexts}.seccompProfile.type: Required value: type is required when seccompProfile is set`,
    `${contexts}.appArmorProfile.type: Required value: type is required when appArmorProfile is set`,
  ],
  [
    "v1/Pod",
    { spec: { os: { name: "dummyOS" }, containers: [container] } },
    'spec.os: Unsupported value: "dummyOS": supported values: "linux", "windows"',
  ],
  ["v1/Pod", spreads(spread, soft)],
  [
    "v1/Pod",
    spreads(spread, soft, spread),
    'spec.topologySpreadConstraints[0].{topologyKey, whenUnsatisfiable}: Duplicate value: "{zone, DoNotSchedule}"',
  ],
  [
    "v1/Pod",
    spreads({ maxSkew: 1, topologyKey: "zone", minDomains: 0 }),
    'spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: "": supported values: "DoNotSchedule", "ScheduleAnyway"',
    "spec.topologySpreadConstraints[0].minDomains: Invalid value: 0: must be greater than zero",
    "spec.topologySpreadConstraints[0].minDomains: Invalid value: 0: can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ",
  ],
]);

const seccomp = "seccomp.security.alpha.kubernetes.io/pod";
const template = {
  metadata: { labels: { a: "b" }, annotations: { [seccomp]: "unconfined" } },
  spec: { containers: [container], securityContext: { seccompProfile: { type: "RuntimeDefault" } } },
};
const taint = { key: "a", value: "b", effect: "NoSchedule" };

/** upstream: ValidatePodTemplateSpec, validation_test.go TestValidateServiceCreate ("invalid load balancer port"), TestValidateNode */
testCreates(
  {
    "v1/PodTemplate": { template: { spec: { containers: [container] } } },
    "v1/Service": { spec: { ports: [{ port: 80 }] } },
    "v1/Node": {},
  },
  [
    [
      "v1/PodTemplate",
      { template },
      "template.spec.securityContext.seccompProfile.type: Forbidden: seccomp type in annotation and field must match",
    ],
    ["v1/Service", { spec: { type: "LoadBalancer", ports: [{ port: 10_250 }] } }],
    [
      "v1/Node",
      { spec: { taints: [taint, { ...taint, value: "c" }] } },
      'metadata.taints[1]: Duplicate value: {"Key":"a","Value":"c","Effect":"NoSchedule","TimeAdded":null}: taints must be unique by key and effect pair',
    ],
  ],
);

/** upstream, since 1.33: validateHostIPs, validatePodHostNetworkDeps, ValidateTopologyKey, ValidateEndpointIP */
testCreates(
  {
    "v1/Pod": { spec: { containers: [container] } },
    "v1/Endpoints": { subsets: [{ addresses: [{ ip: "10.0.0.1" }], ports: [{ port: 80 }] }] },
  },
  [
    [
      "v1/Pod",
      {
        spec: {
          hostNetwork: true,
          containers: [container],
          initContainers: [{ ...container, name: "i", ports: [{ containerPort: 80, hostPort: 81 }] }],
        },
      },
    ],
    ["v1/Pod", spreads({ ...spread, topologyKey: "-not a label-" })],
    [
      "v1/Pod",
      {
        spec: {
          os: { name: "windows" },
          securityContext: { seLinuxChangePolicy: "Recursive" },
          containers: [container],
        },
      },
      "spec.securityContext.seLinuxChangePolicy: Forbidden: cannot be set for a windows pod",
    ],
    [
      "v1/Endpoints",
      { subsets: [{ addresses: [{ ip: "x" }], ports: [{ port: 80 }] }] },
      'subsets[0].addresses[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      'subsets[0].addresses[0].ip: Invalid value: "x": must be a valid IP address',
    ],
  ],
);
