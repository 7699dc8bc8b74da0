/** Which tolerations include others. upstream: pkg/util/tolerations/tolerations.go */
import type { Toleration } from "#api/generated/types/core-v1.ts";

/** All of both, without those that another one includes; of those that include each other the first stays. */
export function mergedTolerations(own: readonly Toleration[], more: readonly Toleration[]): Toleration[] {
  const all = [...own, ...more];
  const widest = new WidestTolerations(all);
  return all.filter((toleration) => !widest.includesFor(toleration)).map((toleration) => ({ ...toleration }));
}

/**
 * Of tolerations that differ in nothing but how long they last, the one that lasts longest. One by one a client's list,
 * which is as long as a request may be, would be compared with itself.
 */
export class WidestTolerations {
  readonly #widest = new Map<string, Toleration>();

  constructor(tolerations: Iterable<Toleration>) {
    for (const toleration of tolerations) {
      const key = keyOf(filled(toleration));
      const known = this.#widest.get(key);
      if (known === undefined || !lastsAsLong(known, toleration)) this.#widest.set(key, toleration);
    }
  }

  /** Whether one of them tolerates all that `narrow` does. */
  includes(narrow: Toleration): boolean {
    return this.#wider(narrow).some((wide) => lastsAsLong(wide, narrow));
  }

  /** Whether one of them other than `one` of them does. */
  includesFor(one: Toleration): boolean {
    return this.#wider(one).some((wide) => wide !== one && lastsAsLong(wide, one));
  }

  /** Those that include it if they last long enough: of its key or any, by its value or any, of its effect or all. */
  #wider(narrow: Toleration): Toleration[] {
    const own = filled(narrow);
    const anyValue = { ...own, operator: "Exists" };
    const kinds = [own, anyValue, { ...anyValue, key: "" }];
    const keys = new Set(kinds.flatMap((kind) => [keyOf(kind), keyOf({ ...kind, effect: "" })]));
    return [...keys].map((key) => this.#widest.get(key)).filter((found) => found !== undefined);
  }
}

type Filled = Required<Pick<Toleration, "key" | "operator" | "value" | "effect">>;

const filled = ({ key = "", operator = "Equal", value = "", effect = "" }: Toleration): Filled => ({
  key,
  operator,
  value,
  effect,
});

/** Where anything that exists is tolerated, the value says nothing. */
const keyOf = ({ key, operator, value, effect }: Filled): string =>
  JSON.stringify([key, operator, operator === "Exists" ? "" : value, effect]);

function lastsAsLong(wide: Toleration, narrow: Toleration): boolean {
  if ((wide.effect ?? "") !== "NoExecute" || wide.tolerationSeconds === undefined) return true;
  return narrow.tolerationSeconds !== undefined && wide.tolerationSeconds >= narrow.tolerationSeconds;
}
