/**
 * Finds the node for one pod: filter, score, choose. It reads the cache and changes nothing, and never waits.
 * upstream: pkg/scheduler/schedule_one.go
 */
import type { Random } from "#base/random.ts";
import type { SchedulerCache } from "../cache/cache.ts";
import type { NodeInfo, PodInfo } from "../cache/node-info.ts";
import { noNodesText, UnschedulableError, unschedulableText } from "./diagnosis.ts";
import type { FilterPlugin, PreparedFilter, Rejection, ScorePlugin } from "./plugin.ts";

export interface Plugins {
  /** In this order; the first that rejects a node is the one that says why. */
  readonly filters: readonly FilterPlugin[];
  readonly scores: readonly ScorePlugin[];
}

/** Below so many nodes all are looked at. Upstream's numbers. */
const feasibleMin = 100;
const percentMin = 5;

/** How many nodes that would do are enough to choose among. */
export function feasibleEnough(nodeCount: number): number {
  if (nodeCount < feasibleMin) return nodeCount;
  const percent = Math.max(percentMin, 50 - Math.floor(nodeCount / 125));
  return Math.max(feasibleMin, Math.floor((nodeCount * percent) / 100));
}

interface Prepared {
  readonly filters: readonly { readonly name: string; readonly filter: PreparedFilter["filter"] }[];
  /** Only these come into question, by what the named plugins say. */
  readonly candidates: readonly NodeInfo[] | undefined;
  readonly restrictedBy: readonly string[];
}

export class Cycle {
  readonly #plugins: Plugins;
  readonly #cache: SchedulerCache;
  readonly #random: Random;
  /** Where the last search stopped, so that all nodes get their turn. */
  #start = 0;

  constructor(plugins: Plugins, cache: SchedulerCache, random: Random) {
    this.#plugins = plugins;
    this.#cache = cache;
    this.#random = random;
  }

  /** Throws UnschedulableError when no node will do. */
  findNode(pod: PodInfo): NodeInfo {
    const nodes = this.#cache.nodes;
    // Any node that comes may be the first: every plugin's events count.
    if (nodes.length === 0) throw new UnschedulableError(noNodesText, this.#everyFilter());
    const feasible = this.#filter(pod, this.#prepare(pod));
    const [first] = feasible;
    return feasible.length === 1 && first !== undefined ? first : this.#choose(pod, feasible);
  }

  #prepare(pod: PodInfo): Prepared {
    const filters: { name: string; filter: PreparedFilter["filter"] }[] = [];
    const restrictedBy: string[] = [];
    let names: ReadonlySet<string> | undefined;
    for (const plugin of this.#plugins.filters) {
      const { name } = plugin;
      const prepared = plugin.prepareFilter(pod);
      if (prepared === undefined) continue;
      if ("rejectedPod" in prepared) throw this.#rejectedPod(pod, prepared.rejectedPod, name);
      filters.push({ name, filter: prepared.filter });
      if (prepared.nodeNames === undefined) continue;
      names = names === undefined ? prepared.nodeNames : names.intersection(prepared.nodeNames);
      restrictedBy.push(name);
    }
    const candidates =
      names === undefined ? undefined : [...names].flatMap((name) => this.#cache.node(name) ?? []);
    return { filters, candidates, restrictedBy };
  }

  #filter(pod: PodInfo, { filters, candidates, restrictedBy }: Prepared): readonly NodeInfo[] {
    const all = this.#cache.nodes;
    const nodes = candidates ?? all;
    const enough = feasibleEnough(nodes.length);
    const feasible: NodeInfo[] = [];
    const rejections = new Map<Rejection, number>();
    const rejectedBy = new Set<string>();
    const start = candidates === undefined ? this.#start % nodes.length : 0;
    let looked = 0;
    for (; looked < nodes.length && feasible.length < enough; looked++) {
      const node = nodes[(start + looked) % nodes.length] as NodeInfo;
      let rejection: Rejection | undefined;
      for (const { name, filter } of filters) {
        rejection = filter(node);
        if (rejection === undefined) continue;
        rejectedBy.add(name);
        rejections.set(rejection, (rejections.get(rejection) ?? 0) + 1);
        break;
      }
      if (rejection === undefined) feasible.push(node);
    }
    if (candidates === undefined) this.#start = (start + looked) % nodes.length;
    if (feasible.length > 0) return feasible;
    for (const name of restrictedBy) rejectedBy.add(name);
    const unasked =
      nodes.length === all.length
        ? undefined
        : {
            reason: `node(s) didn't satisfy plugin(s) [${restrictedBy.join(" ")}]`,
            count: all.length - nodes.length,
          };
    const diagnosis = { nodeCount: all.length, rejections, unasked, rejectedPod: undefined };
    throw new UnschedulableError(unschedulableText(pod, diagnosis), rejectedBy);
  }

  /** The best by the plugins' weighted scores; among equals, any. */
  #choose(pod: PodInfo, nodes: readonly NodeInfo[]): NodeInfo {
    const totals = new Float64Array(nodes.length);
    for (const plugin of this.#plugins.scores) {
      const prepared = plugin.prepareScore(pod, this.#cache);
      if (prepared === undefined) continue;
      const scores = nodes.map((node) => prepared.score(node));
      prepared.normalize?.(scores);
      for (let at = 0; at < scores.length; at++) {
        totals[at] = (totals[at] ?? 0) + (scores[at] ?? 0) * plugin.weight;
      }
    }
    let best = 0;
    let equals = 1;
    for (let at = 1; at < nodes.length; at++) {
      const difference = (totals[at] ?? 0) - (totals[best] ?? 0);
      if (difference > 0) {
        best = at;
        equals = 1;
      } else if (difference === 0) {
        equals += 1;
        if (this.#random.next() * equals < 1) best = at;
      }
    }
    return nodes[best] as NodeInfo;
  }

  #rejectedPod(pod: PodInfo, rejectedPod: string, by: string): UnschedulableError {
    const diagnosis = {
      nodeCount: this.#cache.nodes.length,
      rejections: new Map(),
      unasked: undefined,
      rejectedPod,
    };
    return new UnschedulableError(unschedulableText(pod, diagnosis), new Set([by]));
  }

  #everyFilter(): ReadonlySet<string> {
    return new Set(this.#plugins.filters.map(({ name }) => name));
  }
}
