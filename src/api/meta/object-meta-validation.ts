/**
 * What metadata must look like, and what of it may never change.
 * upstream: apimachinery/pkg/api/validation/objectmeta.go, pkg/apis/core/validation/validation.go (ValidateObjectMeta),
 * apiserver/pkg/registry/rest/update.go (validateCommonFields)
 */
import { goQuote } from "./go-quote.ts";
import type { FaultList } from "./fault-list.ts";
import { checkImmutable, checkLabels, checkNonNegative } from "./field-rules.ts";
import type { Loose } from "./loose.ts";
import { checkManagedFields } from "./manager-validation.ts";
import {
  dnsLabelFaults,
  dnsSubdomainFaults,
  maskTrailingDash,
  pathSegmentFaults,
  pathSegmentPrefixFaults,
  qualifiedNameFaults,
  type Faults,
} from "./names.ts";
import { parseApiVersion, type ObjectMeta, type OwnerReference } from "./object.ts";

export type NameRule = (name: string) => Faults;

export interface MetaRules {
  readonly namespaced: boolean;
  readonly nameFaults: NameRule;
  /** For generateName; `nameFaults` of what it may become when absent. */
  readonly prefixFaults?: NameRule;
  /** A prefix is judged only by the name made of it. */
  readonly trustsPrefixes?: boolean;
  /** Finalizers may be plain words, as those of custom resources may. */
  readonly plainFinalizers?: boolean;
}

/** 256 KiB */
export const annotationsSizeMax = 256 * 1024;
const standardFinalizers = new Set(["kubernetes", "orphan", "foregroundDeletion"]);

const sizeOf = (text: string): number => Buffer.byteLength(text);

export function checkAnnotations(
  annotations: Readonly<Record<string, string>> | undefined,
  path: string,
  faults: FaultList,
): void {
  let size = 0;
  for (const [key, value] of Object.entries(annotations ?? {})) {
    faults.messages(path, key, qualifiedNameFaults(key.toLowerCase()));
    size += sizeOf(key) + sizeOf(value);
  }
  if (size > annotationsSizeMax) faults.tooLong(path, annotationsSizeMax);
}

function checkOwner(owner: Loose<OwnerReference>, path: string, faults: FaultList): void {
  const { apiVersion = "", kind = "", name = "", uid = "" } = owner;
  if (parseApiVersion(apiVersion).version === "") {
    faults.invalid(`${path}.apiVersion`, apiVersion, "version must not be empty");
  }
  for (const [field, value] of Object.entries({ kind, name, uid })) {
    if (value === "") faults.invalid(`${path}.${field}`, value, "must not be empty");
  }
  if (apiVersion === "v1" && kind === "Event") {
    faults.invalid(path, owner, "/v1, Kind=Event is disallowed from being an owner");
  }
}

function checkOwners(owners: readonly Loose<OwnerReference>[] = [], path: string, faults: FaultList): void {
  let first: string | undefined;
  for (const owner of owners) {
    checkOwner(owner, path, faults);
    if (owner.controller !== true) continue;
    const name = `${owner.kind ?? ""}/${owner.name ?? ""}`;
    if (first !== undefined) {
      faults.invalid(
        path,
        owners,
        `Only one reference can have Controller set to true. Found "true" in references for ${first} and ${name}`,
      );
    }
    first ??= name;
  }
}

function checkFinalizers(finalizers: readonly string[], path: string, faults: FaultList): void {
  for (const finalizer of finalizers) faults.messages(path, finalizer, qualifiedNameFaults(finalizer));
  if (finalizers.includes("orphan") && finalizers.includes("foregroundDeletion")) {
    faults.invalid(path, finalizers, "finalizer orphan and foregroundDeletion cannot be both set");
  }
}

function checkKnownFinalizers(finalizers: readonly string[] = [], path: string, faults: FaultList): void {
  for (const [index, finalizer] of finalizers.entries()) {
    if (!finalizer.includes("/") && !standardFinalizers.has(finalizer)) {
      faults.invalid(
        `${path}[${index}]`,
        finalizer,
        "name is neither a standard finalizer name nor is it fully qualified",
      );
    }
  }
}

function checkNames(meta: ObjectMeta, rules: MetaRules, faults: FaultList): void {
  const { namespaced, nameFaults, trustsPrefixes = false } = rules;
  const { name = "", generateName = "", namespace = "" } = meta;
  if (generateName !== "" && !trustsPrefixes) {
    const { prefixFaults = (prefix) => nameFaults(maskTrailingDash(prefix)) } = rules;
    faults.messages("metadata.generateName", generateName, prefixFaults(generateName));
  }
  if (name === "") faults.required("metadata.name", "name or generateName is required");
  else faults.messages("metadata.name", name, nameFaults(name));
  if (!namespaced) {
    if (namespace !== "") faults.forbidden("metadata.namespace", "not allowed on this type");
  } else if (namespace === "") faults.required("metadata.namespace");
  else faults.messages("metadata.namespace", namespace, dnsLabelFaults(namespace));
}

/** What a new object's metadata is asked for, and what of it many updates are asked for again. */
export function checkMeta(meta: ObjectMeta | undefined, rules: MetaRules, faults: FaultList): void {
  const given = meta ?? {};
  checkNames(given, rules, faults);
  checkNonNegative(given.generation, "metadata.generation", faults);
  checkDescription(given, faults);
  checkFinalizers(given.finalizers ?? [], "metadata.finalizers", faults);
  checkManagedFields(given.managedFields, faults);
  if (rules.plainFinalizers !== true) checkKnownFinalizers(given.finalizers, "metadata.finalizers", faults);
}

/** What is looked at whenever an object is written. */
function checkDescription(meta: ObjectMeta, faults: FaultList): void {
  checkLabels(meta.labels, "metadata.labels", faults);
  checkAnnotations(meta.annotations, "metadata.annotations", faults);
  checkOwners(meta.ownerReferences, "metadata.ownerReferences", faults);
}

/** What objects of all kinds are asked for, as no kind asks for less. */
const rulesOfAll = {
  nameFaults: pathSegmentFaults,
  prefixFaults: pathSegmentPrefixFaults,
  plainFinalizers: true,
} as const;

/** The last that a new object of any kind is asked for. upstream: rest.BeforeCreate */
export function checkAnyMeta(meta: ObjectMeta | undefined, namespaced: boolean, faults: FaultList): void {
  checkMeta(meta, { ...rulesOfAll, namespaced }, faults);
}

/**
 * The first that an update of any kind is asked for. What its kind asks for comes after it, so that clients are told of
 * one fault as often as upstream looks for it. upstream: rest.BeforeUpdate (validateCommonFields)
 */
export function checkAnyMetaUpdate(
  meta: ObjectMeta | undefined,
  old: ObjectMeta | undefined,
  namespaced: boolean,
  faults: FaultList,
): void {
  checkAnyMeta(meta, namespaced, faults);
  checkMetaUpdate(meta, old, faults, rulesOfAll);
}

/** The fields that the API server alone decides on after creation. */
const fixed = [
  "name",
  "namespace",
  "uid",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
] as const;

function checkNewFinalizers(meta: ObjectMeta, old: ObjectMeta, faults: FaultList): void {
  if (old.deletionTimestamp === undefined) return;
  const known = new Set(old.finalizers);
  const added = (meta.finalizers ?? []).filter((one) => !known.has(one)).toSorted();
  if (added.length === 0) return;
  const list = added.map((one) => goQuote(one)).join(", ");
  faults.forbidden(
    "metadata.finalizers",
    `no new finalizers can be added if the object is being deleted, found new finalizers []string{${list}}`,
  );
}

/** That a resourceVersion is there is for the registry to see to. upstream: ValidateObjectMetaUpdate */
export function checkMetaUpdate(
  meta: ObjectMeta | undefined,
  old: ObjectMeta | undefined,
  faults: FaultList,
  rules: Pick<MetaRules, "plainFinalizers"> = {},
): void {
  const given = meta ?? {};
  const before = old ?? {};
  checkNewFinalizers(given, before, faults);
  if ((given.generation ?? 0) < (before.generation ?? 0)) {
    faults.invalid("metadata.generation", given.generation ?? 0, "must not be decremented");
  }
  for (const field of fixed) checkImmutable(given[field], before[field], `metadata.${field}`, faults);
  checkDescription(given, faults);
  checkManagedFields(given.managedFields, faults);
  if (rules.plainFinalizers !== true) checkKnownFinalizers(given.finalizers, "metadata.finalizers", faults);
}

export const subdomainName: NameRule = dnsSubdomainFaults;

/** Go's fields of metadata but for labels and annotations, in its order; messages begin them with a small letter. */
const templateMetaFields: readonly (readonly [field: keyof ObjectMeta, shown: string])[] = [
  ["name", "name"],
  ["generateName", "generateName"],
  ["namespace", "namespace"],
  ["selfLink", "selfLink"],
  ["uid", "uID"],
  ["resourceVersion", "resourceVersion"],
  ["generation", "generation"],
  ["creationTimestamp", "creationTimestamp"],
  ["deletionTimestamp", "deletionTimestamp"],
  ["deletionGracePeriodSeconds", "deletionGracePeriodSeconds"],
  ["ownerReferences", "ownerReferences"],
  ["finalizers", "finalizers"],
  ["managedFields", "managedFields"],
];

const isZero = (value: unknown): boolean => value === undefined || value === "" || value === 0;

/** Of what objects are made of whose names somebody else gives. upstream: ValidateTemplateObjectMeta */
export function checkTemplateMeta(
  metadata: Loose<ObjectMeta> | undefined,
  path: string,
  faults: FaultList,
): void {
  if (metadata === undefined) return;
  checkAnnotations(metadata.annotations, `${path}.annotations`, faults);
  checkLabels(metadata.labels, `${path}.labels`, faults);
  for (const [field, shown] of templateMetaFields) {
    if (!isZero(metadata[field])) faults.forbidden(`${path}.${shown}`, "cannot be set");
  }
}
