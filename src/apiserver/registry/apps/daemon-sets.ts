/**
 * A DaemonSet counts changes of its template, in an annotation since that is no field any more.
 * upstream: pkg/registry/apps/daemonset/strategy.go, pkg/apis/apps/v1/conversion.go
 */
import type { DaemonSet } from "#api/generated/types/apps-v1.ts";
import type { Loose } from "#api/meta/loose.ts";
import type { AnyObject } from "#api/meta/object.ts";
import type { Adjustments } from "../adjusting.ts";
import { isSame } from "../strategy.ts";

const annotation = "deprecated.daemonset.template.generation";

function generationOf({ metadata }: AnyObject): number {
  const text = metadata?.annotations?.[annotation] ?? "";
  return /^[+-]?\d+$/.test(text) ? Number(text) : 0;
}

const templateOf = (set: AnyObject): unknown => (set as Loose<DaemonSet>).spec?.template;

function note(set: AnyObject, generation: number): void {
  const metadata = (set.metadata ??= {});
  metadata.annotations = { ...metadata.annotations, [annotation]: String(generation) };
}

export const daemonSetAdjustments: Adjustments = {
  create: (set) => {
    note(set, Math.max(1, generationOf(set)));
  },
  update: (set, old) => {
    note(set, generationOf(old) + (isSame(templateOf(set), templateOf(old)) ? 0 : 1));
  },
};
