import {
  testCreates,
  testStatusUpdates,
  testUpdates,
  type CreateCase,
  type Valid,
} from "../testing/validation-cases.ts";

const job = "batch/v1/Job";
const labels = { app: "x" };
const template = {
  metadata: { labels },
  spec: { restartPolicy: "Never", containers: [{ name: "c", image: "i" }] },
};
const valid: Valid = { [job]: { spec: { selector: { matchLabels: labels }, template } } };
const spec = (fields: object): object => ({ spec: fields });
const indexed = (fields: object): object => spec({ completionMode: "Indexed", completions: 5, ...fields });
const fails = (...rules: readonly object[]): object => spec({ podFailurePolicy: { rules } });
const succeeds = (...rules: readonly object[]): object => indexed({ successPolicy: { rules } });
const codes = { operator: "In", values: [1] };
const rule = "spec.podFailurePolicy.rules[0]";
const success = "spec.successPolicy.rules[0]";
const fallsWith = (onExitCodes: object, ...faults: readonly string[]): CreateCase => [
  job,
  fails({ action: "FailJob", onExitCodes: { ...codes, ...onExitCodes } }),
  ...faults,
];
const parses = (succeededIndexes: string, fault: string): CreateCase => [
  job,
  succeeds({ succeededIndexes }),
  `${success}.succeededIndexes: Invalid value: ${JSON.stringify(succeededIndexes)}: error parsing succeededIndexes: ${fault}`,
];

testCreates(valid, [
  fallsWith({}),
  fallsWith({ containerName: "c" }),
  fallsWith(
    { containerName: "z" },
    `${rule}.onExitCodes.containerName: Invalid value: "z": must be one of the container or initContainer names in the pod template`,
  ),
  fallsWith({ operator: "" }, `${rule}.onExitCodes.operator: Required value: valid values: ["In" "NotIn"]`),
  fallsWith(
    { operator: "Out" },
    `${rule}.onExitCodes.operator: Unsupported value: "Out": supported values: "In", "NotIn"`,
  ),
  fallsWith({ values: [] }, `${rule}.onExitCodes.values: Invalid value: []: at least one value is required`),
  fallsWith(
    { values: Array.from({ length: 256 }, (_, index) => index + 1) },
    `${rule}.onExitCodes.values: Too many: 256: must have at most 255 items`,
  ),
  fallsWith(
    { values: [0] },
    `${rule}.onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator`,
  ),
  fallsWith({ values: [1, 1] }, `${rule}.onExitCodes.values[1]: Duplicate value: 1`),
  fallsWith({ values: [2, 1] }, `${rule}.onExitCodes.values: Invalid value: [2,1]: must be ordered`),
  [
    job,
    fails({ action: "" }),
    `${rule}.action: Required value: valid values: ["Count" "FailIndex" "FailJob" "Ignore"]`,
    `${rule}: Invalid value: specifying one of OnExitCodes and OnPodConditions is required`,
  ],
  [
    job,
    fails({ action: "FailIndex", onExitCodes: codes }),
    `${rule}.action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set`,
  ],
  [
    job,
    fails({ action: "Count", onExitCodes: codes, onPodConditions: [{ type: "a b", status: "Maybe" }] }),
    `${rule}.onPodConditions[0].type: Invalid value: "a b": name part…`,
    `${rule}.onPodConditions[0].status: Unsupported value: "Maybe": supported values: "False", "True", "Unknown"`,
    `${rule}: Invalid value: specifying both OnExitCodes and OnPodConditions is not supported`,
  ],
  [
    job,
    spec({ podFailurePolicy: { rules: [] }, podReplacementPolicy: "TerminatingOrFailed" }),
    'spec.podReplacementPolicy: Unsupported value: "TerminatingOrFailed": supported values: "Failed"',
  ],
  [job, indexed({ backoffLimitPerIndex: 1, maxFailedIndexes: 5 })],
  [
    job,
    indexed({ maxFailedIndexes: 6 }),
    "spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified",
    "spec.maxFailedIndexes: Invalid value: 6: must be less than or equal to completions",
  ],
  [
    job,
    spec({ backoffLimitPerIndex: 1 }),
    "spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode",
  ],
  [
    job,
    indexed({ completions: 100_001, parallelism: 10_001, backoffLimitPerIndex: 1 }),
    "spec.maxFailedIndexes: Required value: must be specified when completions is above 100000",
    "spec.parallelism: Invalid value: 10001: must be less than or equal to 10000 when completions are above 100000 and used with backoff limit per index",
  ],
  [
    job,
    indexed({ parallelism: 100_001 }),
    "spec.parallelism: Invalid value: 100001: must be less than or equal to 100000 when completion mode is Indexed",
  ],
  [job, spec({ managedBy: "example.com/c" })],
  [
    job,
    spec({ managedBy: "c" }),
    'spec.managedBy: Invalid value: "c": must be a domain-prefixed path (such as "acme.io/foo")',
  ],
  [
    job,
    spec({ managedBy: `example.com/${"c".repeat(60)}` }),
    "spec.managedBy: Too long: may not be more than 63 bytes",
  ],
  [job, succeeds({ succeededIndexes: "0,2-4", succeededCount: 4 })],
  [
    job,
    spec({ successPolicy: { rules: [{ succeededCount: 1 }] } }),
    "spec.successPolicy: Invalid value: requires indexed completion mode",
  ],
  [
    job,
    succeeds(),
    "spec.successPolicy.rules: Required value: at least one rules must be specified when the successPolicy is specified",
  ],
  [
    job,
    succeeds({}),
    `${success}: Required value: at least one of succeededCount or succeededIndexes must be specified`,
  ],
  [
    job,
    succeeds({ succeededCount: 6, succeededIndexes: "1-2" }),
    `${success}.succeededCount: Invalid value: 6: must be less than or equal to 5 (the number of specified completions)`,
    `${success}.succeededCount: Invalid value: 6: must be less than or equal to 2 (the number of indexes in the specified succeededIndexes field)`,
  ],
  parses("5", 'too large index: "5"'),
  parses("a", 'cannot convert string to integer for index: "a"'),
  parses("3-1", "non-increasing order, previous: 3, current: 1"),
  parses("0-3,2", "non-increasing order, previous: 3, current: 2"),
  parses(
    "1-2-3",
    "the fragment \"1-2-3\" violates the requirement that an index interval can have at most two parts separated by '-'",
  ),
]);
testUpdates(valid, [
  [job, indexed({ parallelism: 5 }), spec({ completions: 3, parallelism: 3 })],
  [
    job,
    indexed({ parallelism: 5 }),
    spec({ completions: 3 }),
    "spec.completions: Invalid value: 3: can only be modified in tandem with spec.parallelism",
  ],
]);
testStatusUpdates(valid, [
  [
    job,
    { status: { failed: 2, succeeded: 2 } },
    { status: { failed: 1, succeeded: 1 } },
    "status.failed: Invalid value: 1: cannot decrease the failed counter",
    "status.succeeded: Invalid value: 1: cannot decrease the succeeded counter",
  ],
  [job, { ...indexed({ parallelism: 5 }), status: { succeeded: 2 } }, { status: { succeeded: 1 } }],
]);
