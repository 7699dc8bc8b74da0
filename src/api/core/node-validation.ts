/** Nodes and namespaces. upstream: pkg/apis/core/validation/validation.go (ValidateNode, ValidateNamespace) */
import type { Namespace, Node, Taint } from "../generated/types/core-v1.ts";
import { legacyCidrFaults, rangeFamilies } from "../meta/addresses.ts";
import { duplicate } from "../meta/field-error.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { asGoStruct, type GoShape } from "../meta/go-struct.ts";
import { checkLabelName } from "../meta/field-rules.ts";
import type { Loose } from "../meta/loose.ts";
import { labelValueFaults, qualifiedNameFaults } from "../meta/names.ts";
import { taintEffects } from "./affinity-validation.ts";
import { checkNodeAnnotations } from "./node-annotation-validation.ts";
import { checkResourceQuantity } from "./resource-validation.ts";

const taintShape: GoShape = {
  Key: ["key", ""],
  Value: ["value", ""],
  Effect: ["effect", ""],
  TimeAdded: ["timeAdded", null],
};

function checkTaints(taints: readonly Loose<Taint>[], at: string, faults: FaultList): void {
  const seen = new Set<string>();
  for (const [index, taint] of taints.entries()) {
    const { key = "", value = "", effect } = taint;
    const path = `${at}[${index}]`;
    checkLabelName(key, `${path}.key`, faults);
    const messages = labelValueFaults(value);
    if (messages.length > 0) faults.invalid(`${path}.value`, value, messages.join(";"));
    faults.oneOf(`${path}.effect`, effect, taintEffects);
    const pair = `${key}:${effect ?? ""}`;
    if (seen.has(pair)) {
      const { message } = duplicate(path, asGoStruct(taint, taintShape));
      faults.add({
        type: "FieldValueDuplicate",
        field: path,
        message: `${message}: taints must be unique by key and effect pair`,
      });
    }
    seen.add(pair);
  }
}

function checkPodCidrs({ spec }: Loose<Node>, faults: FaultList): void {
  const cidrs = spec?.podCIDRs ?? [];
  const path = "spec.podCIDRs";
  for (const [index, cidr] of cidrs.entries()) {
    faults.messages(`${path}[${index}]`, cidr, legacyCidrFaults(cidr));
  }
  if (cidrs.length < 2) return;
  const found = rangeFamilies(cidrs);
  if (typeof found === "string") {
    faults.internal(path, `invalid PodCIDRs. failed to check with dual stack with error:${found}`);
  }
  if (found !== 2 || cidrs.length > 2) {
    faults.invalid(path, cidrs, "may specify no more than one CIDR for each IP family");
  }
}

function checkAmounts({ status }: Loose<Node>, faults: FaultList): void {
  for (const kind of ["capacity", "allocatable"] as const) {
    for (const [name, text] of Object.entries(status?.[kind] ?? {})) {
      checkResourceQuantity(name, text, `status.${kind}.${name}`, faults);
    }
  }
}

export function checkNode(node: Loose<Node>, faults: FaultList): void {
  checkNodeAnnotations(node, checkTaints, faults);
  // Upstream looks for them where the annotation is that they once were.
  checkTaints(node.spec?.taints ?? [], "metadata.taints", faults);
  checkAmounts(node, faults);
  const capacity = node.status?.nodeInfo?.swap?.capacity;
  if (capacity !== undefined && capacity <= 0) {
    faults.invalid("metadata.nodeSwapStatus.capacity", capacity, "must be greater than zero");
  }
  checkPodCidrs(node, faults);
}

function checkAddresses({ status }: Loose<Node>, faults: FaultList): void {
  const seen = new Set<string>();
  for (const [index, address] of (status?.addresses ?? []).entries()) {
    const key = `${address.type ?? ""} ${address.address ?? ""}`;
    if (seen.has(key)) {
      const shown = asGoStruct(address, { Type: ["type", ""], Address: ["address", ""] });
      faults.duplicate(`status.addresses[${index}]`, shown);
    }
    seen.add(key);
  }
}

/** Of a field that may be filled in once. */
const setOnce = (name: string): string => `node updates may not change ${name} except from "" to valid`;

/** Told of each that is another one now, if there are as many. */
function checkPodCidrsChange(now: readonly string[], old: readonly string[], faults: FaultList): void {
  if (old.length === 0) return;
  const changed = now.length === old.length ? old.filter((cidr, index) => cidr !== now[index]) : [""];
  for (const _ of changed) faults.forbidden("spec.podCIDRs", setOnce("podCIDR"));
}

export function checkNodeUpdate(node: Loose<Node>, old: Loose<Node>, faults: FaultList): void {
  const spec = node.spec ?? {};
  const before = old.spec ?? {};
  // Upstream looks at these again, and at all of it when only the status changes.
  checkNodeAnnotations(node, checkTaints, faults);
  checkAmounts(node, faults);
  checkAddresses(node, faults);
  checkPodCidrsChange(spec.podCIDRs ?? [], before.podCIDRs ?? [], faults);
  const provider = before.providerID ?? "";
  if (provider !== "" && spec.providerID !== provider) {
    faults.forbidden("spec.providerID", setOnce("providerID"));
  }
  checkTaints(spec.taints ?? [], "metadata.taints", faults);
  if ((spec.externalID ?? "") !== (before.externalID ?? "")) {
    faults.forbidden("spec.externalID", "may not be updated");
  }
}

const standardFinalizers = ["kubernetes", "orphan", "foregroundDeletion"];

function checkFinalizer(finalizer: string, path: string, faults: FaultList): void {
  faults.messages(path, finalizer, qualifiedNameFaults(finalizer));
  if (finalizer.includes("/") || standardFinalizers.includes(finalizer)) return;
  faults.invalid(path, finalizer, "name is neither a standard finalizer name nor is it fully qualified");
}

export function checkNamespace({ spec }: Loose<Namespace>, faults: FaultList): void {
  for (const finalizer of spec?.finalizers ?? []) checkFinalizer(finalizer, "spec.finalizers", faults);
}

/** Here, unlike elsewhere, each is named by its place. upstream: ValidateNamespaceFinalizeUpdate */
export function checkNamespaceFinalizeUpdate(
  { spec }: Loose<Namespace>,
  _old: Loose<Namespace>,
  faults: FaultList,
): void {
  for (const [index, finalizer] of (spec?.finalizers ?? []).entries()) {
    checkFinalizer(finalizer, `spec.finalizers[${index}]`, faults);
  }
}

export function checkNamespaceStatusUpdate(
  { metadata, status }: Loose<Namespace>,
  _old: Loose<Namespace>,
  faults: FaultList,
): void {
  const phase = status?.phase ?? "";
  if (metadata?.deletionTimestamp === undefined) {
    if (phase !== "Active") {
      faults.invalid("status.Phase", phase, "may only be 'Active' if `deletionTimestamp` is empty");
    }
  } else if (phase !== "Terminating") {
    faults.invalid("status.Phase", phase, "may only be 'Terminating' if `deletionTimestamp` is not empty");
  }
}
