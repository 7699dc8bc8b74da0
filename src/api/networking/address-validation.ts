/** Addresses and ranges of services. upstream: pkg/apis/networking/validation/validation.go */
import type { IPAddress, ParentReference, ServiceCIDR } from "../generated/types/networking-v1.ts";
import { cidrFaults, ipFaults, parseRange } from "../meta/addresses.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { checkImmutable } from "../meta/field-rules.ts";
import { asGoStruct, type GoShape } from "../meta/go-struct.ts";
import type { KindValidation } from "../meta/kind-validation.ts";
import type { Loose } from "../meta/loose.ts";
import { dnsSubdomainFaults, pathSegmentFaults } from "../meta/names.ts";

function checkParent(parent: Loose<ParentReference> | undefined, path: string, faults: FaultList): void {
  if (parent === undefined) {
    faults.required(path);
    return;
  }
  const { group = "", resource = "", name = "", namespace = "" } = parent;
  // Services are of the core group, which has no name.
  if (group !== "") faults.messages(`${path}.group`, group, dnsSubdomainFaults(group));
  if (resource === "") faults.required(`${path}.resource`);
  else faults.messages(`${path}.resource`, resource, pathSegmentFaults(resource));
  if (name === "") faults.required(`${path}.name`);
  else faults.messages(`${path}.name`, name, pathSegmentFaults(name));
  if (namespace !== "") faults.messages(`${path}.namespace`, namespace, pathSegmentFaults(namespace));
}

const parentShape: GoShape = {
  Group: ["group", ""],
  Resource: ["resource", ""],
  Namespace: ["namespace", ""],
  Name: ["name", ""],
};

const shownParent = ({ spec }: Loose<IPAddress>): unknown => asGoStruct(spec?.parentRef, parentShape);

export const addressValidation: KindValidation = {
  nameFaults: ipFaults,
  check: ({ spec }: Loose<IPAddress>, faults) => checkParent(spec?.parentRef, "spec.parentRef", faults),
  onUpdate: (address: Loose<IPAddress>, old: Loose<IPAddress>, faults) =>
    checkImmutable(shownParent(address), shownParent(old), "spec.parentRef", faults),
  steps: ["metadata", "rules", "metadata change", "change"],
};

const familyOf = (range: string): number => parseRange(range)?.address.length ?? 0;

/** upstream: validateServiceCIDRSpec, which shows its own name of the list. */
function checkRanges(ranges: readonly string[] = [], faults: FaultList): void {
  const path = "spec.cidrs";
  if (ranges.length === 0) {
    faults.required(path, "at least one CIDR required");
    return;
  }
  if (ranges.length > 2) {
    faults.invalid(path, { CIDRs: ranges }, "may only hold up to 2 values");
    return;
  }
  const families = new Set(ranges.map(familyOf));
  if (ranges.length === 2 && (families.size < 2 || families.has(0))) {
    faults.invalid(
      path,
      { CIDRs: ranges },
      "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64",
    );
    return;
  }
  for (const [index, range] of ranges.entries()) {
    faults.messages(`${path}[${index}]`, range, cidrFaults(range));
  }
}

/** A second range may be added once. */
function checkRangesUpdate({ spec }: Loose<ServiceCIDR>, old: Loose<ServiceCIDR>, faults: FaultList): void {
  const ranges = spec?.cidrs ?? [];
  const before = old.spec?.cidrs ?? [];
  if (ranges.length !== before.length && !(before.length === 1 && ranges.length === 2)) {
    checkImmutable(ranges, before, "spec.cidrs", faults);
    return;
  }
  for (const [index, range] of before.entries()) {
    checkImmutable(ranges[index], range, `spec.cidrs[${index}]`, faults);
  }
  if (ranges.length > before.length) checkRanges(ranges, faults);
}

export const serviceRangeValidation: KindValidation = {
  onCreate: ({ spec }: Loose<ServiceCIDR>, faults) => checkRanges(spec?.cidrs, faults),
  onUpdate: checkRangesUpdate,
  statusSteps: ["metadata change"],
};
