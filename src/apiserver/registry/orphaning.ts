/** Deletions that by default leave the dependents alone: jobs and replication controllers, for old clients' sake. */
import type { FieldError } from "#api/meta/field-error.ts";
import type { AnyObject } from "#api/meta/object.ts";
import type { Strategy, StrategyContext } from "./strategy.ts";

const jobWarning =
  "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning";

export class OrphaningStrategy implements Strategy {
  readonly allowCreateOnUpdate: boolean;
  readonly allowUnconditionalUpdate: boolean;
  readonly returnsDeletedObject: boolean;
  readonly #base: Strategy;
  readonly #version: string;

  /** `version`: the API version whose clients expect orphaning. */
  constructor(base: Strategy, version: string) {
    this.#base = base;
    this.#version = version;
    this.allowCreateOnUpdate = base.allowCreateOnUpdate;
    this.allowUnconditionalUpdate = base.allowUnconditionalUpdate;
    this.returnsDeletedObject = base.returnsDeletedObject;
  }

  prepareForCreate(object: AnyObject, context: StrategyContext): void {
    this.#base.prepareForCreate(object, context);
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

  defaultPropagation(context: StrategyContext): "Background" | "Orphan" {
    if (context.requestVersion !== this.#version) return "Background";
    if (this.#version === "batch/v1") context.warn(jobWarning);
    return "Orphan";
  }
}
