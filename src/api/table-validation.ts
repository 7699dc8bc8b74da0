/** What the type table alone can say of an object: required fields and closed sets of values. */
import { FaultList } from "./meta/fault-list.ts";
import type { FieldType, TypeTable } from "./schema/type-table.ts";

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isMissing = (value: unknown): boolean => value === undefined || value === null || value === "";

/** Metadata has rules of its own, and a status is what a controller saw. */
const notLookedAt = new Set(["metadata", "status", "apiVersion", "kind"]);

/** By struct, the fields with a closed set of values in or below them: a pod has many others, which needn't be gone through. */
class EnumFields {
  readonly #table: TypeTable;
  readonly #fields = new Map<string, readonly FieldType[]>();

  constructor(table: TypeTable) {
    this.#table = table;
  }

  of(struct: string): readonly FieldType[] {
    let found = this.#fields.get(struct);
    if (found === undefined) {
      found = this.#all(struct).filter((field) => this.#leadsToEnum(field, new Set()));
      this.#fields.set(struct, found);
    }
    return found;
  }

  #all(struct: string): readonly FieldType[] {
    return [...(this.#table.struct(struct)?.byName.values() ?? [])];
  }

  #leadsToEnum(field: FieldType, seen: Set<string>): boolean {
    if (field.struct === undefined) return field.enum !== undefined;
    if (seen.has(field.struct)) return false;
    seen.add(field.struct);
    return this.#all(field.struct).some((inner) => this.#leadsToEnum(inner, seen));
  }
}

const enumFields = new WeakMap<TypeTable, EnumFields>();

function enumFieldsOf(table: TypeTable): EnumFields {
  const known = enumFields.get(table) ?? new EnumFields(table);
  enumFields.set(table, known);
  return known;
}

class TableCheck {
  readonly #table: TypeTable;
  readonly #faults: FaultList;
  readonly #onlyEnums: boolean;

  constructor(table: TypeTable, faults: FaultList, onlyEnums: boolean) {
    this.#table = table;
    this.#faults = faults;
    this.#onlyEnums = onlyEnums;
  }

  struct(name: string, object: Fields, path: string): void {
    if (this.#onlyEnums) {
      for (const field of enumFieldsOf(this.#table).of(name)) this.#named(field, object, path);
      return;
    }
    const fields = this.#table.struct(name)?.byName;
    if (fields === undefined) return;
    for (const key of Object.keys(object)) {
      const field = fields.get(key);
      if (field !== undefined) this.#named(field, object, path);
    }
    this.#required(fields.values(), object, path);
  }

  #named(field: FieldType, object: Fields, path: string): void {
    const { name } = field;
    const value = object[name];
    if (isMissing(value) || (path === "" && notLookedAt.has(name))) return;
    this.#field(field, value, path === "" ? name : `${path}.${name}`);
  }

  #required(fields: Iterable<FieldType>, object: Fields, path: string): void {
    for (const { name, required } of fields) {
      const isAsked = required && !(path === "" && notLookedAt.has(name));
      if (isAsked && isMissing(object[name])) this.#faults.required(path === "" ? name : `${path}.${name}`);
    }
  }

  #field(field: FieldType, value: unknown, path: string): void {
    if (field.shape === "list" && Array.isArray(value)) {
      for (const [index, item] of value.entries()) this.#one(field, item, `${path}[${index}]`);
    } else if (field.shape === "map" && isFields(value)) {
      for (const [key, item] of Object.entries(value)) this.#one(field, item, `${path}[${key}]`);
    } else if (field.shape === "one") this.#one(field, value, path);
  }

  #one(field: FieldType, value: unknown, path: string): void {
    if (field.struct !== undefined) {
      if (isFields(value)) this.struct(field.struct, value, path);
    } else if (field.enum !== undefined && typeof value === "string" && !field.enum.includes(value)) {
      this.#faults.notSupported(path, value, field.enum);
    }
  }
}

export interface TableRules {
  readonly table: TypeTable;
  /** Leaves out what is required, for kinds whose own rules say that better. */
  readonly onlyEnums?: boolean;
}

/** Everything below `object`'s own metadata and status. */
export function validateByTable(
  structName: string,
  object: object,
  { table, onlyEnums = false }: TableRules,
): FaultList {
  const faults = new FaultList();
  new TableCheck(table, faults, onlyEnums).struct(structName, { ...object }, "");
  return faults;
}
