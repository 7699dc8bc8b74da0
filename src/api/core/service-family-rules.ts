/**
 * How the addresses and families of a service may change: the first stays, the second may come and go.
 * upstream: pkg/apis/core/validation/validation.go (validateUpgradeDowngradeClusterIPs, validateUpgradeDowngradeIPFamilies)
 */
import type { ServiceSpec } from "../generated/types/core-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import type { Loose } from "../meta/loose.ts";

type Spec = Loose<ServiceSpec>;

export const isHeadless = ({ clusterIPs }: Spec): boolean =>
  clusterIPs?.length === 1 && clusterIPs[0] === "None";

const onceSet = "may not change once set";

export function checkFamilyChanges(spec: Spec, old: Spec, faults: FaultList): void {
  if (spec.type === "ExternalName" || old.type === "ExternalName") return;
  const [is, was] = [isHeadless(spec), isHeadless(old)];
  if (!is || !was) checkIpChanges(spec, old, faults);
  if (!is && !was) checkIpFamilyChanges(spec, old, faults);
}

function checkRelease(spec: Spec, what: string, faults: FaultList): void {
  if (spec.ipFamilyPolicy === "SingleStack") return;
  const detail = `must be set to 'SingleStack' when releasing the secondary ${what}`;
  faults.invalid("spec.ipFamilyPolicy", spec.ipFamilyPolicy, detail);
}

function checkIpChanges(spec: Spec, old: Spec, faults: FaultList): void {
  const [ips, before] = [spec.clusterIPs ?? [], old.clusterIPs ?? []];
  if (before.length === 0) return;
  const path = "spec.clusterIPs[0]";
  if (ips.length === before.length) {
    for (const [index, ip] of before.entries()) {
      if (ip !== ips[index]) faults.invalid(`spec.clusterIPs[${index}]`, ips, onceSet);
    }
    return;
  }
  if (ips.length === 0) faults.invalid(path, ips, "primary clusterIP can not be unset");
  else if (ips[0] !== before[0]) faults.invalid(path, ips, onceSet);
  if (ips.length === 1 && before.length > 1) checkRelease(spec, "clusterIP", faults);
}

function checkIpFamilyChanges(spec: Spec, old: Spec, faults: FaultList): void {
  const [families, before] = [spec.ipFamilies ?? [], old.ipFamilies ?? []];
  if (before.length === 0) return;
  const path = "spec.ipFamilies[0]";
  if (families.length === before.length) {
    // Upstream names the first one for both.
    for (const [index, family] of before.entries()) {
      if (family !== families[index]) faults.invalid(path, families, onceSet);
    }
    return;
  }
  const ips = spec.clusterIPs ?? [];
  if (families.length < before.length && ips.length === 0) {
    faults.invalid(path, families, "primary ipFamily can not be unset");
  }
  // Upstream shows the addresses here.
  if (families.length > 0 && families[0] !== before[0]) faults.invalid(path, ips, onceSet);
  if (families.length === 1 && before.length > 1) checkRelease(spec, "ipFamily", faults);
}
