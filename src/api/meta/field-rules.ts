/**
 * Rules that fields of many kinds share.
 * upstream: apimachinery/pkg/api/validation/generic.go, apimachinery/pkg/apis/meta/v1/validation/validation.go,
 * pkg/apis/core/validation/validation.go, pkg/apis/apps/validation/validation.go
 */
import { ownValue } from "#base/own-value.ts";
import type { FaultList } from "./fault-list.ts";
import { percentOf, type IntOrString } from "./int-or-string.ts";
import type { Labels, LabelSelectorSpec } from "./labels.ts";
import {
  dnsLabelFaults,
  dnsSubdomainFaults,
  labelValueFaults,
  patternMessage,
  percentFaults,
  portNameFaults,
  portNumberFaults,
  qualifiedNameFaults,
} from "./names.ts";

export const negativeMessage = "must be greater than or equal to 0";
export const immutableMessage = "field is immutable";

export function checkNonNegative(value: number | bigint | undefined, path: string, faults: FaultList): void {
  if (value !== undefined && value < 0) faults.invalid(path, value, negativeMessage);
}

/** The places of what has come before. In one pass: a client's list is as long as a request may be. */
export function repeatedAt(values: readonly unknown[]): ReadonlySet<number> {
  const seen = new Set<unknown>();
  const places = new Set<number>();
  for (const [index, value] of values.entries()) {
    if (seen.has(value)) places.add(index);
    seen.add(value);
  }
  return places;
}

type Fields = Readonly<Record<string, unknown>>;

/** A list without items is the same to Go as none, and so here; a struct without fields isn't. */
const isAbsent = (value: unknown): boolean =>
  value === undefined || value === null || (Array.isArray(value) && value.length === 0);

export function isSame(value: unknown, old: unknown): boolean {
  if (value === old) return true;
  if (isAbsent(value) || isAbsent(old)) return isAbsent(value) && isAbsent(old);
  if (typeof value !== "object" || typeof old !== "object") return false;
  if (Array.isArray(value) || Array.isArray(old)) {
    return Array.isArray(value) && Array.isArray(old) && isSameList(value, old);
  }
  return isSameStruct(value as Fields, old as Fields);
}

function isSameList(items: readonly unknown[], old: readonly unknown[]): boolean {
  if (items.length !== old.length) return false;
  for (let at = 0; at < items.length; at++) if (!isSame(items[at], old[at])) return false;
  return true;
}

function isSameStruct(fields: Fields, old: Fields): boolean {
  for (const name in fields) {
    if (!isSame(fields[name], ownValue(old, name))) return false;
  }
  for (const name in old) if (!Object.hasOwn(fields, name) && !isAbsent(old[name])) return false;
  return true;
}

export function checkImmutable(value: unknown, old: unknown, path: string, faults: FaultList): void {
  if (!isSame(value, old)) faults.invalid(path, value, immutableMessage);
}

export function checkDnsLabel(value: string, path: string, faults: FaultList): void {
  faults.messages(path, value, dnsLabelFaults(value));
}

export function checkLabelName(value: string, path: string, faults: FaultList): void {
  faults.messages(path, value, qualifiedNameFaults(value));
}

export function checkLabels(labels: Labels | undefined, path: string, faults: FaultList): void {
  for (const [key, value] of Object.entries(labels ?? {})) {
    checkLabelName(key, path, faults);
    faults.messages(path, value, labelValueFaults(value));
  }
}

/** upstream: ValidatePortNumOrName. An absent port is the number 0. */
export function checkPort(port: IntOrString | undefined, path: string, faults: FaultList): void {
  const value = port ?? 0;
  faults.messages(path, value, typeof value === "number" ? portNumberFaults(value) : portNameFaults(value));
}

export function checkIntOrPercent(value: IntOrString | undefined, path: string, faults: FaultList): void {
  if (typeof value === "string") faults.messages(path, value, percentFaults(value));
  else checkNonNegative(value, path, faults);
}

export function checkAtMost100Percent(value: IntOrString | undefined, path: string, faults: FaultList): void {
  const percent = value === undefined ? undefined : percentOf(value);
  if (percent !== undefined && percent > 100) faults.invalid(path, value, "must not be greater than 100%");
}

/** Whether a number or percentage says none at all. */
export const saysNone = (value: IntOrString | undefined): boolean =>
  value === undefined || value === 0 || percentOf(value) === 0;

const urlPathPattern = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";
const urlPath = new RegExp(`^${urlPathPattern}$`);

/** upstream: apimachinery/pkg/util/validation/validation.go (IsDomainPrefixedPath) */
export function checkDomainPrefixedPath(value: string, path: string, faults: FaultList): void {
  if (value === "") {
    faults.required(path);
    return;
  }
  const slash = value.indexOf("/");
  const [host, rest] = [value.slice(0, Math.max(0, slash)), value.slice(slash + 1)];
  if (slash < 0 || host === "" || rest === "") {
    faults.invalid(path, value, 'must be a domain-prefixed path (such as "acme.io/foo")');
    return;
  }
  faults.messages(path, host, dnsSubdomainFaults(host));
  if (!urlPath.test(rest)) faults.invalid(path, rest, patternMessage("Invalid path", urlPathPattern));
}

type Expression = NonNullable<LabelSelectorSpec["matchExpressions"]>[number];

export const valuesNeeded = "must be specified when `operator` is 'In' or 'NotIn'";
export const valuesForbidden = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";

function checkExpression({ key = "", operator, values }: Expression, path: string, faults: FaultList): void {
  const count = (values ?? []).length;
  switch (operator) {
    case "In":
    case "NotIn":
      if (count === 0) faults.required(`${path}.values`, valuesNeeded);
      break;
    case "Exists":
    case "DoesNotExist":
      if (count > 0) faults.forbidden(`${path}.values`, valuesForbidden);
      break;
    case undefined:
    default:
      faults.invalid(`${path}.operator`, operator ?? "", "not a valid selector operator");
  }
  checkLabelName(key, `${path}.key`, faults);
  faults.ratcheting("selectorValues", (found) => {
    for (const [index, value] of (values ?? []).entries()) {
      found.messages(`${path}.values[${index}]`, value, labelValueFaults(value));
    }
  });
}

export function checkLabelSelector(
  selector: LabelSelectorSpec | undefined,
  path: string,
  faults: FaultList,
): void {
  if (selector === undefined) return;
  checkLabels(selector.matchLabels, `${path}.matchLabels`, faults);
  for (const [index, expression] of (selector.matchExpressions ?? []).entries()) {
    checkExpression(expression, `${path}.matchExpressions[${index}]`, faults);
  }
}

export const isEmptySelector = (selector: LabelSelectorSpec): boolean =>
  Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length === 0;
