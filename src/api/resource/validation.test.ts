import {
  testCreates,
  testStatusUpdates,
  testUpdates,
  type CreateCase,
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
  [claim, asks({ name: "", exactly }), `${request}.name: Required value`],
  [
    claim,
    asks({ name: "r", exactly }, { name: "r", exactly }),
    'spec.devices.requests[1].name: Duplicate value: "r"',
  ],
  [
    claim,
    asks({ name: "r" }),
    `${request}: Required value: exactly one of \`exactly\` or \`firstAvailable\` is required`,
  ],
  [
    claim,
    asks({ name: "r", exactly, firstAvailable: [{ name: "a", deviceClassName: "c" }] }),
    `${request}: Invalid value: exactly one of \`exactly\` or \`firstAvailable\` is required, but multiple fields are set`,
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
    `${request}.exactly.selectors[1].cel.expression: Required value`,
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
    'spec.devices.config[0].requests[1]: Duplicate value: "r"',
    `spec.devices.config[0].requests[2]: Invalid value: "z": must be the name of a request in the claim or the name of a request and a subrequest separated by '/'`,
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
    spec({ allNodes: false }),
    "spec.allNodes: Invalid value: false: must be either unset or set to true",
  ],
  [
    slice,
    spec({ devices: [{ name: "" }, { name: "a" }, { name: "a" }] }),
    "spec.devices[0].name: Required value",
    'spec.devices[2].name: Duplicate value: "a"',
  ],
];

testCreates(valid, creates);
testUpdates(valid, [
  [claim, {}, one({ count: 2 }), "spec: Invalid value: {…"],
  [slice, {}, spec({ driver: "e" }), 'spec.driver: Invalid value: "e": field is immutable'],
]);
const consumer = { resource: "pods", name: "p", uid: "u" };
const allocation = { devices: {} };
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
    'status.reservedFor[1]: Duplicate value: "u"',
    "status.reservedFor[2].uid: Required value",
  ],
]);
