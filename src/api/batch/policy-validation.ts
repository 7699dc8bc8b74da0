/** When a job fails and when it is done. upstream: pkg/apis/batch/validation/validation.go */
import type {
  JobSpec,
  PodFailurePolicyOnExitCodesRequirement,
  PodFailurePolicyOnPodConditionsPattern,
  PodFailurePolicyRule,
  SuccessPolicyRule,
} from "../generated/types/batch-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { omitted } from "../meta/field-error.ts";
import { checkLabelName, checkNonNegative, repeatedAt } from "../meta/field-rules.ts";
import type { Loose } from "../meta/loose.ts";
import { checkIndexes } from "./index-intervals.ts";

const rulesMax = 20;
const exitCodesMax = 255;
const patternsMax = 20;
const indexesLengthMax = 64 * 1024;

const actions = ["Count", "FailIndex", "FailJob", "Ignore"];
const operators = ["In", "NotIn"];
const statuses = ["False", "True", "Unknown"];

const validValues = (values: readonly string[]): string =>
  `valid values: [${values.map((value) => JSON.stringify(value)).join(" ")}]`;

function checkChoice(
  value: string | undefined,
  values: readonly string[],
  path: string,
  faults: FaultList,
): void {
  if (value === undefined || value === "") faults.required(path, validValues(values));
  else if (!values.includes(value)) faults.notSupported(path, value, values);
}

function checkExitCodes(
  requirement: Loose<PodFailurePolicyOnExitCodesRequirement>,
  containers: ReadonlySet<string>,
  path: string,
  faults: FaultList,
): void {
  const { containerName, operator, values = [] } = requirement;
  checkChoice(operator, operators, `${path}.operator`, faults);
  if (containerName !== undefined && !containers.has(containerName)) {
    faults.invalid(
      `${path}.containerName`,
      containerName,
      "must be one of the container or initContainer names in the pod template",
    );
  }
  const at = `${path}.values`;
  if (values.length === 0) faults.invalid(at, values, "at least one value is required");
  else if (values.length > exitCodesMax) faults.tooMany(at, values.length, exitCodesMax);
  const repeated = repeatedAt(values);
  for (const [index, value] of values.entries()) {
    if (operator === "In" && value === 0) {
      faults.invalid(`${at}[${index}]`, value, "must not be 0 for the In operator");
    }
    if (repeated.has(index)) faults.duplicate(`${at}[${index}]`, value);
  }
  const isOrdered = values.every((value, index) => index === 0 || (values[index - 1] ?? value) <= value);
  if (!isOrdered) faults.invalid(at, values, "must be ordered");
}

function checkPatterns(
  patterns: readonly Loose<PodFailurePolicyOnPodConditionsPattern>[],
  path: string,
  faults: FaultList,
): void {
  if (patterns.length > patternsMax) faults.tooMany(path, patterns.length, patternsMax);
  for (const [index, { type = "", status }] of patterns.entries()) {
    checkLabelName(type, `${path}[${index}].type`, faults);
    checkChoice(status, statuses, `${path}[${index}].status`, faults);
  }
}

function checkFailureRule(
  rule: Loose<PodFailurePolicyRule>,
  spec: Loose<JobSpec>,
  path: string,
  faults: FaultList,
): void {
  const { action, onExitCodes, onPodConditions = [] } = rule;
  checkChoice(action, actions, `${path}.action`, faults);
  if (action === "FailIndex" && spec.backoffLimitPerIndex === undefined) {
    faults.invalid(`${path}.action`, action, "requires the backoffLimitPerIndex to be set");
  }
  const { containers = [], initContainers = [] } = spec.template?.spec ?? {};
  const names = new Set([...containers, ...initContainers].map(({ name = "" }) => name));
  if (onExitCodes !== undefined) checkExitCodes(onExitCodes, names, `${path}.onExitCodes`, faults);
  if (onPodConditions.length > 0) checkPatterns(onPodConditions, `${path}.onPodConditions`, faults);
  if (onExitCodes !== undefined && onPodConditions.length > 0) {
    faults.invalid(path, omitted, "specifying both OnExitCodes and OnPodConditions is not supported");
  } else if (onExitCodes === undefined && onPodConditions.length === 0) {
    faults.invalid(path, omitted, "specifying one of OnExitCodes and OnPodConditions is required");
  }
}

export function checkFailurePolicy(spec: Loose<JobSpec>, path: string, faults: FaultList): void {
  if (spec.podFailurePolicy === undefined) return;
  const rules = spec.podFailurePolicy.rules ?? [];
  const at = `${path}.podFailurePolicy.rules`;
  if (rules.length > rulesMax) faults.tooMany(at, rules.length, rulesMax);
  for (const [index, rule] of rules.entries()) checkFailureRule(rule, spec, `${at}[${index}]`, faults);
}

function checkSuccessRule(
  { succeededIndexes, succeededCount }: Loose<SuccessPolicyRule>,
  completions: number,
  path: string,
  faults: FaultList,
): void {
  if (succeededIndexes === undefined && succeededCount === undefined) {
    faults.required(path, "at least one of succeededCount or succeededIndexes must be specified");
  }
  const at = `${path}.succeededCount`;
  let total: number | undefined;
  if (succeededIndexes !== undefined) {
    const field = `${path}.succeededIndexes`;
    if (succeededIndexes.length > indexesLengthMax) faults.tooLong(field, indexesLengthMax);
    const result = checkIndexes(succeededIndexes, completions);
    total = typeof result === "number" ? result : 0;
    if (typeof result !== "number") {
      faults.invalid(field, succeededIndexes, `error parsing succeededIndexes: ${result.fault}`);
    }
  }
  if (succeededCount === undefined) return;
  checkNonNegative(succeededCount, at, faults);
  if (succeededCount > completions) {
    faults.invalid(
      at,
      succeededCount,
      `must be less than or equal to ${completions} (the number of specified completions)`,
    );
  }
  if (total !== undefined && succeededCount > total) {
    faults.invalid(
      at,
      succeededCount,
      `must be less than or equal to ${total} (the number of indexes in the specified succeededIndexes field)`,
    );
  }
}

export function checkSuccessPolicy(spec: Loose<JobSpec>, path: string, faults: FaultList): void {
  if (spec.successPolicy === undefined) return;
  const at = `${path}.successPolicy`;
  if (spec.completionMode !== "Indexed") {
    faults.invalid(at, omitted, "requires indexed completion mode");
    return;
  }
  const rules = spec.successPolicy.rules ?? [];
  if (rules.length === 0) {
    faults.required(
      `${at}.rules`,
      "at least one rules must be specified when the successPolicy is specified",
    );
  }
  if (rules.length > rulesMax) faults.tooMany(`${at}.rules`, rules.length, rulesMax);
  for (const [index, rule] of rules.entries()) {
    checkSuccessRule(rule, spec.completions ?? 0, `${at}.rules[${index}]`, faults);
  }
}
