/**
 * Which families of addresses a Service is of: what the client says, what its addresses say, what it was, and what the
 * cluster has. upstream: pkg/registry/core/service/storage/alloc.go (initIPFamilyFields)
 */
import { checkClusterIps } from "#api/core/service-validation.ts";
import type { Service, ServiceSpec } from "#api/generated/types/core-v1.ts";
import { FaultList } from "#api/meta/fault-list.ts";
import { isSame } from "../../strategy.ts";
import { familyOf, type AddressFamily } from "./address-range.ts";

const policyPath = "spec.ipFamilyPolicy";

/** The families that the cluster has addresses of, the default one first. */
export type OfferedFamilies = readonly AddressFamily[];

export const otherFamily = (family: string): AddressFamily => (family === "IPv4" ? "IPv6" : "IPv4");

/** A Service that takes both families if it can keeps what it got, whatever the cluster has by now. */
function isSettled(spec: ServiceSpec, old: ServiceSpec | undefined): boolean {
  if (old === undefined || spec.type !== old.type) return false;
  const { ipFamilyPolicy: before = "PreferDualStack" } = old;
  if (spec.ipFamilyPolicy !== "PreferDualStack" || before !== "PreferDualStack") return false;
  return isSame(spec.clusterIPs, old.clusterIPs) && isSame(spec.ipFamilies, old.ipFamilies);
}

/** Without an address and without pods of its own. */
const isBare = ({ clusterIP, selector = {} }: ServiceSpec): boolean =>
  clusterIP === "None" && Object.keys(selector).length === 0;

function defaultPolicy(spec: ServiceSpec, old: ServiceSpec | undefined): string {
  return old?.ipFamilyPolicy ?? (isBare(spec) ? "RequireDualStack" : "SingleStack");
}

/** To say that there is one family is enough to give the second back; to leave the second out isn't. */
function settleDowngrade(spec: ServiceSpec, old: ServiceSpec, faults: FaultList): void {
  if (spec.ipFamilyPolicy === "SingleStack") {
    if (isSame(spec.clusterIPs, old.clusterIPs)) spec.clusterIPs = spec.clusterIPs?.slice(0, 1);
    if (isSame(spec.ipFamilies, old.ipFamilies)) spec.ipFamilies = spec.ipFamilies?.slice(0, 1);
    return;
  }
  const lists = [
    ["clusterIPs", "cluster IP"],
    ["ipFamilies", "IP family"],
  ] as const;
  for (const [list, what] of lists) {
    const count = (spec[list] ?? []).length;
    if (count === 0 || count >= (old[list] ?? []).length) continue;
    faults.invalid(policyPath, spec.ipFamilyPolicy, `must be 'SingleStack' to release the secondary ${what}`);
  }
}

function checkSingle(spec: ServiceSpec, faults: FaultList): void {
  if (spec.ipFamilyPolicy !== "SingleStack") return;
  const lists = [
    ["clusterIPs", "cluster IPs"],
    ["ipFamilies", "IP families"],
  ] as const;
  for (const [list, what] of lists) {
    if (spec[list]?.length !== 2) continue;
    faults.invalid(
      policyPath,
      spec.ipFamilyPolicy,
      `must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`,
    );
  }
}

/** An address says its family where the client doesn't. */
function inferFamilies(spec: ServiceSpec, offered: OfferedFamilies, faults: FaultList): void {
  for (const [index, address] of (spec.clusterIPs ?? []).entries()) {
    if (address === "None") return;
    if (index < (spec.ipFamilies ?? []).length) continue;
    const family = familyOf(address);
    if (offered.includes(family)) spec.ipFamilies = [...(spec.ipFamilies ?? []), family];
    else {
      faults.invalid(
        `spec.clusterIPs[${index}]`,
        spec.clusterIPs,
        `${family} is not configured on this cluster`,
      );
    }
  }
}

function checkOffered(spec: ServiceSpec, offered: OfferedFamilies, faults: FaultList): void {
  if (spec.ipFamilyPolicy === "RequireDualStack" && offered.length < 2) {
    faults.invalid(policyPath, spec.ipFamilyPolicy, "this cluster is not configured for dual-stack services");
  }
  for (const [index, family] of (spec.ipFamilies ?? []).entries()) {
    if (!offered.some((each) => each === family)) {
      faults.invalid(`spec.ipFamilies[${index}]`, family, "not configured on this cluster");
    }
  }
}

function complete(spec: ServiceSpec, offered: OfferedFamilies, isBothPossible: boolean): void {
  const given = (spec.ipFamilies ?? []).length > 0 ? (spec.ipFamilies ?? []) : offered.slice(0, 1);
  const isDual = spec.ipFamilyPolicy !== "SingleStack" && isBothPossible && given.length === 1;
  spec.ipFamilies = isDual ? [...given, ...given.map(otherFamily)] : [...given];
}

/** Fills in policy and families; answers with what can't be had. clusterIP and clusterIPs say the same already. */
export function settleFamilies(
  service: Service,
  old: Service | undefined,
  offered: OfferedFamilies,
): FaultList {
  const faults = new FaultList();
  const spec = (service.spec ??= {});
  const before = old?.spec;
  if (spec.type === "ExternalName" || isSettled(spec, before)) return faults;
  spec.ipFamilyPolicy ??= defaultPolicy(spec, before);
  checkClusterIps(spec, before ?? {}, faults);
  if (faults.count > 0) return faults;
  if (before !== undefined) settleDowngrade(spec, before, faults);
  checkSingle(spec, faults);
  inferFamilies(spec, offered, faults);
  if (faults.count > 0) return faults;
  if (isBare(spec)) {
    complete(spec, offered, true);
    return faults;
  }
  checkOffered(spec, offered, faults);
  if (faults.count === 0) complete(spec, offered, offered.length === 2);
  return faults;
}
