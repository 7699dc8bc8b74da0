import { ownValue } from "#base/own-value.ts";
import { equalText } from "../../patch/equal-text.ts";
import { isMap, type JsonMap } from "../../patch/json-value.ts";
import type { Structural } from "./structural.ts";

/** The items of a list that is a map by its schema, by their keys; those of other lists can't be told from one another. */
export class Counterparts {
  readonly #items: readonly unknown[];
  readonly #keys: readonly string[] | undefined;
  #byKeys: Map<string, unknown> | undefined;

  constructor(items: readonly unknown[], schema: Structural) {
    this.#items = items;
    this.#keys =
      schema["x-kubernetes-list-type"] === "map" ? (schema["x-kubernetes-list-map-keys"] ?? []) : undefined;
  }

  /** The first with the same keys. */
  of(item: unknown): unknown {
    if (this.#keys === undefined || !isMap(item)) return undefined;
    this.#byKeys ??= this.#index(this.#keys);
    return this.#byKeys.get(keysText(item, this.#keys));
  }

  #index(keys: readonly string[]): Map<string, unknown> {
    const found = new Map<string, unknown>();
    for (const item of this.#items) {
      if (!isMap(item)) continue;
      const text = keysText(item, keys);
      if (!found.has(text)) found.set(text, item);
    }
    return found;
  }
}

const keysText = (item: JsonMap, keys: readonly string[]): string =>
  keys.map((key) => equalText(ownValue(item, key))).join();
