/**
 * What Go writes of fields that nobody set: structs and times that are held by value, and whatever isn't tagged to be
 * left out when empty. Within the process these are absent, so that nobody has to tell unset from empty; clients see them.
 */
import { isDeepStrictEqual } from "node:util";
import type { AnyObject, GroupVersionKind } from "../meta/object.ts";
import type { FieldType, ScalarType, TypeTable } from "../schema/type-table.ts";
import { flatten, isEmpty, zeroValues } from "./plan.ts";

type Fields = Record<string, unknown>;

/**
 * Of a list or map that isn't left out when it is empty, and is: what a client has sent or a handler has made is `[]`;
 * what has been stored is null, as upstream stores protobuf, which can't tell the two apart.
 */
export type WrittenForm = "made" | "stored";

/** Of one field: its written form and back. Both answer what they are given where there is nothing to do. */
interface Step {
  readonly name: string;
  readonly written: (value: unknown, form: WrittenForm) => unknown;
  /** Undefined: it goes. The value is the caller's own. */
  readonly plain: (value: unknown) => unknown;
}

/** Of the objects of one kind, or of a struct in them. */
export class StructZeros {
  /** All that the struct may have, in Go's order. */
  readonly #names: readonly string[];
  readonly #known: ReadonlySet<string>;
  readonly #steps: Step[] = [];
  #zero: Fields | undefined;

  private constructor(fields: readonly FieldType[]) {
    this.#names = fields.map(({ name }) => name);
    this.#known = new Set(this.#names);
  }

  static of(name: string, table: TypeTable, made: Map<string, StructZeros>): StructZeros {
    const known = made.get(name);
    if (known !== undefined) return known;
    const fields = fieldsOf(name, table);
    const zeros = new StructZeros(fields);
    // Entered before its fields are: structs may hold themselves.
    made.set(name, zeros);
    for (const field of fields) {
      if (!isConcerned(field, table, new Set())) continue;
      const { struct } = field;
      const inner = struct === undefined ? undefined : StructZeros.of(struct, table, made);
      zeros.#steps.push(inner === undefined ? scalarStep(field) : structStep(field, inner));
    }
    return zeros;
  }

  /** What Go writes of one that nobody set. Shared: not to be changed. */
  get zero(): Fields {
    return (this.#zero ??= this.written({}));
  }

  /** As clients see it: `fields` themselves where nothing is missing, else a copy that shares what stays, where fields are added in Go's order. */
  written(fields: Fields, form: WrittenForm = "made"): Fields {
    let changed: Fields | undefined;
    let isMore = false;
    for (const { name, written } of this.#steps) {
      const before = fields[name];
      const value = written(before, form);
      if (value === before) continue;
      (changed ??= {})[name] = value;
      isMore ||= before === undefined;
    }
    if (changed === undefined) return fields;
    if (!isMore) return { ...fields, ...changed };
    const whole: Fields = {};
    for (const name of this.#names) {
      const value = name in changed ? changed[name] : fields[name];
      if (value !== undefined) whole[name] = value;
    }
    for (const name of Object.keys(fields)) {
      if (!this.#known.has(name)) whole[name] = fields[name];
    }
    return whole;
  }

  /** Takes out of what is the caller's own what `written` adds. */
  plain(fields: Fields): void {
    for (const { name, plain } of this.#steps) {
      const value = fields[name];
      if (value === undefined) continue;
      const left = plain(value);
      if (left === undefined) delete fields[name];
      else if (left !== value) fields[name] = left;
    }
  }
}

export interface GoZerosDeps {
  readonly table: TypeTable;
  /** The struct of a kind; undefined of what isn't built in. */
  readonly structOf: (kind: GroupVersionKind) => string | undefined;
}

export class GoZeros {
  readonly #deps: GoZerosDeps;
  readonly #made = new Map<string, StructZeros>();

  constructor(deps: GoZerosDeps) {
    this.#deps = deps;
  }

  /** Undefined of custom resources: what nobody set of them isn't there. */
  of(kind: GroupVersionKind): StructZeros | undefined {
    const { table, structOf } = this.#deps;
    const struct = structOf(kind);
    if (struct === undefined || table.struct(struct) === undefined) return undefined;
    return StructZeros.of(struct, table, this.#made);
  }

  /** As clients see it; shares with `object` what stays. */
  written(object: AnyObject, kind: GroupVersionKind, form: WrittenForm = "made"): AnyObject {
    return this.of(kind)?.written(object, form) ?? object;
  }
}

function fieldsOf(name: string, table: TypeTable): readonly FieldType[] {
  const struct = table.struct(name);
  return struct === undefined ? [] : flatten(struct, table);
}

/** The scalars that are structs in Go, and so are always written. */
const structScalars: ReadonlyMap<ScalarType | undefined, unknown> = new Map<ScalarType | undefined, unknown>([
  ["time", null],
  ["microTime", null],
  ["raw", null],
  ["quantity", "0"],
  ["intOrString", 0],
]);

/** The only field that is tagged to be left out when zero. */
const omittedWhenZero = "creationTimestamp";

/** Whether it may have to be written unset, or holds something that may. */
function isConcerned(field: FieldType, table: TypeTable, seen: Set<string>): boolean {
  const { name, struct, scalar, shape, pointer, omitEmpty } = field;
  if (name === omittedWhenZero) return false;
  if (!omitEmpty) return true;
  if (shape === "one" && !pointer && (struct !== undefined || structScalars.has(scalar))) return true;
  if (struct === undefined || seen.has(struct)) return false;
  seen.add(struct);
  return fieldsOf(struct, table).some((inner) => isConcerned(inner, table, seen));
}

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Unset is `zero`, which is `back` again. */
const unset = (name: string, zero: unknown, back?: () => unknown): Step => ({
  name,
  written: (value) => (value === undefined ? zero : value),
  plain: (value) => (value === zero ? back?.() : value),
});

const isNone = (value: unknown): boolean => typeof value === "object" && value !== null && isEmpty(value);

/** The same of a list or a map. */
function unsetMany(name: string, shape: "list" | "map"): Step {
  const { written, plain } = unset(name, null, emptyOf(shape));
  return {
    name,
    written: (value, form) => (form === "stored" && isNone(value) ? null : written(value, form)),
    plain,
  };
}

/** The types promise that what is required is there. */
function scalarStep({ name, scalar, shape, pointer, required }: FieldType): Step {
  if (shape !== "one" && !pointer) return unsetMany(name, shape);
  if (pointer) return unset(name, null);
  const zero = structScalars.has(scalar) ? structScalars.get(scalar) : (zeroValues.get(scalar) ?? null);
  return unset(name, zero, required && zero !== null ? () => zero : undefined);
}

const emptyOf = (shape: "list" | "map") => (): unknown => (shape === "list" ? [] : {});

function structStep(field: FieldType, inner: StructZeros): Step {
  const { name, shape, pointer, omitEmpty, required } = field;
  const written = (value: unknown, form: WrittenForm): unknown =>
    isFields(value) ? inner.written(value, form) : value;
  const plain = (value: unknown): unknown => {
    if (isFields(value)) inner.plain(value);
    return value;
  };
  if (shape !== "one") {
    const own = omitEmpty ? undefined : unsetMany(name, shape);
    return {
      name,
      written: (value, form) =>
        mapped(own === undefined ? value : own.written(value, form), (each) => written(each, form)),
      plain: (value) => {
        for (const each of Object.values(value ?? {})) plain(each);
        return own === undefined ? value : own.plain(value);
      },
    };
  }
  if (pointer) {
    const own = omitEmpty ? undefined : unset(name, null);
    return {
      name,
      written: (value, form) => written(own === undefined ? value : own.written(value, form), form),
      plain: (value) => plain(own === undefined ? value : own.plain(value)),
    };
  }
  return {
    name,
    written: (value, form) => (value === undefined ? inner.zero : written(value, form)),
    plain: (value) => {
      const isUnset =
        !required && isFields(value) && (isEmpty(value) || isDeepStrictEqual(value, inner.zero));
      return isUnset ? undefined : plain(value);
    },
  };
}

/** The same list or map where no value changes. */
function mapped(value: unknown, change: (each: unknown) => unknown): unknown {
  if (Array.isArray(value)) {
    let copy: unknown[] | undefined;
    for (const [at, each] of value.entries()) {
      const changed = change(each);
      if (changed !== each) (copy ??= [...(value as unknown[])])[at] = changed;
    }
    return copy ?? value;
  }
  if (!isFields(value)) return value;
  const entries = Object.entries(value).map(([key, each]) => [key, change(each)] as const);
  return entries.every(([key, each]) => each === value[key]) ? value : Object.fromEntries(entries);
}
