/** Services and Endpoints. Cases re-expressed from pkg/apis/core/validation/validation_test.go. */
import {
  testCreates,
  testStatusUpdates,
  testUpdates,
  type CreateCase,
  type UpdateCase,
  type Valid,
} from "../testing/validation-cases.ts";

const service = "v1/Service";
const endpoints = "v1/Endpoints";
const clusterIPs = ["10.0.0.1"];
const dual = ["10.0.0.1", "fd00::1"];
const families = ["IPv4", "IPv6"];
const valid: Valid = {
  [service]: { spec: { ports: [{ port: 80 }], clusterIP: "10.0.0.1", clusterIPs, ipFamilies: ["IPv4"] } },
  [endpoints]: { subsets: [{ addresses: [{ ip: "10.0.0.1" }], ports: [{ port: 80 }] }] },
};
const spec = (fields: object): object => ({ spec: fields });
const fails = (fields: object, ...faults: readonly string[]): CreateCase => [
  service,
  spec(fields),
  ...faults,
];
const noted = (annotations: object, fields: object = {}): object => ({
  metadata: { annotations },
  spec: fields,
});
const external = {
  type: "ExternalName",
  externalName: "example.com",
  clusterIP: undefined,
  clusterIPs: undefined,
  ipFamilies: undefined,
};
const sourceRanges = "service.beta.kubernetes.io/load-balancer-source-ranges";
const topologyMode = "service.kubernetes.io/topology-mode";
const topologyHints = "service.kubernetes.io/topology-aware-hints";
const badIp = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
const badCidr = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
const onlyBalanced = "may only be used when `type` is 'LoadBalancer'";

testCreates(valid, [
  [
    service,
    noted({ [topologyMode]: "auto", [topologyHints]: "disabled" }),
    `metadata.annotations[${topologyMode}]: Invalid value: "auto": must match annotations[${topologyHints}] when both are specified`,
  ],
  fails(
    { type: "NodePort", clusterIP: "None", clusterIPs: ["None"] },
    `spec.clusterIPs[0]: Invalid value: "None": may not be set to 'None' for NodePort services`,
  ),
  fails({ ...external, externalName: "example.com." }),
  fails(
    { ...external, clusterIP: "10.0.0.1", clusterIPs, ipFamilies: ["IPv4"], ipFamilyPolicy: "SingleStack" },
    "spec.clusterIPs: Forbidden: may not be set for ExternalName services",
    "spec.ipFamilies: Forbidden: may not be set for ExternalName services",
    "spec.ipFamilyPolicy: Forbidden: may not be set for ExternalName services",
  ),
  fails(
    { sessionAffinity: "ClientIP", sessionAffinityConfig: { clientIP: { timeoutSeconds: 86_401 } } },
    "spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401: must be greater than 0 and less than 86400",
  ),
  fails({ clusterIPs: undefined }, "spec.clusterIPs: Required value"),
  fails(
    { clusterIP: undefined },
    'spec.clusterIPs: Invalid value: ["10.0.0.1"]: must be empty when `clusterIP` is not specified',
  ),
  fails(
    { clusterIP: "10.0.0.2" },
    'spec.clusterIPs: Invalid value: ["10.0.0.1"]: first value must match `clusterIP`',
  ),
  fails({ clusterIPs: dual, ipFamilies: families }),
  fails(
    { clusterIPs: ["10.0.0.1", "10.0.0.2"] },
    'spec.clusterIPs: Invalid value: ["10.0.0.1","10.0.0.2"]: may specify no more than one IP for each IP family',
  ),
  fails(
    { clusterIPs: [...dual, "x"] },
    `spec.clusterIPs[2]: Invalid value: "x": ${badIp}`,
    'spec.clusterIPs: Invalid value: ["10.0.0.1","fd00::1","x"]: may only hold up to 2 values',
  ),
  fails(
    { clusterIPs: dual, ipFamilies: ["IPv6", "IPv4"] },
    'spec.clusterIPs[0]: Invalid value: "10.0.0.1": expected an IPv6 value as indicated by `ipFamilies[0]`',
    'spec.clusterIPs[1]: Invalid value: "fd00::1": expected an IPv4 value as indicated by `ipFamilies[1]`',
  ),
  fails(
    { clusterIPs: dual, ipFamilies: ["IPv4", "IPv4"] },
    'spec.ipFamilies[1]: Duplicate value: "IPv4"',
    'spec.clusterIPs[1]: Invalid value: "fd00::1": expected an IPv4 value as indicated by `ipFamilies[1]`',
  ),
  fails(
    { externalIPs: ["x", "127.0.0.1", "::", "fe80::1", "224.0.0.1", "::ffff:127.0.0.1", "010.0.0.1"] },
    `spec.externalIPs[0]: Invalid value: "x": ${badIp}`,
    'spec.externalIPs[1]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
    'spec.externalIPs[2]: Invalid value: "::": may not be unspecified (::)',
    'spec.externalIPs[3]: Invalid value: "fe80::1": may not be in the link-local range (169.254.0.0/16, fe80::/10)',
    'spec.externalIPs[4]: Invalid value: "224.0.0.1": may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)',
    'spec.externalIPs[5]: Invalid value: "::ffff:127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
  ),
  fails(
    {
      ports: [
        { name: "a", port: 80, nodePort: 30_000 },
        { name: "b", port: 80, nodePort: 30_000 },
      ],
    },
    "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
    "spec.ports[1].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
    "spec.ports[1].nodePort: Duplicate value: 30000",
    'spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,"TargetPort":0,"NodePort":0}',
  ),
  fails(
    { loadBalancerSourceRanges: ["10.0.0.0/8"] },
    `spec.LoadBalancerSourceRanges: Forbidden: ${onlyBalanced}`,
  ),
  fails(
    { type: "LoadBalancer", loadBalancerSourceRanges: [" 10.0.0.0/8 ", "010.0.0.0/8", " x"] },
    `spec.LoadBalancerSourceRanges[2]: Invalid value: "x": ${badCidr}`,
  ),
  [
    service,
    noted({ [sourceRanges]: "10.0.0.0/8, x" }),
    `metadata.annotations[${sourceRanges}]: Forbidden: ${onlyBalanced}`,
    `metadata.annotations[${sourceRanges}]: Invalid value: "x": ${badCidr}`,
  ],
  [service, noted({ [sourceRanges]: " " }, { type: "LoadBalancer" })],
  fails(
    { trafficDistribution: "Near" },
    'spec.trafficDistribution: Unsupported value: "Near": supported values: "PreferClose", "PreferSameZone", "PreferSameNode"',
  ),
  [
    endpoints,
    { subsets: [{ addresses: [{ ip: "fe80::1" }, { ip: "x" }], ports: [{ port: 80 }, { port: 81 }] }] },
    'subsets[0].addresses[0].ip: Invalid value: "fe80::1": may not be in the link-local range (169.254.0.0/16, fe80::/10)',
    `subsets[0].addresses[1].ip: Invalid value: "x": ${badIp}`,
    'subsets[0].addresses[1].ip: Invalid value: "x": must be a valid IP address',
    "subsets[0].ports[0].name: Required value",
    "subsets[0].ports[1].name: Required value",
  ],
]);

const both = { clusterIPs: dual, ipFamilies: families, ipFamilyPolicy: "RequireDualStack" };
const changes = (old: object, fields: object, ...faults: readonly string[]): UpdateCase => [
  service,
  spec(old),
  spec(fields),
  ...faults,
];

testUpdates(valid, [
  changes({}, both),
  changes(both, { clusterIPs, ipFamilies: ["IPv4"], ipFamilyPolicy: "SingleStack" }),
  changes(
    both,
    { clusterIPs, ipFamilies: ["IPv4"] },
    `spec.ipFamilyPolicy: Invalid value: "RequireDualStack": must be set to 'SingleStack' when releasing the secondary clusterIP`,
    `spec.ipFamilyPolicy: Invalid value: "RequireDualStack": must be set to 'SingleStack' when releasing the secondary ipFamily`,
  ),
  changes(
    {},
    { clusterIP: "10.0.0.2", clusterIPs: ["10.0.0.2"] },
    'spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set',
  ),
  changes(
    {},
    { clusterIP: "", clusterIPs: [] },
    "spec.clusterIPs[0]: Invalid value: []: primary clusterIP can not be unset",
  ),
  changes(
    {},
    { clusterIP: "fd00::1", clusterIPs: ["fd00::1"], ipFamilies: ["IPv6"] },
    'spec.clusterIPs[0]: Invalid value: ["fd00::1"]: may not change once set',
    'spec.ipFamilies[0]: Invalid value: ["IPv6"]: may not change once set',
  ),
  changes({ clusterIP: "None", clusterIPs: ["None"] }, { ipFamilies: ["IPv6"] }),
  changes({}, { ...external, clusterIP: "", clusterIPs: [], ipFamilies: [] }),
  changes({ externalIPs: ["x"] }, { selector: { a: "b" } }),
  changes(
    { externalIPs: ["x"] },
    { externalIPs: ["y"] },
    `spec.externalIPs[0]: Invalid value: "y": ${badIp}`,
  ),
  changes(
    { type: "LoadBalancer", loadBalancerClass: "a/b" },
    { loadBalancerClass: "a/c" },
    'spec.loadBalancerClass: Invalid value: "a/c": may not change once set',
  ),
  [endpoints, { subsets: [{ addresses: [{ ip: "127.0.0.1" }] }] }, { metadata: { labels: { a: "b" } } }],
]);

const balanced = (one: object): object => ({ status: { loadBalancer: { ingress: [one] } } });
const at = "status.loadBalancer.ingress[0]";
const balancer = spec({ type: "LoadBalancer" });

testStatusUpdates(valid, [
  [service, balancer, balanced({ ip: "10.0.0.1", ipMode: "Proxy" })],
  [
    service,
    {},
    balanced({ ip: "10.0.0.1" }),
    "status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'",
  ],
  [
    service,
    balancer,
    balanced({ ip: "x", ipMode: "Magic", hostname: "1.2.3.4" }),
    `${at}.ip: Invalid value: "x": ${badIp}`,
    `${at}.ipMode: Unsupported value: "Magic": supported values: "Proxy", "VIP"`,
    `${at}.hostname: Invalid value: "1.2.3.4": must be a DNS name, not an IP address`,
  ],
  [
    service,
    balancer,
    balanced({ ipMode: "VIP" }),
    `${at}.ipMode: Forbidden: may not be specified when \`ip\` is not set`,
  ],
]);
