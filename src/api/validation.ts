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
import { certificatesValidations, checkApprovalUpdate, requestSteps } from "./certificates/validation.ts";
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
import type { KindValidation, NewStep, Step, ValidationsByKind } from "./meta/kind-validation.ts";
import { apiVersionOf, type GroupVersionKind, type KubeObject } from "./meta/object.ts";
import {
  checkAnyMeta,
  checkAnyMetaUpdate,
  checkMeta,
  checkMetaUpdate,
  subdomainName,
} from "./meta/object-meta-validation.ts";
import { pathSegmentFaults } from "./meta/names.ts";
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

type Ask = (faults: FaultList) => void;

/** What is asked for twice finds the same. */
function takeSteps<Name extends string>(
  steps: readonly Name[],
  asks: Readonly<Record<Name, Ask>>,
  faults: FaultList,
): void {
  const found = new Map<Name, FaultList>();
  for (const step of steps) {
    const known = found.get(step) ?? new FaultList();
    if (!found.has(step)) asks[step](known);
    found.set(step, known);
    faults.addAll(known.all);
  }
}

const newSteps: readonly NewStep[] = ["metadata", "creation", "rules"];
const updateSteps: readonly Step[] = ["metadata change", "rules", "change"];
const statusSteps: readonly Step[] = ["metadata change", "change"];

/** Where the spec is sound, only these are left to be taken. */
const ofMetadata = <Name extends string>(steps: readonly Name[]): readonly Name[] =>
  steps.filter((step) => step.startsWith("metadata"));

/** `isSpecSound`: spec and annotations have passed already, in another object. */
export function validateCreate(
  gvk: GroupVersionKind,
  object: KubeObject,
  context: ValidationContext,
  isSpecSound = false,
): readonly FieldError[] {
  const rules = rulesOf(gvk);
  const faults = new FaultList();
  const isSound = isSpecSound && rules?.isOfSpecAndAnnotations?.(object as never) === true;
  const steps = rules?.newSteps ?? newSteps;
  const asks = {
    metadata: (found: FaultList) => checkNewMeta(object, context, rules, found),
    creation: (found: FaultList) => rules?.onCreate?.(object as never, found),
    rules: (found: FaultList) => rules?.check?.(object as never, found),
  };
  takeSteps(isSound ? ofMetadata(steps) : steps, asks, faults);
  if (!isSound) addTableFaults(object, context, rules, faults);
  if (faults.count === 0 && !steps.includes("metadata")) {
    checkAnyMeta(object.metadata, context.namespaced, faults);
  }
  return faults.all;
}

function checkNewMeta(
  object: KubeObject,
  { namespaced }: Pick<ValidationContext, "namespaced">,
  rules: KindValidation = {},
  faults: FaultList,
): void {
  const { nameFaults = subdomainName, prefixFaults, ...others } = rules;
  const ofObject = {
    nameFaults: (name: string) => nameFaults(name, object as never),
    ...(prefixFaults && { prefixFaults: (prefix: string) => prefixFaults(prefix, object as never) }),
  };
  checkMeta(object.metadata, { ...others, ...ofObject, namespaced }, faults);
}

export interface Change {
  readonly object: KubeObject;
  /** What is stored. */
  readonly old: KubeObject;
}

/** What upstream's strategy of a kind asks for in its steps. */
function asksOf(
  { object, old }: Change,
  namespaced: boolean,
  rules: KindValidation | undefined,
  change: KindValidation["onUpdate"],
): Readonly<Record<Step, Ask>> {
  return {
    metadata: (faults) => checkNewMeta(object, { namespaced }, rules, faults),
    "metadata change": (faults) => checkMetaUpdate(object.metadata, old.metadata, faults, rules),
    rules: (faults) => rules?.check?.(object as never, faults, old as never),
    creation: (faults) => rules?.onCreate?.(object as never, faults),
    change: (faults) => change?.(object as never, old as never, faults),
  };
}

/** Not for updates of the status alone. `isSpecSound`: spec and annotations are those of `old`, and have passed already. */
export function validateUpdate(
  gvk: GroupVersionKind,
  { object, old }: Change,
  context: ValidationContext,
  isSpecSound = false,
): readonly FieldError[] {
  const rules = rulesOf(gvk);
  const { namespaced } = context;
  const faults = new FaultList();
  checkAnyMetaUpdate(object.metadata, old.metadata, namespaced, faults);
  const isSound = isSpecSound && rules?.isOfSpecAndAnnotations?.(object as never) === true;
  const steps = rules?.steps ?? updateSteps;
  const asks = asksOf({ object, old }, namespaced, rules, rules?.onUpdate);
  takeSteps(isSound ? ofMetadata(steps) : steps, asks, faults);
  if (isSound) return faults.all;
  addTableFaults(object, context, rules, faults);
  return ratcheted(faults, (before) => {
    rules?.check?.(old as never, before, old as never);
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
  { object, old }: Change,
  { namespaced }: Pick<ValidationContext, "namespaced">,
): readonly FieldError[] {
  const faults = new FaultList();
  const rules = rulesOf(gvk);
  checkAnyMetaUpdate(object.metadata, old.metadata, namespaced, faults);
  const asks = asksOf({ object, old }, namespaced, rules, rules?.onStatusUpdate);
  takeSteps(rules?.statusSteps ?? statusSteps, asks, faults);
  return ratcheted(faults, (before) => rules?.onStatusUpdate?.(old as never, old as never, before));
}

/** Through a subresource with rules of its own. */
function partUpdate(
  rules: KindValidation,
  object: KubeObject,
  old: KubeObject,
  namespaced: boolean,
): readonly FieldError[] {
  const faults = new FaultList();
  checkAnyMetaUpdate(object.metadata, old.metadata, namespaced, faults);
  takeSteps(rules.steps ?? updateSteps, asksOf({ object, old }, namespaced, rules, rules.onUpdate), faults);
  return ratcheted(faults, (before) => rules.onUpdate?.(old as never, old as never, before));
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
    return validateStatusUpdate(gvk, { object, old }, this.#contextOf(gvk));
  }

  /** pods/ephemeralcontainers and pods/resize: only that part of the spec has changed. */
  podPartUpdate(part: "ephemeralContainers" | "resources", pod: Pod, old: Pod): readonly FieldError[] {
    const onUpdate = part === "ephemeralContainers" ? checkEphemeralContainersUpdate : checkPodResize;
    return partUpdate({ onUpdate, steps: ["metadata change", "metadata", "change"] }, pod, old, true);
  }

  /** certificatesigningrequests/approval, where status and conditions have other rules than at /status. */
  approvalUpdate(request: KubeObject, old: KubeObject): readonly FieldError[] {
    const rules = { nameFaults: pathSegmentFaults, onUpdate: checkApprovalUpdate, steps: requestSteps };
    return partUpdate(rules, request, old, false);
  }

  /** namespaces/finalize, where only the finalizers of the spec change. */
  finalizeUpdate(namespace: KubeObject, old: KubeObject): readonly FieldError[] {
    return partUpdate({ onUpdate: checkNamespaceFinalizeUpdate }, namespace, old, false);
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
