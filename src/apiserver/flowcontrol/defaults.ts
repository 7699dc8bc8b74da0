/**
 * The flow schemas and priority levels that a server brings. The mandatory ones are kept as they are here; the suggested
 * ones as long as nobody says otherwise. upstream: apiserver/pkg/apis/flowcontrol/bootstrap/default.go
 */
import type {
  FlowSchema,
  PolicyRulesWithSubjects,
  PriorityLevelConfiguration,
  PriorityLevelConfigurationSpec,
  ResourcePolicyRule,
  Subject,
} from "#api/generated/types/flowcontrol-v1.ts";
import { exemptLevel } from "#api/flowcontrol/mandatory-objects.ts";

const level = (name: string, spec: PriorityLevelConfigurationSpec): PriorityLevelConfiguration => ({
  metadata: { name },
  spec,
});

interface Limited {
  readonly shares: number;
  readonly lendable: number;
  readonly queues?: number;
  readonly handSize?: number;
}

const queueLengthLimit = 50;

const limited = (
  name: string,
  { shares, lendable, queues = 128, handSize = 6 }: Limited,
): PriorityLevelConfiguration =>
  level(name, {
    type: "Limited",
    limited: {
      nominalConcurrencyShares: shares,
      lendablePercent: lendable,
      limitResponse: { type: "Queue", queuing: { queues, handSize, queueLengthLimit } },
    },
  });

export const suggestedLevels = (): PriorityLevelConfiguration[] => [
  limited("system", { shares: 30, lendable: 33, queues: 64 }),
  limited("node-high", { shares: 40, lendable: 25, queues: 64 }),
  limited("leader-election", { shares: 10, lendable: 0, queues: 16, handSize: 4 }),
  limited("workload-high", { shares: 40, lendable: 50 }),
  limited("workload-low", { shares: 100, lendable: 90 }),
  limited("global-default", { shares: 20, lendable: 50 }),
];

const groups = (...names: string[]): Subject[] => names.map((name) => ({ kind: "Group", group: { name } }));
const users = (...names: string[]): Subject[] => names.map((name) => ({ kind: "User", user: { name } }));
const accounts = (...names: string[]): Subject[] =>
  names.map((name) => ({ kind: "ServiceAccount", serviceAccount: { namespace: "kube-system", name } }));

const everybody = groups("system:unauthenticated", "system:authenticated");
const controllerManager = "system:kube-controller-manager";
const scheduler = "system:kube-scheduler";

const everything: Omit<PolicyRulesWithSubjects, "subjects"> = {
  resourceRules: [
    { verbs: ["*"], apiGroups: ["*"], resources: ["*"], clusterScope: true, namespaces: ["*"] },
  ],
  nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
};

const electing = (apiGroup: string, resources: string[], namespace: string): ResourcePolicyRule => ({
  verbs: ["get", "create", "update"],
  apiGroups: [apiGroup],
  resources,
  namespaces: [namespace],
});

interface Schema {
  readonly name: string;
  readonly level: string;
  readonly precedence: number;
  readonly by?: "ByUser" | "ByNamespace";
  readonly subjects: readonly Subject[];
  readonly rules?: Omit<PolicyRulesWithSubjects, "subjects">;
}

const flowSchema = ({ name, precedence, by, subjects, rules = everything, ...rest }: Schema): FlowSchema => ({
  metadata: { name },
  spec: {
    priorityLevelConfiguration: { name: rest.level },
    matchingPrecedence: precedence,
    ...(by === undefined ? {} : { distinguisherMethod: { type: by } }),
    rules: [{ subjects: [...subjects], ...rules }],
  },
});

export const suggestedSchemas = (): FlowSchema[] => [...systemSchemas(), ...workloadSchemas()];

const systemSchemas = (): FlowSchema[] => [
  flowSchema({
    name: "probes",
    level: exemptLevel,
    precedence: 2,
    subjects: everybody,
    rules: { nonResourceRules: [{ verbs: ["get"], nonResourceURLs: ["/healthz", "/readyz", "/livez"] }] },
  }),
  flowSchema({
    name: "system-leader-election",
    level: "leader-election",
    precedence: 100,
    by: "ByUser",
    subjects: [...users(controllerManager, scheduler), ...accounts("*")],
    rules: { resourceRules: [electing("coordination.k8s.io", ["leases"], "*")] },
  }),
  flowSchema({
    name: "endpoint-controller",
    level: "workload-high",
    precedence: 150,
    by: "ByUser",
    subjects: [
      ...users(controllerManager),
      ...accounts("endpoint-controller", "endpointslicemirroring-controller"),
    ],
    rules: { resourceRules: [electing("", ["endpoints"], "*")] },
  }),
  flowSchema({
    name: "workload-leader-election",
    level: "leader-election",
    precedence: 200,
    by: "ByUser",
    subjects: accounts("*"),
    rules: {
      resourceRules: [
        electing("", ["endpoints", "configmaps"], "*"),
        electing("coordination.k8s.io", ["leases"], "*"),
      ],
    },
  }),
  flowSchema({
    name: "system-node-high",
    level: "node-high",
    precedence: 400,
    by: "ByUser",
    subjects: groups("system:nodes"),
    rules: {
      resourceRules: [
        {
          verbs: ["*"],
          apiGroups: [""],
          resources: ["nodes", "nodes/status"],
          clusterScope: true,
          namespaces: ["*"],
        },
        { verbs: ["*"], apiGroups: ["coordination.k8s.io"], resources: ["leases"], namespaces: ["*"] },
      ],
    },
  }),
  flowSchema({
    name: "system-nodes",
    level: "system",
    precedence: 500,
    by: "ByUser",
    subjects: groups("system:nodes"),
  }),
];
const workloadSchemas = (): FlowSchema[] => [
  flowSchema({
    name: "kube-controller-manager",
    level: "workload-high",
    precedence: 800,
    by: "ByNamespace",
    subjects: users(controllerManager),
  }),
  flowSchema({
    name: "kube-scheduler",
    level: "workload-high",
    precedence: 800,
    by: "ByNamespace",
    subjects: users(scheduler),
  }),
  flowSchema({
    name: "kube-system-service-accounts",
    level: "workload-high",
    precedence: 900,
    by: "ByNamespace",
    subjects: accounts("*"),
  }),
  flowSchema({
    name: "service-accounts",
    level: "workload-low",
    precedence: 9000,
    by: "ByUser",
    subjects: groups("system:serviceaccounts"),
  }),
  flowSchema({
    name: "global-default",
    level: "global-default",
    precedence: 9900,
    by: "ByUser",
    subjects: everybody,
  }),
];
