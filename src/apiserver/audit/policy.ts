/**
 * What is told of which request: the first rule that fits decides.
 * upstream: apiserver/pkg/audit/policy/{checker,reader}.go, pkg/apis/audit/{v1/types.go,validation}
 */
import { parseYaml } from "#api/codec/yaml.ts";
import { FaultList } from "#api/meta/fault-list.ts";
import { fieldErrorText } from "#api/meta/field-error.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import type { RequestInfo } from "#apiserver/request/info.ts";
import { urlPatternMatches } from "#apiserver/request/url-pattern.ts";

export type AuditLevel = "None" | "Metadata" | "Request" | "RequestResponse";
export type AuditStage = "RequestReceived" | "ResponseStarted" | "ResponseComplete" | "Panic";

interface GroupResources {
  readonly group?: string;
  /** "pods", "pods/log", "pods/*", "*" + "/scale", "*"; empty means all of the group. */
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
}

interface AuditRule {
  readonly level: AuditLevel;
  readonly users?: readonly string[];
  readonly userGroups?: readonly string[];
  readonly verbs?: readonly string[];
  readonly resources?: readonly GroupResources[];
  readonly namespaces?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
  readonly omitStages?: readonly AuditStage[];
  readonly omitManagedFields?: boolean;
}

export interface AuditPolicy {
  readonly rules: readonly AuditRule[];
  readonly omitStages: readonly AuditStage[];
  readonly omitManagedFields: boolean;
}

/** What the policy says of one request. */
export interface AuditDecision {
  readonly level: AuditLevel;
  readonly omitStages: ReadonlySet<AuditStage>;
  readonly omitManagedFields: boolean;
}

const levels: readonly string[] = ["None", "Metadata", "Request", "RequestResponse"] satisfies AuditLevel[];
const stages: readonly string[] = [
  "RequestReceived",
  "ResponseStarted",
  "ResponseComplete",
  "Panic",
] satisfies AuditStage[];

const nothing: AuditDecision = { level: "None", omitStages: new Set(), omitManagedFields: false };

/** `user` is undefined when nobody knows who asks. */
export function decide(policy: AuditPolicy, info: RequestInfo, user: UserInfo | undefined): AuditDecision {
  const rule = policy.rules.find((each) => fits(each, info, user));
  if (rule === undefined || rule.level === "None") return nothing;
  return {
    level: rule.level,
    omitStages: new Set([...policy.omitStages, ...(rule.omitStages ?? [])]),
    omitManagedFields: rule.omitManagedFields ?? policy.omitManagedFields,
  };
}

const fitsAny = (wanted: readonly string[] | undefined, has: (value: string) => boolean): boolean =>
  wanted === undefined || wanted.length === 0 || wanted.some(has);

function fits(rule: AuditRule, info: RequestInfo, user: UserInfo | undefined): boolean {
  const isAsker =
    fitsAny(rule.users, (name) => name === user?.name) &&
    fitsAny(rule.userGroups, (group) => user?.groups.includes(group) === true) &&
    fitsAny(rule.verbs, (verb) => verb === info.verb);
  return isAsker && fitsTarget(rule, info);
}

function fitsTarget(rule: AuditRule, info: RequestInfo): boolean {
  const asksResources = (rule.namespaces?.length ?? 0) + (rule.resources?.length ?? 0) > 0;
  const asksPaths = (rule.nonResourceURLs?.length ?? 0) > 0;
  if (!asksResources && !asksPaths) return true;
  if (!info.isResourceRequest) {
    return asksPaths && fitsAny(rule.nonResourceURLs, (url) => urlPatternMatches(url, info.path));
  }
  return (
    asksResources &&
    fitsAny(rule.namespaces, (namespace) => namespace === info.namespace) &&
    fitsResources(rule.resources ?? [], info)
  );
}

function fitsResources(wanted: readonly GroupResources[], info: RequestInfo): boolean {
  if (wanted.length === 0) return true;
  const { resource, subresource, name } = info;
  const combined = subresource === "" ? resource : `${resource}/${subresource}`;
  return wanted.some(({ group = "", resources = [], resourceNames = [] }) => {
    if (group !== info.group) return false;
    if (resources.length === 0) return true;
    if (resourceNames.length > 0 && !resourceNames.includes(name)) return false;
    return resources.some(
      (each) =>
        each === "*" ||
        each === combined ||
        // The resource itself, too.
        each === `${resource}/*` ||
        (subresource !== "" && each === `*/${subresource}`),
    );
  });
}

export class AuditPolicyError extends Error {
  override readonly name = "AuditPolicyError";
  readonly code = "AUDIT_POLICY";
  constructor(path: string, reason: string, options?: ErrorOptions) {
    super(`audit policy ${path}: ${reason}`, options);
  }
}

/** Throws AuditPolicyError with every fault. */
export function parseAuditPolicy(path: string, text: string): AuditPolicy {
  let value: unknown;
  try {
    value = parseYaml(text);
  } catch (error) {
    throw new AuditPolicyError(path, "is no YAML", { cause: error });
  }
  const { apiVersion, kind, ...policy } = (value ?? {}) as Partial<AuditPolicy> & Record<string, unknown>;
  if (apiVersion !== "audit.k8s.io/v1" || kind !== "Policy") {
    throw new AuditPolicyError(
      path,
      `is ${String(kind)} of ${String(apiVersion)}, must be Policy of audit.k8s.io/v1`,
    );
  }
  const rules: readonly AuditRule[] = Array.isArray(policy.rules) ? policy.rules : [];
  const faults = new FaultList();
  if (rules.length === 0) faults.required("rules", "an audit policy with 0 rules logs nothing");
  checkStages(policy.omitStages, "omitStages", faults);
  for (const [at, rule] of rules.entries()) checkRule(rule, `rules[${at}]`, faults);
  if (faults.count > 0) throw new AuditPolicyError(path, faults.all.map(fieldErrorText).join("; "));
  return {
    rules,
    omitStages: policy.omitStages ?? [],
    omitManagedFields: policy.omitManagedFields === true,
  };
}

function checkStages(given: readonly string[] | undefined, field: string, faults: FaultList): void {
  for (const [at, stage] of (given ?? []).entries()) {
    if (!stages.includes(stage)) {
      faults.invalid(`${field}[${at}]`, stage, `allowed stages are ${stages.join(",")}`);
    }
  }
}

function checkRule(rule: AuditRule, field: string, faults: FaultList): void {
  if (!levels.includes(rule.level)) faults.notSupported(`${field}.level`, rule.level, levels);
  checkStages(rule.omitStages, `${field}.omitStages`, faults);
  const paths = rule.nonResourceURLs ?? [];
  if (paths.length > 0 && (rule.resources?.length ?? 0) + (rule.namespaces?.length ?? 0) > 0) {
    faults.invalid(
      `${field}.nonResourceURLs`,
      paths,
      "rules cannot apply to both regular resources and non-resource URLs",
    );
  }
  for (const [at, url] of paths.entries()) checkPath(url, `${field}.nonResourceURLs[${at}]`, faults);
  for (const [at, each] of (rule.resources ?? []).entries()) {
    checkResources(each, `${field}.resources[${at}]`, faults);
  }
}

function checkPath(url: string, field: string, faults: FaultList): void {
  if (url === "*") return;
  if (!url.startsWith("/")) {
    faults.invalid(field, url, "non-resource URL rules must begin with a '/' character");
  } else if (url.slice(0, -1).includes("*")) {
    faults.invalid(field, url, "non-resource URL wildcards '*' must be the final character of the rule");
  }
}

function checkResources(
  { group = "", resources = [], resourceNames = [] }: GroupResources,
  field: string,
  faults: FaultList,
): void {
  if (group.includes("/")) {
    faults.invalid(`${field}.group`, group, "must be the name of a group, without a version");
  }
  if (resourceNames.length > 0 && resources.length === 0) {
    faults.invalid(
      `${field}.resourceNames`,
      resourceNames,
      "using resourceNames requires at least one resource",
    );
  }
}
