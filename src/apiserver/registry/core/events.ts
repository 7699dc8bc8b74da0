/**
 * Events are written through two groups into one place; the newer group asks for more.
 * upstream: pkg/registry/core/event/strategy.go
 */
import type { FieldError } from "#api/meta/field-error.ts";
import type { AnyObject } from "#api/meta/object.ts";
import {
  DelegatingStrategy,
  type DefaultStrategy,
  type StrategyContext,
  type Validation,
} from "../strategy.ts";

export class EventStrategy extends DelegatingStrategy {
  readonly #newGroup: Validation;

  constructor(base: DefaultStrategy, newGroup: Validation) {
    super(base);
    this.#newGroup = newGroup;
  }

  override validateCreate(object: AnyObject, context?: StrategyContext): readonly FieldError[] {
    return isOfNewGroup(context) ? this.#newGroup.create(object) : super.validateCreate(object);
  }

  override validateUpdate(
    object: AnyObject,
    old: AnyObject,
    context?: StrategyContext,
  ): readonly FieldError[] {
    return isOfNewGroup(context) ? this.#newGroup.update(object, old) : super.validateUpdate(object, old);
  }
}

const isOfNewGroup = (context: StrategyContext | undefined): boolean =>
  context?.requestVersion === "events.k8s.io/v1";
