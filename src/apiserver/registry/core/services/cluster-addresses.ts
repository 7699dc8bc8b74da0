/** Takes a Service's cluster addresses. upstream: pkg/registry/core/service/storage/alloc.go (updateClusterIPs) */
import type { ServiceSpec } from "#api/generated/types/core-v1.ts";
import { invalid } from "#api/meta/field-error.ts";
import { internalError } from "#api/meta/status.ts";
import type { AddressRange } from "./address-range.ts";
import { notReady } from "./dry-run.ts";
import { hasAddresses, isHeadless } from "./service-fields.ts";
import { refused, takeAny, takeOne, type Taking } from "./taking.ts";

/**
 * Its families are settled. A Service that has addresses gets none but the second one, when it comes to be of two
 * families: that the others don't change is for validation.
 */
export async function takeAddresses(ready: readonly AddressRange[], taking: Taking): Promise<void> {
  const { spec = {} } = taking.service;
  const before = taking.old?.spec;
  if (!hasAddresses(spec)) return;
  if (before === undefined || !hasAddresses(before)) {
    if (!isHeadless(spec)) await takeFrom(0, spec, ready, taking);
    return;
  }
  const isUpgrade = (before.ipFamilies ?? []).length === 1 && (spec.ipFamilies ?? []).length === 2;
  if (isUpgrade && !isHeadless(before)) await takeFrom(1, spec, ready, taking);
}

/** Of all families from that place on. */
async function takeFrom(
  first: number,
  spec: ServiceSpec,
  ready: readonly AddressRange[],
  taking: Taking,
): Promise<void> {
  const families = spec.ipFamilies ?? [];
  const { clusterIPs: asked = [] } = spec;
  const addresses = families.map((_, at) => asked[at] ?? "");
  // What is shown where something can't be had.
  spec.clusterIPs = [...addresses];
  for (const [at, family] of families.entries()) {
    if (at < first) continue;
    const ranges = ready.filter((each) => each.family === family);
    const wanted = addresses[at] ?? "";
    addresses[at] = wanted === "" ? await takeNext(ranges, taking) : await takeAsked(ranges, wanted, taking);
  }
  spec.clusterIPs = addresses;
  const [primary] = addresses;
  if (primary !== undefined && first === 0) spec.clusterIP = primary;
}

/** Of the first range that isn't full. */
async function takeNext(ranges: readonly AddressRange[], taking: Taking): Promise<string> {
  if (taking.dry !== undefined) {
    const shown = taking.dry.nextAddress(ranges);
    if (shown === undefined) throw internalError(`failed to allocate a serviceIP: ${notReady}`);
    return shown;
  }
  for (const range of ranges) {
    const counts = taking.metrics?.addresses(range.cidr);
    const start = taking.clock.monotonic();
    const address = await takeAny(taking.addresses, (isTaken) => range.find(isTaken), taking, counts);
    if (address === undefined) continue;
    counts?.took(taking.clock.monotonic() - start);
    return address;
  }
  throw internalError("failed to allocate a serviceIP: range is full");
}

async function takeAsked(ranges: readonly AddressRange[], asked: string, taking: Taking): Promise<string> {
  const { service, addresses, dry } = taking;
  const refusal = (why: string): Error =>
    refused(service, [
      invalid("spec.clusterIPs", service.spec?.clusterIPs, `failed to allocate IP ${asked}: ${why}`),
    ]);
  if (dry !== undefined) {
    const fault = dry.faultOfAddress(asked, ranges);
    if (fault !== undefined) throw refusal(fault);
    return asked;
  }
  const range = ranges.find((each) => each.contains(asked));
  if (range === undefined) throw refusal("the provided network does not match the current range");
  const counts = taking.metrics?.addresses(range.cidr);
  const start = taking.clock.monotonic();
  if ((await takeOne(addresses, asked, taking)) !== undefined) {
    counts?.failed("static");
    throw refusal("provided IP is already allocated");
  }
  counts?.took(taking.clock.monotonic() - start);
  counts?.taken("static");
  return asked;
}
