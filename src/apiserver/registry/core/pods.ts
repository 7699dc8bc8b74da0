/** What is special about pods. upstream: pkg/registry/core/pod/strategy.go */

import type { AnyObject } from "#api/meta/object.ts";
import type { Container, Pod, PodCondition, PodStatus } from "#api/generated/types/core-v1.ts";
import type { FieldError } from "#api/meta/field-error.ts";
import { addressWarnings } from "#api/meta/addresses.ts";
import { applyLabelKeys } from "#api/core/pod-label-keys.ts";
import { syncAppArmor } from "#api/core/pod-apparmor.ts";
import { qosClassOf } from "#api/core/qos.ts";
import { dropDisabledFields } from "../disabled-fields.ts";
import {
  DelegatingStrategy,
  PartStrategy,
  bumpGeneration,
  isSame,
  keepAllBut,
  restore,
  type StrategyContext,
} from "../strategy.ts";

export class PodStrategy extends DelegatingStrategy {
  override prepareForCreate(object: AnyObject, context: StrategyContext): void {
    super.prepareForCreate(object, context);
    const pod = object as Pod;
    const status: PodStatus = { phase: "Pending", qosClass: qosClassOf(pod) };
    if ((pod.spec?.schedulingGates ?? []).length > 0) {
      status.conditions = [gatedCondition(context.now)];
    }
    pod.status = status;
    applyLabelKeys(pod);
    syncAppArmor(pod, (text) => {
      context.warn(text);
    });
  }

  /** A pod that runs nowhere, or no longer, needs no grace. */
  gracePeriod(object: AnyObject, asked: number | bigint | undefined): number | bigint {
    const { spec, status } = object as Pod;
    const isOver = status?.phase === "Failed" || status?.phase === "Succeeded";
    if ((spec?.nodeName ?? "") === "" || isOver) return 0;
    const seconds = asked ?? spec?.terminationGracePeriodSeconds ?? 0;
    return seconds < 0 ? 1 : seconds;
  }
}

const gatedCondition = (now: string): PodCondition => ({
  type: "PodScheduled",
  status: "False",
  lastTransitionTime: now,
  reason: "SchedulingGated",
  message: "Scheduling is blocked due to non-empty scheduling gates",
});

/** Generations that were observed stay, where the new status leaves them out; of one type there may be many conditions. */
function keepObservedGenerations(status: PodStatus, old: PodStatus): void {
  restoreObserved(status, old);
  const left = Map.groupBy(old.conditions ?? [], ({ type }) => type);
  const seen = new Map<string, number>();
  for (const condition of status.conditions ?? []) {
    const nth = seen.get(condition.type) ?? 0;
    seen.set(condition.type, nth + 1);
    const before = left.get(condition.type)?.[nth];
    if (before !== undefined) restoreObserved(condition, before);
  }
}

type Observing = Pick<PodStatus, "observedGeneration">;

function restoreObserved(observing: Observing, { observedGeneration: before }: Observing): void {
  if (before !== undefined) observing.observedGeneration ||= before;
}

function statusWarnings({ status = {} }: Pod): string[] {
  return (["podIPs", "hostIPs"] as const).flatMap((field) =>
    (status[field] ?? []).flatMap(({ ip }, index) => addressWarnings(ip, `status.${field}[${index}].ip`)),
  );
}

/** For pods/status: the kubelet's and the scheduler's; owners and when a pod ends aren't theirs, and the QoS class stays where none is told. */
export class PodStatusStrategy extends DelegatingStrategy {
  override prepareForUpdate(object: AnyObject, old: AnyObject, context: StrategyContext): void {
    super.prepareForUpdate(object, old, context);
    restore(object, old, ["ownerReferences", "deletionTimestamp"]);
    const { status = {} } = object as Pod;
    const before = (old as Pod).status ?? {};
    if (before.qosClass !== undefined) status.qosClass ||= before.qosClass;
    keepObservedGenerations(status, before);
    if (Object.keys(status).length > 0) (object as Pod).status = status;
  }

  override validateUpdate(
    object: AnyObject,
    old: AnyObject,
    context?: StrategyContext,
  ): readonly FieldError[] {
    const errors = super.validateUpdate(object, old, context);
    if (errors.length === 0) statusWarnings(object).forEach((text) => context?.warn(text));
    return errors;
  }
}

/** For pods/ephemeralcontainers and pods/resize: one part of the spec changes, everything else stays. */
export class PodPartStrategy extends PartStrategy {
  readonly #takePart: (from: Pod, into: NonNullable<Pod["spec"]>) => void;
  readonly #validate: (object: AnyObject, old: AnyObject) => readonly FieldError[];

  constructor(
    takePart: (from: Pod, into: NonNullable<Pod["spec"]>) => void,
    validate: (object: AnyObject, old: AnyObject) => readonly FieldError[],
  ) {
    super(true);
    this.#takePart = takePart;
    this.#validate = validate;
  }

  prepareForUpdate(object: AnyObject, old: AnyObject, _context: StrategyContext): void {
    const sent = structuredClone(object) as Pod;
    keepAllBut(object, structuredClone(old), "metadata");
    object.metadata = structuredClone(old.metadata);
    const { spec } = object as Pod;
    if (spec !== undefined) this.#takePart(sent, spec);
    dropDisabledFields("pods", object, old);
    if (!isSame(object["spec"], old["spec"])) bumpGeneration(object, old);
  }

  validateUpdate(object: AnyObject, old: AnyObject): readonly FieldError[] {
    return this.#validate(object, old);
  }
}

export function takeEphemeralContainers(from: Pod, into: NonNullable<Pod["spec"]>): void {
  const { ephemeralContainers } = from.spec ?? {};
  if (ephemeralContainers === undefined) delete into.ephemeralContainers;
  else into.ephemeralContainers = ephemeralContainers;
}

/** Containers that were added, renamed or put in another order are taken as they are: validation refuses them. */
export function takeResources(from: Pod, into: NonNullable<Pod["spec"]>): void {
  for (const list of ["containers", "initContainers"] as const) {
    const sent = from.spec?.[list] ?? [];
    const own = into[list] ?? [];
    const isSameList =
      sent.length === own.length && own.every(({ name }, index) => sent[index]?.name === name);
    if (!isSameList) {
      into[list] = sent;
      continue;
    }
    for (const [index, container] of own.entries()) takeOwnResources(sent[index], container);
  }
  if (from.spec?.resources === undefined) delete into.resources;
  else into.resources = from.spec.resources;
}

function takeOwnResources(sent: Container | undefined, container: Container): void {
  for (const field of ["resources", "resizePolicy"] as const) {
    const value = sent?.[field];
    if (value === undefined) delete container[field];
    else Reflect.set(container, field, value);
  }
}
