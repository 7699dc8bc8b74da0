/**
 * Pods that still wait at a gate may be told where to run, as long as that only narrows the choice.
 * upstream: pkg/apis/core/validation/validation.go (validateNodeSelectorMutation, validateNodeAffinityMutation)
 */
import type { NodeAffinity, NodeSelectorTerm, PodSpec } from "../generated/types/core-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { asGoStruct, type GoShape } from "../meta/go-struct.ts";
import { isSame } from "../meta/field-rules.ts";
import type { Loose } from "../meta/loose.ts";

type Spec = Loose<PodSpec>;
type Terms = readonly Loose<NodeSelectorTerm>[];

const required = "requiredDuringSchedulingIgnoredDuringExecution";
const affinityPath = `spec.affinity.nodeAffinity.${required}`;

const requirementShape: GoShape = { Key: ["key", ""], Operator: ["operator", ""], Values: ["values", null] };
export const termShape: GoShape = {
  MatchExpressions: ["matchExpressions", null, requirementShape],
  MatchFields: ["matchFields", null, requirementShape],
};

const beginsWith = (list: readonly unknown[] = [], start: readonly unknown[] = []): boolean =>
  isSame(list.slice(0, start.length), start);

function checkTerms(terms: Terms, old: Terms, faults: FaultList): void {
  const path = `${affinityPath}.nodeSelectorTerms`;
  if (terms.length !== old.length) {
    faults.invalid(
      path,
      asGoStruct(terms, termShape),
      "no additions/deletions to non-empty NodeSelectorTerms list are allowed",
    );
    return;
  }
  for (const [index, before] of old.entries()) {
    const now = terms[index] ?? {};
    if (!hasOnlyAdditions(now, before)) {
      const shown = asGoStruct(now, termShape);
      faults.invalid(`${path}[${index}]`, shown, "only additions are allowed (no mutations or deletions)");
    }
  }
}

/** A term that matches nothing can't be given something to match. */
function hasOnlyAdditions(now: Loose<NodeSelectorTerm>, before: Loose<NodeSelectorTerm>): boolean {
  const fields = ["matchExpressions", "matchFields"] as const;
  const matchesNothing = fields.every((field) => (before[field] ?? []).length === 0);
  if (matchesNothing && fields.some((field) => (now[field] ?? []).length > 0)) return false;
  return fields.every((field) => beginsWith(now[field], before[field]));
}

function checkAffinity(
  affinity: Loose<NodeAffinity> | undefined,
  old: Loose<NodeAffinity> | undefined,
  faults: FaultList,
): void {
  const before = old?.[required]?.nodeSelectorTerms ?? [];
  if (before.length > 0) checkTerms(affinity?.[required]?.nodeSelectorTerms ?? [], before, faults);
}

/** The new placement put back where it is a gated pod's to change. */
export function restorePlacement(spec: Spec, old: Spec, faults: FaultList): Spec {
  if ((old.schedulingGates ?? []).length === 0) return spec;
  const kept = Object.entries(old.nodeSelector ?? {}).every(
    ([key, value]) => spec.nodeSelector?.[key] === value,
  );
  if (!kept) {
    faults.invalid(
      "spec.nodeSelector",
      spec.nodeSelector,
      "only additions to spec.nodeSelector are allowed (no mutations or deletions)",
    );
  }
  const before = old.affinity?.nodeAffinity;
  checkAffinity(spec.affinity?.nodeAffinity, before, faults);
  const affinity = { ...spec.affinity, nodeAffinity: before };
  const isBare = old.affinity === undefined && isSame(affinity, {});
  return { ...spec, nodeSelector: old.nodeSelector, affinity: isBare ? undefined : affinity };
}
