/** Kinds that upstream's conformance goes through every operation of. */
import { systemClock } from "#base/clock.ts";
import { testAuthority } from "#testing/pod-certificates.ts";
import type { Json } from "./api-client.ts";

const podSpec = { containers: [{ name: "c", image: "busybox" }] };

/** A request for CN=joe, made by openssl; nobody has its key. */
export const certificateRequest =
  "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlJQ1V6Q0NBVHNDQVFBd0RqRU1NQW9HQTFVRUF3d0RhbTlsTUlJQklqQU5CZ2txaGtpRzl3MEJBUUVGQUFPQwpBUThBTUlJQkNnS0NBUUVBekRFdnBtSFFRWGk2T3BCbGdycmk3NURFdE03YVJRdTBjeHlEdXBtREJzQTBFNVZqCkE4S09pMnoya2tnV05nMmNMV0xNYm9GS2JkbVNld01vU2NsaHU0UUJMMUVTckpYN3JkTk1nMUs2aU9BVDI4M24KWjNYdXZjWlVSRGZZVk1XajUrY25DM1p4cTFGT2hhOHgyQzBSQUpqUDVoQkU0a0VCT3pmbWtVcmpndktWQ0gzWAo5RUE5eTlYYm9PZ2NvQ0FBYXJxa3B2NnNGUFRrZEVUdHdGR3lhWEFIbWJZZDAzOFI1S09JRXZMN1FRdXIzWUt0ClU4ZzloYUFKbXdzQkFiRC80MjBzL1VlN1dYcEdtY1ZLOHp2eEFxaFc1MU1YWTNhbGgxQmpjTWxaT1pQU1hSZmwKTkhjWDJqVC85MmVMcTA0T3owbHI3RUVJV2Vzb213RE1sMTZaZHdJREFRQUJvQUF3RFFZSktvWklodmNOQVFFTApCUUFEZ2dFQkFId2R6aXJpTC91K29FdXlqMFVrM0ZJd1hMT29tVXNobmJjbkJPTDhYWmt2ZzN0MkRKUFBlNldkCjNSMVFhV2NWT1E1dE5ISjZoaDQwMUtzdXNKdmQ5YU5wc0FsbXFobm5yZHNxSGk2RFRhMEJOZXlNZ21qeWhuNGcKVVFkQVlTSVNPWm1MbGdrOElJVVY1elpDbCtiNWdIbkhvNmt5TGs0RTdCVzlERGJsTUw0UnpKeExudzhjWUtncApwVXZsdUNTSHR4aVk2Q0lxb1pjK01YTkJZZmFlUGt0YlFCTCtwMmJHa3RqV2d3ODhvb1VYNitYeEU4ZFhsczQrCnhZV24vbmM0cjFuMGJnQkpkN1RTa3J1Q3pmMkRBTjZBekZtWDFnOFJUbnRzVVB4SGR1SDZ0VExHZUxqT3lNYUUKOHBwdjBJcndaYysvSUYzOXFxZy9CYWVBWWRJZGdDOD0KLS0tLS1FTkQgQ0VSVElGSUNBVEUgUkVRVUVTVC0tLS0tCg==";

const anchor = (name: string): string => testAuthority(name, systemClock.now()).certificatePem;

const validations = [{ expression: "true" }];

export interface Kind {
  /** The part of the path that is the kind's, below the namespace's if it has one. */
  readonly path: string;
  readonly isNamespaced?: boolean;
  readonly object: Json;
  /** A merge patch of the spec that replaces whole fields. */
  readonly change?: Json;
  /** A merge patch of the status. */
  readonly status?: Json;
}

const condition = { type: "E2E", status: "True", reason: "E2E", message: "by a test" };
const timed = { ...condition, lastTransitionTime: "2026-01-02T03:04:05Z" };
const flow = "/apis/flowcontrol.apiserver.k8s.io/v1";
const admission = "/apis/admissionregistration.k8s.io/v1";
/** Off unless --runtime-config asks for it. */
const beta = "/apis/admissionregistration.k8s.io/v1beta1";

export const kinds: readonly Kind[] = [
  {
    path: `${flow}/flowschemas`,
    object: { spec: { matchingPrecedence: 9000, priorityLevelConfiguration: { name: "global-default" } } },
    change: { spec: { matchingPrecedence: 9999 } },
    status: { conditions: [{ type: "PatchStatusFailed", status: "False", reason: "e2e" }] },
  },
  {
    path: `${flow}/prioritylevelconfigurations`,
    object: {
      spec: { type: "Limited", limited: { nominalConcurrencyShares: 2, limitResponse: { type: "Reject" } } },
    },
    change: {
      spec: {
        limited: {
          nominalConcurrencyShares: 4,
          limitResponse: { type: "Reject" },
          lendablePercent: 0,
        },
      },
    },
    status: { conditions: [{ type: "PatchStatusFailed", status: "False", reason: "e2e" }] },
  },
  {
    path: `${admission}/validatingadmissionpolicies`,
    object: {
      spec: {
        validations,
        matchConstraints: {
          resourceRules: [
            { apiGroups: ["none"], apiVersions: ["v1"], operations: ["CREATE"], resources: ["nones"] },
          ],
        },
      },
    },
    change: { spec: { failurePolicy: "Ignore" } },
    status: { conditions: [timed] },
  },
  {
    path: `${admission}/validatingadmissionpolicybindings`,
    object: { spec: { policyName: "none", validationActions: ["Deny"] } },
    change: { spec: { validationActions: ["Warn"] } },
  },
  {
    path: `${beta}/mutatingadmissionpolicies`,
    object: {
      spec: {
        mutations: [
          {
            patchType: "JSONPatch",
            jsonPatch: { expression: "[JSONPatch{op: 'test', path: '/kind', value: 'x'}]" },
          },
        ],
        reinvocationPolicy: "Never",
        matchConstraints: {
          resourceRules: [
            { apiGroups: ["none"], apiVersions: ["v1"], operations: ["CREATE"], resources: ["nones"] },
          ],
        },
      },
    },
  },
  { path: `${beta}/mutatingadmissionpolicybindings`, object: { spec: { policyName: "none" } } },
  {
    path: "/apis/certificates.k8s.io/v1/certificatesigningrequests",
    object: {
      spec: { signerName: "example.com/own", usages: ["client auth"], request: certificateRequest },
    },
    status: { conditions: [condition] },
  },
  {
    path: "/apis/certificates.k8s.io/v1beta1/clustertrustbundles",
    object: { spec: { trustBundle: anchor("one") } },
    change: { spec: { trustBundle: anchor("another") } },
  },
  {
    path: "/apis/storagemigration.k8s.io/v1beta1/storageversionmigrations",
    object: { spec: { resource: { group: "", resource: "foo" } } },
    status: { conditions: [{ ...timed, type: "TestCondition" }] },
  },
  {
    path: "/events",
    isNamespaced: true,
    object: { involvedObject: { kind: "Pod", namespace: "operations" }, reason: "Test", type: "Normal" },
  },
  {
    path: "/apis/events.k8s.io/v1",
    isNamespaced: true,
    object: {
      regarding: { kind: "Pod", namespace: "operations" },
      reason: "Test",
      action: "Do",
      type: "Normal",
      note: "n",
      eventTime: "2026-01-02T03:04:05.000006Z",
      reportingController: "test-controller",
      reportingInstance: "i",
    },
  },
  { path: "/podtemplates", isNamespaced: true, object: { template: { spec: podSpec } } },
  { path: "/serviceaccounts", isNamespaced: true, object: {} },
  { path: "/configmaps", isNamespaced: true, object: { data: { a: "b" } } },
  { path: "/secrets", isNamespaced: true, object: { stringData: { a: "b" } } },
  { path: "/limitranges", isNamespaced: true, object: { spec: { limits: [{ type: "Pod" }] } } },
  {
    path: "/resourcequotas",
    isNamespaced: true,
    object: { spec: { hard: { pods: "9" } } },
    change: { spec: { hard: { pods: "7" } } },
    status: { hard: { pods: "8" } },
  },
  { path: "/apis/coordination.k8s.io/v1", isNamespaced: true, object: { spec: { holderIdentity: "h" } } },
];

export function pathOf({ path, isNamespaced = false }: Kind): string {
  if (!isNamespaced) return path;
  if (path.startsWith("/apis/events")) return `${path}/namespaces/operations/events`;
  if (path.startsWith("/apis/coordination")) return `${path}/namespaces/operations/leases`;
  return `/api/v1/namespaces/operations${path}`;
}
