/** Requests and limits as environment and files. upstream: pkg/api/v1/resource/helpers.go ExtractContainerResourceValue */
import type { Container, ResourceFieldSelector } from "#api/generated/types/core-v1.ts";
import { quantityMilli, quantityOf } from "#api/meta/quantity.ts";

/** What a container without a limit could use at most, by resource name. */
export type NodeAllocatable = Readonly<Record<string, string>>;

const inherits = new Set(["cpu", "memory", "ephemeral-storage"]);

/** Whole multiples of the divisor, rounded up. Undefined for a name that doesn't exist. */
export function resourceValue(
  { resource, divisor }: ResourceFieldSelector,
  container: Container,
  allocatable: NodeAllocatable,
): string | undefined {
  const [, kind, name = ""] = /^(limits|requests)\.(.+)$/.exec(resource) ?? [];
  if (kind === undefined || !(inherits.has(name) || name.startsWith("hugepages-"))) return undefined;
  const { limits = {}, requests = {} } = container.resources ?? {};
  const given = quantityOf((kind === "limits" ? limits : requests)[name]);
  const amount = given.nano === 0n && kind === "limits" ? quantityOf(allocatable[name]) : given;
  const unit = quantityOf(divisor === undefined || divisor === "0" ? "1" : divisor);
  if (name === "cpu") return ceilDivide(quantityMilli(amount), quantityMilli(unit)).toString();
  return ceilDivide(amount.nano, unit.nano).toString();
}

function ceilDivide(amount: bigint, unit: bigint): bigint {
  return unit === 0n ? amount : (amount + unit - 1n) / unit;
}
