import { testCreates, type Valid } from "../testing/validation-cases.ts";

const spec = (fields: object): object => ({ spec: fields });
const valid: Valid = {
  "v1/LimitRange": { spec: { limits: [{ type: "Container", max: { cpu: "1" } }] } },
  "v1/ResourceQuota": { spec: { hard: { pods: "10", "requests.cpu": "1" } } },
};

testCreates(valid, [
  [
    "v1/LimitRange",
    spec({ limits: [{ type: "Container", min: { cpu: "2" }, max: { cpu: "1" } }] }),
    'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1',
    'spec.limits[0].defaultRequest[cpu]: Invalid value: "1": min value 2 is greater than default request value 1',
    'spec.limits[0].default[cpu]: Invalid value: "1": min value 2 is greater than default value 1',
  ],
  [
    "v1/LimitRange",
    spec({ limits: [{ type: "Pod", default: { cpu: "2" } }] }),
    "spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'",
  ],
  [
    "v1/ResourceQuota",
    spec({ hard: { foo: "1" } }),
    'spec.hard[foo]: Invalid value: "foo": must be a standard resource type or fully qualified',
  ],
]);
