/** How quotas measure claims to volumes and to devices. upstream: pkg/quota/v1/evaluator/core/{persistent_volume_claims,resource_claims}.go */
import type { PersistentVolumeClaim, ScopedResourceSelectorRequirement } from "../generated/types/core-v1.ts";
import type { DeviceRequest, DeviceSubRequest, ResourceClaim } from "../generated/types/resource-v1.ts";
import type { AnyObject } from "../meta/object.ts";
import {
  addQuantities,
  compareQuantities,
  quantityOf,
  quantityOfUnits,
  quantityUnits,
  zeroQuantity,
  type Quantity,
} from "../meta/quantity.ts";
import type { QuotaEvaluator, QuotaWrite, Usage } from "./evaluator.ts";
import { selects } from "./scopes.ts";

const volumeCount = "count/persistentvolumeclaims";
const volumeNames = ["persistentvolumeclaims", "requests.storage"];
const classInfix = ".storageclass.storage.k8s.io/";
const one = quantityOfUnits(1n);

export class VolumeClaimEvaluator implements QuotaEvaluator {
  handles({ operation }: QuotaWrite): boolean {
    return operation === "CREATE" || operation === "UPDATE";
  }

  usage(object: AnyObject): Usage {
    const claim = object as PersistentVolumeClaim;
    const usage = new Map([
      ["persistentvolumeclaims", one],
      [volumeCount, one],
    ]);
    const storageClass =
      claim.metadata?.annotations?.["volume.beta.kubernetes.io/storage-class"] ??
      claim.spec?.storageClassName ??
      "";
    const storage = storageOf(claim);
    if (storage !== undefined) usage.set("requests.storage", storage);
    if (storageClass === "") return usage;
    usage.set(`${storageClass}${classInfix}persistentvolumeclaims`, one);
    if (storage !== undefined) usage.set(`${storageClass}${classInfix}requests.storage`, storage);
    return usage;
  }

  measures(name: string): boolean {
    return (
      name === volumeCount ||
      volumeNames.some((each) => name === each || name.endsWith(`${classInfix}${each}`))
    );
  }

  missing(): undefined {
    return undefined;
  }

  isInScope(scope: ScopedResourceSelectorRequirement, object: AnyObject): boolean {
    if (scope.scopeName !== "VolumeAttributesClass") return false;
    const { spec, status } = object as PersistentVolumeClaim;
    const classes = [
      spec?.volumeAttributesClassName,
      status?.currentVolumeAttributesClassName,
      status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
    ].filter((name) => name !== undefined && name !== "");
    return classes.length === 0 ? selects(scope, undefined) : classes.some((name) => selects(scope, name));
  }
}

/** Whole bytes: what is asked for, or what is being given where that is more. */
function storageOf({ spec, status }: PersistentVolumeClaim): Quantity | undefined {
  const asked = spec?.resources?.requests?.["storage"];
  if (asked === undefined) return undefined;
  const given = quantityOf(status?.allocatedResources?.["storage"]);
  const own = quantityOf(asked);
  return whole(compareQuantities(given, own) > 0 ? given : own);
}

const whole = (amount: Quantity): Quantity =>
  amount.nano % 10n ** 9n === 0n ? amount : quantityOfUnits(quantityUnits(amount), amount.format);

/** upstream: resource/v1 AllocationResultsMaxSize */
const devicesMax = 32n;
const claimCount = "count/resourceclaims.resource.k8s.io";
const devicesSuffix = ".deviceclass.resource.k8s.io/devices";

export class DeviceClaimEvaluator implements QuotaEvaluator {
  handles({ operation, subresource }: QuotaWrite): boolean {
    return subresource === "" && operation === "CREATE";
  }

  usage(object: AnyObject): Usage {
    const usage = new Map([[claimCount, one]]);
    for (const request of (object as Partial<ResourceClaim>).spec?.devices?.requests ?? []) {
      for (const [name, count] of devicesOf(request)) {
        usage.set(name, addQuantities(usage.get(name) ?? zeroQuantity, quantityOfUnits(count)));
      }
    }
    return usage;
  }

  measures(name: string): boolean {
    return name === claimCount || name.endsWith(devicesSuffix);
  }

  missing(): undefined {
    return undefined;
  }

  isInScope(): boolean {
    return false;
  }
}

/** Of alternatives only one will be had: for each class the largest counts. */
function devicesOf({ exactly, firstAvailable }: DeviceRequest): ReadonlyMap<string, bigint> {
  const all: readonly Pick<DeviceSubRequest, "deviceClassName" | "allocationMode" | "count">[] =
    exactly === undefined ? (firstAvailable ?? []) : [exactly];
  const most = new Map<string, bigint>();
  for (const { deviceClassName, allocationMode, count } of all) {
    const name = `${deviceClassName}${devicesSuffix}`;
    const wanted = allocationMode === "All" ? devicesMax : BigInt(count ?? 1);
    if (wanted > (most.get(name) ?? 0n)) most.set(name, wanted);
  }
  return most;
}
