/**
 * Cluster roles whose rules are the sum of others', found by label: admin, edit, view and whoever adds to them.
 * upstream: pkg/controller/clusterroleaggregation/clusterroleaggregation_controller.go
 */
import { isDeepStrictEqual } from "node:util";
import type { ClusterRole, PolicyRule } from "#api/generated/types/rbac-v1.ts";
import { selectorOf, SelectorError, type LabelSelector } from "#api/meta/labels.ts";
import { isConflict, isNotFound } from "#api/meta/status.ts";
import { clusterRoles } from "#api/resources.ts";
import { isAbortError } from "#base/abort.ts";
import { Backoff } from "#base/backoff.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { InformerFactory, Lister } from "#client/cache/informer.ts";
import type { Client } from "#client/client.ts";

/** The rules an aggregating role should have, or undefined when it doesn't aggregate. */
export function aggregatedRules(role: ClusterRole, all: readonly ClusterRole[]): PolicyRule[] | undefined {
  if (role.aggregationRule === undefined) return undefined;
  const rules: PolicyRule[] = [];
  const seen = new Set<string>();
  let left = all.filter(({ metadata }) => metadata?.name !== role.metadata?.name);
  for (const selector of role.aggregationRule.clusterRoleSelectors ?? []) {
    // Who was selected once has nothing more to give, however many selectors there are.
    const found = new Set(selected(selectorOf(selector), left));
    if (found.size > 0) left = left.filter((each) => !found.has(each));
    for (const source of found) {
      for (const rule of source.rules ?? []) {
        const key = JSON.stringify(rule);
        if (!seen.has(key)) rules.push(rule);
        seen.add(key);
      }
    }
  }
  return rules;
}

/** By name, so that the sum doesn't change with the order in which roles were made. */
function selected(selector: LabelSelector, all: readonly ClusterRole[]): ClusterRole[] {
  return all
    .filter(({ metadata }) => selector.matches(metadata?.labels))
    .toSorted((a, b) => ((a.metadata?.name ?? "") < (b.metadata?.name ?? "") ? -1 : 1));
}

export interface AggregationDeps {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Keeps the rules of aggregating cluster roles up to date. */
export class ClusterRoleAggregator {
  readonly #deps: AggregationDeps;
  readonly #lister: Lister<ClusterRole>;
  #dirty = true;
  #wake: (() => void) | undefined;

  constructor(deps: AggregationDeps) {
    this.#deps = deps;
    const informer = deps.informers.informer(clusterRoles);
    this.#lister = informer.lister;
    const changed = (): void => {
      this.#dirty = true;
      this.#wake?.();
    };
    informer.addHandler({ add: changed, update: changed, delete: changed });
  }

  /** Runs until aborted; call it after the informers have synced. */
  async run(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff({ initialMs: 10, maxMs: 30_000, factor: 2, jitter: 0.2 }, this.#deps.random);
    signal.addEventListener("abort", () => this.#wake?.(), { once: true });
    while (!signal.aborted) {
      if (!this.#dirty) {
        await this.#change();
        continue;
      }
      this.#dirty = false;
      try {
        await this.#reconcile(signal);
        backoff.reset();
      } catch (error) {
        if (isAbortError(error, signal)) return;
        this.#dirty = true;
        if (!isConflict(error)) this.#deps.log.warn("cluster roles not aggregated", { error });
        await this.#deps.clock.sleep(backoff.next(), signal).catch(() => undefined);
      }
    }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  async #reconcile(signal: AbortSignal): Promise<void> {
    const all = this.#lister.list();
    for (const role of all) {
      const rules = this.#rulesFor(role, all);
      if (rules === undefined || isDeepStrictEqual(rules, role.rules ?? [])) continue;
      signal.throwIfAborted();
      await this.#write({ ...role, rules });
    }
  }

  /** A role whose selector can't be understood keeps its rules. */
  #rulesFor(role: ClusterRole, all: readonly ClusterRole[]): PolicyRule[] | undefined {
    try {
      return aggregatedRules(role, all);
    } catch (error) {
      if (!(error instanceof SelectorError)) throw error;
      this.#deps.log.warn("aggregation rule not understood", { clusterRole: role.metadata?.name, error });
      return undefined;
    }
  }

  async #write(role: ClusterRole): Promise<void> {
    try {
      await this.#deps.client.resource(clusterRoles).update(role);
    } catch (error) {
      // Deleted meanwhile: nothing to keep up to date.
      if (!isNotFound(error)) throw error;
    }
  }
}
