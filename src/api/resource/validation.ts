/** Dynamic resource allocation. upstream: pkg/apis/resource/validation/validation.go */
import type {
  DeviceClass,
  ResourceClaim,
  ResourceClaimConsumerReference,
  ResourceClaimTemplate,
  ResourceSlice,
} from "../generated/types/resource-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { immutableMessage, isSame } from "../meta/field-rules.ts";
import { asGoStruct } from "../meta/go-struct.ts";
import type { ValidationsByKind } from "../meta/kind-validation.ts";
import type { Loose } from "../meta/loose.ts";
import { qualifiedNameFaults } from "../meta/names.ts";
import { checkTemplateMeta } from "../meta/object-meta-validation.ts";
import { checkAllocation, checkDeviceStatuses } from "./allocation-validation.ts";
import { checkUnique } from "./binding-validation.ts";
import { checkClaimSpec, checkConfiguration, checkSelectors, namesIn } from "./claim-validation.ts";
import { allocationShape, claimSpecShape } from "./go-shapes.ts";
import { checkSlice } from "./slice-validation.ts";

const configMax = 32;
const consumersMax = 256;

/** upstream: IsExtendedResourceName */
const isExtendedResource = (name: string): boolean =>
  name.includes("/") &&
  !name.includes("kubernetes.io/") &&
  !name.startsWith("requests.") &&
  qualifiedNameFaults(`requests.${name}`).length === 0;

function checkDeviceClass({ spec = {} }: Loose<DeviceClass>, faults: FaultList): void {
  checkSelectors(spec.selectors, "spec.selectors", faults);
  const { config = [] } = spec;
  if (config.length > configMax) faults.tooMany("spec.config", config.length, configMax);
  else for (const [index, one] of config.entries()) checkConfiguration(one, `spec.config[${index}]`, faults);
  const name = spec.extendedResourceName;
  if (name !== undefined && !isExtendedResource(name)) {
    faults.invalid("spec.extendedResourceName", name, "must be a valid extended resource name");
  }
}

function checkConsumers(
  consumers: readonly Loose<ResourceClaimConsumerReference>[] = [],
  path: string,
  faults: FaultList,
): void {
  if (consumers.length > consumersMax) {
    faults.tooMany(path, consumers.length, consumersMax);
    return;
  }
  for (const [index, consumer] of consumers.entries()) {
    for (const field of ["resource", "name", "uid"] as const) {
      if ((consumer[field] ?? "") === "") faults.required(`${path}[${index}].${field}`);
    }
  }
  const uids = consumers.map(({ uid = "" }) => uid);
  checkUnique(uids, path, faults);
}

/** What is reserved must have been allocated. */
function checkReservations(claim: Loose<ResourceClaim>, old: Loose<ResourceClaim>, faults: FaultList): void {
  const { allocation, reservedFor = [] } = claim.status ?? {};
  const path = "status.reservedFor";
  const before = new Set((old.status?.reservedFor ?? []).map(({ uid }) => uid));
  if (reservedFor.length > 0 && allocation === undefined) {
    faults.forbidden(path, "may not be specified when `allocated` is not set");
  } else if (
    claim.metadata?.deletionTimestamp !== undefined &&
    reservedFor.some(({ uid }) => !before.has(uid))
  ) {
    faults.forbidden(
      path,
      "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set",
    );
  }
}

/** What is allocated stays as it is, and isn't looked at again. */
function checkClaimStatus(claim: Loose<ResourceClaim>, old: Loose<ResourceClaim>, faults: FaultList): void {
  const { allocation, reservedFor, devices } = claim.status ?? {};
  checkConsumers(reservedFor, "status.reservedFor", faults);
  checkDeviceStatuses(devices, allocation, "status.devices", faults);
  checkReservations(claim, old, faults);
  if (allocation === undefined) return;
  const before = old.status?.allocation;
  if (before !== undefined) {
    if (isSame(allocation, before)) return;
    faults.invalid("status.allocation", asGoStruct(allocation, allocationShape), immutableMessage);
  } else {
    const names = namesIn(claim.spec?.devices?.requests ?? []);
    checkAllocation(allocation, names, "status.allocation", faults);
  }
}

function checkTemplate({ spec = {} }: Loose<ResourceClaimTemplate>, faults: FaultList): void {
  checkTemplateMeta(spec.metadata, "spec.metadata", faults);
  checkClaimSpec(spec.spec ?? {}, "spec.spec", faults);
}

function checkClaimUpdate(
  { spec }: Loose<ResourceClaim>,
  old: Loose<ResourceClaim>,
  faults: FaultList,
): void {
  if (!isSame(spec, old.spec)) faults.invalid("spec", asGoStruct(spec, claimSpecShape), immutableMessage);
}

/** The template's metadata has no name in Go: its fields are shown beside the claim's. */
function checkTemplateUpdate(
  { spec = {} }: Loose<ResourceClaimTemplate>,
  old: Loose<ResourceClaimTemplate>,
  faults: FaultList,
): void {
  if (isSame(spec, old.spec)) return;
  const shown = { ...spec.metadata, Spec: asGoStruct(spec.spec ?? {}, claimSpecShape) };
  faults.invalid("spec", shown, immutableMessage);
}

export const resourceValidations: ValidationsByKind = {
  DeviceClass: { check: checkDeviceClass, steps: ["metadata", "metadata change", "rules"] },
  ResourceClaim: {
    onCreate: ({ spec }: Loose<ResourceClaim>, faults) => checkClaimSpec(spec ?? {}, "spec", faults),
    onUpdate: checkClaimUpdate,
    steps: ["metadata", "metadata change", "change"],
    onStatusUpdate: checkClaimStatus,
  },
  ResourceClaimTemplate: {
    check: checkTemplate,
    onUpdate: checkTemplateUpdate,
    steps: ["metadata", "rules", "metadata change", "change"],
  },
  ResourceSlice: {
    onCreate: (slice: Loose<ResourceSlice>, faults) => checkSlice(slice, undefined, faults),
    onUpdate: checkSlice,
  },
};
