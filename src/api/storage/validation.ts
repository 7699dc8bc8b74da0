/** Storage classes. upstream: pkg/apis/storage/validation/validation.go */
import { checkCsiDriverName } from "../core/volume-validation.ts";
import type { CSIDriver, StorageClass } from "../generated/types/storage-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { checkImmutable, isSame } from "../meta/field-rules.ts";
import type { ValidationsByKind } from "../meta/kind-validation.ts";
import type { Loose } from "../meta/loose.ts";
import { qualifiedNameFaults } from "../meta/names.ts";

const parametersMax = 512;
const parametersSizeMax = 256 * 1024;

function checkStorageClass(storage: Loose<StorageClass>, faults: FaultList): void {
  const { provisioner = "", parameters = {} } = storage;
  if (provisioner === "") faults.required("provisioner", provisioner);
  else faults.messages("provisioner", provisioner, qualifiedNameFaults(provisioner.toLowerCase()));
  const entries = Object.entries(parameters);
  if (entries.length > parametersMax) faults.tooLong("parameters", parametersMax);
  if (entries.some(([key]) => key === "")) {
    faults.invalid("parameters", "", "field can not be empty.");
  }
  const size = entries.reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  if (size > parametersSizeMax) faults.tooLong("parameters", parametersSizeMax);
  faults.optionalOneOf("reclaimPolicy", storage.reclaimPolicy, ["Delete", "Retain"]);
  faults.oneOf("volumeBindingMode", storage.volumeBindingMode, ["Immediate", "WaitForFirstConsumer"]);
}

function checkStorageClassUpdate(
  storage: Loose<StorageClass>,
  old: Loose<StorageClass>,
  faults: FaultList,
): void {
  for (const field of ["parameters", "provisioner", "reclaimPolicy"] as const) {
    if (!isSame(storage[field], old[field])) {
      faults.forbidden(field, `updates to ${field} are forbidden.`);
    }
  }
  checkImmutable(storage.volumeBindingMode, old.volumeBindingMode, "volumeBindingMode", faults);
}

export const storageValidations: ValidationsByKind = {
  CSIDriver: {
    check: ({ metadata }: Loose<CSIDriver>, faults) =>
      checkCsiDriverName(metadata?.name, "metadata.name", faults),
  },
  StorageClass: { check: checkStorageClass, onUpdate: checkStorageClassUpdate },
};
