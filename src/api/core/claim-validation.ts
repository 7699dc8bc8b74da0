/** Claims on PersistentVolumes. upstream: pkg/apis/core/validation/validation.go */
import type {
  PersistentVolumeClaim,
  PersistentVolumeClaimSpec,
  TypedLocalObjectReference,
} from "../generated/types/core-v1.ts";
import { differenceText } from "../meta/difference.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { checkImmutable, checkLabelSelector, isSame } from "../meta/field-rules.ts";
import type { Loose } from "../meta/loose.ts";
import { dnsLabelFaults, dnsSubdomainFaults } from "../meta/names.ts";
import { compareQuantities, formatQuantity, quantityOf } from "../meta/quantity.ts";
import { readQuantity } from "./resource-validation.ts";

type ClaimSpec = Loose<PersistentVolumeClaimSpec>;

const accessModes = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

export function checkModes(modes: readonly string[], path: string, faults: FaultList): void {
  for (const mode of modes) faults.optionalOneOf(path, mode, accessModes);
  if (modes.includes("ReadWriteOncePod") && modes.length > 1) {
    faults.forbidden(path, "may not use ReadWriteOncePod with other access modes");
  }
}

export function checkStorage(text: string | undefined, path: string, faults: FaultList): void {
  if (text === undefined) return;
  const quantity = readQuantity(text, path, faults);
  if (quantity !== undefined && quantity.nano <= 0n) {
    faults.invalid(path, formatQuantity(quantity), "must be greater than zero");
  }
}

/** upstream: validateDataSource */
function checkDataSource(
  source: Loose<TypedLocalObjectReference> | undefined,
  path: string,
  faults: FaultList,
): void {
  if (source === undefined) return;
  const { name = "", kind = "", apiGroup = "" } = source;
  if (name === "") faults.required(`${path}.name`);
  if (kind === "") faults.required(`${path}.kind`);
  if (apiGroup === "") {
    if (kind !== "PersistentVolumeClaim") {
      faults.invalid(path, kind, `must be 'PersistentVolumeClaim' when referencing the default apiGroup`);
    }
  } else faults.messages(`${path}.apiGroup`, apiGroup, dnsSubdomainFaults(apiGroup));
}

function checkDataSources({ dataSource, dataSourceRef }: ClaimSpec, path: string, faults: FaultList): void {
  checkDataSource(dataSource, `${path}.dataSource`, faults);
  checkDataSource(dataSourceRef, `${path}.dataSourceRef`, faults);
  const namespace = dataSourceRef?.namespace ?? "";
  if (namespace !== "") {
    faults.messages(`${path}.dataSourceRef.namespace`, namespace, dnsLabelFaults(namespace));
    if (dataSource !== undefined) {
      faults.invalid(
        `${path}.dataSource`,
        dataSource.name,
        "may not be specified when dataSourceRef.namespace is specified",
      );
    }
  } else if (dataSource !== undefined && dataSourceRef !== undefined && !isSame(dataSource, dataSourceRef)) {
    faults.invalid(path, `${path}.dataSource`, "must match dataSourceRef");
  }
}

export function checkClaimSpec(
  spec: Loose<PersistentVolumeClaimSpec>,
  path: string,
  faults: FaultList,
): void {
  const modes = spec.accessModes ?? [];
  if (modes.length === 0) faults.required(`${path}.accessModes`, "at least 1 access mode is required");
  checkLabelSelector(spec.selector, `${path}.selector`, faults);
  checkModes(modes, `${path}.accessModes`, faults);
  const storage = spec.resources?.requests?.["storage"];
  if (storage === undefined) faults.required(`${path}.resources[storage]`);
  checkStorage(storage, `${path}.resources[storage]`, faults);
  const storageClass = spec.storageClassName ?? "";
  if (storageClass !== "") {
    faults.messages(`${path}.storageClassName`, storageClass, dnsSubdomainFaults(storageClass));
  }
  faults.optionalOneOf(`${path}.volumeMode`, spec.volumeMode, ["Block", "Filesystem"]);
  checkDataSources(spec, path, faults);
  const attributesClass = spec.volumeAttributesClassName ?? "";
  if (attributesClass !== "") {
    faults.messages(
      `${path}.volumeAttributesClassName`,
      attributesClass,
      dnsSubdomainFaults(attributesClass),
    );
  }
}

export function checkClaim({ spec }: Loose<PersistentVolumeClaim>, faults: FaultList): void {
  checkClaimSpec(spec ?? {}, "spec", faults);
}

const storageOf = ({ resources }: ClaimSpec): string | undefined => resources?.requests?.["storage"];

/** The request of a bound claim may grow: put back, as are the fields that may be filled in once. */
function restored(spec: ClaimSpec, before: ClaimSpec, isBound: boolean): ClaimSpec {
  const result: ClaimSpec = { ...spec, volumeAttributesClassName: before.volumeAttributesClassName };
  if ((before.volumeName ?? "") === "") result.volumeName = before.volumeName;
  if (before.storageClassName === undefined) result.storageClassName = undefined;
  const storage = storageOf(before);
  if (isBound && spec.resources !== undefined && storage !== undefined) {
    result.resources = { ...spec.resources, requests: { ...spec.resources.requests, storage } };
  }
  return result;
}

const isLess = (a: string, b: string): boolean => compareQuantities(quantityOf(a), quantityOf(b)) < 0;

/** upstream: ValidatePersistentVolumeClaimUpdate */
export function checkClaimUpdate(
  claim: Loose<PersistentVolumeClaim>,
  old: Loose<PersistentVolumeClaim>,
  faults: FaultList,
): void {
  const spec = claim.spec ?? {};
  const before = old.spec ?? {};
  const now = restored(spec, before, old.status?.phase === "Bound");
  if (!isSame(now, before)) {
    faults.forbidden(
      "spec",
      `spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n${differenceText(before, now)}`,
    );
  }
  checkGrowth(storageOf(spec), old, faults);
  checkImmutable(spec.volumeMode, before.volumeMode, "volumeMode", faults);
}

function checkGrowth(wanted: string | undefined, old: Loose<PersistentVolumeClaim>, faults: FaultList): void {
  const was = storageOf(old.spec ?? {});
  if (wanted === undefined || was === undefined || !isLess(wanted, was)) return;
  // A growth that failed may be taken back, but not to what is there already.
  const capacity = old.status?.capacity?.["storage"];
  if (capacity === undefined || !isLess(capacity, wanted)) {
    faults.forbidden("spec.resources.requests.storage", "field can not be less than status.capacity");
  }
}

export function checkClaimStatusUpdate(
  { status }: Loose<PersistentVolumeClaim>,
  _old: Loose<PersistentVolumeClaim>,
  faults: FaultList,
): void {
  for (const [name, text] of Object.entries(status?.capacity ?? {})) {
    const path = `status.capacity[${name}]`;
    const quantity = readQuantity(text, path, faults);
    if (quantity !== undefined && quantity.nano < 0n) {
      faults.invalid(path, formatQuantity(quantity), "must be greater than or equal to 0");
    }
  }
}
