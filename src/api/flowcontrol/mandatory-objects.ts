/** What priority and fairness can't do without; of a fixed content. upstream: apiserver/pkg/apis/flowcontrol/bootstrap/default.go */
import type {
  FlowSchema,
  FlowSchemaSpec,
  PriorityLevelConfiguration,
  PriorityLevelConfigurationSpec,
} from "../generated/types/flowcontrol-v1.ts";

export const exemptLevel = "exempt";
export const catchAll = "catch-all";

/** New objects at every call: whoever creates them may change them. */
export const mandatoryLevelSpecs = (): ReadonlyMap<string, PriorityLevelConfigurationSpec> =>
  new Map([
    [exemptLevel, { type: "Exempt", exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 } }],
    [
      catchAll,
      {
        type: "Limited",
        limited: { nominalConcurrencyShares: 5, lendablePercent: 0, limitResponse: { type: "Reject" } },
      },
    ],
  ]);

const rulesFor = (...groups: readonly string[]): FlowSchemaSpec["rules"] => [
  {
    subjects: groups.map((name) => ({ kind: "Group", group: { name } })),
    resourceRules: [
      { verbs: ["*"], apiGroups: ["*"], resources: ["*"], clusterScope: true, namespaces: ["*"] },
    ],
    nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
  },
];

export const mandatorySchemaSpecs = (): ReadonlyMap<string, FlowSchemaSpec> =>
  new Map([
    [
      "exempt",
      {
        priorityLevelConfiguration: { name: exemptLevel },
        matchingPrecedence: 1,
        rules: rulesFor("system:masters"),
      },
    ],
    [
      catchAll,
      {
        priorityLevelConfiguration: { name: catchAll },
        matchingPrecedence: 10_000,
        distinguisherMethod: { type: "ByUser" },
        rules: rulesFor("system:unauthenticated", "system:authenticated"),
      },
    ],
  ]);

export const mandatoryLevels = (): PriorityLevelConfiguration[] =>
  Array.from(mandatoryLevelSpecs(), ([name, spec]) => ({ metadata: { name }, spec }));

export const mandatorySchemas = (): FlowSchema[] =>
  Array.from(mandatorySchemaSpecs(), ([name, spec]) => ({ metadata: { name }, spec }));
