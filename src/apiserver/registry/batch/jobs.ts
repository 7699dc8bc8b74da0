/** What is special about jobs: they find their pods by a label made of their uid. upstream: pkg/registry/batch/job/strategy.go */
import type { Job } from "#api/generated/types/batch-v1.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { DelegatingStrategy, type StrategyContext } from "../strategy.ts";

const prefix = "batch.kubernetes.io/";

export class JobStrategy extends DelegatingStrategy {
  override prepareForCreate(object: AnyObject, context: StrategyContext): void {
    super.prepareForCreate(object, context);
    const job = object as Job;
    if (job.spec !== undefined && job.spec.manualSelector !== true) selectByUid(job, job.spec);
  }
}

function selectByUid({ metadata }: Job, spec: NonNullable<Job["spec"]>): void {
  const uid = metadata?.uid ?? "";
  const name = metadata?.name ?? "";
  const template = (spec.template.metadata ??= {});
  const labels = (template.labels = { ...template.labels });
  for (const [key, value] of Object.entries({ "job-name": name, "controller-uid": uid })) {
    // One that is there is another job's, for validation to refuse.
    labels[key] ??= value;
    labels[`${prefix}${key}`] ??= value;
  }
  const selector = (spec.selector ??= {});
  selector.matchLabels = { [`${prefix}controller-uid`]: uid, ...selector.matchLabels };
}
