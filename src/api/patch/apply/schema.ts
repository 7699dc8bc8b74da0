/**
 * How server-side apply sees a type: whether its values change hands as a whole or field by field. Built-in types take
 * it from the type table (table-schema.ts), custom resources from their structural schema, and where there is none it
 * is deduced from the value. upstream: structured-merge-diff/v6/schema/elements.go
 */
import { KeyOrders } from "../../schema/key-orders.ts";
import type { FieldTree } from "./field-tree.ts";
import { fieldKey } from "./path-element.ts";

export type ScalarKind = "string" | "numeric" | "boolean" | "untyped";

/** A value may take any form that is given here; most types have just one. */
export interface ApplyType {
  readonly scalar?: ScalarKind | undefined;
  readonly list?: ListType | undefined;
  readonly map?: MapType | undefined;
}

export interface ListType {
  /** One value. Otherwise items are told apart: by `keys`, or as values of a set where there are none. */
  readonly isAtomic: boolean;
  /** Sorted. */
  readonly keys: readonly string[];
  /** Null is the same as an empty one, as a slice of Go's is; as JSON they differ. */
  readonly isSlice: boolean;
  readonly element: ApplyType;
}

/** A struct (fields), a map (element), or both. */
export interface MapType {
  readonly isAtomic: boolean;
  /** Sorted by name. */
  readonly fields: readonly Field[];
  field(name: string): Field | undefined;
  /** Of keys that aren't fields; undefined where there may be none. */
  readonly element: ApplyType | undefined;
  /** Nodes of structs that hold only leaves, by which fields they hold: a cache. */
  readonly shared: Map<number, FieldTree>;
  /** Another: how structs are written, by which fields they hold. */
  readonly shapes: KeyOrders<StructShape>;
}

/** The text of a struct is texts[0] + inner[0]'s + texts[1] + … */
export interface StructShape {
  /** The fields it holds, sorted by name. */
  readonly present: readonly Field[];
  readonly texts: readonly string[];
  /** Those whose text depends on their values. */
  readonly inner: readonly Field[];
}

export interface Field {
  readonly name: string;
  /** "f:name" */
  readonly key: string;
  readonly type: ApplyType;
  /** Of a key of a list's items: what an absent one counts as. */
  readonly default: unknown;
  /** What Go's struct always holds, so that nobody takes or loses it; undefined for a field that may be absent. */
  readonly fill: unknown;
}

/** `type` is asked for late: types may hold themselves. */
export function fieldOf(
  name: string,
  type: () => ApplyType,
  facts: { readonly default?: unknown; readonly fill?: unknown } = {},
): Field {
  let made: ApplyType | undefined;
  return {
    name,
    key: fieldKey(name),
    get type() {
      return (made ??= type());
    },
    default: facts.default,
    fill: facts.fill,
  };
}

export function listOf(
  element: () => ApplyType,
  how: "atomic" | "set" | readonly string[],
  isSlice = false,
): ApplyType {
  let made: ApplyType | undefined;
  return {
    list: {
      isAtomic: how === "atomic",
      keys: typeof how === "string" ? [] : how.toSorted(),
      isSlice,
      get element() {
        return (made ??= element());
      },
    },
  };
}

export function mapOf(element: () => ApplyType, how: "atomic" | "granular"): ApplyType {
  return { map: mapType([], how, element) };
}

export function structOf(
  fields: readonly Field[],
  how: "atomic" | "granular",
  element?: () => ApplyType,
): ApplyType {
  return { map: mapType(fields, how, element) };
}

function mapType(fields: readonly Field[], how: "atomic" | "granular", element?: () => ApplyType): MapType {
  const sorted = fields.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const byName = new Map(sorted.map((field) => [field.name, field]));
  let made: ApplyType | undefined;
  return {
    isAtomic: how === "atomic",
    fields: sorted,
    shared: new Map(),
    shapes: new KeyOrders(),
    field: (name) => byName.get(name),
    get element() {
      return element === undefined ? undefined : (made ??= element());
    },
  };
}

export const scalarType = (scalar: ScalarKind): ApplyType => ({ scalar });

/** Anything, as one value. */
export const untypedAtomic: ApplyType = {
  scalar: "untyped",
  ...listOf(() => untypedAtomic, "atomic"),
  ...mapOf(() => untypedAtomic, "atomic"),
};

/** Anything: maps field by field, lists as one value. */
export const deducedType: ApplyType = {
  scalar: "untyped",
  ...listOf(() => untypedAtomic, "atomic"),
  ...mapOf(() => deducedType, "granular"),
};
