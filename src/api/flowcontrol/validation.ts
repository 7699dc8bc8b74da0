/** Flow schemas. upstream: pkg/apis/flowcontrol/validation/validation.go */
import type {
  FlowSchema,
  FlowSchemaSpec,
  NonResourcePolicyRule,
  PolicyRulesWithSubjects,
  ResourcePolicyRule,
  Subject,
} from "../generated/types/flowcontrol-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { asGoStruct, type GoShape } from "../meta/go-struct.ts";
import { isSame } from "../meta/field-rules.ts";
import type { ValidationsByKind } from "../meta/kind-validation.ts";
import type { Loose } from "../meta/loose.ts";
import { dnsLabelFaults, dnsSubdomainFaults } from "../meta/names.ts";
import { checkLevelConditions, checkPriorityLevel } from "./level-validation.ts";
import { mandatorySchemaSpecs } from "./mandatory-objects.ts";

const precedenceMax = 10_000;
const verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"];
const subjectFields = { Group: "group", ServiceAccount: "serviceAccount", User: "user" } as const;
type SubjectKind = keyof typeof subjectFields;

const isSubjectKind = (kind: string): kind is SubjectKind => Object.hasOwn(subjectFields, kind);

function checkAccount(
  account: NonNullable<Loose<Subject>["serviceAccount"]>,
  path: string,
  faults: FaultList,
): void {
  const { name = "", namespace = "" } = account;
  if (name === "") faults.required(`${path}.name`);
  else if (name !== "*") faults.messages(`${path}.name`, name, dnsSubdomainFaults(name));
  if (namespace === "") faults.required(`${path}.namespace`, "must specify namespace for service account");
  else faults.messages(`${path}.namespace`, namespace, dnsLabelFaults(namespace));
}

function checkSubject(subject: Loose<Subject>, path: string, faults: FaultList): void {
  const { kind = "", serviceAccount } = subject;
  if (!isSubjectKind(kind)) {
    faults.notSupported(`${path}.kind`, kind, Object.keys(subjectFields));
    return;
  }
  const field = subjectFields[kind];
  const own = subject[field];
  if (own === undefined) {
    faults.required(`${path}.${field}`, `${field} is required when subject kind is '${kind}'`);
  } else if (kind === "ServiceAccount" && serviceAccount !== undefined) {
    checkAccount(serviceAccount, `${path}.${field}`, faults);
  } else if ((own.name ?? "") === "") faults.required(`${path}.${field}.name`);
  for (const [otherKind, other] of [
    ["ServiceAccount", "serviceAccount"],
    ["User", "user"],
    ["Group", "group"],
  ] as const) {
    if (otherKind !== kind && subject[other] !== undefined) {
      faults.forbidden(`${path}.${other}`, `${other} is forbidden when subject kind is not '${otherKind}'`);
    }
  }
}

const hasWildcard = (items: readonly string[]): boolean => items.includes("*");

function checkVerbs(given: readonly string[] = [], path: string, faults: FaultList): void {
  if (given.length === 0) faults.required(path, "verbs must contain at least one value");
  else if (hasWildcard(given)) {
    if (given.length > 1) faults.invalid(path, given, "if '*' is present, must not specify other verbs");
  } else if (given.some((verb) => !verbs.includes(verb))) faults.notSupported(path, given, verbs);
}

/** upstream: ValidateNonResourceURLPath */
function urlFault(url: string): string | undefined {
  if (url === "") return "must not be empty";
  if (url === "/") return undefined;
  if (!url.startsWith("/")) return "must start with slash";
  if (url.includes(" ")) return "must not contain white-space";
  if (url.includes("//")) return "must not contain double slash";
  const stars = url.split("*").length - 1;
  const isFine = stars === 0 || (stars === 1 && url.endsWith("/*"));
  return isFine ? undefined : "wildcard can only do suffix matching";
}

function checkNonResourceRule(rule: Loose<NonResourcePolicyRule>, path: string, faults: FaultList): void {
  checkVerbs(rule.verbs, `${path}.verbs`, faults);
  const urls = rule.nonResourceURLs ?? [];
  const at = `${path}.nonResourceURLs`;
  if (urls.length === 0) faults.required(at, "nonResourceURLs must contain at least one value");
  else if (hasWildcard(urls)) {
    if (urls.length > 1) {
      faults.invalid(at, urls, "if '*' is present, must not specify other non-resource URLs");
    }
  } else {
    for (const [index, url] of urls.entries()) {
      const fault = urlFault(url);
      if (fault !== undefined) faults.invalid(`${at}[${index}]`, url, fault);
    }
  }
}

function checkNamespaces(
  { namespaces = [], clusterScope }: Loose<ResourcePolicyRule>,
  path: string,
  faults: FaultList,
): void {
  if (namespaces.length === 0 && clusterScope !== true) {
    faults.required(path, "resource rules that are not cluster scoped must supply at least one namespace");
  } else if (hasWildcard(namespaces)) {
    if (namespaces.length > 1) {
      faults.invalid(path, namespaces, "if '*' is present, must not specify other namespaces");
    }
  } else {
    for (const [index, name] of namespaces.entries()) {
      for (const message of dnsLabelFaults(name)) {
        faults.invalid(
          `${path}[${index}]`,
          name,
          `each member of this list must be '*' or a DNS-1123 label; ${message}`,
        );
      }
    }
  }
}

function checkResourceRule(rule: Loose<ResourcePolicyRule>, path: string, faults: FaultList): void {
  checkVerbs(rule.verbs, `${path}.verbs`, faults);
  for (const [field, one, others] of [
    ["apiGroups", "api group", "api groups"],
    ["resources", "resource", "resources"],
  ] as const) {
    const given = rule[field] ?? [];
    if (given.length === 0) {
      faults.required(`${path}.${field}`, `resource rules must supply at least one ${one}`);
    } else if (given.length > 1 && hasWildcard(given)) {
      faults.invalid(`${path}.${field}`, given, `if '*' is present, must not specify other ${others}`);
    }
  }
  checkNamespaces(rule, `${path}.namespaces`, faults);
}

function checkRule(rule: Loose<PolicyRulesWithSubjects>, path: string, faults: FaultList): void {
  const { subjects = [], resourceRules = [], nonResourceRules = [] } = rule;
  if (subjects.length === 0) faults.required(`${path}.subjects`, "subjects must contain at least one value");
  for (const [index, subject] of subjects.entries()) {
    checkSubject(subject, `${path}.subjects[${index}]`, faults);
  }
  if (resourceRules.length + nonResourceRules.length === 0) {
    faults.required(path, "at least one of resourceRules and nonResourceRules has to be non-empty");
  }
  for (const [index, one] of resourceRules.entries()) {
    checkResourceRule(one, `${path}.resourceRules[${index}]`, faults);
  }
  for (const [index, one] of nonResourceRules.entries()) {
    checkNonResourceRule(one, `${path}.nonResourceRules[${index}]`, faults);
  }
}

function checkPrecedence(precedence: number, name: string, faults: FaultList): void {
  const path = "spec.matchingPrecedence";
  if (precedence <= 0) faults.invalid(path, precedence, "must be a positive value");
  if (precedence > precedenceMax) {
    faults.invalid(path, precedence, `must not be greater than ${precedenceMax}`);
  }
  if (precedence === 1 && name !== "exempt") {
    faults.invalid(path, precedence, "only the schema named 'exempt' may have matchingPrecedence 1");
  }
}

const nameShape: GoShape = { Name: ["name", ""] };
const typeShape: GoShape = { Type: ["type", ""] };
const subjectShape: GoShape = {
  Kind: ["kind", ""],
  User: ["user", null, nameShape],
  Group: ["group", null, nameShape],
  ServiceAccount: ["serviceAccount", null, { Namespace: ["namespace", ""], ...nameShape }],
};
const resourceRuleShape: GoShape = {
  Verbs: ["verbs", null],
  APIGroups: ["apiGroups", null],
  Resources: ["resources", null],
  ClusterScope: ["clusterScope", false],
  Namespaces: ["namespaces", null],
};
const specShape: GoShape = {
  PriorityLevelConfiguration: ["priorityLevelConfiguration", {}, nameShape],
  MatchingPrecedence: ["matchingPrecedence", 0],
  DistinguisherMethod: ["distinguisherMethod", null, typeShape],
  Rules: [
    "rules",
    null,
    {
      Subjects: ["subjects", null, subjectShape],
      ResourceRules: ["resourceRules", null, resourceRuleShape],
      NonResourceRules: [
        "nonResourceRules",
        null,
        { Verbs: ["verbs", null], NonResourceURLs: ["nonResourceURLs", null] },
      ],
    },
  ],
};

function checkSchemaSpec(spec: Loose<FlowSchemaSpec>, name: string, faults: FaultList): void {
  checkPrecedence(spec.matchingPrecedence ?? 0, name, faults);
  const method = spec.distinguisherMethod?.type ?? "";
  if (spec.distinguisherMethod !== undefined && method !== "ByNamespace" && method !== "ByUser") {
    faults.notSupported("spec.distinguisherMethod.type", asGoStruct(spec.distinguisherMethod, typeShape), [
      "ByNamespace",
      "ByUser",
    ]);
  }
  const level = spec.priorityLevelConfiguration?.name ?? "";
  const at = "spec.priorityLevelConfiguration.name";
  if (level === "") faults.required(at, "must reference a priority level");
  else faults.messages(at, level, dnsSubdomainFaults(level));
  for (const [index, rule] of (spec.rules ?? []).entries()) checkRule(rule, `spec.rules[${index}]`, faults);
}

function checkSchema(schema: Loose<FlowSchema>, faults: FaultList): void {
  const name = schema.metadata?.name ?? "";
  checkSchemaSpec(schema.spec ?? {}, name, faults);
  const fixed = mandatorySchemaSpecs().get(name);
  if (fixed !== undefined && !isSame(schema.spec, fixed)) {
    faults.invalid(
      "spec",
      asGoStruct(schema.spec, specShape),
      `spec of '${name}' must equal the fixed value`,
    );
  }
  checkLevelConditions(schema, faults);
}

export const flowcontrolValidations: ValidationsByKind = {
  FlowSchema: {
    check: checkSchema,
    steps: ["metadata", "rules"],
    statusSteps: ["change"],
    onStatusUpdate: (schema: Loose<FlowSchema>, _old, faults) => checkLevelConditions(schema, faults),
  },
  PriorityLevelConfiguration: {
    check: checkPriorityLevel,
    steps: ["metadata", "rules"],
    statusSteps: ["change"],
    onStatusUpdate: (level: Loose<FlowSchema>, _old, faults) => checkLevelConditions(level, faults),
  },
};
