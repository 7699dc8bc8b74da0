/** What is special about namespaces: they go only when spec.finalizers is empty. upstream: pkg/registry/core/namespace */
import type { Namespace } from "#api/generated/types/core-v1.ts";
import type { FieldError } from "#api/meta/field-error.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { DelegatingStrategy, PartStrategy, keepAllBut, type StrategyContext } from "../strategy.ts";

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

  markDeleted(object: AnyObject, _context: StrategyContext): void {
    const namespace = object as Namespace;
    if (namespace.metadata !== undefined) delete namespace.metadata.deletionGracePeriodSeconds;
    namespace.status = { ...namespace.status, phase: "Terminating" };
  }
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
