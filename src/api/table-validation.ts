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
  readonly #enums: EnumFields | undefined;
  /** Names, indexes, and keys of maps in brackets. Most values are fine, and nobody asks where they are. */
  readonly #path: (string | number)[] = [];

  constructor(table: TypeTable, faults: FaultList, onlyEnums: boolean) {
    this.#table = table;
    this.#faults = faults;
    this.#enums = onlyEnums ? enumFieldsOf(table) : undefined;
  }

  struct(name: string, object: Fields): void {
    if (this.#enums !== undefined) {
      for (const field of this.#enums.of(name)) this.#named(field, object);
      return;
    }
    const fields = this.#table.struct(name)?.byName;
    if (fields === undefined) return;
    for (const key of Object.keys(object)) {
      const field = fields.get(key);
      if (field !== undefined) this.#named(field, object);
    }
    this.#required(fields.values(), object);
  }

  #named(field: FieldType, object: Fields): void {
    const { name } = field;
    const value = object[name];
    if (isMissing(value) || (this.#path.length === 0 && notLookedAt.has(name))) return;
    this.#path.push(name);
    this.#field(field, value);
    this.#path.pop();
  }

  #required(fields: Iterable<FieldType>, object: Fields): void {
    for (const { name, required } of fields) {
      const isAsked = required && !(this.#path.length === 0 && notLookedAt.has(name));
      if (!isAsked || !isMissing(object[name])) continue;
      this.#path.push(name);
      this.#faults.required(this.#where());
      this.#path.pop();
    }
  }

  #field(field: FieldType, value: unknown): void {
    if (field.shape === "list" && Array.isArray(value)) {
      for (let index = 0; index < value.length; index++) this.#item(field, value[index], index);
    } else if (field.shape === "map" && isFields(value)) {
      for (const [key, item] of Object.entries(value)) this.#item(field, item, `[${key}]`);
    } else if (field.shape === "one") this.#one(field, value);
  }

  #item(field: FieldType, value: unknown, at: string | number): void {
    this.#path.push(at);
    this.#one(field, value);
    this.#path.pop();
  }

  /** "spec.containers[0].name" */
  #where(): string {
    let text = "";
    for (const step of this.#path) {
      if (typeof step === "number") text += `[${step}]`;
      else text += text === "" || step.startsWith("[") ? step : `.${step}`;
    }
    return text;
  }

  #one(field: FieldType, value: unknown): void {
    if (field.struct !== undefined) {
      if (isFields(value)) this.struct(field.struct, value);
    } else if (field.enum !== undefined && typeof value === "string" && !field.enum.includes(value)) {
      this.#faults.notSupported(this.#where(), value, field.enum);
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
  new TableCheck(table, faults, onlyEnums).struct(structName, { ...object });
  return faults;
}
