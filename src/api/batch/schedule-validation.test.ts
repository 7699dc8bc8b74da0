import { testCreates, testUpdates, type Valid } from "../testing/validation-cases.ts";

const labels = { app: "x" };
const selector = { matchLabels: labels };
const container = { name: "c", image: "i" };
const jobTemplate = {
  metadata: { labels },
  spec: { containers: [container], restartPolicy: "Never" },
};
const spec = (fields: object): object => ({ spec: fields });
const valid: Valid = {
  "batch/v1/Job": { spec: { manualSelector: true, selector, template: jobTemplate } },
  "batch/v1/CronJob": {
    spec: { schedule: "*/5 1-3 * jan mon,fri", jobTemplate: { spec: { template: jobTemplate } } },
  },
};

testCreates(valid, [
  [
    "batch/v1/Job",
    spec({ template: { spec: { restartPolicy: "Always" } } }),
    'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
  ],
  [
    "batch/v1/Job",
    spec({ completionMode: "Indexed", completions: undefined, parallelism: 1 }),
    "spec.completions: Required value: when completion mode is Indexed",
  ],
  [
    "batch/v1/Job",
    spec({ backoffLimit: -1 }),
    "spec.backoffLimit: Invalid value: -1: must be greater than or equal to 0",
  ],
  ["batch/v1/CronJob", spec({ schedule: "" }), "spec.schedule: Required value"],
  [
    "batch/v1/CronJob",
    spec({ schedule: "* *" }),
    'spec.schedule: Invalid value: "* *": expected exactly 5 fields, found 2: [* *]',
  ],
  [
    "batch/v1/CronJob",
    spec({ schedule: "60 * * * *" }),
    'spec.schedule: Invalid value: "60 * * * *": end of range (60) above maximum (59): 60',
  ],
  [
    "batch/v1/CronJob",
    spec({ schedule: "@never" }),
    'spec.schedule: Invalid value: "@never": unrecognized descriptor: @never',
  ],
  [
    "batch/v1/CronJob",
    spec({ schedule: "x * * * *" }),
    'spec.schedule: Invalid value: "x * * * *": failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax',
  ],
  [
    "batch/v1/CronJob",
    spec({ timeZone: "Mars/Olympus" }),
    'spec.timeZone: Invalid value: "Mars/Olympus": unknown time zone Mars/Olympus',
  ],
  [
    "batch/v1/CronJob",
    spec({ concurrencyPolicy: "Maybe" }),
    'spec.concurrencyPolicy: Unsupported value: "Maybe": supported values: "Allow", "Forbid", "Replace"',
  ],
]);
testUpdates(valid, [
  ["batch/v1/Job", {}, spec({ completions: 2 }), "spec.completions: Invalid value: 2: field is immutable"],
  [
    "batch/v1/Job",
    spec({ suspend: true }),
    spec({ suspend: false, template: { spec: { nodeSelector: { a: "b" } } } }),
  ],
  [
    "batch/v1/Job",
    {},
    spec({ template: { spec: { nodeSelector: { a: "b" } } } }),
    "spec.template: Invalid value: {…",
  ],
]);
