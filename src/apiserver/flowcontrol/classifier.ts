/**
 * Which flow schema a request belongs to: the first that matches, by precedence, then by name.
 * upstream: apiserver/pkg/util/flowcontrol/rule.go
 */
import type {
  FlowSchema,
  NonResourcePolicyRule,
  PolicyRulesWithSubjects,
  ResourcePolicyRule,
  Subject,
} from "#api/generated/types/flowcontrol-v1.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import type { RequestInfo } from "#apiserver/request/info.ts";

export interface FlowRequest {
  readonly info: RequestInfo;
  readonly user: UserInfo;
}

const accountPrefix = "system:serviceaccount:";

export const byPrecedence = (a: FlowSchema, b: FlowSchema): number =>
  (a.spec?.matchingPrecedence ?? 0) - (b.spec?.matchingPrecedence ?? 0) ||
  ((a.metadata?.name ?? "") < (b.metadata?.name ?? "") ? -1 : 1);

/** `schemas` are in order of precedence. */
export function matchingSchema(schemas: readonly FlowSchema[], request: FlowRequest): FlowSchema | undefined {
  return schemas.find(({ spec }) => spec?.rules?.some((rules) => matches(rules, request)) === true);
}

/** What tells the flows of one schema apart. */
export function flowOf({ spec }: FlowSchema, { info, user }: FlowRequest): string {
  const by = spec?.distinguisherMethod?.type;
  if (by === "ByUser") return user.name;
  return by === "ByNamespace" ? info.namespace : "";
}

function matches(rules: PolicyRulesWithSubjects, { info, user }: FlowRequest): boolean {
  if (!rules.subjects.some((subject) => isSubject(subject, user))) return false;
  return info.isResourceRequest
    ? (rules.resourceRules ?? []).some((rule) => coversResource(rule, info))
    : (rules.nonResourceRules ?? []).some((rule) => coversPath(rule, info));
}

function isSubject({ kind, user: named, group, serviceAccount }: Subject, user: UserInfo): boolean {
  switch (kind) {
    case "User":
      return named !== undefined && (named.name === "*" || named.name === user.name);
    case "Group":
      return group !== undefined && (group.name === "*" || user.groups.includes(group.name));
    case "ServiceAccount": {
      if (serviceAccount === undefined || !user.name.startsWith(accountPrefix)) return false;
      const { namespace, name } = serviceAccount;
      const prefix = `${accountPrefix}${namespace}:`;
      return name === "*" ? user.name.startsWith(prefix) : user.name === `${prefix}${name}`;
    }
    default:
      return false;
  }
}

const includes = (values: readonly string[], value: string): boolean =>
  values.includes("*") || values.includes(value);

function coversResource(rule: ResourcePolicyRule, info: RequestInfo): boolean {
  const { namespace, resource, subresource } = info;
  if (!includes(rule.verbs, info.verb) || !includes(rule.apiGroups, info.group)) return false;
  if (!includes(rule.resources, subresource === "" ? resource : `${resource}/${subresource}`)) return false;
  return namespace === "" ? rule.clusterScope === true : includes(rule.namespaces ?? [], namespace);
}

function coversPath(rule: NonResourcePolicyRule, { verb, path }: RequestInfo): boolean {
  return (
    includes(rule.verbs, verb) &&
    rule.nonResourceURLs.some((url) =>
      url.endsWith("/*") ? path.startsWith(url.slice(0, -1)) : url === "*" || url === path,
    )
  );
}
