/** A strategy that does what another does, and then changes the object a little. */
import type { AnyObject } from "#api/meta/object.ts";
import { DelegatingStrategy, type Strategy, type StrategyContext } from "./strategy.ts";

export interface Adjustments {
  create?(object: AnyObject, context: StrategyContext): void;
  /** May not change `old`. */
  update?(object: AnyObject, old: AnyObject, context: StrategyContext): void;
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
}
