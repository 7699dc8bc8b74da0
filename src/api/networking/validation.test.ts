import { testCreates, testUpdates, type Valid } from "../testing/validation-cases.ts";

const address = "networking.k8s.io/v1/IPAddress";
const range = "networking.k8s.io/v1/ServiceCIDR";
const runtimeClass = "node.k8s.io/v1/RuntimeClass";
const ingress = "networking.k8s.io/v1/Ingress";
const valid: Valid = {
  [ingress]: {
    spec: { defaultBackend: { resource: { kind: "Bucket", name: "b", apiGroup: "example.com" } } },
  },
  [address]: {
    metadata: { name: "10.0.0.1" },
    spec: { parentRef: { resource: "services", name: "s", namespace: "n" } },
  },
  [range]: { spec: { cidrs: ["10.0.0.0/8"] } },
  [runtimeClass]: { handler: "h", overhead: { podFixed: { cpu: "1" } } },
};
const spec = (fields: object): object => ({ spec: fields });
const ranges = (...cidrs: readonly string[]): object => spec({ cidrs });

testCreates(valid, [
  [
    ingress,
    {
      metadata: { annotations: { "kubernetes.io/ingress.class": "nginx" } },
      spec: { ingressClassName: "nginx" },
    },
    'metadata.annotations.kubernetes.io/ingress.class: Invalid value: "nginx": can not be set when the class field is also set',
  ],
  [
    ingress,
    spec({ tls: [{ secretName: "A" }], defaultBackend: { resource: { kind: "a/b", name: "" } } }),
    `spec.defaultBackend.resource.kind: Invalid value: "a/b": may not contain '/'`,
    "spec.defaultBackend.resource.name: Required value",
    'spec.tls[0].secretName: Invalid value: "A": a lowercase RFC 1123 subdomain…',
  ],
  [address, { metadata: { name: "2001:db8::1" } }],
  [
    address,
    { metadata: { name: "a" } },
    'metadata.name: Invalid value: "a": must be a canonical form IP address',
  ],
  [
    address,
    { metadata: { name: "2001:DB8::1" } },
    'metadata.name: Invalid value: "2001:DB8::1": must be a canonical form IP address',
  ],
  [address, spec({ parentRef: undefined }), "spec.parentRef: Required value"],
  [
    address,
    spec({ parentRef: { resource: "", name: "a/b" } }),
    "spec.parentRef.resource: Required value",
    `spec.parentRef.name: Invalid value: "a/b": may not contain '/'`,
  ],
  [range, ranges(), "spec.cidrs: Required value: at least one CIDR required"],
  [range, ranges("10.0.0.0/8", "2001:db8::/64")],
  [range, ranges("a", "b", "c"), 'spec.cidrs: Invalid value: ["a","b","c"]: may only hold up to 2 values'],
  [
    range,
    ranges("a"),
    'spec.cidrs[0]: Invalid value: "a": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
  ],
  [
    range,
    ranges("10.0.0.0/8", "11.0.0.0/8"),
    'spec.cidrs: Invalid value: ["10.0.0.0/8","11.0.0.0/8"]: may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64',
  ],
  [runtimeClass, { handler: "a.b" }, 'handler: Invalid value: "a.b": must not contain dots'],
  [
    runtimeClass,
    { overhead: { podFixed: { cpu: "-1" } } },
    'overhead.podFixed.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0',
  ],
  [
    runtimeClass,
    { scheduling: { tolerations: [{ operator: "Exists" }, { operator: "Exists" }] } },
    'scheduling.tolerations[1]: Duplicate value: {"operator":"Exists"}',
  ],
]);
testUpdates(valid, [
  [address, {}, spec({ parentRef: { name: "t" } }), "spec.parentRef: Invalid value: {…"],
  [range, {}, ranges("10.0.0.0/8", "2001:db8::/64")],
  [range, {}, ranges("11.0.0.0/8"), 'spec.cidrs[0]: Invalid value: "11.0.0.0/8": field is immutable'],
  [runtimeClass, {}, { handler: "i" }, 'handler: Invalid value: "i": field is immutable'],
]);
