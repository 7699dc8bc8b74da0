/** What reads expressions and patterns of definitions: loaded before the first of them is looked at. */
import type { Expressions } from "#api/expressions.ts";
import { schemaHas, type Structural } from "#api/schema/structural/structural.ts";

/** Whether a schema can't be compiled without. */
export const needsExpressions = (schema: Structural | undefined): boolean =>
  schemaHas(
    schema,
    ({ pattern = "", "x-kubernetes-validations": rules = [] }) => pattern !== "" || rules.length > 0,
  );

export class LateExpressions {
  readonly #load: () => Promise<Expressions>;
  #loading: Promise<Expressions> | undefined;
  #loaded: Expressions | undefined;

  constructor(load: () => Promise<Expressions>) {
    this.#load = load;
  }

  /** At every place that may be the first. */
  async load(): Promise<Expressions> {
    this.#loading ??= this.#load();
    return (this.#loaded = await this.#loading);
  }

  /** For code that can't wait, behind one that did. */
  get loaded(): Expressions {
    if (this.#loaded === undefined) throw new Error("expressions are looked at before they were loaded");
    return this.#loaded;
  }
}
