/**
 * Label selectors: the text form of query parameters and the object form of specs, as one thing that matches.
 * upstream: apimachinery/pkg/labels/selector.go, apimachinery/pkg/apis/meta/v1/helpers.go
 */
import { ownValue } from "#base/own-value.ts";
import { goQuote } from "./go-quote.ts";
import { fieldErrorText, invalid } from "./field-error.ts";
import { labelValueFaults, qualifiedNameFaults } from "./names.ts";

export type Labels = Readonly<Record<string, string>>;

export type SelectorOperator = "=" | "==" | "!=" | "in" | "notin" | "exists" | "!" | "gt" | "lt";

export interface Requirement {
  readonly key: string;
  readonly operator: SelectorOperator;
  /** Sorted, no value twice. */
  readonly values: readonly string[];
}

/** The object form; the shape of metav1.LabelSelector. */
export interface LabelSelectorSpec {
  readonly matchLabels?: Labels | undefined;
  readonly matchExpressions?:
    | readonly {
        readonly key?: string | undefined;
        readonly operator?: string | undefined;
        readonly values?: readonly string[] | undefined;
      }[]
    | undefined;
}

/** A selector's text or object can't be understood; the message is upstream's. */
export class SelectorError extends Error {
  override readonly name = "SelectorError";
  readonly code = "SELECTOR";
}

export class LabelSelector {
  /** All must hold; sorted by key. */
  readonly requirements: readonly Requirement[];
  readonly #nothing: boolean;

  constructor(requirements: readonly Requirement[], nothing = false) {
    this.requirements = requirements.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
    this.#nothing = nothing;
  }

  /** Matches every object. */
  get everything(): boolean {
    return !this.#nothing && this.requirements.length === 0;
  }

  matches(labels: Labels | undefined): boolean {
    if (this.#nothing) return false;
    return this.requirements.every((one) => holds(one, labels ?? {}));
  }

  toString(): string {
    return this.requirements.map(requirementText).join(",");
  }
}

export const selectEverything = new LabelSelector([]);
export const selectNothing = new LabelSelector([], true);

function holds({ key, operator, values }: Requirement, labels: Labels): boolean {
  const value = ownValue(labels, key);
  switch (operator) {
    case "=":
    case "==":
    case "in":
      return value !== undefined && values.includes(value);
    case "!=":
    case "notin":
      return value === undefined || !values.includes(value);
    case "exists":
      return value !== undefined;
    case "!":
      return value === undefined;
    case "gt":
    case "lt":
      return value !== undefined && comparesAs(operator, value, values[0] ?? "");
  }
}

const integer = /^[+-]?\d+$/;

function comparesAs(operator: "gt" | "lt", value: string, limit: string): boolean {
  if (!integer.test(value)) return false;
  return operator === "gt" ? BigInt(value) > BigInt(limit) : BigInt(value) < BigInt(limit);
}

const signs: Readonly<Record<SelectorOperator, string>> = {
  "=": "=",
  "==": "==",
  "!=": "!=",
  in: " in ",
  notin: " notin ",
  exists: "",
  "!": "",
  gt: ">",
  lt: "<",
};

function requirementText({ key, operator, values }: Requirement): string {
  if (operator === "exists") return key;
  if (operator === "!") return `!${key}`;
  const list = values.join(",");
  return `${key}${signs[operator]}${operator === "in" || operator === "notin" ? `(${list})` : list}`;
}

function refuse(field: string, value: unknown, detail: string): never {
  throw new SelectorError(fieldErrorText(invalid(field, value, detail)));
}

const countRules: Readonly<
  Record<SelectorOperator, { readonly fits: (count: number) => boolean; readonly detail: string }>
> = (() => {
  const set = {
    fits: (count: number) => count > 0,
    detail: "for 'in', 'notin' operators, values set can't be empty",
  };
  const exact = {
    fits: (count: number) => count === 1,
    detail: "exact-match compatibility requires one single value",
  };
  const presence = {
    fits: (count: number) => count === 0,
    detail: "values set must be empty for exists and does not exist",
  };
  const order = {
    fits: (count: number) => count === 1,
    detail: "for 'Gt', 'Lt' operators, exactly one value is required",
  };
  return {
    in: set,
    notin: set,
    "=": exact,
    "==": exact,
    "!=": exact,
    exists: presence,
    "!": presence,
    gt: order,
    lt: order,
  };
})();

function checkValues(operator: SelectorOperator, values: readonly string[]): void {
  const rule = countRules[operator];
  if (!rule.fits(values.length)) refuse("values", values, rule.detail);
  const ordered = operator === "gt" || operator === "lt";
  if (ordered && !integer.test(values[0] ?? "")) {
    refuse("values[0]", values[0], "for 'Gt', 'Lt' operators, the value must be an integer");
  }
}

const keyFault = (key: string): string => qualifiedNameFaults(key).join("; ");

/** Throws SelectorError when key or values can't be a label's. */
export function requirement(
  key: string,
  operator: SelectorOperator,
  values: readonly string[] = [],
): Requirement {
  const fault = keyFault(key);
  // Upstream has no field's path here and prints it as Go prints a nil path.
  if (fault !== "") refuse("<nil>", key, fault);
  checkValues(operator, values);
  for (const [index, value] of values.entries()) {
    const faults = labelValueFaults(value).join("; ");
    if (faults !== "") refuse(`values[${index}][${key}]`, value, faults);
  }
  return { key, operator, values: [...new Set(values)].toSorted() };
}

const specOperators: ReadonlyMap<string, SelectorOperator> = new Map([
  ["In", "in"],
  ["NotIn", "notin"],
  ["Exists", "exists"],
  ["DoesNotExist", "!"],
]);

/** An absent selector matches nothing, an empty one everything. Throws SelectorError. */
export function selectorOf(spec: LabelSelectorSpec | undefined): LabelSelector {
  if (spec === undefined) return selectNothing;
  const exact = Object.entries(spec.matchLabels ?? {}).map(([key, value]) => requirement(key, "=", [value]));
  const expressions = (spec.matchExpressions ?? []).map(({ key = "", operator = "", values }) => {
    const known = specOperators.get(operator);
    if (known === undefined) {
      throw new SelectorError(`${goQuote(operator)} is not a valid label selector operator`);
    }
    return requirement(key, known, values ?? []);
  });
  return new LabelSelector([...exact, ...expressions]);
}

/** For selectors that are plain maps (Service, ReplicationController). An empty one matches everything. */
export function selectorOfLabels(labels: Labels | undefined): LabelSelector {
  return new LabelSelector(
    Object.entries(labels ?? {}).map(([key, value]) => ({ key, operator: "=", values: [value] })),
  );
}

/** As tables show a selector. */
export function formatSelector(spec: LabelSelectorSpec | undefined): string {
  try {
    const text = selectorOf(spec).toString();
    return text === "" ? "<none>" : text;
  } catch (error) {
    if (error instanceof SelectorError) return "<error>";
    throw error;
  }
}

/** As tables show labels. */
export function formatLabels(labels: Labels | undefined): string {
  const entries = Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`);
  return entries.length === 0 ? "<none>" : entries.toSorted().join(",");
}
