/**
 * An applied configuration over the live object: what both have is merged, lists in the order of the configuration with
 * the live items kept among them. upstream: structured-merge-diff/v6/typed/merge.go
 */
import { ownValue } from "#base/own-value.ts";
import { isList, isMap, setValue, type JsonMap } from "../json-value.ts";
import { ApplyTypeError, formOf, keyOfItem } from "./list-items.ts";
import { keyText } from "./path-element.ts";
import type { ApplyType, ListType, MapType } from "./schema.ts";

/** Either may be undefined: not there. Neither is changed; parts are shared. Throws ApplyTypeError. */
export function mergeStates(live: unknown, config: unknown, type: ApplyType): unknown {
  if (config === undefined) return live;
  if (live === undefined) return config;
  const form = formOf(type, config === null ? live : config);
  if (form === "map" && type.map?.isAtomic === false) {
    return mergedMap(isMap(live) ? live : {}, config, type.map);
  }
  if (form === "list" && type.list?.isAtomic === false) {
    return mergedList(isList(live) ? live : [], config, type.list);
  }
  return config;
}

/** Two empty ones are a leaf: the configuration's emptiness counts. */
function mergedMap(live: JsonMap, config: unknown, type: MapType): unknown {
  const own = isMap(config) ? config : {};
  return isEmptyMap(live) && isEmptyMap(own) ? config : mergeMaps(live, own, type);
}

function mergedList(live: readonly unknown[], config: unknown, type: ListType): unknown {
  const own = isList(config) ? config : [];
  return live.length === 0 && own.length === 0 ? config : new ListMerge(live, own, type).run();
}

const isEmptyMap = (map: JsonMap): boolean => Object.keys(map).length === 0;

function mergeMaps(live: JsonMap, config: JsonMap, type: MapType): JsonMap {
  const result: Record<string, unknown> = { ...live };
  for (const [name, value] of Object.entries(config)) {
    const inner = type.field(name)?.type ?? type.element;
    const before = ownValue(live, name);
    setValue(result, name, inner === undefined ? value : mergeStates(before, value, inner));
  }
  return result;
}

interface Keyed {
  readonly key: string;
  readonly item: unknown;
}

class ListMerge {
  readonly #type: ListType;
  readonly #live: readonly Keyed[];
  readonly #config: readonly Keyed[];
  readonly #liveByKey = new Map<string, unknown>();
  readonly #configByKey: ReadonlyMap<string, unknown>;
  readonly #merged = new Set<string>();
  readonly #out: unknown[] = [];
  /** Keys of both lists that still wait, the next one in the configuration's order last: taken off a long list's start each would cost as much as the list. */
  readonly #shared: string[];

  constructor(live: readonly unknown[], config: readonly unknown[], type: ListType) {
    this.#type = type;
    this.#live = keyed(type, live);
    this.#config = keyed(type, config);
    for (const { key, item } of this.#live) {
      // Of items that can't be told apart none is merged: the configuration's replaces them.
      this.#liveByKey.set(key, this.#liveByKey.has(key) ? undefined : item);
    }
    const byKey = new Map<string, unknown>();
    for (const { key, item } of this.#config) {
      if (byKey.has(key)) throw new ApplyTypeError(`duplicate entries for key ${keyText(key)}`);
      byKey.set(key, item);
    }
    this.#configByKey = byKey;
    this.#shared = this.#config.flatMap(({ key }) => (this.#liveByKey.has(key) ? [key] : [])).toReversed();
  }

  run(): readonly unknown[] {
    let [left, right] = [0, 0];
    while (left < this.#live.length || right < this.#config.length) {
      const [live, config] = [this.#live[left], this.#config[right]];
      if (live !== undefined && config !== undefined) {
        if (live.key === config.key) {
          this.#take(config);
          this.#shared.pop();
          left++;
          right++;
          continue;
        }
        const next = this.#shared.at(-1);
        if (this.#configByKey.has(live.key) && next !== undefined && next !== live.key) {
          // Its turn comes with the configuration's.
          left++;
          continue;
        }
      }
      if (live !== undefined) {
        if (!this.#configByKey.has(live.key)) {
          this.#out.push(live.item);
          left++;
          continue;
        }
        if (this.#merged.has(live.key)) left++;
      }
      if (config !== undefined) {
        this.#take(config);
        right++;
        if (this.#shared.at(-1) === config.key) this.#shared.pop();
      }
    }
    return this.#out;
  }

  #take({ key, item }: Keyed): void {
    this.#merged.add(key);
    this.#out.push(mergeStates(this.#liveByKey.get(key), item, this.#type.element));
  }
}

function keyed(type: ListType, items: readonly unknown[]): Keyed[] {
  return items.map((item, index) => {
    try {
      return { key: keyOfItem(type, item), item };
    } catch (error) {
      if (!(error instanceof ApplyTypeError)) throw error;
      throw new ApplyTypeError(`element ${index}: ${error.message}`, { cause: error });
    }
  });
}
