/** Only claims whose class allows it may grow, once they have a volume. upstream: plugin/pkg/admission/storage/persistentvolume/resize/admission.go */
import type { PersistentVolumeClaim } from "#api/generated/types/core-v1.ts";
import type { StorageClass } from "#api/generated/types/storage-v1.ts";
import { compareQuantities, quantityOf } from "#api/meta/quantity.ts";
import { storageClasses } from "#api/resources.ts";
import type { AdmissionAttributes, AdmissionPlugin, Operation } from "../admission.ts";
import { Lookup, type LookupDeps } from "../lookup.ts";
import { concerns, refuse } from "../refuse.ts";

export class PersistentVolumeClaimResize implements AdmissionPlugin {
  readonly name = "PersistentVolumeClaimResize";
  readonly resources = ["persistentvolumeclaims"];
  readonly #classes: Lookup<StorageClass>;

  constructor(deps: LookupDeps) {
    this.#classes = new Lookup(storageClasses, deps);
  }

  handles(operation: Operation): boolean {
    return operation === "UPDATE";
  }

  async validate(attributes: AdmissionAttributes): Promise<void> {
    if (!concerns(attributes, "persistentvolumeclaims") || attributes.subresource !== "") return;
    const claim = attributes.object as PersistentVolumeClaim;
    const old = attributes.oldObject as PersistentVolumeClaim;
    if (compareQuantities(sizeOf(claim), sizeOf(old)) <= 0) return;
    if (old.status?.phase !== "Bound") {
      throw refuse(attributes, "Only bound persistent volume claims can be expanded");
    }
    if (await this.#mayGrow(claim, old)) return;
    throw refuse(
      attributes,
      "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize",
    );
  }

  async #mayGrow(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): Promise<boolean> {
    const name = storageClassOf(claim);
    if (name === "" || name !== storageClassOf(old)) return false;
    return (await this.#classes.get(name))?.allowVolumeExpansion === true;
  }
}

const sizeOf = ({ spec }: PersistentVolumeClaim): ReturnType<typeof quantityOf> =>
  quantityOf(spec?.resources?.requests?.["storage"]);

export const storageClassOf = ({ metadata, spec }: PersistentVolumeClaim): string =>
  metadata?.annotations?.["volume.beta.kubernetes.io/storage-class"] ?? spec?.storageClassName ?? "";
