/** What is special about namespaces: they go only when spec.finalizers is empty. upstream: pkg/registry/core/namespace */
import type { Namespace } from "#api/generated/types/core-v1.ts";
import type { FieldError } from "#api/meta/field-error.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { foregroundFinalizer, orphanFinalizer, withGarbageFinalizer } from "../deletion.ts";
import {
  DelegatingStrategy,
  PartStrategy,
  keepAllBut,
  type DeletionOptions,
  type StrategyContext,
} from "../strategy.ts";

const nameLabel = "kubernetes.io/metadata.name";
const kubernetesFinalizer = "kubernetes";

export class NamespaceStrategy extends DelegatingStrategy {
  override prepareForCreate(object: AnyObject, context: StrategyContext): void {
    super.prepareForCreate(object, context);
    const namespace = object as Namespace;
    namespace.status = { phase: "Active" };
    const spec = (namespace.spec ??= {});
    const finalizers = spec.finalizers ?? [];
    spec.finalizers = finalizers.includes(kubernetesFinalizer)
      ? finalizers
      : [...finalizers, kubernetesFinalizer];
    labelWithName(object);
  }

  override prepareForUpdate(object: AnyObject, old: AnyObject, context: StrategyContext): void {
    super.prepareForUpdate(object, old, context);
    keepAllBut(object, old, "status");
    labelWithName(object);
  }

  mayBeRemoved(object: AnyObject): boolean {
    return ((object as Namespace).spec?.finalizers ?? []).length === 0;
  }

  /** The first deletion never removes it, and the next ones don't before its finalizers are empty. */
  beginDeletion(
    object: AnyObject,
    options: DeletionOptions,
    { now }: StrategyContext,
  ): "mark" | "wait" | undefined {
    const namespace = object as Namespace;
    const metadata = (namespace.metadata ??= {});
    if (metadata.deletionTimestamp !== undefined) return this.mayBeRemoved(object) ? undefined : "wait";
    metadata.deletionTimestamp = now;
    namespace.status = { ...namespace.status, phase: "Terminating" };
    const finalizers = finalizersFor(metadata.finalizers ?? [], options);
    if (finalizers.length > 0) metadata.finalizers = [...finalizers];
    else delete metadata.finalizers;
    return "mark";
  }
}

/** Whose dependents aren't to be orphaned is to wait for them; of any other resource that says nothing. */
function finalizersFor(
  current: readonly string[],
  { orphanDependents, propagationPolicy }: DeletionOptions,
): readonly string[] {
  if (orphanDependents !== undefined) {
    return withGarbageFinalizer(current, orphanDependents ? orphanFinalizer : foregroundFinalizer);
  }
  if (propagationPolicy === undefined) return current;
  const finalizers: Readonly<Record<string, string>> = {
    Orphan: orphanFinalizer,
    Foreground: foregroundFinalizer,
  };
  return withGarbageFinalizer(current, finalizers[propagationPolicy]);
}

function labelWithName({ metadata }: AnyObject): void {
  if (metadata?.name === undefined || metadata.name === "") return;
  metadata.labels = { ...metadata.labels, [nameLabel]: metadata.name };
}

/** For namespaces/finalize: only spec.finalizers changes. */
export class FinalizeStrategy extends PartStrategy {
  readonly #validate: (object: AnyObject, old: AnyObject) => readonly FieldError[];

  constructor(validate: (object: AnyObject, old: AnyObject) => readonly FieldError[]) {
    super(true);
    this.#validate = validate;
  }

  prepareForUpdate(object: AnyObject, old: AnyObject, _context: StrategyContext): void {
    keepAllBut(object, old, "spec");
  }

  validateUpdate(object: AnyObject, old: AnyObject): readonly FieldError[] {
    return this.#validate(object, old);
  }
}
