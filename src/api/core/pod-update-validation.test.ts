import { testUpdates, testStatusUpdates, testPodParts, type Valid } from "../testing/validation-cases.ts";

const container = { name: "c", image: "i" };
const spec = (fields: object): object => ({ spec: fields });
const one = (fields: object): object => spec({ containers: [{ ...container, ...fields }] });
const valid: Valid = {
  "v1/Pod": { spec: { containers: [container] } },
};
const done = { name: "c", state: { terminated: { exitCode: 0 } } };
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
const ephemeral = (changes: object = {}): object =>
  spec({ ephemeralContainers: [{ ...container, name: "e", ...changes }] });
const requests = (list: object): object => one({ resources: { requests: list } });
const limits = (memory: string, more: object = {}): object =>
  one({ resources: { limits: { memory } }, ...more });
const restarts = { resizePolicy: [{ resourceName: "memory", restartPolicy: "RestartContainer" }] };

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
]);
testStatusUpdates(valid, [
  [
    "v1/Pod",
    { spec: { restartPolicy: "Never" }, status: { containerStatuses: [done] } },
    {
      spec: { restartPolicy: "Never" },
      status: { containerStatuses: [{ name: "c", state: { running: {} } }] },
    },
    "status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state",
  ],
  [
    "v1/Pod",
    { status: { containerStatuses: [done] } },
    { status: { containerStatuses: [{ name: "c", state: { running: {} } }] } },
  ],
  [
    "v1/Pod",
    {},
    { status: { podIPs: [{ ip: "x" }] } },
    'status.podIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
  ],
]);
testPodParts(valid, [
  ["ephemeralContainers", {}, ephemeral()],
  [
    "ephemeralContainers",
    ephemeral(),
    {},
    'spec.ephemeralContainers: Forbidden: existing ephemeral containers "e" may not be removed…',
  ],
  [
    "ephemeralContainers",
    ephemeral(),
    ephemeral({ image: "k" }),
    'spec.ephemeralContainers: Forbidden: existing ephemeral containers "e" may not be changed…',
  ],
  [
    "ephemeralContainers",
    {},
    ephemeral({ ports: [{ containerPort: 1 }] }),
    "spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container",
  ],
  [
    "ephemeralContainers",
    {},
    ephemeral({ targetContainerName: "z" }),
    'spec.ephemeralContainers[0].targetContainerName: Not found: "z"',
  ],
  ["resources", requests({ cpu: "1" }), requests({ cpu: "2" })],
  [
    "resources",
    requests({ cpu: "1" }),
    requests({}),
    "spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed",
  ],
  [
    "resources",
    requests({}),
    requests({ "ephemeral-storage": "1" }),
    "spec: Forbidden: only cpu and memory resources are mutable",
  ],
  ["resources", limits("2Gi"), limits("3Gi")],
  [
    "resources",
    limits("2Gi"),
    limits("1Gi"),
    "spec.containers[0].resources.limits[memory]: Forbidden: memory limits cannot be decreased unless resizePolicy is RestartContainer",
  ],
  ["resources", limits("2Gi", restarts), limits("1Gi", restarts)],
  [
    "resources",
    { metadata: { annotations: { "kubernetes.io/config.mirror": "x" } } },
    {},
    ": Forbidden: static pods cannot be resized",
  ],
]);
