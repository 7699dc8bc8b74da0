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
import { dnsLabelFaults, dnsSubdomainFaults, qualifiedNameFaults } from "../meta/names.ts";
import { compareQuantities, formatQuantity, quantityOf, quantityUnits } from "../meta/quantity.ts";
import { claimSpecAsGo } from "./go-shapes.ts";
import { readQuantity } from "./resource-validation.ts";

type ClaimSpec = Loose<PersistentVolumeClaimSpec>;

const accessModes = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

export function checkModes(modes: readonly string[], path: string, faults: FaultList): void {
  for (const mode of modes) faults.optionalOneOf(path, mode, accessModes);
  const others = modes.filter((mode) => mode !== "ReadWriteOncePod" && accessModes.includes(mode));
  if (modes.includes("ReadWriteOncePod") && others.length > 0) {
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
function checkDataSource(source: Source | undefined, path: string, faults: FaultList): void {
  if (source === undefined) return;
  const { name = "", kind = "", apiGroup = "" } = source;
  if (name === "") faults.required(`${path}.name`);
  if (kind === "") faults.required(`${path}.kind`);
  if (apiGroup === "") {
    if (kind !== "PersistentVolumeClaim") {
      faults.invalid(path, kind, `must be 'PersistentVolumeClaim' when referencing the default apiGroup`);
    }
    return;
  }
  faults.ratcheting("dataSourceGroup", (found) => {
    found.messages(`${path}.apiGroup`, apiGroup, dnsSubdomainFaults(apiGroup));
  });
}

type Source = Loose<TypedLocalObjectReference>;

const isSameSource = (one: Source, other: Source): boolean =>
  one.apiGroup === other.apiGroup && (one.kind ?? "") === (other.kind ?? "") && one.name === other.name;

/** upstream shows a path of its own, which has nothing to show. */
const emptyPath = {};

function checkDataSources({ dataSource, dataSourceRef }: ClaimSpec, path: string, faults: FaultList): void {
  checkDataSource(dataSource, `${path}.dataSource`, faults);
  checkDataSource(dataSourceRef, `${path}.dataSourceRef`, faults);
  const namespace = dataSourceRef?.namespace ?? "";
  if (namespace !== "") {
    faults.messages(`${path}.dataSourceRef.namespace`, namespace, dnsLabelFaults(namespace));
    if (dataSource !== undefined) {
      faults.invalid(path, emptyPath, "may not be specified when dataSourceRef.namespace is specified");
    }
  } else if (dataSource !== undefined && dataSourceRef !== undefined) {
    if (!isSameSource(dataSource, dataSourceRef)) faults.invalid(path, emptyPath, "must match dataSourceRef");
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

const classAnnotation = "volume.beta.kubernetes.io/storage-class";
type Claim = Loose<PersistentVolumeClaim>;

const annotatedClass = ({ metadata }: Claim): string | undefined => metadata?.annotations?.[classAnnotation];

/** The class that an annotation named may be named in the field. upstream: validateStorageClassUpgradeFromAnnotation */
function isUpgradeOfAnnotation(claim: Claim, old: Claim): boolean {
  const [now, before] = [annotatedClass(claim), annotatedClass(old)];
  const name = claim.spec?.storageClassName;
  const isUpgrade = before !== undefined && old.spec?.storageClassName === undefined && name === before;
  return isUpgrade && (now === undefined || now === before);
}

/** One that had none may be given one. upstream: validateStorageClassUpgradeFromNil */
function isFirstClass(claim: Claim, old: Claim): boolean {
  const before = annotatedClass(old);
  const name = claim.spec?.storageClassName;
  if (name === undefined || old.spec?.storageClassName !== undefined) return false;
  return before === undefined || name === before;
}

/** What of the spec may change put back: a bound claim may ask for more, some fields may be filled in once. */
function restored(claim: Claim, old: Claim): ClaimSpec {
  const [spec, before] = [claim.spec ?? {}, old.spec ?? {}];
  const result: ClaimSpec = { ...spec };
  if (isUpgradeOfAnnotation(claim, old) || isFirstClass(claim, old)) result.storageClassName = undefined;
  if (claim.status?.phase !== "Bound") return result;
  result.volumeAttributesClassName = before.volumeAttributesClassName;
  const storage = storageOf(before);
  if (spec.resources !== undefined && storage !== undefined) {
    result.resources = { ...spec.resources, requests: { ...spec.resources.requests, storage } };
  }
  return result;
}

function checkAttributesClass(claim: Claim, old: Claim, faults: FaultList): void {
  const name = claim.spec?.volumeAttributesClassName;
  if (name === old.spec?.volumeAttributesClassName) return;
  if (old.status?.currentVolumeAttributesClassName === undefined) return;
  const rest = "is forbidden when status.currentVolumeAttributesClassName is not nil";
  const path = "spec.volumeAttributesClassName";
  if (name === undefined) faults.forbidden(path, `update to nil ${rest}`);
  else if (name === "") faults.forbidden(path, `update to empty string ${rest}`);
}

/** None is nothing. */
const isLess = (a: string | undefined, b: string | undefined): boolean =>
  compareQuantities(quantityOf(a), quantityOf(b)) < 0;

/** upstream: ValidatePersistentVolumeClaimUpdate */
export function checkClaimUpdate(
  claim: Loose<PersistentVolumeClaim>,
  old: Loose<PersistentVolumeClaim>,
  faults: FaultList,
): void {
  const spec = claim.spec ?? {};
  const before = old.spec ?? {};
  if (!isUpgradeOfAnnotation(claim, old)) {
    const annotation = annotatedClass(claim) ?? "";
    checkImmutable(annotation, annotatedClass(old) ?? "", `metadata.annotations.${classAnnotation}`, faults);
  }
  const now = restored(claim, old);
  // It may be bound once.
  const then = (before.volumeName ?? "") === "" ? { ...before, volumeName: now.volumeName } : before;
  if (!isSame(now, then)) {
    faults.forbidden(
      "spec",
      `spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n${differenceText(claimSpecAsGo(then), claimSpecAsGo(now))}`,
    );
  }
  checkGrowth(storageOf(spec), old, faults);
  checkImmutable(spec.volumeMode, before.volumeMode, "volumeMode", faults);
  checkAttributesClass(claim, old, faults);
}

function checkGrowth(wanted: string | undefined, old: Loose<PersistentVolumeClaim>, faults: FaultList): void {
  if (!isLess(wanted, storageOf(old.spec ?? {}))) return;
  // A growth that failed may be taken back, but not to what is there already.
  if (!isLess(old.status?.capacity?.["storage"], wanted)) {
    faults.forbidden("spec.resources.requests.storage", "field can not be less than status.capacity");
  }
}

const resizeStates = [
  "ControllerResizeInProgress",
  "ControllerResizeInfeasible",
  "NodeResizeInProgress",
  "NodeResizeInfeasible",
  "NodeResizePending",
].toSorted();

/** upstream: validatePersistentVolumeClaimResourceKey */
function checkResourceKey(name: string, path: string, faults: FaultList): boolean {
  const messages = qualifiedNameFaults(name);
  faults.messages(path, name, messages);
  if (messages.length > 0) return false;
  const isNative = !name.includes("/") || name.includes("kubernetes.io/");
  if (!isNative || name === "storage") return true;
  faults.notSupported(path, name, ["storage"]);
  return false;
}

function checkBasicResource(text: string, path: string, faults: FaultList): void {
  const quantity = readQuantity(text, path, faults);
  if (quantity !== undefined && quantity.nano < 0n) {
    faults.invalid(path, Number(quantityUnits(quantity)), "must be a valid resource quantity");
  }
}

export function checkClaimStatusUpdate({ spec, status }: Claim, _old: Claim, faults: FaultList): void {
  if ((spec?.accessModes ?? []).length === 0) faults.required("Spec.accessModes");
  for (const [name, text] of Object.entries(status?.capacity ?? {})) {
    checkBasicResource(text, `status.capacity[${name}]`, faults);
  }
  const states = "status.allocatedResourceStatuses";
  for (const [name, state] of Object.entries(status?.allocatedResourceStatuses ?? {})) {
    checkResourceKey(name, states, faults);
    // upstream shows the resource here, not its state.
    if (!resizeStates.includes(state)) faults.notSupported(states, name, resizeStates);
  }
  for (const [name, text] of Object.entries(status?.allocatedResources ?? {})) {
    if (checkResourceKey(name, "status.allocatedResources", faults)) {
      checkBasicResource(text, `status.allocatedResources[${name}]`, faults);
    }
  }
}
