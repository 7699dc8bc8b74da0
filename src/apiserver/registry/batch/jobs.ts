/** What is special about jobs: they find their pods by a label made of their uid. upstream: pkg/registry/batch/job/strategy.go */
import type { Job } from "#api/generated/types/batch-v1.ts";
import type { FieldError } from "#api/meta/field-error.ts";
import type { AnyObject } from "#api/meta/object.ts";
import type { DefaultStrategy, Strategy, StrategyContext } from "../strategy.ts";

const prefix = "batch.kubernetes.io/";

export class JobStrategy implements Strategy {
  readonly allowCreateOnUpdate = false;
  readonly allowUnconditionalUpdate = true;
  readonly returnsDeletedObject = false;
  readonly #base: DefaultStrategy;

  constructor(base: DefaultStrategy) {
    this.#base = base;
  }

  prepareForCreate(object: AnyObject, context: StrategyContext): void {
    this.#base.prepareForCreate(object, context);
    const job = object as Job;
    if (job.spec !== undefined && job.spec.manualSelector !== true) selectByUid(job, job.spec);
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

function selectByUid({ metadata }: Job, spec: NonNullable<Job["spec"]>): void {
  const uid = metadata?.uid ?? "";
  const name = metadata?.name ?? "";
  // A body may leave the template out: what is missing in it, validation says.
  const { template: given = {} } = spec as Partial<typeof spec>;
  spec.template = given;
  const template = (given.metadata ??= {});
  const labels = (template.labels = { ...template.labels });
  for (const [key, value] of Object.entries({ "job-name": name, "controller-uid": uid })) {
    // Another job's, for validation to refuse.
    if (labels[key] !== undefined) continue;
    labels[key] = value;
    labels[`${prefix}${key}`] = value;
  }
  const selector = (spec.selector ??= {});
  selector.matchLabels = { [`${prefix}controller-uid`]: uid, ...selector.matchLabels };
}
