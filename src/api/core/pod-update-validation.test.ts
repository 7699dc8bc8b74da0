import { testUpdates, type Valid } from "../testing/validation-cases.ts";

const container = { name: "c", image: "i" };
const spec = (fields: object): object => ({ spec: fields });
const one = (fields: object): object => spec({ containers: [{ ...container, ...fields }] });
const valid: Valid = {
  "v1/Pod": { spec: { containers: [container] } },
};
const term = (...values: readonly string[]): object => ({
  matchExpressions: values.map((key) => ({ key, operator: "Exists" })),
});
const affinity = (...terms: readonly object[]): object => ({
  affinity: {
    nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } },
  },
});
const gates = { schedulingGates: [{ name: "a" }] };
const gated = spec({ ...gates, ...affinity(term("a")), nodeSelector: { x: "y" } });

const fixed =
  "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n…";
const init = spec({ initContainers: [{ name: "i", image: "i" }] });
const tolerated = (tolerationSeconds: number): object => ({
  key: "a",
  operator: "Exists",
  effect: "NoExecute",
  tolerationSeconds,
});

testUpdates(valid, [
  ["v1/Pod", {}, one({ image: "j" })],
  ["v1/Pod", {}, spec({ activeDeadlineSeconds: 5 })],
  ["v1/Pod", {}, spec({ tolerations: [{ operator: "Exists" }] })],
  [
    "v1/Pod",
    {},
    spec({ hostname: "h" }),
    "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n…",
  ],
  [
    "v1/Pod",
    {},
    spec({ containers: [container, { ...container, name: "d" }] }),
    "spec.containers: Forbidden: pod updates may not add or remove containers",
  ],
  [
    "v1/Pod",
    spec({ activeDeadlineSeconds: 5 }),
    spec({ activeDeadlineSeconds: 6 }),
    "spec.activeDeadlineSeconds: Invalid value: 6: must be less than or equal to previous value",
  ],
  [
    "v1/Pod",
    spec({ tolerations: [{ operator: "Exists" }] }),
    spec({ tolerations: [] }),
    "spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds",
  ],
  [
    "v1/Pod",
    spec({ schedulingGates: [{ name: "a" }] }),
    spec({ schedulingGates: [], nodeSelector: { a: "b" } }),
  ],
  [
    "v1/Pod",
    spec({ schedulingGates: [{ name: "a" }] }),
    spec({ schedulingGates: [{ name: "b" }] }),
    "spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate 'b'",
  ],
  ["v1/Pod", gated, spec(affinity(term("a", "b")))],
  ["v1/Pod", gated, spec({ nodeSelector: { z: "w" } })],
  [
    "v1/Pod",
    gated,
    spec({ nodeSelector: { x: "z" } }),
    'spec.nodeSelector: Invalid value: {"x":"z"}: only additions to spec.nodeSelector are allowed (no mutations or deletions)',
  ],
  [
    "v1/Pod",
    gated,
    spec(affinity(term("b"))),
    "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0]: Invalid value…",
  ],
  [
    "v1/Pod",
    gated,
    spec(affinity(term("a"), term("b"))),
    "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Invalid value…",
  ],
  ["v1/Pod", spec(gates), spec(affinity(term("a")))],
  // Every field that no update may change, one by one.
  ...Object.entries({
    terminationGracePeriodSeconds: 5,
    restartPolicy: "Never",
    dnsPolicy: "Default",
    nodeSelector: { a: "b" },
    serviceAccountName: "s",
    automountServiceAccountToken: false,
    nodeName: "n",
    hostNetwork: true,
    hostPID: true,
    shareProcessNamespace: true,
    securityContext: { runAsUser: 1 },
    imagePullSecrets: [{ name: "s" }],
    subdomain: "s",
    affinity: { podAffinity: {} },
    schedulerName: "other",
    hostAliases: [{ ip: "1.2.3.4" }],
    priorityClassName: "high",
    priority: 5,
    dnsConfig: { nameservers: ["1.2.3.4"] },
    readinessGates: [{ conditionType: "a.b/c" }],
    runtimeClassName: "r",
    enableServiceLinks: false,
    preemptionPolicy: "Never",
    topologySpreadConstraints: [{ maxSkew: 1, topologyKey: "z", whenUnsatisfiable: "ScheduleAnyway" }],
    setHostnameAsFQDN: true,
    os: { name: "linux" },
    hostUsers: false,
    volumes: [{ name: "v", emptyDir: {} }],
    resources: { limits: { cpu: "1" } },
    resourceClaims: [{ name: "c", resourceClaimName: "x" }],
  }).map(([field, value]) => ["v1/Pod", {}, spec({ [field]: value }), fixed] as const),
  ...Object.entries({
    command: ["c"],
    workingDir: "/w",
    ports: [{ containerPort: 1 }],
    env: [{ name: "a", value: "b" }],
    resources: { requests: { cpu: "1" } },
    livenessProbe: { tcpSocket: { port: 1 } },
    imagePullPolicy: "Never",
    stdin: true,
    securityContext: { privileged: true },
    resizePolicy: [{ resourceName: "cpu", restartPolicy: "NotRequired" }],
  }).map(([field, value]) => ["v1/Pod", {}, one({ [field]: value }), fixed] as const),
  ["v1/Pod", {}, one({ name: "d" }), `${fixed.slice(0, -1)}--- expected\n+++ got\n@@ …`],
  [
    "v1/Pod",
    {},
    one({ image: "", imagePullPolicy: "Always" }),
    "spec.containers[0].image: Required value",
    "spec.containers[0].image: Required value",
  ],
  [
    "v1/Pod",
    {},
    one({ image: "j ", imagePullPolicy: "Always" }),
    'spec.containers[0].image: Invalid value: "j ": must not have leading or trailing whitespace',
    'spec.containers[0].image: Invalid value: "j ": must not have leading or trailing whitespace',
  ],
  ["v1/Pod", init, spec({ initContainers: [{ name: "i", image: "j" }] })],
  [
    "v1/Pod",
    init,
    spec({ initContainers: [] }),
    "spec.initContainers: Forbidden: pod updates may not add or remove containers",
  ],
  ["v1/Pod", spec({ activeDeadlineSeconds: 5 }), spec({ activeDeadlineSeconds: 4 })],
  [
    "v1/Pod",
    spec({ activeDeadlineSeconds: 5 }),
    spec({ activeDeadlineSeconds: undefined }),
    'spec.activeDeadlineSeconds: Invalid value: "null": must not update from a positive integer to nil value',
  ],
  [
    "v1/Pod",
    {},
    spec({ activeDeadlineSeconds: -1 }),
    "spec.activeDeadlineSeconds: Invalid value: -1: must be between 1 and 2147483647, inclusive",
    "spec.activeDeadlineSeconds: Invalid value: -1: must be between 0 and 2147483647, inclusive",
  ],
  ["v1/Pod", spec({ terminationGracePeriodSeconds: -1 }), spec({ terminationGracePeriodSeconds: 1 })],
  ["v1/Pod", spec({ terminationGracePeriodSeconds: -1 }), spec({ terminationGracePeriodSeconds: 2 }), fixed],
  ["v1/Pod", spec({ terminationGracePeriodSeconds: 5 }), spec({ terminationGracePeriodSeconds: 1 }), fixed],
  [
    "v1/Pod",
    spec({ tolerations: [tolerated(5)] }),
    spec({ tolerations: [tolerated(9), { operator: "Exists" }] }),
  ],
  [
    "v1/Pod",
    spec({ tolerations: [tolerated(5)] }),
    spec({ tolerations: [{ ...tolerated(5), key: "b" }] }),
    "spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds",
  ],
  ["v1/Pod", spec({ ...gates }), spec({ schedulingGates: [] })],
  // A gated pod's place: only its nodes, and only fewer of them.
  [
    "v1/Pod",
    spec({ ...gates, ...affinity({}) }),
    spec(affinity(term("a"))),
    "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0]: Invalid value: …",
  ],
  ["v1/Pod", spec(gates), spec({ affinity: { podAffinity: {} } }), fixed],
  [
    "v1/Pod",
    spec({ ...gates, ...affinity(term("a")) }),
    spec({ affinity: undefined }),
    "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Invalid value: …",
  ],
  ["v1/Pod", {}, spec({ nodeSelector: { a: "b" } }), fixed],
]);
