import { testPodParts, type Valid } from "../testing/validation-cases.ts";

const container = { name: "c", image: "i" };
const spec = (fields: object): object => ({ spec: fields });
const one = (fields: object): object => spec({ containers: [{ ...container, ...fields }] });
const valid: Valid = {
  "v1/Pod": { spec: { containers: [container] } },
};
const ephemeral = (changes: object = {}): object =>
  spec({ ephemeralContainers: [{ ...container, name: "e", ...changes }] });
const requests = (list: object): object => one({ resources: { requests: list } });
const limits = (memory: string, more: object = {}): object =>
  one({ resources: { limits: { memory } }, ...more });
const restarts = { resizePolicy: [{ resourceName: "memory", restartPolicy: "RestartContainer" }] };
const mirror = { metadata: { annotations: { "kubernetes.io/config.mirror": "x" } }, spec: { nodeName: "n" } };
const running = (fields: object): object => ({
  containerStatuses: [{ name: "c", state: { running: {} }, ...fields }],
});
const asking = (name: string): object => ({ name, image: "i", resources: { requests: { cpu: "1" } } });
const inits = (fields: object): object => ({
  spec: { containers: [asking("c")], initContainers: [{ name: "i", image: "i", ...fields }] },
});

testPodParts(valid, [
  [
    "resources",
    requests({ cpu: "1" }),
    requests({ cpu: "abc" }),
    'spec.containers[0].resources.requests[cpu]: Invalid value: "abc": quantities must match…',
  ],
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
  ["ephemeralContainers", {}, ephemeral({ ports: [], resources: {} })],
  [
    "ephemeralContainers",
    {},
    ephemeral({
      lifecycle: {},
      livenessProbe: { exec: { command: ["a"] } },
      resources: { limits: { cpu: "1" } },
    }),
    ...["resources", "livenessProbe", "lifecycle"].map(
      (field) => `spec.ephemeralContainers[0].${field}: Forbidden: cannot be set for an Ephemeral Container`,
    ),
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
    'spec: Invalid value: "": Pod QOS Class may not change as a result of resizing',
    "spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed",
  ],
  [
    "resources",
    requests({}),
    requests({ "ephemeral-storage": "1" }),
    "spec: Forbidden: only cpu and memory resources are mutable",
  ],
  ["resources", limits("2Gi"), limits("3Gi")],
  ["resources", limits("2Gi"), limits("1Gi")],
  ["resources", limits("2Gi", restarts), limits("1Gi", restarts)],
  [
    "resources",
    { metadata: { annotations: { "kubernetes.io/config.mirror": "x" } } },
    {},
    ": Forbidden: static pods cannot be resized",
  ],
  [
    "ephemeralContainers",
    mirror,
    ephemeral(),
    ": Forbidden: static pods do not support ephemeral containers",
  ],
  ["resources", spec({ os: { name: "windows" } }), {}, ": Forbidden: windows pods cannot be resized"],
  [
    "resources",
    {},
    requests({ cpu: "1" }),
    'spec: Invalid value: "": Pod QOS Class may not change as a result of resizing',
  ],
  [
    "resources",
    { ...requests({ cpu: "1" }), status: running({}) },
    requests({ cpu: "2" }),
    "spec: Forbidden: Pod running on node without support for resize",
  ],
  ["resources", { ...requests({ cpu: "1" }), status: running({ resources: {} }) }, requests({ cpu: "2" })],
  [
    "resources",
    spec({ resources: { requests: { cpu: "1" } } }),
    spec({ resources: { requests: { cpu: "2" } } }),
    ": Forbidden: resize of pods with pod-level resources is forbidden when InPlacePodLevelResourcesVerticalScalingEnabled feature gate is disabled",
  ],
  [
    "resources",
    requests({ cpu: "1" }),
    spec({ containers: [asking("c"), asking("d")] }),
    "spec.containers: Forbidden: containers may not be added or removed on resize",
  ],
  [
    "resources",
    spec({ containers: [asking("c"), asking("d")] }),
    spec({ containers: [asking("d"), asking("c")] }),
    "spec.containers[0].name: Forbidden: containers may not be renamed or reordered on resize",
    "spec.containers[1].name: Forbidden: containers may not be renamed or reordered on resize",
  ],
  [
    "resources",
    inits({ resources: { requests: { cpu: "1" } } }),
    inits({ resources: { requests: { cpu: "2" } } }),
    "spec: Forbidden: resources for non-sidecar init containers are immutable",
  ],
  [
    "resources",
    inits({ restartPolicy: "Always", resources: { requests: { cpu: "1" } } }),
    inits({ restartPolicy: "Always", resources: { requests: { cpu: "2" } } }),
  ],
  [
    "resources",
    inits({ restartPolicy: "Always", resources: { requests: { cpu: "1" } } }),
    inits({ restartPolicy: "Always", resources: { requests: { cpu: "1", "ephemeral-storage": "1" } } }),
    "spec: Forbidden: only cpu and memory resources for sidecar containers are mutable",
  ],
  [
    "resources",
    limits("2Gi"),
    limits("2Gi", restarts),
    "spec: Forbidden: only cpu and memory resources are mutable",
  ],
  [
    "resources",
    limits("2Gi"),
    one({ resources: { requests: { memory: "2Gi" } } }),
    "spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed",
  ],
  [
    "resources",
    requests({ cpu: "1" }),
    one({ image: "j", resources: { requests: { cpu: "1" } } }),
    "spec: Forbidden: only cpu and memory resources are mutable",
  ],
  [
    "resources",
    requests({ cpu: "1" }),
    { spec: { hostname: "h", containers: [asking("c")] } },
    "spec: Forbidden: only cpu and memory resources are mutable",
  ],
]);
