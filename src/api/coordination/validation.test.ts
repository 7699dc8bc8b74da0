import { testCreates, type Valid } from "../testing/validation-cases.ts";

const lease = "coordination.k8s.io/v1/Lease";
const valid: Valid = { [lease]: { spec: { leaseDurationSeconds: 15, holderIdentity: "a" } } };
const spec = (fields: object): object => ({ spec: fields });

testCreates(valid, [
  [
    lease,
    spec({ leaseTransitions: -1 }),
    "spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0",
  ],
  [lease, spec({ strategy: "OldestEmulationVersion", preferredHolder: "b" })],
  [lease, spec({ strategy: "example.com/mine" })],
  [
    lease,
    spec({ strategy: "Youngest" }),
    'spec.strategy.strategy: Unsupported value: "Youngest": supported values: "OldestEmulationVersion"',
  ],
  [
    lease,
    spec({ strategy: "example.com/" }),
    'spec.strategy.strategy: Invalid value: "example.com/": name part must be non-empty',
    'spec.strategy.strategy: Invalid value: "example.com/": name part must consist of…',
  ],
  [
    lease,
    spec({ preferredHolder: "b" }),
    "spec.preferredHolder: Forbidden: may only be specified if `strategy` is defined",
  ],
]);
