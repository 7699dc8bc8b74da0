/** What is special about Services. upstream: pkg/registry/core/service/strategy.go, storage/storage.go */
import type { Service } from "#api/generated/types/core-v1.ts";
import type { FieldError } from "#api/meta/field-error.ts";
import type { AnyObject } from "#api/meta/object.ts";
import type { DefaultStrategy, Finish, Strategy, StrategyContext } from "../../strategy.ts";
import type { ServiceAllocation } from "./allocation.ts";

export class ServiceStrategy implements Strategy {
  readonly allowCreateOnUpdate = true;
  readonly allowUnconditionalUpdate = true;
  readonly returnsDeletedObject = true;
  readonly #base: DefaultStrategy;
  readonly #allocation: () => ServiceAllocation;

  constructor(base: DefaultStrategy, allocation: () => ServiceAllocation) {
    this.#base = base;
    this.#allocation = allocation;
  }

  prepareForCreate(object: AnyObject, context: StrategyContext): void {
    this.#base.prepareForCreate(object, context);
    (object as Service).status = { loadBalancer: {} };
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

  beginCreate(object: AnyObject, { dryRun }: StrategyContext): Promise<Finish> {
    return this.#allocation().create(object, dryRun);
  }

  beginUpdate(object: AnyObject, old: AnyObject, { dryRun }: StrategyContext): Promise<Finish> {
    return this.#allocation().update(object, old, dryRun);
  }

  afterDelete(object: AnyObject): Promise<void> {
    return this.#allocation().release(object);
  }
}
