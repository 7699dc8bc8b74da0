/** Cases of upstream's pkg/registry/batch/job/strategy_test.go, with the gates of 1.35. */
import { testStatusUpdates, testUpdates, type UpdateCase, type Valid } from "../testing/validation-cases.ts";

const job = "batch/v1/Job";
const labels = { a: "b" };
const template = {
  metadata: { labels },
  spec: { restartPolicy: "OnFailure", containers: [{ name: "c", image: "i" }] },
};
const valid: Valid = {
  [job]: { spec: { manualSelector: true, selector: { matchLabels: labels }, parallelism: 1, template } },
};
const spec = (fields: object): object => ({ spec: fields });
const annotated = { metadata: { annotations: { hello: "world" } } };
const placed = spec({ template: { spec: { nodeSelector: { foo: "bar" } } } });
const larger = spec({
  template: { spec: { containers: [{ name: "c", image: "i", resources: { requests: { cpu: "200m" } } }] } },
});
const now = "2026-01-01T00:00:00Z";
const later = "2026-01-01T00:01:00Z";
const suspended = (status: object = {}): object => ({
  ...spec({ suspend: true }),
  status: { conditions: [{ type: "Suspended", status: "True" }], ...status },
});

const generated = (uid: string, ...keys: readonly string[]): object => ({
  metadata: { uid },
  spec: {
    manualSelector: undefined,
    suspend: true,
    selector: { matchLabels: { a: undefined, "controller-uid": uid } },
    template: {
      metadata: {
        labels: {
          a: undefined,
          ...Object.fromEntries(keys.map((key) => [key, key.endsWith("uid") ? uid : "x"])),
        },
      },
    },
  },
});
const legacy = ["controller-uid", "job-name"];
const all = [...legacy, "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"];
const relabelled = (changes: object): object => spec({ template: { metadata: { labels: changes } } });

const refused = "spec.template: Invalid value…";

testUpdates(valid, [
  [job, {}, spec({ parallelism: 2 })],
  [job, spec({ completions: 1 }), spec({ completions: 2 }), "spec.completions: Invalid value: 2…"],
  [job, {}, placed, refused],
  [job, { ...spec({ suspend: true }), status: { startTime: now } }, placed, refused],
  [job, spec({ suspend: true }), placed],
  [job, suspended(), placed],
  [job, suspended({ startTime: now }), placed, refused],
  [job, { ...suspended(), ...spec({ suspend: false }) }, placed, refused],
  [job, suspended(), larger, refused],
  [job, suspended({ active: 1 }), larger, refused],
  [job, {}, larger, refused],
  [
    job,
    spec({ selector: { matchExpressions: [{ key: "k", operator: "NotIn", values: ["bad value"] }] } }),
    annotated,
  ],
  // One of before 1.27 needs no prefixed labels; whichever it needs must stay while its labels may change.
  [job, generated("u", ...legacy), annotated],
  [job, generated("u", ...all), annotated],
  [
    job,
    generated("u", ...all),
    relabelled({ "job-name": "y" }),
    "spec.template.metadata.labels[job-name]: Invalid value…",
  ],
  [
    job,
    generated("u", ...all),
    relabelled({ "batch.kubernetes.io/job-name": undefined }),
    "spec.template.metadata.labels[batch.kubernetes.io/job-name]: Required value: must be 'x'",
  ],
  [job, generated("u", ...legacy), relabelled({ more: "y" })],
  // A job may grow until the names of its pods get too long.
  [
    job,
    {
      metadata: { name: "x".repeat(61) },
      ...spec({ completionMode: "Indexed", completions: 5, parallelism: 5 }),
    },
    spec({ completions: 11, parallelism: 11 }),
    'metadata.name: Invalid value: "xxxxx…',
  ],
]);

type Conditions = Readonly<Record<string, string>>;
const conditions = (types: Conditions): object => ({
  conditions: Object.entries(types).map(([type, status]) => ({ type, status })),
});
const is = (...types: readonly string[]): object =>
  conditions(Object.fromEntries(types.map((type) => [type, "True"])));

/** The status before and after, each whole; then the faults, and what else the job has. */
type StatusCase = readonly [before: object, after: object, faults: readonly string[], spec?: object];

const wrong = (field: string): string => `status.${field}: Invalid value…`;
const lacks = (field: string): string => `status.${field}: Required value…`;
const started = { startTime: now };
const done = { startTime: now, completionTime: now };
const indexed = { completionMode: "Indexed", completions: 5, parallelism: 1 };
const byIndex = { ...indexed, backoffLimitPerIndex: 1 };
const succeeding = { ...indexed, completions: 10, successPolicy: { rules: [{ succeededIndexes: "0-2" }] } };
const [met, complete, failed, target] = [
  "SuccessCriteriaMet",
  "Complete",
  "Failed",
  "FailureTarget",
] as const;

const statuses: readonly StatusCase[] = [
  [{}, { ...done, ...is(complete, failed) }, [1, 2, 3].map(() => wrong("conditions"))],
  [{}, { ...done, ...is(complete) }, [wrong("conditions")]],
  [{}, { ...started, ...is(failed) }, [wrong("conditions")]],
  [done, started, []],
  [is(target), is(target, failed), [lacks("startTime")]],
  [is(met), { completionTime: now, ...is(met, complete) }, [lacks("startTime")]],
  [{ ...started, active: 1, ...is(met) }, { ...done, active: 1, ...is(met, complete) }, [wrong("active")]],
  [
    { ...started, terminating: 1, ...is(target) },
    { ...started, terminating: 1, ...is(target, failed) },
    [wrong("terminating")],
  ],
  [
    { ...started, active: 1, ...is(target) },
    { ...started, active: 1, ...is(target, failed) },
    [wrong("active")],
  ],
  [
    { ...started, uncountedTerminatedPods: { failed: ["a"] }, ...is(target) },
    { ...started, uncountedTerminatedPods: { failed: ["a"] }, ...is(target, failed) },
    [wrong("uncountedTerminatedPods")],
  ],
  [
    { ...started, uncountedTerminatedPods: { succeeded: ["a"] }, ...is(met) },
    { ...done, uncountedTerminatedPods: { succeeded: ["a"] }, ...is(met, complete) },
    [wrong("uncountedTerminatedPods")],
  ],
  [
    { ...done, uncountedTerminatedPods: { failed: ["a"] }, ...is(complete) },
    { ...done, uncountedTerminatedPods: { failed: ["b"] }, ...is(complete) },
    [wrong("uncountedTerminatedPods")],
  ],
  [
    { ...done, uncountedTerminatedPods: { failed: ["a"] }, ...is(complete) },
    { ...done, uncountedTerminatedPods: { failed: ["a"] }, ...is(complete, "CustomJobCondition") },
    [],
  ],
  [{ ...started, ...is(met) }, { ...started, ...is(met, complete) }, [lacks("completionTime")]],
  [{ completionTime: now, ...is(complete) }, { ...started, ...is(complete) }, [lacks("completionTime")]],
  [started, {}, [], { suspend: true }],
  [started, {}, [lacks("startTime")]],
  [started, { startTime: later }, [lacks("startTime")]],
  [{ ...started, ...is("Suspended") }, { startTime: later, ...conditions({ Suspended: "False" }) }, []],
  [
    { startTime: later, ...is(met) },
    { startTime: later, completionTime: now, ...is(met, complete) },
    [wrong("completionTime")],
  ],
  [
    { completionTime: now, ...is(complete) },
    { completionTime: later, startTime: now, ...is(complete) },
    [wrong("completionTime")],
  ],
  ...[failed, complete, target].map((type): StatusCase => [is(type), {}, [wrong("conditions")]]),
  [{ ...done, ...is(complete) }, { ...done, ...is(complete, target) }, [wrong("conditions")]],
  [{}, { completionTime: now }, [wrong("completionTime")]],
  [{ completionTime: now }, { completionTime: now, active: 1 }, []],
  [{}, { ...started, completedIndexes: "0" }, [wrong("completedIndexes")], { completions: 5 }],
  [{ completedIndexes: "0" }, { completedIndexes: "0", active: 1 }, [], { completions: 5 }],
  [{}, { failedIndexes: "0" }, [wrong("failedIndexes")], indexed],
  [{ failed: 3 }, { failed: 1 }, [wrong("failed")], { completions: 5 }],
  [{ succeeded: 3 }, { succeeded: 1 }, [wrong("succeeded")], { completions: 5 }],
  [{}, { completedIndexes: "invalid format" }, [wrong("completedIndexes")], indexed],
  [{ completedIndexes: "invalid format" }, { completedIndexes: "invalid format", active: 1 }, [], indexed],
  [{}, { failedIndexes: "invalid format" }, [wrong("failedIndexes")], byIndex],
  [{ failedIndexes: "invalid format" }, { failedIndexes: "invalid format", active: 1 }, [], byIndex],
  [{ active: 1, ready: 2 }, { active: 1, ready: 2, succeeded: 1 }, [], { completions: 5 }],
  [{}, { active: 1, ready: 2 }, [wrong("ready")], { completions: 5 }],
  [{}, { ...done, ...is(complete, target) }, [wrong("conditions"), wrong("conditions")]],
  [
    { failedIndexes: "0,2", completedIndexes: "3-4" },
    { failedIndexes: "0,2", completedIndexes: "2-4" },
    [wrong("failedIndexes")],
    indexed,
  ],
  [
    { failedIndexes: "0,2", completedIndexes: "2-4" },
    { failedIndexes: "0,2", completedIndexes: "2-4", active: 1 },
    [],
    indexed,
  ],
  [{}, is(met), []],
  [is(target), is(target, met), [wrong("conditions")], succeeding],
  [is(met), is(met, target), [wrong("conditions")], succeeding],
  [is(complete), is(complete, met), [wrong("conditions")], succeeding],
  [is(met), {}, [wrong("conditions")], succeeding],
  [is(met), conditions({ Complete: "False" }), [wrong("conditions")], succeeding],
  [{}, { completionTime: now, ...is(met, complete) }, [], { completions: 0, suspend: true }],
];

const gone = { startTime: undefined, completionTime: undefined, conditions: undefined };

testStatusUpdates(
  valid,
  statuses.map(([before, after, faults, others = {}]): UpdateCase => [
    job,
    { spec: others, status: before },
    { status: { ...gone, ...after } },
    ...faults,
  ]),
);
