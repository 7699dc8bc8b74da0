/** What happens to a container that ends or is resized. upstream: pkg/apis/core/validation/validation.go (validateContainerRestartPolicy, validateResizePolicy) */
import type { Container, ContainerRestartRule } from "../generated/types/core-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import type { Loose } from "../meta/loose.ts";

const policies = ["Always", "Never", "OnFailure"];
const rulesMax = 20;
const exitCodesMax = 255;

function checkRule(
  { action = "", exitCodes }: Loose<ContainerRestartRule>,
  path: string,
  faults: FaultList,
): void {
  if (action !== "Restart") faults.notSupported(`${path}.action`, action, ["Restart"]);
  if (exitCodes === undefined) {
    faults.required(`${path}.exitCodes`, "must be specified");
    return;
  }
  const { operator = "", values = [] } = exitCodes;
  if (operator !== "In" && operator !== "NotIn") {
    faults.notSupported(`${path}.exitCodes.operator`, operator, ["In", "NotIn"]);
  }
  if (values.length > exitCodesMax) faults.tooMany(`${path}.exitCodes.values`, values.length, exitCodesMax);
}

/** Of a container of the pod, or of one that runs before them. */
export function checkRestart(
  { restartPolicy, restartPolicyRules: rules = [] }: Loose<Container>,
  isInit: boolean,
  path: string,
  faults: FaultList,
): void {
  if (isInit && restartPolicy === "Always") {
    if (rules.length > 0) {
      const detail = "restartPolicyRules are not allowed for init containers with restart policy Always";
      faults.forbidden(`${path}.restartPolicyRules`, detail);
    }
    return;
  }
  if (restartPolicy === undefined) {
    if (rules.length === 0) return;
    faults.required(`${path}.restartPolicy`, "must specify restartPolicy when restart rules are used");
    if (isInit) return;
  } else faults.optionalOneOf(`${path}.restartPolicy`, restartPolicy, policies);
  if (rules.length > rulesMax) faults.tooMany(`${path}.restartPolicyRules`, rules.length, rulesMax);
  for (const [index, rule] of rules.entries()) {
    checkRule(rule, `${path}.restartPolicyRules[${index}]`, faults);
  }
}

/** upstream blames the list for what is wrong with an item. */
export function checkResizePolicies(
  given: Loose<Container>["resizePolicy"],
  podRestart: string | undefined,
  path: string,
  faults: FaultList,
): void {
  const seen = new Set<string>();
  for (const [index, { resourceName = "", restartPolicy = "" }] of (given ?? []).entries()) {
    if (seen.has(resourceName)) faults.duplicate(`${path}[${index}]`, resourceName);
    seen.add(resourceName);
    faults.oneOf(path, resourceName, ["cpu", "memory"]);
    faults.oneOf(path, restartPolicy, ["NotRequired", "RestartContainer"]);
    if (podRestart === "Never" && restartPolicy !== "NotRequired") {
      faults.invalid(path, restartPolicy, "must be 'NotRequired' when `restartPolicy` is 'Never'");
    }
  }
}
