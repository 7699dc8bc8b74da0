/**
 * The status of a claim: what drivers tell of a device goes with the device, and administrators' devices need their
 * namespace. upstream: pkg/registry/resource/resourceclaim/strategy.go (resourceclaimStatusStrategy)
 */
import type { ResourceClaim } from "#api/generated/types/resource-v1.ts";
import type { FieldError } from "#api/meta/field-error.ts";
import type { Loose } from "#api/meta/loose.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { DelegatingStrategy, type Finish, type StatusStrategy, type StrategyContext } from "../strategy.ts";
import { adminFaults, adminPathOfAllocation, type LabelsOfNamespace } from "./admin-access.ts";

interface OfDevice {
  readonly driver?: string | undefined;
  readonly pool?: string | undefined;
  readonly device?: string | undefined;
  readonly shareID?: string | undefined;
}

const keyOf = ({ driver, pool, device, shareID = "" }: OfDevice): string =>
  JSON.stringify([driver, pool, device, shareID]);

const allocated = ({ status }: Loose<ResourceClaim>): Set<string> =>
  new Set((status?.allocation?.devices?.results ?? []).map(keyOf));

function dropDeallocated(object: AnyObject, old: AnyObject): void {
  const claim = object as Loose<ResourceClaim>;
  if (claim.status?.devices === undefined) return;
  const [now, before] = [allocated(claim), allocated(old)];
  const left = claim.status.devices.filter((each) => now.has(keyOf(each)) || !before.has(keyOf(each)));
  const { devices: _, ...rest } = claim.status;
  claim.status = left.length === 0 ? rest : { ...rest, devices: left };
}

const nothingTaken: Finish = () => Promise.resolve();

export class ClaimStatusStrategy extends DelegatingStrategy {
  readonly #labelsOf: LabelsOfNamespace;
  /** Of objects that are being written. */
  readonly #faults = new WeakMap<AnyObject, readonly FieldError[]>();

  constructor(base: StatusStrategy, labelsOf: LabelsOfNamespace) {
    super(base);
    this.#labelsOf = labelsOf;
  }

  override prepareForUpdate(object: AnyObject, old: AnyObject, context: StrategyContext): void {
    super.prepareForUpdate(object, old, context);
    dropDeallocated(object, old);
  }

  override validateUpdate(object: AnyObject, old: AnyObject): readonly FieldError[] {
    return [...(this.#faults.get(object) ?? []), ...super.validateUpdate(object, old)];
  }

  async beginUpdate(object: AnyObject, old: AnyObject): Promise<Finish> {
    const isGranted = adminPathOfAllocation(old) !== undefined;
    const path = isGranted ? undefined : adminPathOfAllocation(object);
    this.#faults.set(object, await adminFaults(path, object, this.#labelsOf));
    return nothingTaken;
  }
}
