import {
  testCreates,
  testStatusUpdates,
  testUpdates,
  type CreateCase,
  type UpdateCase,
  type Valid,
} from "../testing/validation-cases.ts";

const schema = "flowcontrol.apiserver.k8s.io/v1/FlowSchema";
const level = "flowcontrol.apiserver.k8s.io/v1/PriorityLevelConfiguration";
const resources = { verbs: ["get"], apiGroups: [""], resources: ["pods"], namespaces: ["*"] };
const group = { kind: "Group", group: { name: "g" } };
const rule = { subjects: [group], resourceRules: [resources] };
const queuing = { queues: 64, handSize: 8, queueLengthLimit: 50 };
const limited = { limitResponse: { type: "Queue", queuing } };
const valid: Valid = {
  [schema]: { spec: { priorityLevelConfiguration: { name: "l" }, matchingPrecedence: 5, rules: [rule] } },
  [level]: { spec: { type: "Limited", limited } },
};
const spec = (fields: object): object => ({ spec: fields });
const one = (fields: object): object => spec({ rules: [{ ...rule, ...fields }] });
const by = (...subjects: readonly object[]): object => one({ subjects });
const to = (fields: object): object => one({ resourceRules: [{ ...resources, ...fields }] });
const at = (url: string): object => one({ nonResourceRules: [{ verbs: ["get"], nonResourceURLs: [url] }] });
const limits = (fields: object): object => spec({ limited: fields });
const queues = (fields: object): object => limits({ limitResponse: { queuing: fields } });
const named = (name: string, fields: object): object => ({ metadata: { name }, spec: fields });

const creates: readonly CreateCase[] = [
  [
    schema,
    spec({ matchingPrecedence: -1 }),
    "spec.matchingPrecedence: Invalid value: -1: must be a positive value",
  ],
  [
    schema,
    spec({ matchingPrecedence: 10_001 }),
    "spec.matchingPrecedence: Invalid value: 10001: must not be greater than 10000",
  ],
  [
    schema,
    spec({ matchingPrecedence: 1 }),
    "spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1",
  ],
  [
    schema,
    spec({ distinguisherMethod: { type: "ByMood" } }),
    'spec.distinguisherMethod.type: Unsupported value: {"Type":"ByMood"}: supported values: "ByNamespace", "ByUser"',
  ],
  [
    schema,
    spec({ priorityLevelConfiguration: { name: "" } }),
    "spec.priorityLevelConfiguration.name: Required value: must reference a priority level",
  ],
  [schema, by(), "spec.rules[0].subjects: Required value: subjects must contain at least one value"],
  [
    schema,
    one({ resourceRules: [] }),
    "spec.rules[0]: Required value: at least one of resourceRules and nonResourceRules has to be non-empty",
  ],
  [
    schema,
    by({ kind: "Robot" }),
    'spec.rules[0].subjects[0].kind: Unsupported value: "Robot": supported values: "Group", "ServiceAccount", "User"',
  ],
  [
    schema,
    by({ kind: "User" }, { kind: "User", user: { name: "" } }),
    "spec.rules[0].subjects[0].user: Required value: user is required when subject kind is 'User'",
    "spec.rules[0].subjects[1].user.name: Required value",
  ],
  [
    schema,
    by({ kind: "User", user: { name: "u" }, group: { name: "g" } }),
    "spec.rules[0].subjects[0].group: Forbidden: group is forbidden when subject kind is not 'Group'",
  ],
  [schema, by({ kind: "ServiceAccount", serviceAccount: { name: "*", namespace: "n" } })],
  [
    schema,
    by({ kind: "ServiceAccount", serviceAccount: {} }),
    "spec.rules[0].subjects[0].serviceAccount.name: Required value",
    "spec.rules[0].subjects[0].serviceAccount.namespace: Required value: must specify namespace for service account",
  ],
  [
    schema,
    to({ verbs: [] }),
    "spec.rules[0].resourceRules[0].verbs: Required value: verbs must contain at least one value",
  ],
  [
    schema,
    to({ verbs: ["*", "get"] }),
    `spec.rules[0].resourceRules[0].verbs: Invalid value: ["*","get"]: if '*' is present, must not specify other verbs`,
  ],
  [
    schema,
    to({ verbs: ["steal"] }),
    'spec.rules[0].resourceRules[0].verbs: Unsupported value: ["steal"]: supported values: "create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"',
  ],
  [
    schema,
    to({ apiGroups: [], resources: ["*", "pods"] }),
    "spec.rules[0].resourceRules[0].apiGroups: Required value: resource rules must supply at least one api group",
    `spec.rules[0].resourceRules[0].resources: Invalid value: ["*","pods"]: if '*' is present, must not specify other resources`,
  ],
  [
    schema,
    to({ namespaces: [] }),
    "spec.rules[0].resourceRules[0].namespaces: Required value: resource rules that are not cluster scoped must supply at least one namespace",
  ],
  [schema, to({ namespaces: [], clusterScope: true })],
  [
    schema,
    to({ namespaces: ["a.b"] }),
    `spec.rules[0].resourceRules[0].namespaces[0]: Invalid value: "a.b": each member of this list must be '*' or a DNS-1123 label; must not contain dots`,
  ],
  ...(["/", "/healthz", "/apis/*"] as const).map((url): CreateCase => [schema, at(url)]),
  ...(
    [
      ["", "must not be empty"],
      ["healthz", "must start with slash"],
      ["/a b", "must not contain white-space"],
      ["/a//b", "must not contain double slash"],
      ["/a*", "wildcard can only do suffix matching"],
    ] as const
  ).map(([url, fault]): CreateCase => [
    schema,
    at(url),
    `spec.rules[0].nonResourceRules[0].nonResourceURLs[0]: Invalid value: "${url}": ${fault}`,
  ]),
  [schema, named("catch-all", {}), "spec: Invalid value: {…"],
  [
    level,
    spec({ type: "Exempt", limited: undefined }),
    "spec.type: Invalid value: \"Exempt\": must be 'Exempt' if and only if `name` is 'exempt'",
  ],
  [
    level,
    spec({ type: "Some" }),
    'spec.type: Unsupported value: "Some": supported values: "Exempt", "Limited"',
  ],
  [level, limits({ limitResponse: { type: "Reject", queuing: undefined } })],
  [
    level,
    limits({ limitResponse: { type: "Reject" } }),
    "spec.limited.limitResponse.queuing: Forbidden: must be nil if limited.limitResponse.type is not Limited",
  ],
  [
    level,
    limits({ limitResponse: { queuing: undefined } }),
    "spec.limited.limitResponse.queuing: Required value: must not be empty if limited.limitResponse.type is Limited",
  ],
  [
    level,
    limits({
      nominalConcurrencyShares: -1,
      limitResponse: { type: "Wait" },
      lendablePercent: 101,
      borrowingLimitPercent: -1,
    }),
    "spec.limited.nominalConcurrencyShares: Invalid value: -1: must be a non-negative integer",
    'spec.limited.limitResponse.type: Unsupported value: "Wait": supported values: "Queue", "Reject"',
    "spec.limited.lendablePercent: Invalid value: 101: must be between 0 and 100, inclusive",
    "spec.limited.borrowingLimitPercent: Invalid value: -1: if specified, must be a non-negative integer",
  ],
  [
    level,
    queues({ queueLengthLimit: -1 }),
    "spec.limited.limitResponse.queuing.queueLengthLimit: Invalid value: -1: must be positive",
  ],
  [
    level,
    queues({ queues: 10_000_001, handSize: 2 }),
    "spec.limited.limitResponse.queuing.queues: Invalid value: 10000001: must not be greater than 10000000",
  ],
  [
    level,
    queues({ queues: 4 }),
    "spec.limited.limitResponse.queuing.handSize: Invalid value: 8: should not be greater than queues (4)",
  ],
  [
    level,
    queues({ queues: 512 }),
    "spec.limited.limitResponse.queuing.handSize: Invalid value: 8: required entropy bits of deckSize 512 and handSize 8 should not be greater than 60",
  ],
  [level, named("exempt", { type: "Exempt", limited: undefined, exempt: { nominalConcurrencyShares: 5 } })],
  [
    level,
    named("exempt", { type: "Exempt", exempt: { nominalConcurrencyShares: -1, lendablePercent: -1 } }),
    "spec.limited: Forbidden: must be nil if the type is not Limited",
    "spec.exempt.nominalConcurrencyShares: Invalid value: -1: must be a non-negative integer",
    "spec.exempt.lendablePercent: Invalid value: -1: must be between 0 and 100, inclusive",
    "spec: Invalid value: {…",
  ],
  [level, spec({ exempt: {} }), "spec.exempt: Forbidden: must be nil if the type is Limited"],
  [level, named("catch-all", {}), "spec: Invalid value: {…"],
  [
    level,
    { metadata: { annotations: { "flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares": "" } } },
    "metadata.annotations: Forbidden: annotation 'flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares' is forbidden",
  ],
];

const updates: readonly UpdateCase[] = [
  [schema, {}, spec({ matchingPrecedence: 7 })],
  [
    schema,
    {},
    spec({ rules: [{ ...rule, subjects: [] }] }),
    "spec.rules[0].subjects: Required value: subjects must contain at least one value",
  ],
];

const statuses: readonly UpdateCase[] = [
  [
    level,
    {},
    { status: { conditions: [{ type: "a" }, { type: "a" }, { type: "" }] } },
    'status.conditions[1].type: Duplicate value: "a"',
    "status.conditions[2].type: Required value: must not be empty",
  ],
];

testCreates(valid, creates);
testUpdates(valid, updates);
testStatusUpdates(valid, statuses);
