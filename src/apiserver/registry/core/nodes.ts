/**
 * What is special about nodes: fields whose feature is gone, or isn't there yet, are dropped where the stored node has
 * none of them. upstream: pkg/registry/core/node/strategy.go (dropDisabledFields)
 */
import type { Node } from "#api/generated/types/core-v1.ts";
import type { FieldError } from "#api/meta/field-error.ts";
import type { AnyObject } from "#api/meta/object.ts";
import type { DefaultStrategy, StatusStrategy, Strategy, StrategyContext } from "../strategy.ts";

function dropDisabled(object: AnyObject, old: AnyObject | undefined): void {
  const { spec, status } = object as Node;
  const before = old as Node | undefined;
  if (spec !== undefined && before?.spec?.configSource === undefined) delete spec.configSource;
  if (status === undefined) return;
  if (before?.status?.config === undefined) delete status.config;
  if (before?.status?.declaredFeatures === undefined) delete status.declaredFeatures;
}

export class NodeStrategy implements Strategy {
  readonly allowCreateOnUpdate = false;
  readonly allowUnconditionalUpdate = true;
  readonly returnsDeletedObject = false;
  readonly #base: DefaultStrategy;

  constructor(base: DefaultStrategy) {
    this.#base = base;
  }

  prepareForCreate(object: AnyObject, context: StrategyContext): void {
    this.#base.prepareForCreate(object, context);
    dropDisabled(object, undefined);
  }

  prepareForUpdate(object: AnyObject, old: AnyObject, context: StrategyContext): void {
    this.#base.prepareForUpdate(object, old, context);
    dropDisabled(object, old);
  }

  validateCreate(object: AnyObject, context?: StrategyContext): readonly FieldError[] {
    return this.#base.validateCreate(object, context);
  }

  validateUpdate(object: AnyObject, old: AnyObject): readonly FieldError[] {
    return this.#base.validateUpdate(object, old);
  }
}

export class NodeStatusStrategy implements Strategy {
  readonly allowCreateOnUpdate = false;
  readonly allowUnconditionalUpdate = true;
  readonly returnsDeletedObject = false;
  readonly #base: StatusStrategy;

  constructor(base: StatusStrategy) {
    this.#base = base;
  }

  prepareForCreate(): void {
    this.#base.prepareForCreate();
  }

  prepareForUpdate(object: AnyObject, old: AnyObject, context: StrategyContext): void {
    this.#base.prepareForUpdate(object, old, context);
    dropDisabled(object, old);
  }

  validateCreate(): readonly FieldError[] {
    return [];
  }

  validateUpdate(object: AnyObject, old: AnyObject): readonly FieldError[] {
    return this.#base.validateUpdate(object, old);
  }
}
