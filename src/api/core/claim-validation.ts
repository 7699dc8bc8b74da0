/** PersistentVolumes and their claims. upstream: pkg/apis/core/validation/validation.go */
import type {
  PersistentVolume,
  PersistentVolumeClaim,
  PersistentVolumeClaimSpec,
  PersistentVolumeSpec,
} from "../generated/types/core-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { checkImmutable, checkLabelSelector, isSame } from "../meta/field-rules.ts";
import type { Loose } from "../meta/loose.ts";
import { dnsSubdomainFaults } from "../meta/names.ts";
import { compareQuantities, formatQuantity, quantityOf } from "../meta/quantity.ts";
import { checkNodeSelector } from "./affinity-validation.ts";
import { readQuantity } from "./resource-validation.ts";
import { checkCsiDriverName, checkHostPath, checkNfs } from "./volume-validation.ts";

type ClaimSpec = Loose<PersistentVolumeClaimSpec>;

const accessModes = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

/** Everything of a PersistentVolumeSpec that isn't its source. */
const specFields = new Set([
  "capacity",
  "accessModes",
  "claimRef",
  "persistentVolumeReclaimPolicy",
  "storageClassName",
  "mountOptions",
  "volumeMode",
  "nodeAffinity",
  "volumeAttributesClassName",
]);

function sourcesOf(spec: Loose<PersistentVolumeSpec>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(spec).filter(([key, value]) => !specFields.has(key) && value !== undefined),
  );
}

function checkModes(modes: readonly string[], path: string, faults: FaultList): void {
  for (const mode of modes) faults.optionalOneOf(path, mode, accessModes);
  if (modes.includes("ReadWriteOncePod") && modes.length > 1) {
    faults.forbidden(path, "may not use ReadWriteOncePod with other access modes");
  }
}

function checkStorage(text: string | undefined, path: string, faults: FaultList): void {
  if (text === undefined) return;
  const quantity = readQuantity(text, path, faults);
  if (quantity !== undefined && quantity.nano <= 0n) {
    faults.invalid(path, formatQuantity(quantity), "must be greater than zero");
  }
}

function checkSource(spec: Loose<PersistentVolumeSpec>, faults: FaultList): void {
  const names = Object.keys(sourcesOf(spec));
  if (names.length === 0) faults.required("spec", "must specify a volume type");
  for (const name of names.slice(1)) {
    faults.forbidden(`spec.${name}`, "may not specify more than 1 volume type");
  }
  const { hostPath, nfs, local, csi } = spec;
  if (hostPath !== undefined) checkHostPath(hostPath, "spec.hostPath", faults);
  if (nfs !== undefined) checkNfs(nfs, "spec.nfs", faults);
  if (local !== undefined && (local.path ?? "") === "") faults.required("spec.local.path");
  if (local !== undefined && spec.nodeAffinity === undefined) {
    faults.required("spec.nodeAffinity", "Local volume requires node affinity");
  }
  if (csi === undefined) return;
  checkCsiDriverName(csi.driver, "spec.csi.driver", faults);
  if ((csi.volumeHandle ?? "") === "") faults.required("spec.csi.volumeHandle");
}

function checkCapacity({ capacity = {} }: Loose<PersistentVolumeSpec>, faults: FaultList): void {
  const names = Object.keys(capacity);
  if (names.length === 0) faults.required("spec.capacity");
  if (capacity["storage"] === undefined || names.length > 1) {
    faults.notSupported("spec.capacity", capacity, ["storage"]);
  }
  for (const [name, text] of Object.entries(capacity)) {
    checkStorage(text, `spec.capacity[${name}]`, faults);
  }
}

export function checkPersistentVolume({ spec = {} }: Loose<PersistentVolume>, faults: FaultList): void {
  const modes = spec.accessModes ?? [];
  if (modes.length === 0) faults.required("spec.accessModes");
  checkModes(modes, "spec.accessModes", faults);
  checkCapacity(spec, faults);
  faults.optionalOneOf("spec.persistentVolumeReclaimPolicy", spec.persistentVolumeReclaimPolicy, [
    "Delete",
    "Recycle",
    "Retain",
  ]);
  if (spec.nodeAffinity?.required !== undefined) {
    checkNodeSelector(spec.nodeAffinity.required, "spec.nodeAffinity.required", faults);
  }
  checkSource(spec, faults);
  if (spec.hostPath?.path === "/" && spec.persistentVolumeReclaimPolicy === "Recycle") {
    faults.forbidden(
      "spec.persistentVolumeReclaimPolicy",
      "may not be 'recycle' for a hostPath mount of '/'",
    );
  }
  const storageClass = spec.storageClassName ?? "";
  if (storageClass !== "") {
    faults.messages("spec.storageClassName", storageClass, dnsSubdomainFaults(storageClass));
  }
  faults.optionalOneOf("spec.volumeMode", spec.volumeMode, ["Block", "Filesystem"]);
}

export function checkPersistentVolumeUpdate(
  volume: Loose<PersistentVolume>,
  old: Loose<PersistentVolume>,
  faults: FaultList,
): void {
  const spec = volume.spec ?? {};
  const before = old.spec ?? {};
  if (!isSame(sourcesOf(spec), sourcesOf(before))) {
    faults.forbidden(
      "spec.persistentvolumesource",
      "spec.persistentvolumesource is immutable after creation\n",
    );
  }
  checkImmutable(spec.volumeMode, before.volumeMode, "spec.volumeMode", faults);
  if (before.nodeAffinity !== undefined) {
    checkImmutable(spec.nodeAffinity, before.nodeAffinity, "spec.nodeAffinity", faults);
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
  if (!isSame(restored(spec, before, old.status?.phase === "Bound"), before)) {
    faults.forbidden(
      "spec",
      "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n",
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
