/** A strategy that does what another does, and then changes the object a little. */
import type { FieldError } from "#api/meta/field-error.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { DelegatingStrategy, type Strategy, type StrategyContext } from "./strategy.ts";

export interface Adjustments {
  create?(object: AnyObject, context: StrategyContext): void;
  /** May not change `old`. */
  update?(object: AnyObject, old: AnyObject, context: StrategyContext): void;
  /** What a stored object would be if it were written today: what a change is compared with. */
  asWrittenToday?(old: AnyObject): AnyObject;
}

export class AdjustingStrategy extends DelegatingStrategy {
  readonly #adjustments: Adjustments;

  constructor(base: Strategy, adjustments: Adjustments) {
    super(base);
    this.#adjustments = adjustments;
  }

  override prepareForCreate(object: AnyObject, context: StrategyContext): void {
    super.prepareForCreate(object, context);
    this.#adjustments.create?.(object, context);
  }

  override prepareForUpdate(object: AnyObject, old: AnyObject, context: StrategyContext): void {
    super.prepareForUpdate(object, old, context);
    this.#adjustments.update?.(object, old, context);
  }

  override validateUpdate(
    object: AnyObject,
    old: AnyObject,
    context?: StrategyContext,
  ): readonly FieldError[] {
    return super.validateUpdate(object, this.#adjustments.asWrittenToday?.(old) ?? old, context);
  }
}
