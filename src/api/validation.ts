/**
 * Validation: whether a defaulted object may be stored, in upstream's rules and words. Metadata first, then the
 * kind's own rules, then what the type table knows. What only other objects could tell (quotas, references that
 * must exist, ranges of addresses) is for admission and the registry.
 */
import {
  admissionregistrationValidations,
  earlyAdmissionregistrationValidations,
} from "./admissionregistration/validation.ts";
import { apiregistrationValidations } from "./apiregistration/validation.ts";
import { appsValidations } from "./apps/validation.ts";
import { authenticationValidations } from "./authentication/validation.ts";
import { autoscalingValidations } from "./autoscaling/validation.ts";
import { batchValidations } from "./batch/validation.ts";
import { trustValidations } from "./certificates/trust-validation.ts";
import { certificatesValidations, checkApprovalUpdate } from "./certificates/validation.ts";
import { coordinationValidations } from "./coordination/validation.ts";
import { newEventValidation } from "./core/event-validation.ts";
import { coreValidations } from "./core/validation.ts";
import { checkNamespaceFinalizeUpdate } from "./core/node-validation.ts";
import { checkPodResize } from "./core/pod-resize-validation.ts";
import { checkEphemeralContainersUpdate } from "./core/pod-update-validation.ts";
import { discoveryValidations } from "./discovery/validation.ts";
import { flowcontrolValidations } from "./flowcontrol/validation.ts";
import type { Pod } from "./generated/types/core-v1.ts";
import { FaultList } from "./meta/fault-list.ts";
import type { FieldError } from "./meta/field-error.ts";
import type { KindValidation, ValidationsByKind } from "./meta/kind-validation.ts";
import { apiVersionOf, type GroupVersionKind, type KubeObject } from "./meta/object.ts";
import { checkMeta, checkMetaUpdate, subdomainName } from "./meta/object-meta-validation.ts";
import { networkingValidations } from "./networking/validation.ts";
import { nodeValidations } from "./node/validation.ts";
import { policyValidations } from "./policy/validation.ts";
import { rbacValidations } from "./rbac/validation.ts";
import { resourceValidations } from "./resource/validation.ts";
import type { TypeTable } from "./schema/type-table.ts";
import type { Scheme } from "./scheme.ts";
import { schedulingValidations } from "./scheduling/validation.ts";
import { storageValidations } from "./storage/validation.ts";
import { storagemigrationValidations } from "./storagemigration/validation.ts";
import { validateByTable } from "./table-validation.ts";

const byApiVersion: Readonly<Record<string, ValidationsByKind>> = {
  v1: coreValidations,
  "admissionregistration.k8s.io/v1": admissionregistrationValidations,
  "admissionregistration.k8s.io/v1beta1": earlyAdmissionregistrationValidations,
  "apiregistration.k8s.io/v1": apiregistrationValidations,
  "apps/v1": appsValidations,
  "authentication.k8s.io/v1": authenticationValidations,
  "autoscaling/v2": autoscalingValidations,
  "batch/v1": batchValidations,
  "certificates.k8s.io/v1": certificatesValidations,
  "certificates.k8s.io/v1beta1": trustValidations,
  "coordination.k8s.io/v1": coordinationValidations,
  "discovery.k8s.io/v1": discoveryValidations,
  "events.k8s.io/v1": { Event: newEventValidation },
  "flowcontrol.apiserver.k8s.io/v1": flowcontrolValidations,
  "networking.k8s.io/v1": networkingValidations,
  "node.k8s.io/v1": nodeValidations,
  "policy/v1": policyValidations,
  "rbac.authorization.k8s.io/v1": rbacValidations,
  "resource.k8s.io/v1": resourceValidations,
  "scheduling.k8s.io/v1": schedulingValidations,
  "storage.k8s.io/v1": storageValidations,
  "storagemigration.k8s.io/v1beta1": storagemigrationValidations,
};

export interface ValidationContext {
  readonly table: TypeTable;
  /** Full name in the type table; undefined for custom resources, which have schemas of their own. */
  readonly struct: string | undefined;
  readonly namespaced: boolean;
}

const rulesOf = (gvk: GroupVersionKind): KindValidation | undefined =>
  byApiVersion[apiVersionOf(gvk)]?.[gvk.kind];

const hasOwnRules = (rules: KindValidation | undefined): boolean =>
  rules?.check !== undefined || rules?.onCreate !== undefined;

/** What the table says comes last. Where a kind's own rules found something, they said it better. */
function addTableFaults(
  object: KubeObject,
  { table, struct }: ValidationContext,
  rules: KindValidation | undefined,
  faults: FaultList,
): void {
  if (struct === undefined) return;
  const onlyEnums = hasOwnRules(rules);
  if (onlyEnums && faults.count > 0) return;
  faults.addAll(validateByTable(struct, object, { table, onlyEnums }).all);
}

/** `isSpecSound`: spec and annotations have passed already, in another object. */
export function validateCreate(
  gvk: GroupVersionKind,
  object: KubeObject,
  context: ValidationContext,
  isSpecSound = false,
): readonly FieldError[] {
  const rules = rulesOf(gvk);
  const faults = new FaultList();
  const comesLast = rules?.metadataComesLast === true;
  if (!comesLast) checkNewMeta(object, context, rules, faults);
  if (isSpecSound && rules?.isOfSpecAndAnnotations?.(object as never) === true) return faults.all;
  checkNew(object, context, rules, faults);
  if (comesLast && faults.count === 0) checkNewMeta(object, context, rules, faults);
  return faults.all;
}

function checkNewMeta(
  { metadata }: KubeObject,
  { namespaced }: ValidationContext,
  rules: KindValidation | undefined,
  faults: FaultList,
): void {
  checkMeta(metadata, { nameFaults: subdomainName, ...rules, namespaced }, faults);
}

function checkNew(
  object: KubeObject,
  context: ValidationContext,
  rules: KindValidation | undefined,
  faults: FaultList,
): void {
  rules?.onCreate?.(object as never, faults);
  rules?.check?.(object as never, faults);
  addTableFaults(object, context, rules, faults);
}

export interface Change {
  readonly object: KubeObject;
  /** What is stored. */
  readonly old: KubeObject;
}

/** Not for updates of the status alone. `isSpecSound`: spec and annotations are those of `old`, and have passed already. */
export function validateUpdate(
  gvk: GroupVersionKind,
  { object, old }: Change,
  context: ValidationContext,
  isSpecSound = false,
): readonly FieldError[] {
  const rules = rulesOf(gvk);
  const faults = new FaultList();
  checkMetaUpdate(object.metadata, old.metadata, faults, rules);
  if (isSpecSound && rules?.isOfSpecAndAnnotations?.(object as never) === true) return faults.all;
  rules?.check?.(object as never, faults);
  rules?.onUpdate?.(object as never, old as never, faults);
  addTableFaults(object, context, rules, faults);
  return ratcheted(faults, (before) => {
    rules?.check?.(old as never, before);
    rules?.onUpdate?.(old as never, old as never, before);
  });
}

/** What was found, but for what the stored object has as well and may keep. `checkOld` is asked only when it matters. */
function ratcheted(faults: FaultList, checkOld: (before: FaultList) => void): readonly FieldError[] {
  if (!faults.isRatcheting) return faults.all;
  const before = new FaultList();
  checkOld(before);
  return faults.tolerating(before);
}

/** The spec is taken to be the stored one, and isn't looked at. */
export function validateStatusUpdate(
  gvk: GroupVersionKind,
  object: KubeObject,
  old: KubeObject,
): readonly FieldError[] {
  const faults = new FaultList();
  const rules = rulesOf(gvk);
  checkMetaUpdate(object.metadata, old.metadata, faults, rules);
  rules?.onStatusUpdate?.(object as never, old as never, faults);
  return ratcheted(faults, (before) => rules?.onStatusUpdate?.(old as never, old as never, before));
}

export interface ValidatorDeps {
  readonly scheme: Scheme;
  readonly table: TypeTable;
}

/** Validation of the built-in kinds, as the registry asks for it. */
export class Validator {
  readonly #deps: ValidatorDeps;

  constructor(deps: ValidatorDeps) {
    this.#deps = deps;
  }

  create(gvk: GroupVersionKind, object: KubeObject, isSpecSound = false): readonly FieldError[] {
    return validateCreate(gvk, object, this.#contextOf(gvk), isSpecSound);
  }

  update(
    gvk: GroupVersionKind,
    object: KubeObject,
    old: KubeObject,
    isSpecSound = false,
  ): readonly FieldError[] {
    return validateUpdate(gvk, { object, old }, this.#contextOf(gvk), isSpecSound);
  }

  statusUpdate(gvk: GroupVersionKind, object: KubeObject, old: KubeObject): readonly FieldError[] {
    return validateStatusUpdate(gvk, object, old);
  }

  /** pods/ephemeralcontainers and pods/resize: only that part of the spec has changed. */
  podPartUpdate(part: "ephemeralContainers" | "resources", pod: Pod, old: Pod): readonly FieldError[] {
    const faults = new FaultList();
    checkMetaUpdate(pod.metadata, old.metadata, faults);
    const check = part === "ephemeralContainers" ? checkEphemeralContainersUpdate : checkPodResize;
    check(pod, old, faults);
    return ratcheted(faults, (before) => {
      check(old, old, before);
    });
  }

  /** certificatesigningrequests/approval, where status and conditions have other rules than at /status. */
  approvalUpdate(request: KubeObject, old: KubeObject): readonly FieldError[] {
    const faults = new FaultList();
    checkMetaUpdate(request.metadata, old.metadata, faults);
    checkApprovalUpdate(request, old, faults);
    return ratcheted(faults, (before) => {
      checkApprovalUpdate(old, old, before);
    });
  }

  /** namespaces/finalize, where only the finalizers of the spec change. */
  finalizeUpdate(namespace: KubeObject, old: KubeObject): readonly FieldError[] {
    const faults = new FaultList();
    checkMetaUpdate(namespace.metadata, old.metadata, faults);
    checkNamespaceFinalizeUpdate(namespace, faults);
    return faults.all;
  }

  #contextOf(gvk: GroupVersionKind): ValidationContext {
    const { scheme, table } = this.#deps;
    const definition = scheme.kind(gvk);
    return {
      table,
      struct: definition?.struct ?? scheme.structOf(gvk),
      namespaced: definition?.namespaced ?? true,
    };
  }
}
