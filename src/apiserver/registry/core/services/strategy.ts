/** What is special about Services. upstream: pkg/registry/core/service/strategy.go, storage/storage.go */
import type { Service } from "#api/generated/types/core-v1.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { isNotFound } from "#api/meta/status.ts";
import {
  DelegatingStrategy,
  type DefaultStrategy,
  type Finish,
  type StrategyContext,
} from "../../strategy.ts";
import type { ResourceStore } from "../../store.ts";
import { systemContext } from "../../write.ts";
import type { ServiceAllocation } from "./allocation.ts";

/** Asked for once the resources are installed. */
export interface ServiceParts {
  readonly allocation: () => ServiceAllocation;
  readonly endpoints: () => ResourceStore;
}

export class ServiceStrategy extends DelegatingStrategy {
  readonly #allocation: () => ServiceAllocation;
  readonly #endpoints: () => ResourceStore;

  constructor(base: DefaultStrategy, { allocation, endpoints }: ServiceParts) {
    super(base);
    this.#allocation = allocation;
    this.#endpoints = endpoints;
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

  async afterDelete(object: AnyObject): Promise<void> {
    await this.#allocation().release(object);
    await this.#removeEndpoints(object);
  }

  /** Whoever made them: a Service that comes to have the same name mustn't lead to them. */
  async #removeEndpoints({ metadata: { namespace = "", name = "" } = {} }: AnyObject): Promise<void> {
    try {
      await this.#endpoints().delete({ namespace, name }, {}, systemContext);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

/** A name elsewhere has no traffic here; upstream keeps what is said of it, and never shows it. Nonsense is refused. */
function dropTrafficPolicy({ spec = {} }: Service): void {
  const { type, internalTrafficPolicy: policy = "" } = spec;
  if (type === "ExternalName" && ["Cluster", "Local"].includes(policy)) delete spec.internalTrafficPolicy;
}
