/** `variables`: its fields are evaluated when they are looked at. upstream: apiserver/pkg/admission/plugin/cel/composition.go */
import { MapValue, type Value } from "../values.ts";

export class ComposedValues extends MapValue {
  readonly #names: readonly string[];
  readonly #compose: (name: string) => Value;

  constructor(names: readonly string[], compose: (name: string) => Value) {
    super();
    this.#names = names;
    this.#compose = compose;
  }

  get size(): number {
    return this.#names.length;
  }

  find(key: Value): Value | undefined {
    return typeof key === "string" && this.#names.includes(key) ? this.#compose(key) : undefined;
  }

  keys(): Iterable<Value> {
    return this.#names;
  }
}
