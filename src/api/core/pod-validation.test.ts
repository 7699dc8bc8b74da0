import { testCreates, type CreateCase, type Valid } from "../testing/validation-cases.ts";

const pod = "v1/Pod";
const container = { name: "c", image: "i" };
const valid: Valid = { [pod]: { spec: { containers: [container] } } };
const spec = (fields: object): object => ({ spec: fields });
const one = (fields: object): object => spec({ containers: [{ ...container, ...fields }] });
const claims = (...resourceClaims: readonly object[]): object => spec({ resourceClaims });
const uses = (...names: readonly string[]): object => ({
  spec: {
    resourceClaims: [{ name: "a", resourceClaimName: "x" }],
    containers: [{ ...container, resources: { claims: names.map((name) => ({ name })) } }],
  },
});
const ephemeral = (claim: object | undefined): object =>
  spec({ volumes: [{ name: "v", ephemeral: { volumeClaimTemplate: claim } }] });
const spread = (fields: object): object =>
  spec({
    topologySpreadConstraints: [
      { maxSkew: 1, topologyKey: "z", whenUnsatisfiable: "DoNotSchedule", ...fields },
    ],
  });

const creates: readonly CreateCase[] = [
  [pod, spec({ imagePullSecrets: [{ name: "" }] })],
  [pod, uses("a")],
  [
    pod,
    uses("a", "a", "", "b"),
    'spec.containers[0].resources.claims[1]: Duplicate value: "a"',
    "spec.containers[0].resources.claims[2]: Required value",
    'spec.containers[0].resources.claims[3]: Not found: "b": must be one of the names in pod.spec.resourceClaims: a',
  ],
  [
    pod,
    one({ resources: { claims: [{ name: "b" }] } }),
    'spec.containers[0].resources.claims[0]: Not found: "b": must be one of the names in pod.spec.resourceClaims which is empty',
  ],
  [
    pod,
    claims({ name: "", resourceClaimName: "x" }, { name: "a" }, { name: "a", resourceClaimName: "A" }),
    "spec.resourceClaims[0].name: Required value",
    'spec.resourceClaims[1]: Invalid value: {"name":"a"}: must specify one of: `resourceClaimName`, `resourceClaimTemplateName`',
    'spec.resourceClaims[2].name: Duplicate value: "a"',
    'spec.resourceClaims[2].resourceClaimName: Invalid value: "A": a lowercase RFC 1123 subdomain…',
  ],
  [
    pod,
    claims({ name: "a", resourceClaimName: "x", resourceClaimTemplateName: "y" }),
    "spec.resourceClaims[0]: Invalid value: {…",
  ],
  [pod, spec({ os: { name: "" } }), "spec.os.name: Required value: cannot be empty"],
  [
    pod,
    spec({ os: { name: "plan9" } }),
    'spec.os.name: Unsupported value: "plan9": supported values: "linux", "windows"',
  ],
  [pod, spec({ os: { name: "windows" }, securityContext: { windowsOptions: { hostProcess: false } } })],
  [
    pod,
    spec({
      os: { name: "windows" },
      hostPID: true,
      hostUsers: false,
      securityContext: { runAsUser: 1, fsGroup: 2 },
      containers: [{ ...container, securityContext: { privileged: false } }],
    }),
    "spec.securityContext.fsGroup: Forbidden: cannot be set for a windows pod",
    "spec.securityContext.runAsUser: Forbidden: cannot be set for a windows pod",
    "spec.hostPID: Forbidden: cannot be set for a windows pod",
    "spec.hostUsers: Forbidden: cannot be set for a windows pod",
    "spec.containers[0].securityContext.privileged: Forbidden: cannot be set for a windows pod",
    "spec.HostPID: Forbidden: when `pod.Spec.HostUsers` is false",
  ],
  [
    pod,
    spec({ os: { name: "linux" }, securityContext: { windowsOptions: {} } }),
    "spec.securityContext.windowsOptions: Forbidden: windows options cannot be set for a linux pod",
  ],
  [
    pod,
    spec({ hostUsers: false, hostNetwork: true, hostIPC: true }),
    "spec.hostNetwork: Forbidden: when `pod.Spec.HostUsers` is false",
    "spec.HostIPC: Forbidden: when `pod.Spec.HostUsers` is false",
  ],
  [pod, ephemeral({ spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } } })],
  [pod, ephemeral(undefined), "spec.volumes[0].ephemeral.volumeClaimTemplate: Required value"],
  [
    pod,
    ephemeral({ spec: {} }),
    "spec.volumes[0].ephemeral.volumeClaimTemplate.spec.accessModes: Required value: at least 1 access mode is required",
    "spec.volumes[0].ephemeral.volumeClaimTemplate.spec.resources[storage]: Required value",
  ],
  [pod, spec({ volumes: [{ name: "v", image: { reference: "r" } }] })],
  [pod, spec({ volumes: [{ name: "v", image: {} }] }), "spec.volumes[0].image.reference: Required value"],
  [pod, spread({ matchLabelKeys: ["b"], labelSelector: { matchLabels: { a: "x" } } })],
  [
    pod,
    spread({ matchLabelKeys: ["a"] }),
    "spec.topologySpreadConstraints[0].matchLabelKeys: Forbidden: must not be specified when labelSelector is not set",
  ],
  [
    pod,
    spread({ matchLabelKeys: ["a"], labelSelector: { matchLabels: { a: "x" } } }),
    'spec.topologySpreadConstraints[0].matchLabelKeys[0]: Invalid value: "a": exists in both matchLabelKeys and labelSelector',
  ],
];

testCreates(valid, creates);
