/**
 * What a definition's status says of it. Pure.
 * upstream: apiextensions-apiserver/pkg/controller/{status,establish,apiapproval}, pkg/apihelpers/helpers.go
 */
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionCondition,
} from "#api/generated/types/apiextensions-v1.ts";
import { caBundleFault } from "#api/apiextensions/ca-bundle.ts";
import { approvalOf, isProtectedGroup, type ApprovalState } from "#api/apiextensions/approval.ts";
import { jsonEqual } from "#api/patch/json-value.ts";
import { judgeNames, type TakenNames } from "./names.ts";

export type Condition = CustomResourceDefinitionCondition;
type Status = NonNullable<CustomResourceDefinition["status"]>;

export const findCondition = (crd: CustomResourceDefinition, type: string): Condition | undefined =>
  crd.status?.conditions?.find((condition) => condition.type === type);

export const isTrue = (crd: CustomResourceDefinition, type: string): boolean =>
  findCondition(crd, type)?.status === "True";

/** The time changes with the status only. */
export function withCondition(
  conditions: readonly Condition[],
  wanted: Omit<Condition, "lastTransitionTime">,
  now: string,
): Condition[] {
  const at = conditions.findIndex(({ type }) => type === wanted.type);
  const known = conditions[at];
  const lastTransitionTime = known?.status === wanted.status ? (known.lastTransitionTime ?? now) : now;
  const { type, status, reason, message } = wanted;
  const condition = { type, status, lastTransitionTime, reason, message };
  return known === undefined ? [...conditions, condition] : conditions.with(at, condition);
}

const names = {
  accepted: { type: "NamesAccepted", status: "True", reason: "NoConflicts", message: "no conflicts found" },
  notEstablished: {
    type: "Established",
    status: "False",
    reason: "NotAccepted",
    message: "not all names are accepted",
  },
  installing: {
    type: "Established",
    status: "False",
    reason: "Installing",
    message: "the initial names have been accepted",
  },
  established: {
    type: "Established",
    status: "True",
    reason: "InitialNamesAccepted",
    message: "the initial names have been accepted",
  },
  heldBack: {
    type: "Established",
    status: "False",
    reason: "InvalidCABundle",
    message: "The conversion webhook CABundle is invalid",
  },
} as const;

/** After the names were looked at; undefined when there is nothing new to say. */
export function statusAfterNames(
  crd: CustomResourceDefinition,
  ofGroup: readonly TakenNames[],
  now: string,
): Status | undefined {
  const known = crd.status ?? {};
  if (jsonEqual(crd.spec.names, known.acceptedNames)) return undefined;
  const { accepted, conflict } = judgeNames(crd, ofGroup);
  const verdict =
    conflict === undefined ? names.accepted : { type: "NamesAccepted", status: "False", ...conflict };
  const before = findCondition(crd, "NamesAccepted");
  const isSaid =
    before?.status === verdict.status &&
    before.reason === verdict.reason &&
    before.message === verdict.message;
  if (isSaid && jsonEqual(known.acceptedNames, accepted)) return undefined;
  const conditions = withCondition(known.conditions ?? [], verdict, now);
  const established = isTrue(crd, "Established")
    ? undefined
    : conflict === undefined
      ? names.installing
      : findCondition(crd, "Established") === undefined
        ? names.notEstablished
        : undefined;
  return {
    ...known,
    acceptedNames: accepted,
    conditions: established === undefined ? conditions : withCondition(conditions, established, now),
  };
}

/** Once its names are accepted and it is served. */
export function statusWhenServed(crd: CustomResourceDefinition, now: string): Status | undefined {
  if (!isTrue(crd, "NamesAccepted") || isTrue(crd, "Established")) return undefined;
  const known = crd.status ?? {};
  return { ...known, conditions: withCondition(known.conditions ?? [], names.established, now) };
}

/** Never served yet, and nobody could trust its webhook: no certificate is in what generators leave for another to fill in. */
export function isHeldBack(crd: CustomResourceDefinition): boolean {
  const caBundle = crd.spec.conversion?.webhook?.clientConfig?.caBundle ?? "";
  return caBundle !== "" && !isTrue(crd, "Established") && caBundleFault(caBundle) !== undefined;
}

/** Once its names are accepted, of a definition that is held back. */
export function statusWhenHeldBack(crd: CustomResourceDefinition, now: string): Status | undefined {
  if (!isTrue(crd, "NamesAccepted")) return undefined;
  if (findCondition(crd, "Established")?.reason === names.heldBack.reason) return undefined;
  return { ...crd.status, conditions: withCondition(crd.status?.conditions ?? [], names.heldBack, now) };
}

const approvals: Readonly<Record<ApprovalState, { readonly status: string; readonly reason: string }>> = {
  approved: { status: "True", reason: "ApprovedAnnotation" },
  bypassed: { status: "False", reason: "UnapprovedAnnotation" },
  missing: { status: "False", reason: "MissingAnnotation" },
  invalid: { status: "False", reason: "InvalidAnnotation" },
};

/** Of groups that belong to the Kubernetes project. */
export function statusOfApproval(crd: CustomResourceDefinition, now: string): Status | undefined {
  if (!isProtectedGroup(crd.spec.group)) return undefined;
  const { state, text } = approvalOf(crd.metadata?.annotations);
  const wanted = { type: "KubernetesAPIApprovalPolicyConformant", ...approvals[state], message: text };
  const known = findCondition(crd, wanted.type);
  const isSaid =
    known?.status === wanted.status && known.reason === wanted.reason && known.message === wanted.message;
  if (isSaid) return undefined;
  return { ...crd.status, conditions: withCondition(crd.status?.conditions ?? [], wanted, now) };
}
