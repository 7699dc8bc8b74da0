/** Quotas and limits of a namespace. upstream: pkg/apis/core/validation/validation.go */
import type { LimitRange, LimitRangeItem, ResourceQuota } from "../generated/types/core-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { checkImmutable } from "../meta/field-rules.ts";
import type { Loose } from "../meta/loose.ts";
import { qualifiedNameFaults } from "../meta/names.ts";
import { compareQuantities, formatQuantity, parseQuantity, type Quantity } from "../meta/quantity.ts";
import {
  checkResourceName,
  checkResourceQuantity,
  isOvercommitAllowed,
  readQuantity,
} from "./resource-validation.ts";
import type { ResourceList } from "./resource-list.ts";

const scopes = [
  "Terminating",
  "NotTerminating",
  "BestEffort",
  "NotBestEffort",
  "PriorityClass",
  "CrossNamespacePodAffinity",
  "VolumeAttributesClass",
];

function checkAmounts(list: ResourceList | undefined, path: string, faults: FaultList): void {
  for (const [name, text] of Object.entries(list ?? {})) {
    const at = `${path}[${name}]`;
    checkResourceName(name, at, faults);
    checkResourceQuantity(name, text, at, faults);
  }
}

export function checkResourceQuota({ spec }: Loose<ResourceQuota>, faults: FaultList): void {
  checkAmounts(spec?.hard, "spec.hard", faults);
  for (const scope of spec?.scopes ?? []) {
    if (!scopes.includes(scope)) faults.invalid("spec.scopes", spec?.scopes, "unsupported scope");
  }
  const has = (scope: string): boolean => spec?.scopes?.includes(scope) === true;
  const clashes = [
    ["BestEffort", "NotBestEffort"],
    ["Terminating", "NotTerminating"],
  ] as const;
  for (const [one, other] of clashes) {
    if (has(one) && has(other)) faults.invalid("spec.scopes", spec?.scopes, "conflicting scopes");
  }
}

export function checkResourceQuotaUpdate(
  quota: Loose<ResourceQuota>,
  old: Loose<ResourceQuota>,
  faults: FaultList,
): void {
  checkImmutable(quota.spec?.scopes, old.spec?.scopes, "spec.scopes", faults);
}

export function checkResourceQuotaStatusUpdate(
  { status }: Loose<ResourceQuota>,
  _old: Loose<ResourceQuota>,
  faults: FaultList,
): void {
  checkAmounts(status?.hard, "status.hard", faults);
  checkAmounts(status?.used, "status.used", faults);
}

/** From the least to the most; each may not exceed those after it. */
const rising = ["min", "defaultRequest", "default", "max"] as const;
type Bound = (typeof rising)[number];

const words: Readonly<Record<Bound, string>> = {
  min: "min value",
  defaultRequest: "default request value",
  default: "default value",
  max: "max value",
};

function readBounds(
  item: Loose<LimitRangeItem>,
  path: string,
  faults: FaultList,
): ReadonlyMap<string, Map<Bound, Quantity>> {
  const bounds = new Map<string, Map<Bound, Quantity>>();
  for (const bound of rising) {
    for (const [name, text] of Object.entries(item[bound] ?? {})) {
      const at = `${path}.${bound}[${name}]`;
      checkResourceName(name, at, faults);
      const quantity = readQuantity(text, at, faults);
      if (quantity === undefined) continue;
      const own = bounds.get(name) ?? new Map<Bound, Quantity>();
      bounds.set(name, own.set(bound, quantity));
    }
  }
  return bounds;
}

/** upstream compares each of these, and blames the lower of the two, or the default when there is one. */
const comparisons: readonly (readonly [low: Bound, high: Bound, blamed: Bound])[] = [
  ["min", "max", "min"],
  ["min", "defaultRequest", "defaultRequest"],
  ["defaultRequest", "max", "defaultRequest"],
  ["defaultRequest", "default", "defaultRequest"],
  ["min", "default", "default"],
  ["default", "max", "default"],
];

function checkOrder(own: ReadonlyMap<Bound, Quantity>, path: string, name: string, faults: FaultList): void {
  for (const [low, high, blamed] of comparisons) {
    const a = own.get(low);
    const b = own.get(high);
    if (a === undefined || b === undefined || compareQuantities(a, b) <= 0) continue;
    const shown = own.get(blamed);
    faults.invalid(
      `${path}.${blamed}[${name}]`,
      shown === undefined ? "" : formatQuantity(shown),
      `${words[low]} ${formatQuantity(a)} is greater than ${words[high]} ${formatQuantity(b)}`,
    );
  }
}

function checkRatio(item: Loose<LimitRangeItem>, path: string, faults: FaultList): void {
  for (const [name, text] of Object.entries(item.maxLimitRequestRatio ?? {})) {
    const at = `${path}.maxLimitRequestRatio[${name}]`;
    const ratio = readQuantity(text, at, faults);
    if (ratio !== undefined && compareQuantities(ratio, parseQuantity("1")) < 0) {
      faults.invalid(at, formatQuantity(ratio), `ratio ${formatQuantity(ratio)} is less than 1`);
    }
  }
}

function checkItem(item: Loose<LimitRangeItem>, path: string, faults: FaultList): void {
  checkItemType(item, path, faults);
  for (const [name, own] of readBounds(item, path, faults)) {
    checkOrder(own, path, name, faults);
    checkPromise(own, name, `${path}.defaultRequest[${name}]`, faults);
  }
  checkRatio(item, path, faults);
}

/** What can't be overcommitted must be asked for in full. */
function checkPromise(
  own: ReadonlyMap<Bound, Quantity>,
  name: string,
  path: string,
  faults: FaultList,
): void {
  const [limit, request] = [own.get("default"), own.get("defaultRequest")];
  if (isOvercommitAllowed(name) || limit === undefined) return;
  if (request !== undefined && compareQuantities(limit, request) === 0) return;
  faults.invalid(
    path,
    request === undefined ? "0" : formatQuantity(request),
    `default value ${formatQuantity(limit)} must equal to defaultRequest value in type Container/Pod`,
  );
}

function checkItemType(item: Loose<LimitRangeItem>, path: string, faults: FaultList): void {
  const { type = "" } = item;
  if (type === "Pod") {
    for (const field of ["default", "defaultRequest"] as const) {
      if (Object.keys(item[field] ?? {}).length > 0) {
        faults.forbidden(`${path}.${field}`, "may not be specified when `type` is 'Pod'");
      }
    }
  }
  const hasStorage = item.min?.["storage"] !== undefined || item.max?.["storage"] !== undefined;
  if (type === "PersistentVolumeClaim" && !hasStorage) {
    faults.required(
      `${path}.limits`,
      "either minimum or maximum storage value is required, but neither was provided",
    );
  }
}

export function checkLimitRange({ spec }: Loose<LimitRange>, faults: FaultList): void {
  const types = new Set<string>();
  for (const [index, item] of (spec?.limits ?? []).entries()) {
    const path = `spec.limits[${index}]`;
    const { type = "" } = item;
    faults.messages(`${path}.type`, type, qualifiedNameFaults(type));
    if (!type.includes("/") && !["Pod", "Container", "PersistentVolumeClaim"].includes(type)) {
      faults.invalid(`${path}.type`, type, "must be a standard limit type or fully qualified");
    }
    if (types.has(type)) faults.duplicate(`${path}.type`, type);
    types.add(type);
    checkItem(item, path, faults);
  }
}
