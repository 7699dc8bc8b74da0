/** Conditions as most kinds have them. upstream: apimachinery/pkg/apis/meta/v1/validation/validation.go (ValidateConditions) */
import type { Condition } from "../generated/types/meta-v1.ts";
import type { FaultList } from "./fault-list.ts";
import { checkLabelName } from "./field-rules.ts";
import type { Loose } from "./loose.ts";
import { patternMessage } from "./names.ts";

const statuses = ["False", "True", "Unknown"];
const reasonLengthMax = 1024;
const messageLengthMax = 32 * 1024;
const reasonPattern = "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?";
const reason = new RegExp(`^${reasonPattern}$`);
const reasonMessage = patternMessage(
  "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'",
  reasonPattern,
  "my_name",
  "MY_NAME",
  "MyName",
  "ReasonA,ReasonB",
  "ReasonA:ReasonB",
);

export function checkConditions(
  conditions: readonly Loose<Condition>[] | undefined,
  path: string,
  faults: FaultList,
): void {
  const types = new Set<string>();
  for (const [index, condition] of (conditions ?? []).entries()) {
    const { type = "" } = condition;
    const at = `${path}[${index}]`;
    if (types.has(type)) faults.duplicate(`${at}.type`, type);
    types.add(type);
    checkCondition(condition, at, faults);
  }
}

function checkCondition(condition: Loose<Condition>, at: string, faults: FaultList): void {
  const { type = "", status = "", observedGeneration = 0, lastTransitionTime = "" } = condition;
  checkLabelName(type, `${at}.type`, faults);
  if (!statuses.includes(status)) faults.notSupported(`${at}.status`, status, statuses);
  if (observedGeneration < 0) {
    const text = "must be greater than or equal to zero";
    faults.invalid(`${at}.observedGeneration`, observedGeneration, text);
  }
  if (lastTransitionTime === "") faults.required(`${at}.lastTransitionTime`, "must be set");
  const { reason: why = "", message = "" } = condition;
  if (why === "") faults.required(`${at}.reason`, "must be set");
  else if (!reason.test(why)) faults.invalid(`${at}.reason`, why, reasonMessage);
  if (Buffer.byteLength(why) > reasonLengthMax) faults.tooLong(`${at}.reason`, reasonLengthMax);
  if (Buffer.byteLength(message) > messageLengthMax) faults.tooLong(`${at}.message`, messageLengthMax);
}
