import assert from "node:assert/strict";
import { test } from "node:test";
import { goQuote } from "../meta/go-quote.ts";
import type { AnyObject } from "../meta/object.ts";
import { createTypeTable } from "../schema/table.ts";
import { createScheme } from "../scheme.ts";
import { Validator } from "../validation.ts";
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
  [
    pod,
    spec({ hostNetwork: true, securityContext: { sysctls: [{ name: "net.core.somaxconn", value: "1" }] } }),
    `spec.securityContext.sysctls[0].name: Invalid value: "net.core.somaxconn": may not be specified when 'hostNetwork' is true`,
  ],
  ...["kernel.shmmax", "kernel/msgmax", "kernel.sem", "fs.mqueue.msg_max"].map(
    (name) =>
      [
        pod,
        spec({ hostIPC: true, securityContext: { sysctls: [{ name, value: "1" }] } }),
        `spec.securityContext.sysctls[0].name: Invalid value: "${name}": may not be specified when 'hostIPC' is true`,
      ] as const,
  ),
  [pod, spec({ hostIPC: true, securityContext: { sysctls: [{ name: "kernel.semaphore", value: "1" }] } })],
  [
    pod,
    one({ securityContext: { appArmorProfile: { type: "Localhost", localhostProfile: " p" } } }),
    'spec.containers[0].securityContext.appArmorProfile.localhostProfile: Invalid value: " p": must not be padded with whitespace',
  ],
  [
    pod,
    one({ securityContext: { appArmorProfile: { type: "Localhost", localhostProfile: "p".repeat(4096) } } }),
    "spec.containers[0].securityContext.appArmorProfile.localhostProfile: Too long: may not be more than 4095 bytes",
  ],
  [
    pod,
    one({ securityContext: { appArmorProfile: { type: "" } } }),
    "spec.containers[0].securityContext.appArmorProfile.type: Required value: type is required when appArmorProfile is set",
  ],
  [
    pod,
    one({ securityContext: { seccompProfile: { type: "Localhost", localhostProfile: "/p" } } }),
    'spec.containers[0].securityContext.seccompProfile.localhostProfile: Invalid value: "/p": must be a relative path',
  ],
  [
    pod,
    spec({ securityContext: { seccompProfile: { type: "Unconfined", localhostProfile: "p" } } }),
    'spec.securityContext.seccompProfile.localhostProfile: Invalid value: {"Type":"Unconfined","LocalhostProfile":"p"}: can only be set when seccomp type is Localhost',
  ],
  [
    pod,
    spec({ securityContext: { supplementalGroupsPolicy: "Loose", seLinuxChangePolicy: "Never" } }),
    'spec.securityContext.supplementalGroupsPolicy: Unsupported value: "Loose": supported values: "Merge", "Strict"',
    'spec.securityContext.seLinuxChangePolicy: Unsupported value: "Never": supported values: "MountOption", "Recursive"',
  ],
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
    spec({
      resourceClaims: [{ name: "a", resourceClaimName: "x" }],
      containers: [
        {
          ...container,
          resources: {
            claims: [
              { name: "a", request: "r" },
              { name: "a", request: "r" },
              { name: "a", request: "No!" },
              { name: "a" },
            ],
          },
        },
      ],
    }),
    'spec.containers[0].resources.claims[1]: Duplicate value: "a/r"',
    'spec.containers[0].resources.claims[2].request: Invalid value: "No!": a lowercase RFC 1123 label…',
    'spec.containers[0].resources.claims[3]: Duplicate value: "a"',
    'spec.containers[0].resources.claims[3]: Duplicate value: "a"',
  ],
  [
    pod,
    spec({ overhead: { cpu: "-1", pods: "1" } }),
    'spec.overhead.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0',
    'spec.overhead.limits[pods]: Invalid value: "pods": must be a standard resource for containers',
  ],
  [
    pod,
    spec({ resources: { limits: { disk: "1", pods: "1" }, claims: [{ name: "b" }] } }),
    "spec.resources.claims: Forbidden: claims may not be set for Resources at pod-level",
    'spec.resources.limits[disk]: Invalid value: "disk": must be a standard resource type or fully qualified',
    'spec.resources.limits[pods]: Unsupported value: "pods": supported values: "cpu", "hugepages-", "memory"',
    'spec.resources.claims[0]: Not found: "b": must be one of the names in pod.spec.resourceClaims which is empty',
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
    'spec.resourceClaims[1]: Invalid value: {"Name":"a","ResourceClaimName":null,"ResourceClaimTemplateName":null}: must specify one of: `resourceClaimName`, `resourceClaimTemplateName`',
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
    'spec.os: Unsupported value: "plan9": supported values: "linux", "windows"',
  ],
  [pod, spec({ os: { name: "windows" }, securityContext: { windowsOptions: { hostProcess: false } } })],
  [
    pod,
    spec({
      os: { name: "windows" },
      hostPID: true,
      hostUsers: false,
      shareProcessNamespace: false,
      securityContext: { runAsUser: 1, fsGroup: 2 },
      containers: [{ ...container, securityContext: { privileged: false } }],
    }),
    "spec.HostPID: Forbidden: when `hostUsers` is false",
    "spec.hostUsers: Forbidden: cannot be set for a windows pod",
    "spec.hostPID: Forbidden: cannot be set for a windows pod",
    "spec.securityContext.fsGroup: Forbidden: cannot be set for a windows pod",
    "spec.shareProcessNamespace: Forbidden: cannot be set for a windows pod",
    "spec.securityContext.runAsUser: Forbidden: cannot be set for a windows pod",
    "spec.containers[0].securityContext.privileged: Forbidden: cannot be set for a windows pod",
  ],
  [
    pod,
    spec({ os: { name: "linux" }, securityContext: { windowsOptions: {} } }),
    "spec.securityContext.windowsOptions: Forbidden: windows options cannot be set for a linux pod",
  ],
  [
    pod,
    spec({ hostUsers: false, hostNetwork: true, hostIPC: true }),
    "spec.hostNetwork: Forbidden: when `hostUsers` is false",
    "spec.HostIPC: Forbidden: when `hostUsers` is false",
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
    spread({
      matchLabelKeys: ["a"],
      labelSelector: {
        matchLabels: { a: "x" },
        matchExpressions: [{ key: "a", operator: "In", values: ["x"] }],
      },
    }),
    'spec.topologySpreadConstraints[0][0]: Invalid value: "a": exists in both matchLabelKeys and labelSelector',
  ],
];

const windows = (windowsOptions: object): object => ({ securityContext: { windowsOptions } });
const runsAs = (runAsUserName: string): object => spec(windows({ runAsUserName }));
const refused = (value: string, text: string): string =>
  `spec.securityContext.windowsOptions.runAsUserName: Invalid value: ${goQuote(value)}: ${text}`;
const onHost = { ...container, ...windows({ hostProcess: true }) };

/** upstream: validation_test.go TestValidateWindowsSecurityContextOptions, TestValidateWindowsHostProcessPod */
const windowsCases: readonly CreateCase[] = [
  [pod, spec(windows({ gmsaCredentialSpecName: "dummy.gmsa", gmsaCredentialSpec: "dummy" }))],
  [
    pod,
    spec(windows({ gmsaCredentialSpecName: "invalid_gmsa" })),
    'spec.securityContext.windowsOptions.gmsaCredentialSpecName: Invalid value: "invalid_gmsa": a lowercase RFC 1123 subdomain…',
  ],
  [
    pod,
    one(windows({ gmsaCredentialSpec: "" })),
    'spec.containers[0].securityContext.windowsOptions.gmsaCredentialSpec: Invalid value: "": gmsaCredentialSpec cannot be an empty string',
  ],
  [
    pod,
    spec(windows({ gmsaCredentialSpec: "a".repeat(65_537) })),
    "spec.securityContext.windowsOptions.gmsaCredentialSpec: Invalid value: …",
  ],
  ...["dummy", "domain\\user", "a.bc.com\\u", "net bios\\user", "ContainerAdministrator"].map(
    (name): CreateCase => [pod, runsAs(name)],
  ),
  [pod, runsAs(""), refused("", "runAsUserName cannot be an empty string")],
  [pod, runsAs("a\u0000b"), refused("a\u0000b", "runAsUserName cannot contain control characters")],
  [pod, runsAs("a\\b\\c"), refused("a\\b\\c", "runAsUserName cannot contain more than one backslash")],
  [
    pod,
    runsAs("this/is/a/domain\\user"),
    refused("this/is/a/domain\\user", "runAsUserName's Domain doesn't match the NetBios nor the DNS format"),
  ],
  [
    pod,
    runsAs(`${"a".repeat(256)}\\u`),
    refused(`${"a".repeat(256)}\\u`, "runAsUserName's Domain length must be under 256 characters"),
    refused(`${"a".repeat(256)}\\u`, "runAsUserName's Domain doesn't match the NetBios nor the DNS format"),
  ],
  [pod, runsAs("d\\"), refused("d\\", "runAsUserName's User cannot be empty")],
  [
    pod,
    runsAs("u".repeat(105)),
    refused("u".repeat(105), "runAsUserName's User length must not be longer than 104 characters"),
  ],
  [pod, runsAs("... "), refused("... ", "runAsUserName's User cannot contain only periods or spaces")],
  [
    pod,
    runsAs("a@b"),
    refused("a@b", `runAsUserName's User cannot contain the following characters: "/\\:;|=,+*?<>@[]`),
  ],
  [pod, spec({ ...windows({ hostProcess: true }), hostNetwork: true })],
  [pod, spec({ containers: [onHost], hostNetwork: true })],
  [
    pod,
    spec(windows({ hostProcess: true })),
    "spec.hostNetwork: Invalid value: false: hostNetwork must be true if pod contains any hostProcess containers",
  ],
  [
    pod,
    spec({ containers: [onHost, { name: "d", image: "i" }], hostNetwork: true }),
    'spec: Invalid value: "": If pod contains any hostProcess containers then all containers must be HostProcess containers',
  ],
  [
    pod,
    spec({ ...windows({ hostProcess: false }), containers: [onHost], hostNetwork: true }),
    "spec.containers[0].securityContext.windowsOptions.hostProcess: Invalid value: true: pod hostProcess value must be identical if both are specified, was false",
  ],
];

testCreates(valid, [...creates, ...windowsCases]);

const validator = new Validator({ scheme: createScheme(), table: createTypeTable() });

/** The fields at fault of a pod without containers. */
function faultsOf(name: string, isSpecSound: boolean): string[] {
  const object = { metadata: { name, namespace: "default" }, spec: { containers: [] } } as AnyObject;
  const gvk = { group: "", version: "v1", kind: "Pod" };
  return validator.create(gvk, object, isSpecSound).map(({ field }) => field);
}

test("a spec that has passed in another pod isn't looked at again, the rest of the metadata is", () => {
  assert.deepEqual(faultsOf("a", true), []);
  assert.deepEqual(faultsOf("A", true), ["metadata.name"]);
  assert.ok(faultsOf("a", false).includes("spec.containers"));
});

test("nor is a stored one again that stays as it is", () => {
  const gvk = { group: "", version: "v1", kind: "Pod" };
  const metadata = { name: "a", namespace: "default", uid: "1", resourceVersion: "1" };
  const old = { metadata, spec: { containers: [] } } as AnyObject;
  const change = (labels: Record<string, string>, isSpecSound: boolean): string[] =>
    validator
      .update(gvk, { ...old, metadata: { ...metadata, labels } }, old, isSpecSound)
      .map(({ field }) => field);
  assert.deepEqual(change({ a: "b" }, true), []);
  // As all updates are looked at, as changes are, and as new pods are.
  assert.deepEqual([...new Set(change({ a: "b b" }, true))], ["metadata.labels"]);
  assert.ok(change({ a: "b" }, false).includes("spec.containers"));
});
