/** The type table of the built-in API. Making it costs a walk over its lines; structs are built when first asked for. */
import { assert } from "#base/assert.ts";
import { typeTableText } from "../generated/type-table.ts";
import { scalarLetters } from "./format.ts";
import type { FieldType, ScalarType, StructType, TypeTable } from "./type-table.ts";

interface Line {
  readonly pkg: string;
  readonly text: string;
}

class TextTypeTable implements TypeTable {
  readonly names: readonly string[];
  readonly #lines: ReadonlyMap<string, Line>;
  readonly #enums: readonly string[];
  readonly #structs = new Map<string, StructType>();

  constructor(lines: ReadonlyMap<string, Line>, enums: readonly string[]) {
    this.#lines = lines;
    this.#enums = enums;
    this.names = [...lines.keys()];
  }

  struct(name: string): StructType | undefined {
    const known = this.#structs.get(name);
    if (known !== undefined) return known;
    const line = this.#lines.get(name);
    if (line === undefined) return undefined;
    const built = this.#build(name, line);
    this.#structs.set(name, built);
    return built;
  }

  #build(name: string, { pkg, text }: Line): StructType {
    const [head = "", ...parts] = text.split("\t");
    const fields = parts.map((part) => this.#field(part, pkg));
    const byName = new Map<string, FieldType>();
    for (const field of fields) {
      if (!field.inline) byName.set(field.name, field);
      else for (const [inner, type] of this.#inlined(field)) byName.set(inner, type);
    }
    const byId = new Map(fields.filter(({ id }) => id !== 0).map((field) => [field.id, field]));
    return { name, fields, mapType: head.endsWith("!") ? "atomic" : undefined, byName, byId };
  }

  #inlined(field: FieldType): ReadonlyMap<string, FieldType> {
    const struct = this.struct(field.struct ?? "");
    assert(struct !== undefined, `no struct ${field.struct ?? ""}`);
    return struct.byName;
  }

  #isAtomic(struct: string): boolean {
    const line = this.#lines.get(struct);
    return line !== undefined && headOf(line.text).endsWith("!");
  }

  #field(text: string, pkg: string): FieldType {
    const [name = "", id = "0", code = "", flags = "", ...extra] = text.split(" ");
    const type = parseType(code, pkg);
    const merge = parseMerge(extra);
    const options = new Map(extra.map((each) => [each.charAt(0), each.slice(1)]));
    const enumIndex = options.get("e");
    const written = options.get("d");
    const omitEmpty = flags.includes("o");
    const holdsAtomic = type.shape === "one" && type.struct !== undefined && this.#isAtomic(type.struct);
    return {
      name,
      id: Number(id),
      ...type,
      omitEmpty,
      inline: flags.includes("n"),
      required: flags.includes("r"),
      patchMergeKey: options.get("k"),
      patchStrategy: options.get("p")?.split(",") ?? [],
      ...merge,
      mapType: merge.mapType ?? (holdsAtomic ? "atomic" : undefined),
      enum: enumIndex === undefined ? undefined : this.#enum(Number(enumIndex)),
      default: written === undefined ? zeroOf(type, omitEmpty) : JSON.parse(written),
    };
  }

  #enum(index: number): readonly string[] {
    return JSON.parse(this.#enums[index] ?? "") as string[];
  }
}

/** A struct's name; a struct without fields has nothing else. */
function headOf(line: string): string {
  const tab = line.indexOf("\t");
  return tab < 0 ? line : line.slice(0, tab);
}

type Type = Pick<FieldType, "scalar" | "struct" | "shape" | "wrapped" | "pointer">;

function parseType(code: string, pkg: string): Type {
  const [, shape = "", wrapped = "", pointer = "", value = ""] = /^([[{]?)(w?)(\*?)(.+)$/.exec(code) ?? [];
  const struct = structName(value, pkg);
  const scalar = struct === undefined ? scalarLetters[value] : undefined;
  assert(struct !== undefined || scalar !== undefined, `broken type table at ${code}`);
  return {
    scalar,
    struct,
    shape: shape === "" ? "one" : shape === "[" ? "list" : "map",
    wrapped: wrapped !== "",
    pointer: pointer !== "",
  };
}

function structName(value: string, pkg: string): string | undefined {
  if (!value.startsWith("#")) return undefined;
  return value.includes(".") ? value.slice(1) : `${pkg}.${value.slice(1)}`;
}

function parseMerge(extra: readonly string[]): Pick<FieldType, "listType" | "listMapKeys" | "mapType"> {
  const none = { listType: undefined, listMapKeys: [], mapType: undefined };
  for (const each of extra) {
    if (each === "a") return { ...none, listType: "atomic" };
    if (each === "s") return { ...none, listType: "set" };
    if (each.startsWith("m")) return { ...none, listType: "map", listMapKeys: each.slice(1).split(",") };
    if (each === "A") return { ...none, mapType: "atomic" };
    if (each === "G") return { ...none, mapType: "granular" };
  }
  return none;
}

const zeros = new Map<ScalarType, string | number | boolean>([
  ["string", ""],
  ["int32", 0],
  ["int64", 0],
  ["double", 0],
  ["bool", false],
]);

/** What Go writes for a field that nobody set; it writes structs even where they may be omitted. */
function zeroOf({ scalar, struct, shape, pointer }: Type, omitEmpty: boolean): unknown {
  if (shape !== "one" || pointer) return undefined;
  if (struct !== undefined) return {};
  return scalar === undefined || omitEmpty ? undefined : zeros.get(scalar);
}

export function createTypeTable(): TypeTable {
  const lines = new Map<string, Line>();
  const enums: string[] = [];
  let pkg = "";
  for (const text of typeTableText.split("\n")) {
    if (text.startsWith("=")) enums.push(text.slice(1));
    else if (text.startsWith(">")) pkg = text.slice(1);
    else lines.set(`${pkg}.${headOf(text).replace("!", "")}`, { pkg, text });
  }
  return new TextTypeTable(lines, enums);
}
