import { testCreates, testStatusUpdates, testUpdates, type Valid } from "../testing/validation-cases.ts";

const address = "networking.k8s.io/v1/IPAddress";
const range = "networking.k8s.io/v1/ServiceCIDR";
const runtimeClass = "node.k8s.io/v1/RuntimeClass";
const ingress = "networking.k8s.io/v1/Ingress";
const ingressClass = "networking.k8s.io/v1/IngressClass";
const policy = "networking.k8s.io/v1/NetworkPolicy";
const valid: Valid = {
  [ingress]: {
    spec: { defaultBackend: { resource: { kind: "Bucket", name: "b", apiGroup: "example.com" } } },
  },
  [address]: {
    metadata: { name: "10.0.0.1" },
    spec: { parentRef: { resource: "services", name: "s", namespace: "n" } },
  },
  [range]: { spec: { cidrs: ["10.0.0.0/8"] } },
  [ingressClass]: { spec: { controller: "example.com/a/b" } },
  [policy]: { spec: { podSelector: {} } },
  [runtimeClass]: { handler: "h", overhead: { podFixed: { cpu: "1" } } },
};
const spec = (fields: object): object => ({ spec: fields });
const ranges = (...cidrs: readonly string[]): object => spec({ cidrs });

const service = { name: "s", port: { number: 80 } };
const path = (fields: object): object => ({ pathType: "Prefix", path: "/", backend: { service }, ...fields });
const rule = (...paths: readonly object[]): object => spec({ rules: [{ http: { paths } }] });
const at = "spec.rules[0].http.paths[0]";
const port = (fields: object): object => spec({ ingress: [{ ports: [fields] }] });
const block = (fields: object): object => spec({ egress: [{ to: [{ ipBlock: fields }] }] });
const parameters = (fields: object): object => spec({ parameters: { kind: "K", name: "n", ...fields } });

testCreates(valid, [
  [ingress, rule(path({}))],
  [ingress, rule(path({ pathType: "ImplementationSpecific", path: undefined }))],
  [
    ingress,
    rule(path({ pathType: undefined, backend: {} })),
    `${at}.pathType: Required value: pathType must be specified`,
  ],
  [
    ingress,
    rule(path({ pathType: "Regex" })),
    `${at}.pathType: Unsupported value: "Regex": supported values: "Exact", "ImplementationSpecific", "Prefix"`,
  ],
  [
    ingress,
    rule(path({ path: "a//b/." })),
    `${at}.path: Invalid value: "a//b/.": must be an absolute path`,
    `${at}.path: Invalid value: "a//b/.": must not contain '//'`,
    `${at}.path: Invalid value: "a//b/.": cannot end with '/.'`,
  ],
  [
    ingress,
    rule(path({ backend: {} })),
    `${at}.backend: Invalid value: "": resource or service backend is required`,
  ],
  [
    ingress,
    rule(path({ backend: { service, resource: { kind: "K", name: "n" } } })),
    `${at}.backend: Invalid value: "": cannot set both resource and service backends`,
  ],
  [
    ingress,
    rule(path({ backend: { service: { name: "", port: { number: 80, name: "web" } } } })),
    `${at}.backend.service.name: Required value`,
    `${at}.backend: Invalid value: "": cannot set both port name & port number`,
  ],
  [
    ingress,
    rule(path({ backend: { service: { name: "1s", port: { number: 70_000 } } } })),
    `${at}.backend.service.name: Invalid value: "1s": a DNS-1035 label must…`,
    `${at}.backend.service.port.number: Invalid value: 70000: must be between 1 and 65535, inclusive`,
  ],
  [ingress, spec({ rules: [{ http: {} }] }), "spec.rules[0].http.paths: Required value"],
  [
    ingress,
    spec({ rules: [{ host: "*.*.com" }, { host: "a.*" }, { host: "A" }] }),
    'spec.rules[0].host: Invalid value: "*.*.com": a wildcard DNS-1123 subdomain must…',
    'spec.rules[1].host: Invalid value: "a.*": a wildcard DNS-1123 subdomain must…',
    'spec.rules[2].host: Invalid value: "A": a lowercase RFC 1123 subdomain must…',
  ],
  [
    ingress,
    spec({ tls: [{ hosts: ["*.com", "-"] }], ingressClassName: "A" }),
    'spec.tls[0].hosts[1]: Invalid value: "-": a lowercase RFC 1123 subdomain must…',
    'spec.ingressClassName: Invalid value: "A": a lowercase RFC 1123 subdomain must…',
  ],
  [
    ingress,
    spec({ defaultBackend: undefined }),
    "spec: Invalid value: null: either `defaultBackend` or `rules` must be specified",
  ],
  [ingressClass, spec({ controller: "" }), "spec.controller: Required value"],
  [
    ingressClass,
    spec({ controller: "acme" }),
    'spec.controller: Invalid value: "acme": must be a domain-prefixed path (such as "acme.io/foo")',
  ],
  [
    ingressClass,
    spec({ controller: "Acme/a b" }),
    'spec.controller: Invalid value: "Acme": a lowercase RFC 1123 subdomain must…',
    `spec.controller: Invalid value: "a b": Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')`,
  ],
  [ingressClass, parameters({ scope: "Namespace", namespace: "n" })],
  [
    ingressClass,
    parameters({ kind: "", name: "a/b", apiGroup: "" }),
    'spec.parameters.apiGroup: Invalid value: "": a lowercase RFC 1123 subdomain must…',
    "spec.parameters.kind: Required value: kind is required",
    `spec.parameters.name: Invalid value: "a/b": may not contain '/'`,
  ],
  [
    ingressClass,
    parameters({ scope: "Namespace" }),
    "spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'",
  ],
  [
    ingressClass,
    parameters({ scope: "Cluster", namespace: "n" }),
    "spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'",
  ],
  [
    ingressClass,
    parameters({ scope: "Planet" }),
    'spec.parameters.scope: Unsupported value: "Planet": supported values: "Cluster", "Namespace"',
  ],
  [policy, port({ port: 80, endPort: 90 })],
  [policy, port({ protocol: "SCTP", port: "web" })],
  [
    policy,
    port({ protocol: "ICMP", port: 0 }),
    'spec.ingress[0].ports[0].protocol: Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"',
    "spec.ingress[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
  ],
  [
    policy,
    port({ endPort: 90 }),
    "spec.ingress[0].ports[0].endPort: Invalid value: 90: may not be specified when `port` is not specified",
  ],
  [
    policy,
    port({ port: "web", endPort: 90 }),
    "spec.ingress[0].ports[0].endPort: Invalid value: 90: may not be specified when `port` is non-numeric",
  ],
  [
    policy,
    port({ port: 80, endPort: 79 }),
    "spec.ingress[0].ports[0].endPort: Invalid value: 80: must be greater than or equal to `port`",
  ],
  [
    policy,
    port({ port: 80, endPort: 65_536 }),
    "spec.ingress[0].ports[0].endPort: Invalid value: 65536: must be between 1 and 65535, inclusive",
  ],
  [policy, block({ cidr: "10.0.0.0/8", except: ["10.1.0.0/16", "010.2.0.0/16"] })],
  [policy, block({ cidr: "2001:db8::/32", except: ["2001:db8:1::/48"] })],
  [policy, block({}), "spec.egress[0].to[0].ipBlock.cidr: Required value"],
  [
    policy,
    block({ cidr: "10.0.0.0", except: ["x"] }),
    'spec.egress[0].to[0].ipBlock.cidr: Invalid value: "10.0.0.0": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
  ],
  [
    policy,
    block({ cidr: "10.0.0.0/8", except: ["10.0.0.0/8", "x", "::/0"] }),
    'spec.egress[0].to[0].ipBlock.except[0]: Invalid value: "10.0.0.0/8": must be a strict subset of `cidr`',
    'spec.egress[0].to[0].ipBlock.except[1]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
    'spec.egress[0].to[0].ipBlock.except[2]: Invalid value: "::/0": must be a strict subset of `cidr`',
  ],
  [
    policy,
    spec({ ingress: [{ from: [{ podSelector: {}, ipBlock: { cidr: "10.0.0.0/8" } }] }] }),
    "spec.ingress[0].from[0]: Forbidden: may not specify both ipBlock and another peer",
  ],
  [
    policy,
    spec({ policyTypes: ["Ingress", "Inside"] }),
    'spec.policyTypes[1]: Unsupported value: "Inside": supported values: "Ingress", "Egress"',
  ],
  [
    policy,
    spec({ policyTypes: ["Ingress", "Inside", "Egress"] }),
    'spec.policyTypes: Invalid value: ["Ingress","Inside","Egress"]: may not specify more than two policyTypes',
  ],
  [
    ingress,
    {
      metadata: { annotations: { "kubernetes.io/ingress.class": "nginx" } },
      spec: { ingressClassName: "other" },
    },
    'annotations.kubernetes.io/ingress.class: Invalid value: "nginx": must match `ingressClassName` when both are specified',
  ],
  [
    ingress,
    {
      metadata: { annotations: { "kubernetes.io/ingress.class": "nginx" } },
      spec: { ingressClassName: "nginx" },
    },
  ],
  [
    ingress,
    spec({ tls: [{ secretName: "A" }], defaultBackend: { resource: { kind: "a/b", name: "" } } }),
    `spec.defaultBackend.resource.kind: Invalid value: "a/b": may not contain '/'`,
    "spec.defaultBackend.resource.name: Required value: name is required",
    'spec.tls[0].secretName: Invalid value: "A": a lowercase RFC 1123 subdomain…',
  ],
  [address, { metadata: { name: "2001:db8::1" } }],
  [
    address,
    { metadata: { name: "a" } },
    'metadata.name: Invalid value: "a": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
  ],
  [
    address,
    { metadata: { name: "2001:DB8::1" } },
    'metadata.name: Invalid value: "2001:DB8::1": must be in canonical form ("2001:db8::1")',
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
  [
    range,
    ranges("a", "b", "c"),
    'spec.cidrs: Invalid value: {"CIDRs":["a","b","c"]}: may only hold up to 2 values',
  ],
  [
    range,
    ranges("a"),
    'spec.cidrs[0]: Invalid value: "a": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
  ],
  [
    range,
    ranges("10.0.0.0/8", "11.0.0.0/8"),
    'spec.cidrs: Invalid value: {"CIDRs":["10.0.0.0/8","11.0.0.0/8"]}: may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64',
  ],
  [runtimeClass, { handler: "a.b" }, 'handler: Invalid value: "a.b": must not contain dots'],
  [
    runtimeClass,
    { overhead: { podFixed: { cpu: "-1" } } },
    'overhead.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0',
  ],
  [
    runtimeClass,
    { scheduling: { tolerations: [{ operator: "Exists" }, { operator: "Exists" }] } },
    'scheduling.tolerations[1]: Duplicate value: {"Key":"","Operator":"Exists","Value":"","Effect":"","TolerationSeconds":null}',
  ],
]);
const balanced = (one: object): object => ({ status: { loadBalancer: { ingress: [one] } } });
const inWildcard = (http: object): object => spec({ rules: [{ host: "*.example.com", http }] });

testStatusUpdates(valid, [
  [ingress, {}, balanced({ ip: "10.0.0.1" })],
  [ingress, {}, balanced({ hostname: "example.com" })],
  [
    ingress,
    {},
    balanced({ ip: "x", hostname: "1.2.3.4" }),
    'status.loadBalancer.ingress[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    'status.loadBalancer.ingress[0].hostname: Invalid value: "1.2.3.4": must be a DNS name, not an IP address',
  ],
]);

testUpdates(valid, [
  [ingress, spec({ tls: [{ secretName: "A" }] }), spec({ tls: [{ secretName: "B" }] })],
  [ingress, inWildcard({}), inWildcard({})],
  [ingress, {}, inWildcard({}), "spec.rules[0].http.paths: Required value"],
  [
    ingressClass,
    {},
    spec({ controller: "example.com/c" }),
    'spec.controller: Invalid value: "example.com/c": field is immutable',
  ],
  [range, ranges("a"), { metadata: { labels: { a: "b" } } }],
  [
    range,
    {},
    ranges("10.0.0.0/8", "11.0.0.0/8"),
    'spec.cidrs: Invalid value: {"CIDRs":["10.0.0.0/8","11.0.0.0/8"]}: may specify no more than one…',
  ],
  [range, {}, ranges(), "spec.cidrs: Invalid value: []: field is immutable"],
  [
    address,
    {},
    spec({ parentRef: { name: "t" } }),
    'spec.parentRef: Invalid value: {"Group":"","Resource":"services","Namespace":"n","Name":"t"}: field is immutable',
  ],
  [
    address,
    {},
    spec({ parentRef: undefined }),
    "spec.parentRef: Required value",
    'spec.parentRef: Invalid value: "null": field is immutable',
  ],
  [range, {}, ranges("10.0.0.0/8", "2001:db8::/64")],
  [range, {}, ranges("11.0.0.0/8"), 'spec.cidrs[0]: Invalid value: "11.0.0.0/8": field is immutable'],
  [runtimeClass, {}, { handler: "i" }, 'handler: Invalid value: "i": field is immutable'],
]);
