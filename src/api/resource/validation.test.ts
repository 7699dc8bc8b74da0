import {
  testCreates,
  testStatusUpdates,
  testUpdates,
  type CreateCase,
  type UpdateCase,
  type Valid,
} from "../testing/validation-cases.ts";

const claim = "resource.k8s.io/v1/ResourceClaim";
const template = "resource.k8s.io/v1/ResourceClaimTemplate";
const deviceClass = "resource.k8s.io/v1/DeviceClass";
const slice = "resource.k8s.io/v1/ResourceSlice";
const exactly = { deviceClassName: "c" };
const valid: Valid = {
  [claim]: { spec: { devices: { requests: [{ name: "r", exactly }] } } },
  [template]: { spec: { spec: { devices: { requests: [{ name: "r", exactly }] } } } },
  [deviceClass]: { spec: { selectors: [{ cel: { expression: "true" } }] } },
  [slice]: {
    spec: {
      driver: "d",
      pool: { name: "p", generation: 1, resourceSliceCount: 1 },
      nodeName: "n",
      devices: [{ name: "a" }],
    },
  },
};
const spec = (fields: object): object => ({ spec: fields });
const devices = (fields: object): object => spec({ devices: fields });
const asks = (...requests: readonly object[]): object => devices({ requests });
const one = (fields: object): object => asks({ name: "r", exactly: { ...exactly, ...fields } });
const request = "spec.devices.requests[0]";
const many = (count: number, item: object): readonly object[] => Array.from({ length: count }, () => item);
const opaque = { driver: "d", parameters: { a: 1 } };
const nodeRule =
  "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";

const creates: readonly CreateCase[] = [
  [claim, asks({ name: "r", firstAvailable: [{ name: "a", deviceClassName: "c" }] })],
  [claim, asks({ name: "", exactly }), `${request}.name: Invalid value: "": a lowercase RFC 1123 label…`],
  [
    claim,
    asks({ name: "r", exactly }, { name: "r", exactly }),
    'spec.devices.requests[1]: Duplicate value: "r"',
  ],
  [
    claim,
    asks({ name: "r" }),
    `${request}: Required value: exactly one of \`exactly\` or \`firstAvailable\` is required`,
  ],
  [
    claim,
    asks({ name: "r", exactly, firstAvailable: [{ name: "a", deviceClassName: "c" }] }),
    `${request}: Invalid value: "null": exactly one of \`exactly\` or \`firstAvailable\` is required, but multiple fields are set`,
  ],
  [claim, one({ deviceClassName: "" }), `${request}.exactly.deviceClassName: Required value`],
  [
    claim,
    one({ allocationMode: "Some" }),
    `${request}.exactly.allocationMode: Unsupported value: "Some": supported values: "All", "ExactCount"`,
  ],
  [
    claim,
    one({ allocationMode: "All", count: 2 }),
    `${request}.exactly.count: Invalid value: 2: must not be specified when allocationMode is 'All'`,
  ],
  [claim, one({ count: -1 }), `${request}.exactly.count: Invalid value: -1: must be greater than zero`],
  [
    claim,
    one({ selectors: [{}, { cel: { expression: "" } }, { cel: { expression: "x".repeat(10_241) } }] }),
    `${request}.exactly.selectors[0].cel: Required value`,
    `${request}.exactly.selectors[2].cel.expression: Too long: may not be more than 10240 bytes`,
  ],
  [
    claim,
    one({ selectors: many(33, { cel: { expression: "true" } }) }),
    `${request}.exactly.selectors: Too many: 33: must have at most 32 items`,
  ],
  [
    claim,
    one({ tolerations: [{ operator: "Exists", value: "v" }, { operator: "Like" }, { effect: "Never" }] }),
    `${request}.exactly.tolerations[0].value: Invalid value: "v": must be empty for operator \`Exists\``,
    `${request}.exactly.tolerations[1].operator: Unsupported value: "Like": supported values: "Equal", "Exists"`,
    `${request}.exactly.tolerations[2].effect: Unsupported value: "Never": supported values: "NoExecute", "NoSchedule", "None"`,
  ],
  [
    claim,
    devices({
      config: [{ requests: ["r"], opaque }],
      constraints: [{ requests: ["r"], matchAttribute: "a.b/c" }],
    }),
  ],
  [
    claim,
    devices({ config: [{ requests: ["r", "r", "z"] }] }),
    `spec.devices.config[0].requests[2]: Invalid value: "z": must be the name of a request in the claim or the name of a request and a subrequest separated by '/'`,
    'spec.devices.config[0].requests[1]: Duplicate value: "r"',
    "spec.devices.config[0].opaque: Required value",
  ],
  [
    claim,
    devices({ config: [{ opaque: { driver: "d", parameters: [1] } }] }),
    'spec.devices.config[0].opaque.parameters: Invalid value: "<value omitted>": must be a valid JSON object',
  ],
  [
    claim,
    devices({ constraints: [{ matchAttribute: "c" }] }),
    'spec.devices.constraints[0].matchAttribute: Invalid value: "c": a fully qualified name must be a domain and a name separated by a slash',
  ],
  [
    template,
    spec({ metadata: { name: "n", uid: "u", labels: { "a b": "c" } } }),
    'spec.metadata.labels: Invalid value: "a b": name part must consist of…',
    "spec.metadata.name: Forbidden: cannot be set",
    "spec.metadata.uID: Forbidden: cannot be set",
  ],
  [
    template,
    spec({ spec: { devices: { requests: [{ name: "r" }] } } }),
    "spec.spec.devices.requests[0]: Required value…",
  ],
  [
    deviceClass,
    spec({ selectors: [{}], config: [{}] }),
    "spec.selectors[0].cel: Required value",
    "spec.config[0].opaque: Required value",
  ],
  [
    slice,
    spec({ pool: { name: "", generation: -1, resourceSliceCount: 0 } }),
    "spec.pool.name: Required value",
    "spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero",
    "spec.pool.generation: Invalid value: -1: must be greater than or equal to zero",
  ],
  [slice, spec({ nodeName: undefined }), `spec: Required value: ${nodeRule}`],
  [
    slice,
    spec({ allNodes: true }),
    `spec: Invalid value: "{\`nodeName\`, \`allNodes\`}": ${nodeRule}, but multiple fields are set`,
  ],
  [
    slice,
    spec({ pool: { name: "a/B/c" } }),
    'spec.pool.name: Invalid value: "B": a lowercase RFC 1123 subdomain…',
  ],
  [slice, spec({ driver: "" }), "spec.driver: Required value"],
  [
    slice,
    spec({ nodeName: undefined, nodeSelector: {} }),
    "spec.nodeSelector.nodeSelectorTerms: Required value: must have at least one node selector term",
    "spec.nodeSelector.nodeSelectorTerms: Invalid value: null: must have exactly one node selector term",
  ],
  [
    slice,
    spec({
      nodeName: undefined,
      nodeSelector: {
        nodeSelectorTerms: [
          { matchExpressions: [{ key: "a", operator: "Exists" }] },
          { matchFields: [{ key: "metadata.name", operator: "In", values: ["x"] }] },
        ],
      },
    }),
    'spec.nodeSelector.nodeSelectorTerms: Invalid value: [{"MatchExpressions":[{"Key":"a","Operator":"Exists","Values":null}],"MatchFields":null},{"MatchExpressions":null,"MatchFields":[{"Key":"metadata.name","Operator":"In","Values":["x"]}]}]: must have exactly one node selector term',
  ],
  [
    slice,
    spec({ allNodes: false }),
    "spec.allNodes: Invalid value: false: must be either unset or set to true",
  ],
  [
    slice,
    spec({ devices: [{ name: "" }, { name: "a" }, { name: "a" }] }),
    'spec.devices[0].name: Invalid value: "": a lowercase RFC 1123 label…',
    'spec.devices[2]: Duplicate value: "a"',
  ],
];

const policy = (requestPolicy: object, value = "10"): object =>
  spec({
    devices: [{ name: "a", allowMultipleAllocations: true, capacity: { c: { value, requestPolicy } } }],
  });
const policyAt = "spec.devices[0].capacity[c].requestPolicy";

testCreates(valid, creates);
testCreates(valid, [
  [slice, policy({ default: "1" })],
  [slice, policy({ default: "2", validValues: ["1", "2", "4"] })],
  [slice, policy({ default: "2", validRange: { min: "1", max: "9", step: "1" } })],
  [
    slice,
    policy({ default: "2", validValues: ["2"], validRange: { min: "1" } }),
    `${policyAt}: Forbidden: exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time`,
  ],
  [
    slice,
    policy({ validValues: ["2"] }),
    `${policyAt}.default: Required value: required when validValues is defined`,
  ],
  [
    slice,
    policy({ validRange: { min: "2" } }),
    `${policyAt}.default: Required value: required when validRange is defined`,
  ],
  [
    slice,
    policy({ default: "3", validValues: ["4", "2", "2", "11"] }),
    `${policyAt}.validValues[1]: Invalid value: "2": values must be sorted in ascending order`,
    `${policyAt}.validValues[3]: Invalid value: "11": option is larger than capacity value: 10`,
    `${policyAt}.validValues[2]: Duplicate value: "2"`,
    `${policyAt}.validValues: Invalid value: "3": default value is not valid according to the requestPolicy`,
  ],
  [
    slice,
    policy({ default: "1", validRange: { min: "2", max: "12", step: "9" } }),
    `${policyAt}.validRange.min: Invalid value: "1": default is less than min: 2`,
    `${policyAt}.validRange.max: Invalid value: "12": max is larger than capacity value: 10`,
    `${policyAt}.validRange.step: Invalid value: "9": one step 11 is larger than capacity value: 10`,
    `${policyAt}.validRange.step: Invalid value: "1": value is not a multiple of a given step (9) from (2)`,
    `${policyAt}.validRange.step: Invalid value: "12": value is not a multiple of a given step (9) from (2)`,
  ],
  [
    claim,
    devices({ constraints: [{ matchAttribute: "a.b/c-d" }] }),
    'spec.devices.constraints[0].matchAttribute: Invalid value: "c-d": a valid C identifier must…',
  ],
  [
    claim,
    one({ selectors: many(33, {}) }),
    `${request}.exactly.selectors: Too many: 33: must have at most 32 items`,
  ],
]);
testUpdates(valid, [
  [
    claim,
    {},
    one({ count: 2 }),
    'spec: Invalid value: {"Devices":{"Requests":[{"Name":"r","Exactly":{"DeviceClassName":"c","Selectors":null,"AllocationMode":"ExactCount","Count":2,"AdminAccess":null,"Tolerations":null,"Capacity":null},"FirstAvailable":null}],"Constraints":null,"Config":null}}: field is immutable',
  ],
  [
    template,
    {},
    spec({ metadata: { labels: { a: "b" } } }),
    'spec: Invalid value: {"labels":{"a":"b"},"Spec":{"Devices":{…',
  ],
  [slice, {}, spec({ driver: "e" }), 'spec.driver: Invalid value: "e": field is immutable'],
]);
const device = (fields: object): object => spec({ devices: [{ name: "a", ...fields }] });
const at = "spec.devices[0]";
const placed =
  "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec";

/** upstream: validation_resourceslice_test.go */
testCreates({}, [
  [
    slice,
    {
      spec: {
        driver: "d",
        pool: { name: "p/q.r", generation: 1, resourceSliceCount: 1 },
        nodeName: "n",
        devices: [
          {
            name: "a",
            attributes: { i: { int: 1 }, "d.e/v": { version: "1.2.3-rc.1+b" }, b: { bool: false } },
            capacity: { memory: { value: "1Gi" } },
            taints: [{ key: "example.com/t", value: "v", effect: "NoExecute" }],
            consumesCounters: [{ counterSet: "s", counters: { c: { value: "1" } } }],
            bindingConditions: ["ready"],
            bindingFailureConditions: ["broken"],
          },
        ],
      },
    },
  ],
]);
testCreates({ [slice]: valid[slice] ?? {} }, [
  [
    slice,
    device({ attributes: { "": { int: 1 }, "/a": { int: 1 }, "d/": { int: 1 }, "a-b": { int: 1 } } }),
    `${at}.attributes[]: Invalid value: "": a valid C identifier must start with…`,
    `${at}.attributes[/a]: Invalid value: "": the domain must not be empty`,
    `${at}.attributes[d/]: Invalid value: "": the name must not be empty`,
    `${at}.attributes[a-b]: Invalid value: "a-b": a valid C identifier must start with…`,
  ],
  [
    slice,
    device({
      attributes: { a: {}, b: { int: 1, bool: true }, c: { version: "1" }, d: { string: "x".repeat(65) } },
    }),
    `${at}.attributes[a]: Invalid value: "": exactly one value must be specified`,
    `${at}.attributes[b]: Invalid value: {"IntValue":1,"BoolValue":true,"StringValue":null,"VersionValue":null}: exactly one value must be specified`,
    `${at}.attributes[c].version: Invalid value: "1": must be a string compatible with semver.org spec 2.0.0`,
    `${at}.attributes[d].string: Too long: may not be more than 64 bytes`,
  ],
  [
    slice,
    device({ capacity: { a: { value: "1", requestPolicy: { default: "1" } } } }),
    `${at}.capacity[a].requestPolicy: Forbidden: allowMultipleAllocations must be true`,
  ],
  [
    slice,
    device({
      capacity: { a: { value: "1", requestPolicy: { default: "1" } } },
      allowMultipleAllocations: true,
    }),
  ],
  [
    slice,
    device({ taints: [{ key: "t" }, { key: "u", effect: "x" }] }),
    `${at}.taints[0].effect: Required value`,
    `${at}.taints[1].effect: Unsupported value: "x": supported values: "NoExecute", "NoSchedule", "None"`,
  ],
  [
    slice,
    device({ consumesCounters: [{ counterSet: "", counters: {} }] }),
    `${at}.consumesCounters[0].counterSet: Required value`,
    `${at}.consumesCounters[0].counters: Required value`,
  ],
  [
    slice,
    device({ nodeName: "n" }),
    `${at}: Invalid value: "null": \`nodeName\`, \`nodeSelector\` and \`allNodes\` can only be set if \`perDeviceNodeSelection\` is set to true in the ResourceSlice spec`,
  ],
  [
    slice,
    spec({
      nodeName: undefined,
      perDeviceNodeSelection: true,
      devices: [{ name: "a" }, { name: "b", nodeName: "n" }],
    }),
    `${at}: Required value: ${placed}`,
  ],
  [
    slice,
    spec({
      nodeName: undefined,
      perDeviceNodeSelection: true,
      devices: [{ name: "a", nodeName: "n", allNodes: true }],
    }),
    `${at}: Invalid value: "{\`nodeName\`, \`allNodes\`}": ${placed}`,
  ],
  [
    slice,
    device({ bindingConditions: ["a", "a"], bindingFailureConditions: ["a"] }),
    `${at}.bindingConditions[1]: Duplicate value: "a"`,
    `${at}.bindingFailureConditions[0]: Invalid value: "a": bindingFailureConditions must not overlap with bindingConditions`,
  ],
  [
    slice,
    device({ bindingFailureConditions: ["a"] }),
    `${at}.bindingConditions: Invalid value: null: bindingConditions are required to use bindingFailureConditions`,
  ],
  [
    slice,
    spec({ sharedCounters: [{ name: "s", counters: { c: { value: "1" } } }] }),
    'spec: Invalid value: "": only one of `sharedCounters` or `devices` is allowed',
  ],
  [
    slice,
    spec({ devices: undefined, sharedCounters: [{ name: "s", counters: {} }] }),
    "spec.sharedCounters[0].counters: Required value",
  ],
  [
    deviceClass,
    spec({ extendedResourceName: "cpu" }),
    'spec.extendedResourceName: Invalid value: "cpu": must be a valid extended resource name',
  ],
  [deviceClass, spec({ extendedResourceName: "example.com/gpu" })],
]);

const consumer = { resource: "pods", name: "p", uid: "u" };
const allocation = { devices: {} };
const id = { driver: "d", pool: "p", device: "a" };
const result = { request: "r", ...id };
const results = "status.allocation.devices.results[0]";
const uuidForm =
  "uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters";
const condition = {
  type: "Ready",
  status: "True",
  reason: "Fine",
  message: "",
  lastTransitionTime: "2026-01-01T00:00:00Z",
};
const allocated = (all: readonly object[], more: object = {}): object => ({
  status: { allocation: { devices: { results: all, ...more } } },
});
testStatusUpdates(valid, [
  [claim, {}, { status: { allocation, reservedFor: [consumer] } }],
  [
    claim,
    {},
    { status: { reservedFor: [consumer] } },
    "status.reservedFor: Forbidden: may not be specified when `allocated` is not set",
  ],
  [
    claim,
    { status: { allocation } },
    { status: { reservedFor: [consumer, consumer, { resource: "pods", name: "p" }] } },
    "status.reservedFor[2].uid: Required value",
    'status.reservedFor[1]: Duplicate value: "u"',
  ],
  [claim, {}, allocated([result])],
  [
    claim,
    {},
    allocated([{ ...result, request: "x", driver: "!", pool: "", device: "A", shareID: "1" }]),
    `${results}.request: Invalid value: "x": must be the name of a request in the claim…`,
    `${results}.driver: Invalid value: "!": a lowercase RFC 1123 subdomain…`,
    `${results}.pool: Required value`,
    `${results}.device: Invalid value: "A": a lowercase RFC 1123 label…`,
    `${results}.shareID: Invalid value: "1": error validating uid: invalid UUID length: 1`,
  ],
  [claim, {}, allocated([{ ...result, shareID: "12345678-1234-1234-1234-123456789abc" }])],
  ...(
    [
      ["12345678-1234-1234-1234-123456789ABC", uuidForm],
      ["urn:uuid:12345678-1234-1234-1234-123456789abc", uuidForm],
      ["{12345678-1234-1234-1234-123456789abc}", uuidForm],
      ["12345678123412341234123456789abc", uuidForm],
      ["12345678123412341234123456789abg", "error validating uid: invalid UUID format"],
      ["12345678-1234-1234-123412-3456789abc", "error validating uid: invalid UUID format"],
      ["[12345678-1234-1234-1234-123456789abc]", "error validating uid: invalid bracketed UUID format"],
      [
        "urn:what:12345678-1234-1234-1234-123456789abc",
        'error validating uid: invalid urn prefix: "urn:what:"',
      ],
      ["", "error validating uid: invalid UUID length: 0"],
    ] as const
  ).map(([shareID, why]): UpdateCase => [
    claim,
    {},
    allocated([{ ...result, shareID }]),
    `${results}.shareID: Invalid value: ${JSON.stringify(shareID)}: ${why}`,
  ]),
  [
    claim,
    {},
    allocated([], { config: [{ source: "x", opaque }, { requests: ["y"] }] }),
    'status.allocation.devices.config[0].source: Unsupported value: "x": supported values: "FromClaim", "FromClass"',
    "status.allocation.devices.config[1].source: Required value",
    'status.allocation.devices.config[1].requests[0]: Invalid value: "y": must be the name of a request…',
    "status.allocation.devices.config[1].opaque: Required value",
  ],
  [
    claim,
    allocated([result]),
    { status: { allocation: { devices: { results: [] } } } },
    'status.allocation: Invalid value: {"Devices":{"Results":[],"Config":null},"NodeSelector":null,"AllocationTimestamp":null}: field is immutable',
  ],
  [
    claim,
    allocated([result]),
    {
      status: {
        devices: [{ ...id, conditions: [condition], data: { a: 1 }, networkData: { ips: ["10.0.0.1/24"] } }],
      },
    },
  ],
  [
    claim,
    allocated([result]),
    {
      status: {
        devices: [
          {
            ...id,
            conditions: [{ ...condition, status: "x", reason: "" }],
            data: [1],
            networkData: { ips: ["10.0.0.1", "010.0.0.1/8", "::ffff:10.0.0.1/120", "10.0.0.1"] },
          },
          { ...id, device: "other" },
        ],
      },
    },
    'status.devices[0].conditions[0].status: Unsupported value: "x": supported values: "False", "True", "Unknown"',
    "status.devices[0].conditions[0].reason: Required value: must be set",
    'status.devices[0].data: Invalid value: "<value omitted>": must be a valid JSON object',
    'status.devices[0].networkData.ips[0]: Invalid value: "10.0.0.1": must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)',
    'status.devices[0].networkData.ips[1]: Invalid value: "010.0.0.1/8": must be in canonical form ("10.0.0.1/8")',
    'status.devices[0].networkData.ips[2]: Invalid value: "::ffff:10.0.0.1/120": must be in canonical form ("10.0.0.1/24")',
    'status.devices[0].networkData.ips[3]: Invalid value: "10.0.0.1": must be a valid address…',
    'status.devices[0].networkData.ips[3]: Duplicate value: "10.0.0.1"',
    'status.devices[1]: Invalid value: {"Driver":"d","Pool":"p","Device":"other","ShareID":""}: must be an allocated device in the claim',
  ],
]);
