/** Storage classes, CSI drivers and what is attached. upstream: pkg/apis/storage/validation/validation.go */
import { checkPersistentVolumeSpec } from "../core/persistent-volume-validation.ts";
import { checkCsiDriverName } from "../core/volume-validation.ts";
import { readQuantity } from "../core/resource-validation.ts";
import type { TopologySelectorTerm } from "../generated/types/core-v1.ts";
import type {
  CSIStorageCapacity,
  StorageClass,
  VolumeAttachment,
  VolumeAttachmentSource,
  VolumeAttributesClass,
  VolumeError,
} from "../generated/types/storage-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import {
  checkImmutable,
  checkLabelName,
  checkLabelSelector,
  immutableMessage,
  isSame,
  negativeMessage,
  repeatedAt,
} from "../meta/field-rules.ts";
import { asGoStruct, type GoShape } from "../meta/go-struct.ts";
import type { Step, ValidationsByKind } from "../meta/kind-validation.ts";
import type { Loose } from "../meta/loose.ts";
import { dnsSubdomainFaults, rangeMessage } from "../meta/names.ts";
import { formatQuantity } from "../meta/quantity.ts";
import { checkCsiDriver, checkCsiDriverUpdate, checkCsiNode, checkCsiNodeUpdate } from "./csi-validation.ts";

const parametersMax = 512;
const parametersSizeMax = 256 * 1024;
const metadataSizeMax = 256 * 1024;
const messageLengthMax = 1024;
const int32Max = 2 ** 31 - 1;

function checkProvisioner(name: string, path: string, faults: FaultList): void {
  if (name === "") faults.required(path);
  else checkLabelName(name.toLowerCase(), path, faults);
}

const sizeOf = (entries: readonly (readonly [string, string])[]): number =>
  entries.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);

function checkParameters(
  parameters: Readonly<Record<string, string>> = {},
  mayBeEmpty: boolean,
  faults: FaultList,
): void {
  const entries = Object.entries(parameters);
  if (entries.length > parametersMax) {
    faults.tooLong("parameters", parametersMax);
    return;
  }
  if (entries.some(([key]) => key === "")) faults.invalid("parameters", "", "field can not be empty.");
  if (sizeOf(entries) > parametersSizeMax) faults.tooLong("parameters", parametersSizeMax);
  if (!mayBeEmpty && entries.length === 0) {
    faults.required("parameters", "must contain at least one key/value pair");
  }
}

/** Answers with what the term asks for, to tell whether two ask for the same. */
function checkTopologyTerm(term: Loose<TopologySelectorTerm>, path: string, faults: FaultList): string {
  const asked = new Map<string, readonly string[]>();
  for (const [index, { key = "", values = [] }] of (term.matchLabelExpressions ?? []).entries()) {
    const at = `${path}.matchLabelExpressions[${index}]`;
    if (values.length === 0) faults.required(`${at}.values`);
    for (const position of repeatedAt(values)) {
      faults.duplicate(`${at}.values[${position}]`, values[position]);
    }
    checkLabelName(key, `${at}.key`, faults);
    if (asked.has(key)) faults.duplicate(`${at}.key`, key);
    asked.set(key, [...new Set(values)].toSorted());
  }
  return JSON.stringify([...asked].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Upstream tells each term of each that is the same before it: of many, more than fit into memory. */
const pairsToldMax = 10_000;

function checkTopologies(terms: readonly Loose<TopologySelectorTerm>[] = [], faults: FaultList): void {
  // Upstream compares with as many empty terms first: one that asks for nothing is never alone.
  const seen = new Map([["[]", terms.length]]);
  let left = pairsToldMax;
  for (const [index, term] of terms.entries()) {
    const path = `allowedTopologies[${index}]`;
    const asked = checkTopologyTerm(term, path, faults);
    const before = seen.get(asked) ?? 0;
    const told = Math.min(before, Math.max(1, left));
    for (let pair = 0; pair < told; pair += 1) faults.duplicate(`${path}.matchLabelExpressions`, "");
    left -= told;
    seen.set(asked, before + 1);
  }
}

function checkStorageClass(storage: Loose<StorageClass>, faults: FaultList): void {
  checkProvisioner(storage.provisioner ?? "", "provisioner", faults);
  checkParameters(storage.parameters, true, faults);
  const { reclaimPolicy = "", volumeBindingMode } = storage;
  if (reclaimPolicy !== "") faults.optionalOneOf("reclaimPolicy", reclaimPolicy, ["Delete", "Retain"]);
  faults.optionalOneOf("volumeBindingMode", volumeBindingMode, ["Immediate", "WaitForFirstConsumer"]);
  checkTopologies(storage.allowedTopologies, faults);
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

function checkAttributesClass(attributes: Loose<VolumeAttributesClass>, faults: FaultList): void {
  checkProvisioner(attributes.driverName ?? "", "driverName", faults);
  checkParameters(attributes.parameters, false, faults);
}

function checkAttributesClassUpdate(
  attributes: Loose<VolumeAttributesClass>,
  old: Loose<VolumeAttributesClass>,
  faults: FaultList,
): void {
  for (const field of ["driverName", "parameters"] as const) {
    if (!isSame(attributes[field], old[field])) {
      faults.forbidden(field, `updates to ${field} are forbidden.`);
    }
  }
}

function checkCapacity(capacity: Loose<CSIStorageCapacity>, faults: FaultList): void {
  checkLabelSelector(capacity.nodeTopology, "nodeTopology", faults);
  const storageClass = capacity.storageClassName ?? "";
  faults.messages("storageClassName", storageClass, dnsSubdomainFaults(storageClass));
  if (capacity.capacity === undefined) return;
  const amount = readQuantity(capacity.capacity, "capacity", faults);
  if (amount !== undefined && amount.nano < 0n) {
    faults.invalid("capacity", formatQuantity(amount), negativeMessage);
  }
}

/** What a driver was asked about may not change; what it said may. */
function checkCapacityUpdate(
  capacity: Loose<CSIStorageCapacity>,
  old: Loose<CSIStorageCapacity>,
  faults: FaultList,
): void {
  for (const field of ["nodeTopology", "storageClassName"] as const) {
    checkImmutable(capacity[field], old[field], field, faults);
  }
}

const oneSource = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";

function checkSource(source: Loose<VolumeAttachmentSource>, path: string, faults: FaultList): void {
  const { inlineVolumeSpec, persistentVolumeName: name } = source;
  if (inlineVolumeSpec === undefined && name === undefined) faults.required(path, oneSource);
  else if (inlineVolumeSpec !== undefined && name !== undefined) faults.forbidden(path, oneSource);
  else if (name === "") {
    faults.required(`${path}.persistentVolumeName`, "must specify non empty persistentVolumeName");
  } else if (inlineVolumeSpec !== undefined) {
    checkPersistentVolumeSpec(inlineVolumeSpec, `${path}.inlineVolumeSpec`, undefined, faults);
  }
}

function checkVolumeError(error: Loose<VolumeError> | undefined, path: string, faults: FaultList): void {
  const { message = "", errorCode } = error ?? {};
  // Upstream names the other limit here.
  if (Buffer.byteLength(message) > messageLengthMax) faults.tooLong(`${path}.message`, metadataSizeMax);
  if (errorCode !== undefined && errorCode < 0) {
    faults.invalid(`${path}.errorCode`, errorCode, rangeMessage(0, int32Max));
  }
}

function checkAttachmentStatus({ status = {} }: Loose<VolumeAttachment>, faults: FaultList): void {
  if (sizeOf(Object.entries(status.attachmentMetadata ?? {})) > metadataSizeMax) {
    faults.tooLong("status.attachmentMetadata", metadataSizeMax);
  }
  checkVolumeError(status.attachError, "status.attachError", faults);
  checkVolumeError(status.detachError, "status.detachError", faults);
}

function checkAttachment(attachment: Loose<VolumeAttachment>, faults: FaultList): void {
  const { attacher = "", source = {}, nodeName = "" } = attachment.spec ?? {};
  if (attacher === "") faults.required("spec.attacher");
  checkSource(source, "spec.source", faults);
  faults.messages("spec.nodeName", nodeName, dnsSubdomainFaults(nodeName));
  checkAttachmentStatus(attachment, faults);
}

/** upstream: ValidateVolumeAttachmentV1. What is there already may have other names. */
function checkNewAttachment(attachment: Loose<VolumeAttachment>, faults: FaultList): void {
  checkAttachment(attachment, faults);
  checkCsiDriverName(attachment.spec?.attacher, "spec.attacher", faults);
  const name = attachment.spec?.source?.persistentVolumeName;
  if (name === undefined) return;
  faults.messages("spec.source.persistentVolumeName", name, dnsSubdomainFaults(name));
}

const attachmentShape: GoShape = {
  Attacher: ["attacher", ""],
  Source: [
    "source",
    {},
    { PersistentVolumeName: ["persistentVolumeName", null], InlineVolumeSpec: ["inlineVolumeSpec", null] },
  ],
  NodeName: ["nodeName", ""],
};

function checkAttachmentUpdate(
  attachment: Loose<VolumeAttachment>,
  old: Loose<VolumeAttachment>,
  faults: FaultList,
): void {
  checkAttachment(attachment, faults);
  if (isSame(attachment.spec, old.spec)) return;
  faults.invalid("spec", asGoStruct(attachment.spec, attachmentShape), immutableMessage);
}

const rulesFirst: readonly Step[] = ["metadata", "rules", "metadata change", "change"];

export const storageValidations: ValidationsByKind = {
  CSIDriver: { check: checkCsiDriver, onUpdate: checkCsiDriverUpdate },
  CSINode: { check: checkCsiNode, onUpdate: checkCsiNodeUpdate, steps: ["metadata", "rules", "change"] },
  CSIStorageCapacity: { check: checkCapacity, onUpdate: checkCapacityUpdate, steps: rulesFirst },
  StorageClass: { check: checkStorageClass, onUpdate: checkStorageClassUpdate, steps: rulesFirst },
  VolumeAttachment: {
    onCreate: checkNewAttachment,
    onUpdate: checkAttachmentUpdate,
    steps: ["metadata", "change"],
    statusSteps: ["metadata", "change"],
    onStatusUpdate: (attachment: Loose<VolumeAttachment>, _old, faults) =>
      checkAttachmentStatus(attachment, faults),
  },
  VolumeAttributesClass: {
    check: checkAttributesClass,
    onUpdate: checkAttributesClassUpdate,
    steps: ["metadata change", "change", "metadata", "rules"],
  },
};
