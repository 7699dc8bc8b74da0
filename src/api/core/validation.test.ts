import { testCreates, testUpdates, testStatusUpdates, type Valid } from "../testing/validation-cases.ts";

const labels = { app: "x" };
const container = { name: "c", image: "i" };
const template = { metadata: { labels }, spec: { containers: [container] } };
const spec = (fields: object): object => ({ spec: fields });
const valid: Valid = {
  "v1/Service": { spec: { selector: labels, ports: [{ port: 80 }] } },
  "v1/Namespace": {},
  "v1/Node": {},
  "v1/ConfigMap": { data: { "a.b": "c" } },
  "v1/Secret": { data: { a: "AA==" } },
  "v1/ServiceAccount": {},
  "v1/Endpoints": { subsets: [{ addresses: [{ ip: "10.0.0.1" }], ports: [{ port: 80 }] }] },
  "v1/Event": { involvedObject: { kind: "Pod", namespace: "n", name: "p" } },
  "v1/PodTemplate": { template },
  "v1/Binding": { target: { kind: "Node", name: "n1" } },
  "events.k8s.io/v1/Event": {
    eventTime: "2026-01-01T00:00:00.000000Z",
    reportingComponent: "example.com/c",
    reportingInstance: "i",
    action: "a",
    reason: "r",
    type: "Normal",
    involvedObject: { kind: "Pod", namespace: "n", name: "p" },
  },
};

const annotated = (name: string, text: string): object => ({
  metadata: { annotations: { [`scheduler.alpha.kubernetes.io/${name}`]: text } },
});

testCreates(valid, [
  [
    "v1/Secret",
    { type: "kubernetes.io/ssh-auth", data: { "ssh-privatekey": "" } },
    "data[ssh-privatekey]: Required value",
  ],
  ["v1/Secret", { type: "kubernetes.io/basic-auth", data: { username: "" } }],
  [
    "v1/Secret",
    { type: "kubernetes.io/dockercfg", data: { ".dockercfg": "W10=" } },
    'data[.dockercfg]: Invalid value: "<secret contents redacted>": json: cannot unmarshal array into Go value of type map[string]interface {}',
  ],
  [
    "v1/Service",
    spec({ type: "LoadBalancer", externalTrafficPolicy: "Local" }),
    "spec.healthCheckNodePort: Required value",
  ],
  ["v1/Service", spec({ ports: [] }), "spec.ports: Required value"],
  [
    "v1/Service",
    spec({ type: "Odd" }),
    'spec.type: Unsupported value: "Odd": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
  ],
  [
    "v1/Service",
    spec({ ports: [{ port: 80 }, { port: 81 }] }),
    "spec.ports[0].name: Required value",
    "spec.ports[1].name: Required value",
  ],
  [
    "v1/Service",
    spec({
      ports: [
        { name: "a", port: 80 },
        { name: "b", port: 80 },
      ],
    }),
    "spec.ports[1]: Duplicate value: {…",
  ],
  [
    "v1/Service",
    spec({ ports: [{ port: 0 }] }),
    "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
    "spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive",
  ],
  [
    "v1/Service",
    spec({ type: "Magic" }),
    'spec.type: Unsupported value: "Magic": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
  ],
  [
    "v1/Service",
    spec({ ports: [{ port: 80, nodePort: 30_000 }] }),
    "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
  ],
  ["v1/Service", spec({ type: "ExternalName" }), "spec.externalName: Required value"],
  [
    "v1/Service",
    spec({ type: "NodePort", clusterIP: "None", clusterIPs: ["None"] }),
    `spec.clusterIPs[0]: Invalid value: "None": may not be set to 'None' for NodePort services`,
  ],
  [
    "v1/Service",
    spec({ clusterIP: "x", clusterIPs: ["x"] }),
    'spec.clusterIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
  ],
  [
    "v1/Service",
    spec({ externalIPs: ["127.0.0.1"] }),
    'spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
  ],
  [
    "v1/Service",
    spec({ loadBalancerSourceRanges: ["10.0.0.0/8"] }),
    "spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'",
  ],
  [
    "v1/Service",
    spec({ externalTrafficPolicy: "Local" }),
    'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services',
  ],
  [
    "v1/Endpoints",
    { subsets: [{}] },
    "subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`",
  ],
  [
    "v1/Endpoints",
    { subsets: [{ addresses: [{ ip: "127.0.0.1" }] }] },
    'subsets[0].addresses[0].ip: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
  ],
  [
    "v1/ConfigMap",
    { data: { "a/b": "" } },
    `data[a/b]: Invalid value: "a/b": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')`,
  ],
  ["v1/ConfigMap", { data: { a: "x".repeat(1_048_577) } }, ": Too long: may not be more than 1048576 bytes"],
  [
    "v1/Secret",
    { type: "kubernetes.io/tls" },
    "data[tls.crt]: Required value",
    "data[tls.key]: Required value",
  ],
  [
    "v1/Secret",
    { type: "kubernetes.io/dockerconfigjson", data: { ".dockerconfigjson": "eA==" } },
    `data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": invalid character 'x' looking for beginning of value`,
  ],
  [
    "v1/Node",
    spec({ taints: [{ key: "a", effect: "Go" }] }),
    'metadata.taints[0].effect: Unsupported value: "Go": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
  ],
  ["v1/Node", annotated("taints", '[{"key":"a","effect":"NoExecute"}]')],
  [
    "v1/Node",
    annotated("taints", '[{"key":"a","effect":"Go"}]'),
    'metadata.annotations.scheduler.alpha.kubernetes.io/taints[0].effect: Unsupported value: "Go": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
  ],
  [
    "v1/Node",
    annotated("taints", "{}"),
    'metadata.annotations: Invalid value: "scheduler.alpha.kubernetes.io/taints": json: cannot unmarshal object into Go value of type []core.Taint',
  ],
  [
    "v1/Node",
    annotated("taints", '[{"key":"a","value":5}]'),
    'metadata.annotations: Invalid value: "scheduler.alpha.kubernetes.io/taints": json: cannot unmarshal number into Go struct field Taint.Value of type string',
  ],
  [
    "v1/Node",
    annotated("preferAvoidPods", "x"),
    'metadata.annotations.AvoidPods: Invalid value: "scheduler.alpha.kubernetes.io/preferAvoidPods": …',
  ],
  [
    "v1/Node",
    annotated(
      "preferAvoidPods",
      '{"preferAvoidPods":[{"podSignature":{"podController":{"controller":true}}},{},{"podSignature":{"podController":{}}}]}',
    ),
    "metadata.annotations.scheduler.alpha.kubernetes.io/preferAvoidPods[1].PodSignature: Required value",
    "metadata.annotations.scheduler.alpha.kubernetes.io/preferAvoidPods[2].PodSignature.PodController.Controller: Invalid value: false: must point to a controller",
  ],
  [
    "v1/Namespace",
    spec({ finalizers: ["mine"] }),
    'spec.finalizers: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified',
  ],
  [
    "v1/Event",
    { involvedObject: { namespace: "other" } },
    'involvedObject.namespace: Invalid value: "other": does not match event.namespace',
  ],
  ["events.k8s.io/v1/Event", { reason: "" }, "reason: Required value"],
  [
    "v1/Binding",
    { target: { kind: "Pod" } },
    'target.kind: Unsupported value: "Pod": supported values: "Node", "<empty>"',
  ],
]);
const address = { type: "Hostname", address: "h" };
const balancer = { type: "LoadBalancer", externalTrafficPolicy: "Local" };

testUpdates(valid, [
  [
    "v1/Secret",
    { type: "Opaque", immutable: true },
    { type: "kubernetes.io/tls", data: { b: "AA==" } },
    'type: Invalid value: "kubernetes.io/tls": field is immutable',
    "data: Forbidden: field is immutable when `immutable` is set",
    "data[tls.crt]: Required value",
    "data[tls.key]: Required value",
  ],
  ["v1/Node", {}, { spec: { externalID: "x" } }, "spec.externalID: Forbidden: may not be updated"],
  ["v1/Service", spec({ ...balancer, healthCheckNodePort: 30_000 }), {}],
  [
    "v1/Service",
    spec({ ...balancer, healthCheckNodePort: 30_000 }),
    spec({ healthCheckNodePort: 30_001 }),
    "spec.healthCheckNodePort: Forbidden: field is immutable",
  ],
  [
    "v1/ConfigMap",
    { immutable: true },
    { data: { b: "c" } },
    "data: Forbidden: field is immutable when `immutable` is set",
  ],
  ["v1/Secret", {}, { type: "x" }, 'type: Invalid value: "x": field is immutable'],
  [
    "v1/Service",
    spec({ clusterIP: "10.0.0.1", clusterIPs: ["10.0.0.1"] }),
    spec({ clusterIP: "10.0.0.2", clusterIPs: ["10.0.0.2"] }),
    'spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set',
  ],
  ["v1/Service", spec({ clusterIP: "10.0.0.1", clusterIPs: ["10.0.0.1"] }), spec({ type: "NodePort" })],
  [
    "v1/Node",
    {},
    { metadata: { labels: { a: "b" } }, spec: { podCIDR: "10.0.0.0/24", podCIDRs: ["10.0.0.0/24"] } },
  ],
  [
    "v1/Node",
    spec({ podCIDRs: ["10.0.0.0/24"] }),
    spec({ podCIDRs: ["10.0.1.0/24"] }),
    'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid',
  ],
  [
    "v1/Node",
    { ...spec({ providerID: "a://b", podCIDRs: ["10.0.0.0/24", "fd00::/64"] }) },
    {
      ...spec({ providerID: "a://c", podCIDRs: ["10.0.1.0/24", "fd01::/64"] }),
      status: { addresses: [address, address], nodeInfo: { swap: { capacity: 0 } } },
    },
    "metadata.nodeSwapStatus.capacity: Invalid value: 0: must be greater than zero",
    'status.addresses[1]: Duplicate value: {"Type":"Hostname","Address":"h"}',
    'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid',
    'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid',
    'spec.providerID: Forbidden: node updates may not change providerID except from "" to valid',
  ],
]);
testStatusUpdates(valid, [
  [
    "v1/Namespace",
    {},
    { status: { phase: "Terminating" } },
    `status.Phase: Invalid value: "Terminating": may only be 'Active' if \`deletionTimestamp\` is empty`,
  ],
  [
    "v1/Node",
    {},
    annotated("preferAvoidPods", '{"preferAvoidPods":[{}]}'),
    "metadata.annotations.scheduler.alpha.kubernetes.io/preferAvoidPods[0].PodSignature: Required value",
  ],
  [
    "v1/Node",
    {},
    {
      status: {
        addresses: [
          { type: "Hostname", address: "a" },
          { type: "Hostname", address: "a" },
        ],
      },
    },
    'status.addresses[1]: Duplicate value: {"Type":"Hostname","Address":"a"}',
  ],
]);
