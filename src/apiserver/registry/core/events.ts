/**
 * Events are written through two groups into one place; the newer group asks for more.
 * upstream: pkg/registry/core/event/strategy.go
 */
import type { FieldError } from "#api/meta/field-error.ts";
import type { AnyObject } from "#api/meta/object.ts";
import type { DefaultStrategy, Strategy, StrategyContext, Validation } from "../strategy.ts";

export class EventStrategy implements Strategy {
  readonly allowCreateOnUpdate = true;
  readonly allowUnconditionalUpdate = true;
  readonly returnsDeletedObject = false;
  readonly #base: DefaultStrategy;
  readonly #newGroup: Validation;

  constructor(base: DefaultStrategy, newGroup: Validation) {
    this.#base = base;
    this.#newGroup = newGroup;
  }

  prepareForCreate(object: AnyObject, context: StrategyContext): void {
    this.#base.prepareForCreate(object, context);
  }

  prepareForUpdate(object: AnyObject, old: AnyObject, context: StrategyContext): void {
    this.#base.prepareForUpdate(object, old, context);
  }

  validateCreate(object: AnyObject, context?: StrategyContext): readonly FieldError[] {
    return isOfNewGroup(context) ? this.#newGroup.create(object) : this.#base.validateCreate(object);
  }

  validateUpdate(object: AnyObject, old: AnyObject, context?: StrategyContext): readonly FieldError[] {
    return isOfNewGroup(context)
      ? this.#newGroup.update(object, old)
      : this.#base.validateUpdate(object, old);
  }
}

const isOfNewGroup = (context: StrategyContext | undefined): boolean =>
  context?.requestVersion === "events.k8s.io/v1";
