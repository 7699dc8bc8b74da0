/**
 * A DaemonSet counts changes of its template, in an annotation since that is no field any more.
 * upstream: pkg/registry/apps/daemonset/strategy.go, pkg/apis/apps/v1/conversion.go
 */
import { templateGeneration } from "#api/apps/annotated-numbers.ts";
import type { DaemonSet } from "#api/generated/types/apps-v1.ts";
import type { Loose } from "#api/meta/loose.ts";
import type { AnyObject } from "#api/meta/object.ts";
import type { Adjustments } from "../adjusting.ts";
import { isSame } from "../strategy.ts";

function generationOf({ metadata }: AnyObject): bigint {
  const text = metadata?.annotations?.[templateGeneration] ?? "";
  return /^-?\d+$/.test(text) ? BigInt(text) : 0n;
}

const templateOf = (set: AnyObject): unknown => (set as Loose<DaemonSet>).spec?.template;

function note(set: AnyObject, generation: bigint): void {
  const metadata = (set.metadata ??= {});
  metadata.annotations = { ...metadata.annotations, [templateGeneration]: String(generation) };
}

export const daemonSetAdjustments: Adjustments = {
  create: (set) => {
    const given = generationOf(set);
    note(set, given < 1n ? 1n : given);
  },
  update: (set, old) => {
    const given = generationOf(old);
    note(set, isSame(templateOf(set), templateOf(old)) ? given : BigInt.asIntN(64, given + 1n));
  },
};
