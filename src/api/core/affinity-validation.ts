/** Where a pod may run: affinity, tolerations, spreading. upstream: pkg/apis/core/validation/validation.go */
import type {
  Affinity,
  NodeAffinity,
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodAffinity,
  PodAffinityTerm,
  Toleration,
  TopologySpreadConstraint,
} from "../generated/types/core-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import type { GoShape } from "../meta/go-struct.ts";
import { checkLabelName, checkLabelSelector, valuesForbidden, valuesNeeded } from "../meta/field-rules.ts";
import type { Loose } from "../meta/loose.ts";
import { dnsLabelFaults, dnsSubdomainFaults, labelValueFaults } from "../meta/names.ts";

export const taintEffects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
const required = "requiredDuringSchedulingIgnoredDuringExecution";
const preferred = "preferredDuringSchedulingIgnoredDuringExecution";

function checkRequirement(
  one: Loose<NodeSelectorRequirement>,
  isPreferred: boolean,
  path: string,
  faults: FaultList,
): void {
  const { key = "", operator, values = [] } = one;
  switch (operator) {
    case "In":
    case "NotIn":
      if (values.length === 0) faults.required(`${path}.values`, valuesNeeded);
      break;
    case "Exists":
    case "DoesNotExist":
      if (values.length > 0) faults.forbidden(`${path}.values`, valuesForbidden);
      break;
    case "Gt":
    case "Lt":
      if (values.length !== 1) {
        faults.required(`${path}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'");
      }
      break;
    case undefined:
    default:
      faults.invalid(`${path}.operator`, operator ?? "", "not a valid selector operator");
  }
  checkLabelName(key, `${path}.key`, faults);
  // A preference that no node can meet does no harm.
  if (isPreferred) return;
  faults.ratcheting("nodeAffinityValues", (found) => {
    for (const [index, value] of values.entries()) {
      found.messages(`${path}.values[${index}]`, value, labelValueFaults(value));
    }
  });
}

function checkFieldRequirement(one: Loose<NodeSelectorRequirement>, path: string, faults: FaultList): void {
  const { key = "", operator, values = [] } = one;
  if (operator !== "In" && operator !== "NotIn") {
    faults.invalid(`${path}.operator`, operator ?? "", "not a valid selector operator");
  } else if (values.length !== 1) {
    faults.required(
      `${path}.values`,
      "must be only one value when `operator` is 'In' or 'NotIn' for node field selector",
    );
  }
  if (key !== "metadata.name") {
    faults.invalid(`${path}.key`, key, "not a valid field selector key");
    return;
  }
  for (const [index, value] of values.entries()) {
    faults.messages(`${path}.values[${index}]`, value, dnsSubdomainFaults(value));
  }
}

function checkTerm(
  term: Loose<NodeSelectorTerm>,
  isPreferred: boolean,
  path: string,
  faults: FaultList,
): void {
  for (const [index, one] of (term.matchExpressions ?? []).entries()) {
    checkRequirement(one, isPreferred, `${path}.matchExpressions[${index}]`, faults);
  }
  for (const [index, one] of (term.matchFields ?? []).entries()) {
    checkFieldRequirement(one, `${path}.matchFields[${index}]`, faults);
  }
}

/** upstream: ValidateNodeSelector */
export function checkNodeSelector(selector: Loose<NodeSelector>, path: string, faults: FaultList): void {
  const terms = selector.nodeSelectorTerms ?? [];
  const at = `${path}.nodeSelectorTerms`;
  if (terms.length === 0) faults.required(at, "must have at least one node selector term");
  for (const [index, term] of terms.entries()) checkTerm(term, false, `${at}[${index}]`, faults);
}

function checkWeight(weight: number | undefined, path: string, faults: FaultList): void {
  if (weight === undefined || weight < 1 || weight > 100) {
    faults.invalid(`${path}.weight`, weight ?? 0, "must be in the range 1-100");
  }
}

function checkNodeAffinity(affinity: Loose<NodeAffinity>, path: string, faults: FaultList): void {
  const must = affinity[required];
  if (must !== undefined) checkNodeSelector(must, `${path}.${required}`, faults);
  for (const [index, { weight, preference }] of (affinity[preferred] ?? []).entries()) {
    const at = `${path}.${preferred}[${index}]`;
    checkWeight(weight, at, faults);
    checkTerm(preference ?? {}, true, `${at}.preference`, faults);
  }
}

function checkPodTerm(term: Loose<PodAffinityTerm> | undefined, path: string, faults: FaultList): void {
  const { labelSelector, namespaceSelector, namespaces = [], topologyKey = "" } = term ?? {};
  checkLabelSelector(labelSelector, `${path}.labelSelector`, faults);
  checkLabelSelector(namespaceSelector, `${path}.namespaceSelector`, faults);
  for (const name of namespaces) faults.messages(`${path}.namespace`, name, dnsLabelFaults(name));
  checkLabelKeys(term ?? {}, path, faults);
  if (topologyKey === "") faults.required(`${path}.topologyKey`, "can not be empty");
  checkLabelName(topologyKey, `${path}.topologyKey`, faults);
}

function checkPodAffinity(affinity: Loose<PodAffinity>, path: string, faults: FaultList): void {
  for (const [index, term] of (affinity[required] ?? []).entries()) {
    checkPodTerm(term, `${path}.${required}[${index}]`, faults);
  }
  for (const [index, { weight, podAffinityTerm }] of (affinity[preferred] ?? []).entries()) {
    const at = `${path}.${preferred}[${index}]`;
    checkWeight(weight, at, faults);
    checkPodTerm(podAffinityTerm, `${at}.podAffinityTerm`, faults);
  }
}

export function checkAffinity(affinity: Loose<Affinity> | undefined, path: string, faults: FaultList): void {
  const { nodeAffinity, podAffinity, podAntiAffinity } = affinity ?? {};
  if (nodeAffinity !== undefined) checkNodeAffinity(nodeAffinity, `${path}.nodeAffinity`, faults);
  if (podAffinity !== undefined) checkPodAffinity(podAffinity, `${path}.podAffinity`, faults);
  if (podAntiAffinity !== undefined) checkPodAffinity(podAntiAffinity, `${path}.podAntiAffinity`, faults);
}

function checkTolerationValue(toleration: Loose<Toleration>, path: string, faults: FaultList): void {
  const { operator = "", value = "" } = toleration;
  if (operator === "Exists") {
    if (value !== "") {
      faults.invalid(`${path}.operator`, value, "value must be empty when `operator` is 'Exists'");
    }
  } else if (operator === "" || operator === "Equal") {
    const messages = labelValueFaults(value);
    if (messages.length > 0) faults.invalid(`${path}.operator`, value, messages.join(";"));
  } else faults.notSupported(`${path}.operator`, operator, ["Equal", "Exists"]);
}

/** As messages show them. */
export const tolerationShape: GoShape = {
  Key: ["key", ""],
  Operator: ["operator", ""],
  Value: ["value", ""],
  Effect: ["effect", ""],
  TolerationSeconds: ["tolerationSeconds", null],
};

export function checkTolerations(
  tolerations: readonly Loose<Toleration>[] = [],
  path: string,
  faults: FaultList,
): void {
  for (const [index, toleration] of tolerations.entries()) {
    const at = `${path}[${index}]`;
    const { key = "", operator = "", effect = "", tolerationSeconds } = toleration;
    if (key !== "") checkLabelName(key, `${at}.key`, faults);
    if (key === "" && operator !== "Exists") {
      faults.invalid(
        `${at}.operator`,
        operator,
        'operator must be Exists when `key` is empty, which means "match all values and all keys"',
      );
    }
    if (tolerationSeconds !== undefined && effect !== "NoExecute") {
      faults.invalid(`${at}.effect`, effect, "effect must be 'NoExecute' when `tolerationSeconds` is set");
    }
    checkTolerationValue(toleration, at, faults);
    if (effect !== "") faults.optionalOneOf(`${at}.effect`, effect, taintEffects);
  }
}

const pairOf = ({ topologyKey = "", whenUnsatisfiable = "" }: Loose<TopologySpreadConstraint>): string =>
  `{${topologyKey}, ${whenUnsatisfiable}}`;

/** `isRepeated`: by one that comes after it. */
function checkConstraint(
  one: Loose<TopologySpreadConstraint>,
  isRepeated: boolean,
  path: string,
  faults: FaultList,
): void {
  const { maxSkew = 0, topologyKey = "", whenUnsatisfiable = "", minDomains } = one;
  if (maxSkew <= 0) faults.invalid(`${path}.maxSkew`, maxSkew, "must be greater than zero");
  if (topologyKey === "") faults.required(`${path}.topologyKey`, "can not be empty");
  faults.optionalOneOf(`${path}.whenUnsatisfiable`, whenUnsatisfiable, ["DoNotSchedule", "ScheduleAnyway"]);
  if (isRepeated) faults.duplicate(`${path}.{topologyKey, whenUnsatisfiable}`, pairOf(one));
  if (minDomains !== undefined) {
    if (minDomains <= 0) faults.invalid(`${path}.minDomains`, minDomains, "must be greater than zero");
    if (whenUnsatisfiable !== "DoNotSchedule") {
      faults.invalid(
        `${path}.minDomains`,
        minDomains,
        `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`,
      );
    }
  }
  faults.optionalOneOf(`${path}.nodeAffinityPolicy`, one.nodeAffinityPolicy, ["Honor", "Ignore"]);
  faults.optionalOneOf(`${path}.nodeTaintsPolicy`, one.nodeTaintsPolicy, ["Honor", "Ignore"]);
  faults.ratcheting("matchLabelKeys", (found) => {
    checkLabelKeys(one, path, found);
  });
  faults.ratcheting("spreadSelector", (found) => {
    checkLabelSelector(one.labelSelector, `${path}.labelSelector`, found);
  });
}

type WithLabelKeys = Loose<Pick<PodAffinityTerm, "labelSelector" | "matchLabelKeys" | "mismatchLabelKeys">>;

/** A pod's selector has been completed by now: a key that is there twice was in it before. */
function checkRepeatedKeys(
  { matchLabelKeys = [], labelSelector }: WithLabelKeys,
  path: string,
  faults: FaultList,
): void {
  const seen = new Set(Object.keys(labelSelector?.matchLabels ?? {}));
  // Not searched for one by one: who sends very many of both would keep everybody waiting.
  const places = new Map(matchLabelKeys.map((key, index) => [key, index]));
  for (const { key = "" } of labelSelector?.matchExpressions ?? []) {
    const index = places.get(key);
    if (index !== undefined && seen.has(key)) {
      faults.invalid(`${path}[${index}]`, key, "exists in both matchLabelKeys and labelSelector");
    }
    seen.add(key);
  }
}

/** upstream: ValidateMatchLabelKeysAndMismatchLabelKeys */
function checkLabelKeys(given: WithLabelKeys, path: string, faults: FaultList): void {
  const { matchLabelKeys = [], mismatchLabelKeys = [], labelSelector } = given;
  for (const [field, keys] of Object.entries({ matchLabelKeys, mismatchLabelKeys })) {
    if (keys.length > 0 && labelSelector === undefined) {
      faults.forbidden(`${path}.${field}`, "must not be specified when labelSelector is not set");
      continue;
    }
    for (const [index, key] of keys.entries()) checkLabelName(key, `${path}.${field}[${index}]`, faults);
  }
  checkRepeatedKeys(given, path, faults);
  const mismatched = new Set(mismatchLabelKeys);
  for (const [index, key] of matchLabelKeys.entries()) {
    if (mismatched.has(key)) {
      const at = `${path}.matchLabelKeys[${index}]`;
      faults.invalid(at, key, "exists in both matchLabelKeys and mismatchLabelKeys");
    }
  }
}

export function checkSpread(
  constraints: readonly Loose<TopologySpreadConstraint>[] = [],
  path: string,
  faults: FaultList,
): void {
  const last = new Map(constraints.map((one, index) => [pairOf(one), index]));
  for (const [index, one] of constraints.entries()) {
    checkConstraint(one, last.get(pairOf(one)) !== index, `${path}[${index}]`, faults);
  }
}
