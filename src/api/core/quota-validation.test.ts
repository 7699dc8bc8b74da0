import { testCreates, testStatusUpdates, testUpdates, type Valid } from "../testing/validation-cases.ts";

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
    'spec.limits[0].default[cpu]: Invalid value: "2": min value 2 is greater than default value 1',
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
    'spec.hard[foo]: Invalid value: "foo": must be a standard resource for quota',
  ],
]);

const quota = "v1/ResourceQuota";
const limited = (names: readonly string[], fields: object): object => ({
  spec: {
    hard: {
      pods: undefined,
      "requests.cpu": undefined,
      ...Object.fromEntries(names.map((name) => [name, "1"])),
    },
    ...fields,
  },
});
const selector = (...matchExpressions: readonly object[]): object => ({
  scopeSelector: { matchExpressions },
});
const misapplied = "unsupported scope applied to resource";
const mustExist =
  "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
const at = "spec.scopeSelector.matchExpressions";
const inClass = (scopeName: string, values?: readonly string[], operator = "In"): object => ({
  scopeName,
  operator,
  values,
});

testCreates(valid, [
  // What is wrong with a scope, before what is wrong with the next.
  [
    quota,
    limited(["services"], selector(inClass("BestEffort"), inClass("Other", ["a"]))),
    `${at}: Invalid value: {…`,
    `${at}.operator: Invalid value: "In": ${mustExist}`,
    `${at}.values: Required value: must be at least one value when \`operator\` is 'In' or 'NotIn' for scope selector`,
    `${at}.scopeName: Invalid value: "Other": unsupported scope`,
  ],
  // Every kind of name that a quota may limit.
  ...[
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.memory",
    "requests.ephemeral-storage",
    "requests.storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "hugepages-2Mi",
    "requests.hugepages-2Mi",
    "pods",
    "services",
    "services.nodeports",
    "services.loadbalancers",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "count/deployments.apps",
    "requests.example.com/gpu",
    "gold.storageclass.storage.k8s.io/requests.storage",
    "gpu.deviceclass.resource.k8s.io/devices",
  ].map((name) => [quota, limited([name], {})] as const),
  [
    quota,
    limited(["storage"], {}),
    'spec.hard[storage]: Invalid value: "storage": must be a standard resource for quota',
  ],
  [
    quota,
    limited(["a b"], {}),
    'spec.hard[a b]: Invalid value: "a b": name part must consist of…',
    'spec.hard[a b]: Invalid value: "a b": must be a standard resource for quota',
  ],
  [
    quota,
    { spec: { hard: { pods: "1500m" } } },
    'spec.hard[pods]: Invalid value: "1500m": must be an integer',
  ],
  [
    quota,
    { spec: { hard: { pods: "-1" } } },
    'spec.hard[pods]: Invalid value: "-1": must be greater than or equal to 0',
  ],
  [quota, limited(["pods"], { scopes: ["BestEffort"] })],
  [
    quota,
    limited(["pods", "requests.cpu"], { scopes: ["BestEffort"] }),
    `spec.scopes: Invalid value: ["BestEffort"]: ${misapplied}`,
  ],
  ...["Terminating", "NotTerminating", "NotBestEffort", "PriorityClass", "CrossNamespacePodAffinity"].flatMap(
    (scope) => [
      [quota, limited(["pods", "cpu", "requests.cpu", "limits.memory"], { scopes: [scope] })] as const,
      [
        quota,
        limited(["services", "hugepages-2Mi"], { scopes: [scope] }),
        `spec.scopes: Invalid value: ["${scope}"]: ${misapplied}`,
        `spec.scopes: Invalid value: ["${scope}"]: ${misapplied}`,
      ] as const,
    ],
  ),
  // Once of each scope, however often it is said: who says it a thousand times would be told a thousand times a thousand.
  [
    quota,
    limited(["services"], { scopes: ["BestEffort", "BestEffort"] }),
    `spec.scopes: Invalid value: ["BestEffort","BestEffort"]: ${misapplied}`,
  ],
  [quota, limited(["persistentvolumeclaims", "requests.storage"], { scopes: ["VolumeAttributesClass"] })],
  [
    quota,
    limited(["pods"], { scopes: ["VolumeAttributesClass"] }),
    `spec.scopes: Invalid value: ["VolumeAttributesClass"]: ${misapplied}`,
  ],
  // What isn't a standard name is nobody's to judge.
  [quota, limited(["count/deployments.apps"], { scopes: ["BestEffort"] })],
  [
    quota,
    limited(["pods"], { scopes: ["Sometimes"] }),
    'spec.scopes: Invalid value: ["Sometimes"]: unsupported scope',
  ],
  [
    quota,
    limited(["pods"], { scopes: ["BestEffort", "NotBestEffort"] }),
    'spec.scopes: Invalid value: ["BestEffort","NotBestEffort"]: conflicting scopes',
  ],
  [
    quota,
    limited(["pods"], { scopes: ["Terminating", "NotTerminating"] }),
    'spec.scopes: Invalid value: ["Terminating","NotTerminating"]: conflicting scopes',
  ],
  ...["In", "NotIn"].flatMap((operator) => [
    [quota, limited(["pods"], selector(inClass("PriorityClass", ["high"], operator)))] as const,
    [
      quota,
      limited(["pods"], selector(inClass("PriorityClass", [], operator))),
      `${at}.values: Required value: must be at least one value when \`operator\` is 'In' or 'NotIn' for scope selector`,
    ] as const,
    [
      quota,
      limited(["pods"], selector(inClass("Terminating", ["x"], operator))),
      `${at}.operator: Invalid value: "${operator}": ${mustExist}`,
    ] as const,
  ]),
  ...["Exists", "DoesNotExist"].flatMap((operator) => [
    [quota, limited(["pods"], selector(inClass("PriorityClass", undefined, operator)))] as const,
    [
      quota,
      limited(["pods"], selector(inClass("PriorityClass", ["high"], operator))),
      `${at}.values: Invalid value: ["high"]: must be no value when \`operator\` is 'Exist' or 'DoesNotExist' for scope selector`,
    ] as const,
  ]),
  [
    quota,
    limited(["pods"], selector(inClass("CrossNamespacePodAffinity", undefined, "DoesNotExist"))),
    `${at}.operator: Invalid value: "DoesNotExist": ${mustExist}`,
  ],
  [
    quota,
    limited(["pods"], selector(inClass("PriorityClass", ["high"], "Near"))),
    `${at}.operator: Invalid value: "Near": not a valid selector operator`,
  ],
  [
    quota,
    limited(["pods"], selector(inClass("Sometimes", undefined, "Exists"))),
    `${at}.scopeName: Invalid value: "Sometimes": unsupported scope`,
  ],
  [
    quota,
    limited(["requests.cpu"], selector(inClass("BestEffort", undefined, "Exists"))),
    `${at}: Invalid value: {"MatchExpressions":[{"ScopeName":"BestEffort","Operator":"Exists","Values":null}]}: ${misapplied}`,
  ],
  [
    quota,
    limited(
      ["pods"],
      selector(inClass("BestEffort", undefined, "Exists"), inClass("NotBestEffort", undefined, "Exists")),
    ),
    `${at}: Invalid value: null: conflicting scopes`,
  ],
  [quota, limited(["requests.storage"], selector(inClass("VolumeAttributesClass", ["gold"])))],
]);
testUpdates(valid, [
  [quota, limited(["pods"], {}), { spec: { hard: { pods: "5" } } }],
  [
    quota,
    limited(["pods"], { scopes: ["Terminating", "NotBestEffort"] }),
    { spec: { scopes: ["NotBestEffort", "Terminating"] } },
  ],
  [
    quota,
    limited(["pods"], { scopes: ["Terminating"] }),
    { spec: { scopes: [] } },
    "spec.scopes: Invalid value: []: field is immutable",
  ],
  [
    quota,
    limited(["pods"], { scopes: ["Terminating"] }),
    { spec: { scopes: ["NotTerminating"] } },
    'spec.scopes: Invalid value: ["NotTerminating"]: field is immutable',
  ],
  [
    quota,
    limited(["pods"], selector(inClass("PriorityClass", ["high"]))),
    limited(["pods"], selector(inClass("PriorityClass", ["low"]))),
  ],
]);
testStatusUpdates(valid, [
  [quota, {}, { status: { hard: { pods: "1" }, used: { pods: "0" } } }],
  [
    quota,
    {},
    { status: { hard: { storage: "1" }, used: { pods: "1500m" } } },
    'status.hard[storage]: Invalid value: "storage": must be a standard resource for quota',
    'status.used[pods]: Invalid value: "1500m": must be an integer',
  ],
]);

const ranges = (...limits: readonly object[]): object => ({ spec: { limits } });
const range = "v1/LimitRange";
testCreates(valid, [
  [range, ranges({ type: "Pod", min: { cpu: "1" }, max: { cpu: "2" }, maxLimitRequestRatio: { cpu: "2" } })],
  [range, ranges({ type: "PersistentVolumeClaim", min: { storage: "1Gi" }, max: { storage: "2Gi" } })],
  [range, ranges({ type: "example.com/Thing", max: { "example.com/size": "1" } })],
  [
    range,
    ranges({ type: "Node" }),
    'spec.limits[0].type: Invalid value: "Node": must be a standard limit type or fully qualified',
  ],
  [range, ranges({ type: "a b" }), 'spec.limits[0].type: Invalid value: "a b": name part must consist of…'],
  [
    range,
    ranges({ type: "Pod", max: { cpu: "1" } }, { type: "Pod", max: { memory: "1" } }),
    'spec.limits[1].type: Duplicate value: "Pod"',
  ],
  [
    range,
    ranges({ type: "Container", max: { storage: "1" } }),
    'spec.limits[0].max[storage]: Invalid value: "storage": must be a standard resource for containers',
    'spec.limits[0].default[storage]: Invalid value: "storage": must be a standard resource for containers',
    'spec.limits[0].defaultRequest[storage]: Invalid value: "storage": must be a standard resource for containers',
  ],
  [
    range,
    ranges({ type: "Pod", defaultRequest: { cpu: "1" } }),
    "spec.limits[0].defaultRequest: Forbidden: may not be specified when `type` is 'Pod'",
  ],
  [
    range,
    ranges({ type: "PersistentVolumeClaim" }),
    "spec.limits[0].limits: Required value: either minimum or maximum storage value is required, but neither was provided",
  ],
  [
    range,
    ranges({ type: "Container", default: { cpu: "1" }, defaultRequest: { cpu: "2" } }),
    'spec.limits[0].defaultRequest[cpu]: Invalid value: "2": default request value 2 is greater than default limit value 1',
  ],
  [
    range,
    ranges({ type: "Container", max: { cpu: "1" }, default: { cpu: "2" } }),
    'spec.limits[0].defaultRequest[cpu]: Invalid value: "2": default request value 2 is greater than max value 1',
    'spec.limits[0].default[cpu]: Invalid value: "1": default value 2 is greater than max value 1',
  ],
  [
    range,
    ranges({ type: "Pod", maxLimitRequestRatio: { cpu: "500m" } }),
    'spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "500m": ratio 500m is less than 1',
  ],
  [
    range,
    ranges({ type: "Pod", min: { cpu: "500m" }, max: { cpu: "1" }, maxLimitRequestRatio: { cpu: "3" } }),
    'spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "3": ratio 3 is greater than max/min = 2.000000',
  ],
  [
    range,
    ranges({ type: "Pod", maxLimitRequestRatio: { foo: "3" } }),
    'spec.limits[0].maxLimitRequestRatio[foo]: Invalid value: "foo": must be a standard resource type or fully qualified',
    'spec.limits[0].maxLimitRequestRatio[foo]: Invalid value: "foo": must be a standard resource for containers',
  ],
  [
    range,
    ranges({
      type: "Container",
      default: { "example.com/gpu": "2" },
      defaultRequest: { "example.com/gpu": "1" },
    }),
    'spec.limits[0].defaultRequest[example.com/gpu]: Invalid value: "1": default value 2 must equal to defaultRequest value 1 in example.com/gpu',
  ],
]);
