/** Deletions that by default leave the dependents alone: jobs and replication controllers, for old clients' sake. */
import { DelegatingStrategy, type Strategy, type StrategyContext } from "./strategy.ts";

const jobWarning =
  "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning";

export class OrphaningStrategy extends DelegatingStrategy {
  readonly #version: string;

  /** `version`: the API version whose clients expect orphaning. */
  constructor(base: Strategy, version: string) {
    super(base);
    this.#version = version;
  }

  defaultPropagation(context: StrategyContext): "Background" | "Orphan" {
    if (context.requestVersion !== this.#version) return "Background";
    if (this.#version === "batch/v1") context.warn(jobWarning);
    return "Orphan";
  }
}
