/** What is special about namespaces: they go only when spec.finalizers is empty. upstream: pkg/registry/core/namespace */
import type { Namespace } from "#api/generated/types/core-v1.ts";
import type { FieldError } from "#api/meta/field-error.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { keepAllBut, type DefaultStrategy, type Strategy, type StrategyContext } from "../strategy.ts";

const nameLabel = "kubernetes.io/metadata.name";
const kubernetesFinalizer = "kubernetes";

export class NamespaceStrategy implements Strategy {
  readonly allowCreateOnUpdate = false;
  readonly allowUnconditionalUpdate = true;
  readonly returnsDeletedObject = true;
  readonly #base: DefaultStrategy;

  constructor(base: DefaultStrategy) {
    this.#base = base;
  }

  prepareForCreate(object: AnyObject, context: StrategyContext): void {
    this.#base.prepareForCreate(object, context);
    const namespace = object as Namespace;
    namespace.status = { phase: "Active" };
    const spec = (namespace.spec ??= {});
    const finalizers = spec.finalizers ?? [];
    spec.finalizers = finalizers.includes(kubernetesFinalizer)
      ? finalizers
      : [...finalizers, kubernetesFinalizer];
    labelWithName(object);
  }

  prepareForUpdate(object: AnyObject, old: AnyObject, context: StrategyContext): void {
    this.#base.prepareForUpdate(object, old, context);
    keepAllBut(object, old, "status");
    labelWithName(object);
  }

  validateCreate(object: AnyObject): readonly FieldError[] {
    return this.#base.validateCreate(object);
  }

  validateUpdate(object: AnyObject, old: AnyObject): readonly FieldError[] {
    return this.#base.validateUpdate(object, old);
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
export class FinalizeStrategy implements Strategy {
  readonly allowCreateOnUpdate = false;
  readonly allowUnconditionalUpdate = true;
  readonly returnsDeletedObject = false;
  readonly #validate: (object: AnyObject, old: AnyObject) => readonly FieldError[];

  constructor(validate: (object: AnyObject, old: AnyObject) => readonly FieldError[]) {
    this.#validate = validate;
  }

  prepareForCreate(): void {
    // Nothing is created through finalize.
  }

  prepareForUpdate(object: AnyObject, old: AnyObject, _context: StrategyContext): void {
    keepAllBut(object, old, "spec");
  }

  validateCreate(): readonly FieldError[] {
    return [];
  }

  validateUpdate(object: AnyObject, old: AnyObject): readonly FieldError[] {
    return this.#validate(object, old);
  }
}
