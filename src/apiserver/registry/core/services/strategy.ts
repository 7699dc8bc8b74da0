/** What is special about Services. upstream: pkg/registry/core/service/strategy.go, storage/storage.go */
import type { Service } from "#api/generated/types/core-v1.ts";
import type { AnyObject } from "#api/meta/object.ts";
import {
  DelegatingStrategy,
  type DefaultStrategy,
  type Finish,
  type StrategyContext,
} from "../../strategy.ts";
import type { ServiceAllocation } from "./allocation.ts";

export class ServiceStrategy extends DelegatingStrategy {
  readonly #allocation: () => ServiceAllocation;

  constructor(base: DefaultStrategy, allocation: () => ServiceAllocation) {
    super(base);
    this.#allocation = allocation;
  }

  override prepareForCreate(object: AnyObject, context: StrategyContext): void {
    super.prepareForCreate(object, context);
    (object as Service).status = { loadBalancer: {} };
    dropTrafficPolicy(object);
  }

  override prepareForUpdate(object: AnyObject, old: AnyObject, context: StrategyContext): void {
    super.prepareForUpdate(object, old, context);
    dropTrafficPolicy(object);
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

/** A name elsewhere has no traffic here; upstream keeps what is said of it, and never shows it. Nonsense is refused. */
function dropTrafficPolicy({ spec = {} }: Service): void {
  const { type, internalTrafficPolicy: policy = "" } = spec;
  if (type === "ExternalName" && ["Cluster", "Local"].includes(policy)) delete spec.internalTrafficPolicy;
}
