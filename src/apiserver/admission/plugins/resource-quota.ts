/**
 * Nothing is written that would exceed a quota: what it takes is noted in the quota's status first. Writes of one
 * namespace wait for each other here, so that two can't take the last of something; other servers are kept out by the
 * quota's resourceVersion. upstream: apiserver/pkg/admission/plugin/resourcequota
 */
import type { ResourceQuota } from "#api/generated/types/core-v1.ts";
import { qualifiedResource } from "#api/meta/object.ts";
import { internalError, isConflict, isNotFound } from "#api/meta/status.ts";
import { quotaEvaluator } from "#api/quota/registry.ts";
import { resourceQuotas } from "#api/resources.ts";
import type { Clock } from "#base/clock.ts";
import type { Informer } from "#client/cache/informer.ts";
import type { AdmissionAttributes, AdmissionPlugin, Operation } from "../admission.ts";
import type { LookupDeps } from "../lookup.ts";
import { refuse } from "../refuse.ts";
import { checkQuotas, type LimitedResource, type QuotaQuestion } from "./quota-check.ts";

export interface ResourceQuotaOptions {
  readonly limitedResources: readonly LimitedResource[];
}

export interface ResourceQuotaDeps extends LookupDeps {
  readonly clock: Clock;
}

const retriesMax = 3;
/** upstream: quotaEvaluator.Evaluate */
const waitMaxMs = 10_000;

export class ResourceQuotaPlugin implements AdmissionPlugin {
  readonly name = "ResourceQuota";
  readonly #options: ResourceQuotaOptions;
  readonly #deps: ResourceQuotaDeps;
  readonly #quotas: Informer<ResourceQuota>;
  /** The end of each namespace's queue. Bounded by the writes that are in flight. */
  readonly #turns = new Map<string, Promise<void>>();
  /** Our own last write of each quota, until the cache has it. */
  readonly #written = new Map<string, ResourceQuota>();

  constructor(deps: ResourceQuotaDeps, options: ResourceQuotaOptions = { limitedResources: [] }) {
    this.#options = options;
    this.#deps = deps;
    this.#quotas = deps.informers.informer(resourceQuotas);
    const forget = (quota: ResourceQuota): void => {
      const key = keyOf(quota);
      const written = this.#written.get(key);
      if (written !== undefined && revisionOf(quota) >= revisionOf(written)) this.#written.delete(key);
    };
    this.#quotas.addHandler({
      add: forget,
      update: forget,
      delete: (quota) => this.#written.delete(keyOf(quota)),
    });
  }

  handles(operation: Operation): boolean {
    return operation === "CREATE" || operation === "UPDATE";
  }

  validate(attributes: AdmissionAttributes): Promise<void> | undefined {
    const { namespace } = attributes;
    const isFree = this.#listed(namespace).length === 0 && this.#options.limitedResources.length === 0;
    if (isFree && this.#quotas.hasSynced) return undefined;
    return this.#judge(attributes);
  }

  async #judge(attributes: AdmissionAttributes): Promise<void> {
    const question = this.#questionOf(attributes);
    if (question === undefined) return;
    await this.#inTurn(attributes.namespace, () => this.#take(attributes, question));
  }

  #questionOf(attributes: AdmissionAttributes): QuotaQuestion | undefined {
    const { gvr, subresource, namespace, object, oldObject } = attributes;
    const resource = qualifiedResource(gvr.group, gvr.resource);
    const isResize = resource === "pods" && subresource === "resize";
    if (namespace === "" || object === undefined || resource === "namespaces") return undefined;
    if (subresource !== "" && !isResize) return undefined;
    const evaluator = quotaEvaluator(resource);
    if (evaluator?.handles(attributes) !== true) return undefined;
    const { limitedResources } = this.#options;
    const nowMs = this.#deps.clock.now();
    return { resource, evaluator, object, oldObject, limited: limitedResources, nowMs };
  }

  async #take(attributes: AdmissionAttributes, question: QuotaQuestion): Promise<void> {
    let quotas = await this.#current(attributes.namespace);
    for (let retries = 0; ; retries++) {
      const answer = checkQuotas(quotas, question);
      if ("fault" in answer) throw refuse(attributes, answer.fault);
      if (attributes.dryRun) return;
      const failed: string[] = [];
      for (const quota of answer.changed) {
        try {
          await this.#write(quota);
        } catch (error) {
          // A quota that went away limits nothing.
          if (isNotFound(error)) continue;
          if (!isConflict(error) || retries >= retriesMax) throw error;
          failed.push(quota.metadata?.name ?? "");
        }
      }
      if (failed.length === 0) return;
      const { items } = await this.#deps.client.resource(resourceQuotas, attributes.namespace).list();
      quotas = items.filter(({ metadata }) => failed.includes(metadata?.name ?? ""));
    }
  }

  async #write(quota: ResourceQuota): Promise<void> {
    const namespace = quota.metadata?.namespace ?? "";
    const written = await this.#deps.client.resource(resourceQuotas, namespace).updateStatus(quota);
    const cached = this.#quotas.lister.get(keyOf(written));
    const isSeen = cached !== undefined && revisionOf(cached) >= revisionOf(written);
    if (!isSeen) this.#written.set(keyOf(written), written);
  }

  #listed(namespace: string): readonly ResourceQuota[] {
    return this.#quotas.lister.list(namespace);
  }

  async #current(namespace: string): Promise<readonly ResourceQuota[]> {
    if (!this.#quotas.hasSynced) {
      return (await this.#deps.client.resource(resourceQuotas, namespace).list()).items;
    }
    return this.#listed(namespace).map((quota) => this.#written.get(keyOf(quota)) ?? quota);
  }

  /** One after the other within a namespace, in the order of arrival. Throws 500 after having waited for too long. */
  async #inTurn(namespace: string, run: () => Promise<void>): Promise<void> {
    const before = this.#turns.get(namespace) ?? Promise.resolve();
    const done = Promise.withResolvers<void>();
    const turn = before.then(() => done.promise);
    this.#turns.set(namespace, turn);
    try {
      await this.#patiently(before);
      await run();
    } finally {
      done.resolve();
      if (this.#turns.get(namespace) === turn) this.#turns.delete(namespace);
    }
  }

  async #patiently(before: Promise<void>): Promise<void> {
    const late = Promise.withResolvers<never>();
    const cancel = this.#deps.clock.after(waitMaxMs, () => {
      late.reject(internalError("resource quota evaluation timed out"));
    });
    try {
      await Promise.race([before, late.promise]);
    } finally {
      cancel();
    }
  }
}

const keyOf = ({ metadata }: ResourceQuota): string => `${metadata?.namespace ?? ""}/${metadata?.name ?? ""}`;

const revisionOf = ({ metadata }: ResourceQuota): bigint => BigInt(metadata?.resourceVersion ?? "0");
