/** What this server serves itself is available from the start. upstream: kube-aggregator/pkg/registry/apiservice/strategy.go */
import type { FieldError } from "#api/meta/field-error.ts";
import type { AnyObject } from "#api/meta/object.ts";
import type { APIService } from "#api/generated/types/apiregistration-v1.ts";
import type { DefaultStrategy, Strategy, StrategyContext } from "../strategy.ts";

export class ApiServiceStrategy implements Strategy {
  readonly allowCreateOnUpdate: boolean;
  readonly allowUnconditionalUpdate: boolean;
  readonly returnsDeletedObject: boolean;
  readonly #base: DefaultStrategy;

  constructor(base: DefaultStrategy) {
    this.#base = base;
    this.allowCreateOnUpdate = base.allowCreateOnUpdate;
    this.allowUnconditionalUpdate = base.allowUnconditionalUpdate;
    this.returnsDeletedObject = base.returnsDeletedObject;
  }

  prepareForCreate(object: AnyObject, context: StrategyContext): void {
    this.#base.prepareForCreate(object, context);
    const service = object as AnyObject & APIService;
    if (service.spec?.service !== undefined) return;
    service.status = {
      conditions: [
        {
          type: "Available",
          status: "True",
          lastTransitionTime: context.now,
          reason: "Local",
          message: "Local APIServices are always available",
        },
      ],
    };
  }

  prepareForUpdate(object: AnyObject, old: AnyObject, context: StrategyContext): void {
    this.#base.prepareForUpdate(object, old, context);
  }

  validateCreate(object: AnyObject): readonly FieldError[] {
    return this.#base.validateCreate(object);
  }

  validateUpdate(object: AnyObject, old: AnyObject): readonly FieldError[] {
    return this.#base.validateUpdate(object, old);
  }
}
