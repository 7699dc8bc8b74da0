/**
 * Names of resources and amounts of them. upstream: pkg/apis/core/validation/validation.go
 * (ValidateContainerResourceRequirements, validateResourceName), pkg/apis/core/helper/helpers.go
 */
import type { ResourceRequirements } from "../generated/types/core-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { negativeMessage } from "../meta/field-rules.ts";
import type { Loose } from "../meta/loose.ts";
import { qualifiedNameFaults } from "../meta/names.ts";
import {
  compareQuantities,
  formatQuantity,
  parseQuantity,
  quantityIsWhole,
  QuantityError,
  type Quantity,
} from "../meta/quantity.ts";

const hugePagesPrefix = "hugepages-";
const containerResources = new Set(["cpu", "memory", "ephemeral-storage"]);
const countedResources = new Set([
  "pods",
  "services",
  "replicationcontrollers",
  "resourcequotas",
  "secrets",
  "configmaps",
  "persistentvolumeclaims",
  "services.nodeports",
  "services.loadbalancers",
]);
/** Meaningful in quotas and limits as well as in pods. */
const standardResources = new Set([
  ...containerResources,
  ...countedResources,
  "storage",
  ...["cpu", "memory", "ephemeral-storage", "storage"].map((name) => `requests.${name}`),
  ...["cpu", "memory", "ephemeral-storage"].map((name) => `limits.${name}`),
]);

/** upstream: pkg/apis/core/helper/helpers.go (IsStandardQuotaResourceName) */
const quotaResources = new Set([
  ...containerResources,
  ...countedResources,
  ...["cpu", "memory", "ephemeral-storage", "storage"].map((name) => `requests.${name}`),
  ...["cpu", "memory", "ephemeral-storage"].map((name) => `limits.${name}`),
]);

export const isHugePages = (name: string): boolean => name.startsWith(hugePagesPrefix);
const isNative = (name: string): boolean => !name.includes("/") || name.includes("kubernetes.io/");
export const isExtendedResource = (name: string): boolean =>
  !isNative(name) && !name.startsWith("requests.") && qualifiedNameFaults(`requests.${name}`).length === 0;
/** More of it may be promised than there is. */
export const isOvercommitAllowed = (name: string): boolean => isNative(name) && !isHugePages(name);
const isCounted = (name: string): boolean => countedResources.has(name) || isExtendedResource(name);

const isStandard = (name: string): boolean =>
  standardResources.has(name) || isHugePages(name) || name.startsWith(`requests.${hugePagesPrefix}`);

/** A quantity, or undefined with a fault. */
export function readQuantity(text: unknown, path: string, faults: FaultList): Quantity | undefined {
  try {
    return parseQuantity(String(text));
  } catch (error) {
    if (!(error instanceof QuantityError)) throw error;
    faults.invalid(path, text, error.message);
    return undefined;
  }
}

export const isQuotaResource = (name: string): boolean =>
  quotaResources.has(name) || isHugePages(name) || name.startsWith(`requests.${hugePagesPrefix}`);

/** upstream: ValidateResourceQuotaResourceName */
export function checkQuotaResourceName(name: string, path: string, faults: FaultList): void {
  checkResourceName(name, path, faults);
  if (!name.includes("/") && !isQuotaResource(name)) {
    faults.invalid(path, name, "must be a standard resource for quota");
  }
}

/** upstream: validateResourceName */
export function checkResourceName(name: string, path: string, faults: FaultList): boolean {
  const messages = qualifiedNameFaults(name);
  faults.messages(path, name, messages);
  if (messages.length > 0) return false;
  if (name.includes("/") || isStandard(name)) return true;
  faults.invalid(path, name, "must be a standard resource type or fully qualified");
  return false;
}

export function checkContainerResourceName(name: string, path: string, faults: FaultList): void {
  checkResourceName(name, path, faults);
  if (!name.includes("/")) {
    if (!containerResources.has(name) && !isHugePages(name)) {
      faults.invalid(path, name, "must be a standard resource for containers");
    }
  } else if (!isNative(name) && !isExtendedResource(name)) {
    faults.invalid(path, name, "doesn't follow extended resource name standard");
  }
}

/** upstream: ValidateResourceQuantityValue */
export function checkResourceQuantity(
  name: string,
  text: string,
  path: string,
  faults: FaultList,
): Quantity | undefined {
  const quantity = readQuantity(text, path, faults);
  if (quantity === undefined) return undefined;
  if (quantity.nano < 0n) faults.invalid(path, formatQuantity(quantity), negativeMessage);
  if (isCounted(name) && !quantityIsWhole(quantity)) {
    faults.invalid(path, formatQuantity(quantity), "must be an integer");
  }
  return quantity;
}

/** Whole pages, and what a page is can be told. upstream: IsHugePageResourceValueDivisible */
function areWholePages(name: string, { nano }: Quantity): boolean {
  try {
    const page = parseQuantity(name.slice(hugePagesPrefix.length));
    return page.nano > 0n && quantityIsWhole(page) && nano % page.nano === 0n;
  } catch (error) {
    if (error instanceof QuantityError) return false;
    throw error;
  }
}

/** Of a container or pod. */
function checkAmount(name: string, text: string, path: string, faults: FaultList): Quantity | undefined {
  const quantity = checkResourceQuantity(name, text, path, faults);
  if (quantity !== undefined && isHugePages(name) && !areWholePages(name, quantity)) {
    const shown = formatQuantity(quantity);
    faults.ratcheting("hugePages", (found) => {
      found.invalid(path, shown, `${shown} is not positive integer multiple of ${name}`);
    });
  }
  return quantity;
}

function checkRequest(
  { name, request, limit }: { name: string; request: Quantity; limit: Quantity | undefined },
  { limits, requests }: { limits: string; requests: string },
  faults: FaultList,
): void {
  if (limit === undefined) {
    if (!isOvercommitAllowed(name)) {
      faults.required(limits, "Limit must be set for non overcommitable resources");
    }
    return;
  }
  const order = compareQuantities(request, limit);
  if (order === 0 || (order < 0 && isOvercommitAllowed(name))) return;
  const [shown, most] = [formatQuantity(request), formatQuantity(limit)];
  const how = isOvercommitAllowed(name) ? "less than or equal" : "equal";
  faults.invalid(requests, shown, `must be ${how} to ${name} limit of ${most}`);
}

/** upstream: validateResourceRequirements */
export function checkContainerResources(
  resources: Loose<ResourceRequirements> | undefined,
  path: string,
  faults: FaultList,
  checkName: (name: string, path: string, faults: FaultList) => void = checkContainerResourceName,
): void {
  if (resources === undefined) return;
  const { limits = {}, requests = {} } = resources;
  const paths = { limits: `${path}.limits`, requests: `${path}.requests` };
  const limitOf = new Map<string, Quantity>();
  for (const [name, text] of Object.entries(limits)) {
    const at = `${paths.limits}[${name}]`;
    checkName(name, at, faults);
    const quantity = checkAmount(name, text, at, faults);
    if (quantity !== undefined) limitOf.set(name, quantity);
  }
  for (const [name, text] of Object.entries(requests)) {
    const at = `${paths.requests}[${name}]`;
    checkName(name, at, faults);
    const request = checkAmount(name, text, at, faults);
    if (request !== undefined) checkRequest({ name, request, limit: limitOf.get(name) }, paths, faults);
  }
  const names = [...Object.keys(limits), ...Object.keys(requests)];
  if (names.some(isHugePages) && !names.includes("cpu") && !names.includes("memory")) {
    faults.forbidden(path, "HugePages require cpu or memory");
  }
}
