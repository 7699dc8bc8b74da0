/** How much of a capacity a claim may ask for. upstream: pkg/apis/resource/validation/validation.go (validateRequestPolicy) */
import { readQuantity } from "../core/resource-validation.ts";
import type {
  CapacityRequestPolicy,
  CapacityRequestPolicyRange,
  DeviceCapacity,
} from "../generated/types/resource-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import type { Loose } from "../meta/loose.ts";
import {
  addQuantities,
  compareQuantities,
  formatQuantity,
  quantityUnits,
  type Quantity,
} from "../meta/quantity.ts";

const optionsMax = 10;

/** What is asked for where nothing is said, and all there is. */
interface Amounts {
  readonly standard: Quantity;
  readonly capacity: Quantity;
}

const isMore = (a: Quantity, b: Quantity): boolean => compareQuantities(a, b) > 0;

/** Quantities that can't be read are found fault with, and then taken for absent. */
function read(text: string | undefined, path: string, faults: FaultList): Quantity | undefined {
  return text === undefined ? undefined : readQuantity(text, path, faults);
}

export function checkRequestPolicy(
  { value, requestPolicy = {} }: Loose<DeviceCapacity>,
  path: string,
  faults: FaultList,
): void {
  const { validValues = [], validRange } = requestPolicy;
  if (validValues.length > 0 && validRange !== undefined) {
    faults.forbidden(
      path,
      'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time',
    );
    return;
  }
  if (validValues.length === 0 && validRange === undefined) return;
  const which = validRange === undefined ? "validValues" : "validRange";
  if (requestPolicy.default === undefined) {
    faults.required(`${path}.default`, `required when ${which} is defined`);
    return;
  }
  const standard = read(requestPolicy.default, `${path}.default`, faults);
  const capacity = read(value, `${path}.value`, faults);
  if (standard === undefined || capacity === undefined) return;
  const at = `${path}.${which}`;
  if (validRange === undefined) checkValues(requestPolicy, { standard, capacity }, at, faults);
  else checkRange(validRange, { standard, capacity }, at, faults);
}

function checkValues(
  { validValues = [] }: Loose<CapacityRequestPolicy>,
  { standard, capacity }: Amounts,
  path: string,
  faults: FaultList,
): void {
  const values = validValues.flatMap((text, index) => read(text, `${path}[${index}]`, faults) ?? []);
  if (values.length < validValues.length) return;
  for (const [index, value] of values.entries()) {
    const before = values[index - 1];
    if (before !== undefined && compareQuantities(before, value) > 0) {
      faults.invalid(`${path}[${index}]`, formatQuantity(value), "values must be sorted in ascending order");
    }
  }
  if (values.length > optionsMax) faults.tooMany(path, values.length, optionsMax);
  else checkOptions(values, capacity, path, faults);
  const isKnown =
    values.length <= optionsMax && values.some((value) => compareQuantities(value, standard) === 0);
  if (!isKnown) {
    faults.invalid(
      path,
      formatQuantity(standard),
      "default value is not valid according to the requestPolicy",
    );
  }
}

function checkOptions(
  values: readonly Quantity[],
  capacity: Quantity,
  path: string,
  faults: FaultList,
): void {
  const seen = new Set<bigint>();
  for (const [index, value] of values.entries()) {
    if (compareQuantities(value, capacity) <= 0) continue;
    const detail = `option is larger than capacity value: ${formatQuantity(capacity)}`;
    faults.invalid(`${path}[${index}]`, formatQuantity(value), detail);
  }
  for (const [index, value] of values.entries()) {
    const units = quantityUnits(value);
    if (seen.has(units)) faults.duplicate(`${path}[${index}]`, String(units));
    seen.add(units);
  }
}

function checkRange(
  range: Loose<CapacityRequestPolicyRange>,
  { standard, capacity }: Amounts,
  path: string,
  faults: FaultList,
): void {
  if (range.min === undefined) {
    faults.required(`${path}.min`, "required when validRange is defined");
    return;
  }
  const min = read(range.min, `${path}.min`, faults);
  const max = read(range.max, `${path}.max`, faults);
  const step = read(range.step, `${path}.step`, faults);
  if (min === undefined) return;
  const refuse = (field: string, shown: Quantity, text: string, limit: Quantity): void =>
    faults.invalid(`${path}.${field}`, formatQuantity(shown), `${text}: ${formatQuantity(limit)}`);
  if (isMore(min, capacity)) refuse("min", min, "min is larger than capacity value", capacity);
  if (isMore(min, standard)) refuse("min", standard, "default is less than min", min);
  if (max !== undefined) {
    if (isMore(min, max)) refuse("max", min, "min is larger than max", max);
    if (isMore(max, capacity)) refuse("max", max, "max is larger than capacity value", capacity);
    if (isMore(standard, max)) refuse("max", standard, "default is more than max", max);
  }
  if (step === undefined) return;
  const next = addQuantities(min, step);
  if (isMore(next, capacity)) {
    refuse("step", step, `one step ${formatQuantity(next)} is larger than capacity value`, capacity);
  }
  for (const value of max === undefined ? [standard] : [standard, max]) {
    checkStep(value, { min, step }, `${path}.step`, faults);
  }
}

interface Steps {
  readonly min: Quantity;
  readonly step: Quantity;
}

function checkStep(value: Quantity, { min, step }: Steps, path: string, faults: FaultList): void {
  const units = quantityUnits(step);
  // Upstream divides by it.
  if (units === 0n || (quantityUnits(value) - quantityUnits(min)) % units === 0n) return;
  const [every, from] = [formatQuantity(step), formatQuantity(min)];
  faults.invalid(
    path,
    formatQuantity(value),
    `value is not a multiple of a given step (${every}) from (${from})`,
  );
}
