/** Limits of what is in a namespace. upstream: pkg/apis/core/validation/validation.go (ValidateLimitRange) */
import type { LimitRange, LimitRangeItem } from "../generated/types/core-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import type { Loose } from "../meta/loose.ts";
import { qualifiedNameFaults } from "../meta/names.ts";
import {
  compareQuantities,
  formatQuantity,
  parseQuantity,
  quantityUnits,
  type Quantity,
} from "../meta/quantity.ts";
import {
  checkContainerResourceName,
  checkResourceName,
  isOvercommitAllowed,
  readQuantity,
} from "./resource-validation.ts";

type Item = Loose<LimitRangeItem>;
type Bound = "max" | "min" | "default" | "defaultRequest" | "maxLimitRequestRatio";
/** Of one resource. */
type Bounds = ReadonlyMap<Bound, Quantity>;

function checkType(type: string, path: string, faults: FaultList): void {
  const messages = qualifiedNameFaults(type);
  faults.messages(path, type, messages);
  if (messages.length > 0 || type.includes("/")) return;
  if (!["Pod", "Container", "PersistentVolumeClaim"].includes(type)) {
    faults.invalid(path, type, "must be a standard limit type or fully qualified");
  }
}

/** By resource, the bounds that it has; those that the type of the item doesn't have are refused. */
function readBounds(item: Item, path: string, faults: FaultList): ReadonlyMap<string, Bounds> {
  const { type = "" } = item;
  const bounds = new Map<string, Map<Bound, Quantity>>();
  const checkName = type === "Pod" || type === "Container" ? checkContainerResourceName : checkResourceName;
  const read = (bound: Bound): void => {
    for (const [name, text] of Object.entries(item[bound] ?? {})) {
      const at = `${path}.${bound}[${name}]`;
      checkName(name, at, faults);
      const quantity = readQuantity(text, at, faults);
      if (quantity === undefined) continue;
      bounds.set(name, (bounds.get(name) ?? new Map<Bound, Quantity>()).set(bound, quantity));
    }
  };
  read("max");
  read("min");
  for (const bound of ["default", "defaultRequest"] as const) {
    if (type !== "Pod") read(bound);
    else if (Object.keys(item[bound] ?? {}).length > 0) {
      faults.forbidden(`${path}.${bound}`, "may not be specified when `type` is 'Pod'");
    }
  }
  const hasStorage = item.min?.["storage"] !== undefined || item.max?.["storage"] !== undefined;
  if (type === "PersistentVolumeClaim" && !hasStorage) {
    const detail = "either minimum or maximum storage value is required, but neither was provided";
    faults.required(`${path}.limits`, detail);
  }
  read("maxLimitRequestRatio");
  return bounds;
}

const words: Readonly<Record<Bound, string>> = {
  min: "min value",
  defaultRequest: "default request value",
  default: "default value",
  max: "max value",
  maxLimitRequestRatio: "ratio",
};

/** What may not be more than what, which field is blamed, whose value is shown, and what the higher is called there. */
const comparisons: readonly {
  readonly low: Bound;
  readonly high: Bound;
  readonly blamed: Bound;
  readonly shown: Bound;
  readonly highWords?: string;
}[] = [
  { low: "min", high: "max", blamed: "min", shown: "min" },
  { low: "min", high: "defaultRequest", blamed: "defaultRequest", shown: "defaultRequest" },
  { low: "defaultRequest", high: "max", blamed: "defaultRequest", shown: "defaultRequest" },
  {
    low: "defaultRequest",
    high: "default",
    blamed: "defaultRequest",
    shown: "defaultRequest",
    highWords: "default limit value",
  },
  { low: "min", high: "default", blamed: "default", shown: "min" },
  { low: "default", high: "max", blamed: "default", shown: "max" },
];

const shownOf = (own: Bounds, bound: Bound): string => {
  const quantity = own.get(bound);
  return quantity === undefined ? "" : formatQuantity(quantity);
};

function checkOrder(own: Bounds, name: string, path: string, faults: FaultList): void {
  for (const { low, high, blamed, shown, highWords = words[high] } of comparisons) {
    const a = own.get(low);
    const b = own.get(high);
    if (a === undefined || b === undefined || compareQuantities(a, b) <= 0) continue;
    const detail = `${words[low]} ${formatQuantity(a)} is greater than ${highWords} ${formatQuantity(b)}`;
    faults.invalid(`${path}.${blamed}[${name}]`, shownOf(own, shown), detail);
  }
}

/** Below this, upstream counts in thousandths. */
const milliCountedMax = 2n ** 63n / 1000n;

/** As the floating-point numbers that upstream divides. */
function asFloats(quantities: readonly Quantity[]): number[] {
  const isSmall = quantities.every((quantity) => quantityUnits(quantity) < milliCountedMax);
  return quantities.map((quantity) =>
    Number(isSmall ? (quantity.nano + 999_999n) / 1_000_000n : quantityUnits(quantity) * 1000n),
  );
}

function checkRatio(own: Bounds, name: string, path: string, faults: FaultList): void {
  const ratio = own.get("maxLimitRequestRatio");
  if (ratio === undefined) return;
  const at = `${path}.maxLimitRequestRatio[${name}]`;
  const text = formatQuantity(ratio);
  if (compareQuantities(ratio, parseQuantity("1")) < 0) {
    faults.invalid(at, text, `ratio ${text} is less than 1`);
  }
  const [min, max] = [own.get("min"), own.get("max")];
  if (min === undefined || max === undefined) return;
  const [asked = 0, least = 0, most = 0] = asFloats([ratio, min, max]);
  const limit = most / least;
  if (asked / 1000 > limit) {
    faults.invalid(at, text, `ratio ${text} is greater than max/min = ${limit.toFixed(6)}`);
  }
}

/** What can't be overcommitted must be asked for in full. */
function checkPromise(own: Bounds, name: string, path: string, faults: FaultList): void {
  const [limit, request] = [own.get("default"), own.get("defaultRequest")];
  if (isOvercommitAllowed(name) || limit === undefined || request === undefined) return;
  if (compareQuantities(limit, request) === 0) return;
  const [whole, part] = [formatQuantity(limit), formatQuantity(request)];
  const detail = `default value ${whole} must equal to defaultRequest value ${part} in ${name}`;
  faults.invalid(`${path}.defaultRequest[${name}]`, part, detail);
}

export function checkLimitRange({ spec }: Loose<LimitRange>, faults: FaultList): void {
  const types = new Set<string>();
  for (const [index, item] of (spec?.limits ?? []).entries()) {
    const path = `spec.limits[${index}]`;
    const { type = "" } = item;
    checkType(type, `${path}.type`, faults);
    if (types.has(type)) faults.duplicate(`${path}.type`, type);
    types.add(type);
    for (const [name, own] of readBounds(item, path, faults)) {
      checkOrder(own, name, path, faults);
      checkRatio(own, name, path, faults);
      checkPromise(own, name, path, faults);
    }
  }
}
