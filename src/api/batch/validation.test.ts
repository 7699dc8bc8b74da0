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
const cron = "batch/v1/CronJob";
const valid: Valid = {
  [job]: { spec: { manualSelector: true, selector: { matchLabels: labels }, template } },
  [cron]: { spec: { schedule: "* * * * *", jobTemplate: { spec: { template } } } },
};
const generated = {
  "controller-uid": "u",
  "job-name": "x",
  "batch.kubernetes.io/controller-uid": "u",
  "batch.kubernetes.io/job-name": "x",
};
const byUid = (fields: object, templateLabels: object): object => ({
  metadata: { uid: "u" },
  spec: {
    manualSelector: undefined,
    selector: { matchLabels: { app: undefined, ...fields } },
    template: { metadata: { labels: { app: undefined, ...templateLabels } } },
  },
});
const uidLabel = { "batch.kubernetes.io/controller-uid": "u" };
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
  [job, byUid(uidLabel, generated)],
  [
    job,
    byUid(uidLabel, { ...generated, "controller-uid": "v" }),
    'spec.template.metadata.labels[controller-uid]: Invalid value: {"controller-uid":"v",…',
  ],
  [
    job,
    byUid({ ...uidLabel, a: "b" }, { ...generated, "job-name": undefined, a: "b" }),
    "spec.template.metadata.labels[job-name]: Required value: must be 'x'",
    'spec.selector: Invalid value: {"matchLabels":{"batch.kubernetes.io/controller-uid":"u","a":"b"}}: `selector` not auto-generated',
  ],
  [
    job,
    { metadata: { name: "a.b" }, ...indexed({ completions: 11 }) },
    'metadata.name: Invalid value: "a.b": will not able to create pod with invalid DNS label: a.b-10',
  ],
  [
    job,
    spec({ completionMode: "Ordered" }),
    'spec.completionMode: Unsupported value: "Ordered": supported values: "NonIndexed", "Indexed"',
  ],
  [
    cron,
    spec({ schedule: "TZ=Mars/North 0 * * * *" }),
    'spec.schedule: Invalid value: "TZ=Mars/North 0 * * * *": provided bad location Mars/North: unknown time zone Mars/North',
    'spec.schedule: Invalid value: "TZ=Mars/North 0 * * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead',
  ],
  [cron, spec({ timeZone: "Europe/Zurich" })],
  ...["US/Pacific", "EST5EDT", "GB-Eire", "Etc/GMT+5", "America/Port-au-Prince", "GMT0"].map(
    (timeZone): CreateCase => [cron, spec({ timeZone })],
  ),
  ...["+01", "+0100", "europe/zurich", "us/pacific", "Utc", ".", "-a", "Europe/", "Europe//Zurich"].map(
    (timeZone): CreateCase => [
      cron,
      spec({ timeZone }),
      `spec.timeZone: Invalid value: "${timeZone}": unknown time zone ${timeZone}`,
    ],
  ),
  [cron, spec({ timeZone: "Local" }), 'spec.timeZone: Invalid value: "Local": timeZone must be an explicit…'],
  [
    cron,
    spec({ timeZone: "local" }),
    'spec.timeZone: Invalid value: "local": timeZone must be an explicit…',
    'spec.timeZone: Invalid value: "local": unknown time zone local',
  ],
  [cron, spec({ timeZone: "+01:00" }), 'spec.timeZone: Invalid value: "+01:00": unknown time zone +01:00'],
  [
    cron,
    spec({ jobTemplate: { spec: { manualSelector: true, selector: {} } } }),
    "spec.jobTemplate.spec.selector: Invalid value: {}: `selector` will be auto-generated",
    'spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: "nil", "false"',
  ],
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
    succeeds({ succeededIndexes: "a", succeededCount: 1 }),
    `${success}.succeededIndexes: Invalid value: "a": error parsing succeededIndexes: …`,
    `${success}.succeededCount: Invalid value: 1: must be less than or equal to 0 (the number of indexes in the specified succeededIndexes field)`,
  ],
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
const zoned = spec({ schedule: "TZ=UTC 0 * * * *" });
const nodeAffinity = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } };
const podAffinity = { preferredDuringSchedulingIgnoredDuringExecution: [] };
const placed = (affinity: object): object => spec({ template: { spec: { affinity } } });

testUpdates(valid, [
  [cron, zoned, spec({ suspend: true })],
  [
    cron,
    zoned,
    spec({ timeZone: "UTC" }),
    'spec.schedule: Invalid value: "TZ=UTC 0 * * * *": cannot use both timeZone field and TZ or CRON_TZ in schedule',
  ],
  [cron, spec({ timeZone: "Mars/North" }), spec({ suspend: true })],
  [job, spec({ suspend: true }), spec({ template: { spec: { nodeSelector: { a: "b" } } } })],
  [job, spec({ suspend: true }), placed({ podAffinity }), "spec.template: Invalid value: {…"],
  [
    job,
    spec({ suspend: true }),
    spec({ template: { metadata: { labels: { more: "y" } }, spec: { dnsPolicy: "Default" } } }),
    'spec.template: Invalid value: {"labels":{"app":"x","more":"y"},"Spec":{…',
  ],
  [
    job,
    {},
    placed({ nodeAffinity: { ...nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution: undefined } }),
    "spec.template: Invalid value: {…",
  ],
  [
    job,
    { ...spec({ suspend: true }), status: { startTime: "2026-01-01T00:00:00Z" } },
    spec({ template: { spec: { nodeSelector: { a: "b" } } } }),
    "spec.template: Invalid value: {…",
  ],
  [job, indexed({ parallelism: 5 }), spec({ completions: 3, parallelism: 3 })],
  [
    job,
    indexed({ parallelism: 5 }),
    spec({ completions: 3 }),
    "spec.completions: Invalid value: 3: can only be modified in tandem with spec.parallelism",
  ],
]);
const now = "2026-01-01T00:00:10Z";
const before = "2026-01-01T00:00:00Z";
const status = (fields: object): object => ({ status: fields });
const conditions = (...types: readonly string[]): object => ({
  conditions: types.map((type) => ({ type, status: "True" })),
});
const says = (detail: string): string => `status.conditions: Invalid value: ${detail}`;
const done = { ...conditions("SuccessCriteriaMet", "Complete"), startTime: before, completionTime: now };

testStatusUpdates(valid, [
  [job, {}, status(done)],
  [
    job,
    {},
    status({ ...conditions("Complete", "Failed", "FailureTarget"), active: 1, completionTime: now }),
    says("cannot set Complete=True and Failed=true conditions"),
    says("cannot set Complete=True and FailureTarget=true conditions"),
    says("cannot set Complete=True condition without the SuccessCriteriaMet=true condition"),
    "status.active: Invalid value: 1: active>0 is invalid for finished job",
    "status.startTime: Required value: startTime is required for finished job",
  ],
  [
    job,
    {},
    status({ ...conditions("Failed"), startTime: before, terminating: 1 }),
    says("cannot set Failed=True condition without the FailureTarget=true condition"),
    "status.terminating: Invalid value: 1: terminating>0 is invalid for finished job",
  ],
  [
    job,
    {},
    status({ ...conditions("SuccessCriteriaMet", "Complete"), startTime: before }),
    "status.completionTime: Required value: completionTime is required for Complete jobs",
  ],
  [
    job,
    {},
    status({ startTime: now, completionTime: before }),
    `status.completionTime: Invalid value: "${before}": cannot set completionTime when there is no Complete=True condition`,
    `status.completionTime: Invalid value: "${before}": must be equal to or after \`startTime\``,
  ],
  [
    job,
    status(done),
    status({ ...done, completionTime: "2026-01-01T00:00:11Z" }),
    'status.completionTime: Invalid value: "2026-01-01T00:00:11Z": field is immutable',
  ],
  [
    job,
    status(done),
    status({ conditions: [] }),
    `status.completionTime: Invalid value: "${now}": cannot set completionTime when there is no Complete=True condition`,
    says("cannot disable the terminal Complete=True condition"),
    says("cannot disable the SuccessCriteriaMet=True condition"),
  ],
  [
    job,
    status({ startTime: before }),
    status({ startTime: now }),
    "status.startTime: Required value: startTime cannot be removed for unsuspended job",
  ],
  [
    job,
    {},
    status({ ready: 2, active: 1, uncountedTerminatedPods: { succeeded: ["", "a"], failed: ["a"] } }),
    'status.uncountedTerminatedPods.succeeded[0]: Invalid value: "": must not be empty',
    'status.uncountedTerminatedPods.failed[0]: Duplicate value: "a"',
    "status.ready: Invalid value: 2: cannot set more ready pods than active",
  ],
  [
    job,
    {},
    status({ completedIndexes: "0", failedIndexes: "2" }),
    'status.completedIndexes: Invalid value: "0": cannot set non-empty completedIndexes when non-indexed completion mode',
    'status.failedIndexes: Invalid value: "2": cannot set non-null failedIndexes when backoffLimitPerIndex is null',
  ],
  [
    job,
    indexed({ backoffLimitPerIndex: 1 }),
    status({ completedIndexes: "0-2", failedIndexes: "2-4" }),
    'status.failedIndexes: Invalid value: "2-4": failedIndexes and completedIndexes overlap at index: 2',
  ],
  [
    job,
    indexed({ backoffLimitPerIndex: 1 }),
    status({ completedIndexes: "9" }),
    'status.completedIndexes: Invalid value: "9": error parsing completedIndexes: too large index: "9"',
  ],
  [
    job,
    { status: { failed: 2, succeeded: 2 } },
    { status: { failed: 1, succeeded: 1 } },
    "status.failed: Invalid value: 1: cannot decrease the failed counter",
    "status.succeeded: Invalid value: 1: cannot decrease the succeeded counter",
  ],
  [job, { ...indexed({ parallelism: 5 }), status: { succeeded: 2 } }, { status: { succeeded: 1 } }],
]);
