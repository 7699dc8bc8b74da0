/** Parts that offered and allocated devices share. upstream: pkg/apis/resource/validation/validation.go */
import type { FaultList } from "../meta/fault-list.ts";
import { checkLabelName, repeatedAt } from "../meta/field-rules.ts";
import { dnsSubdomainFaults } from "../meta/names.ts";

const conditionsMax = 4;
const poolNameLengthMax = 253;

interface Bindings {
  readonly bindingConditions?: readonly string[] | undefined;
  readonly bindingFailureConditions?: readonly string[] | undefined;
}

/** upstream: validatePoolName */
export function checkPoolName(name: string, path: string, faults: FaultList): void {
  if (name === "") {
    faults.required(path);
    return;
  }
  if (Buffer.byteLength(name) > poolNameLengthMax) faults.tooLong(path, poolNameLengthMax);
  for (const part of name.split("/")) faults.messages(path, part, dnsSubdomainFaults(part));
}

/** What a device waits for before a pod is bound, and what ends the waiting. upstream: validateDeviceBindingParameters */
export function checkBindings(
  { bindingConditions: waits = [], bindingFailureConditions: ends = [] }: Bindings,
  path: string,
  faults: FaultList,
): void {
  const [waitsAt, endsAt] = [`${path}.bindingConditions`, `${path}.bindingFailureConditions`];
  checkNames(waits, waitsAt, faults);
  checkNames(ends, endsAt, faults);
  checkUnique(waits, waitsAt, faults);
  checkUnique(ends, endsAt, faults);
  for (const [index, condition] of ends.entries()) {
    if (waits.includes(condition)) {
      const text = "bindingFailureConditions must not overlap with bindingConditions";
      faults.invalid(`${endsAt}[${index}]`, condition, text);
    }
  }
  if (waits.length === 0 && ends.length > 0) {
    faults.invalid(waitsAt, null, "bindingConditions are required to use bindingFailureConditions");
  }
  if (ends.length === 0 && waits.length > 0) {
    faults.invalid(endsAt, null, "bindingFailureConditions are required to use bindingConditions");
  }
}

function checkNames(names: readonly string[], path: string, faults: FaultList): void {
  if (names.length > conditionsMax) faults.tooMany(path, names.length, conditionsMax);
  else for (const [index, name] of names.entries()) checkLabelName(name, `${path}[${index}]`, faults);
}

/** That no key comes twice. Looked at when the items are known to be good, each for itself. upstream: validateSet */
export function checkUnique(keys: readonly string[], path: string, faults: FaultList): void {
  for (const index of repeatedAt(keys)) faults.duplicate(`${path}[${index}]`, keys[index]);
}
