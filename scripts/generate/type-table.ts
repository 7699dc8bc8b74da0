/** Writes the structs in the compact form of src/api/schema/format.ts. */
import { scalarLetters } from "#api/schema/format.ts";
import type { AnnotatedField, AnnotatedStruct } from "./annotate.ts";

const letters = new Map(Object.entries(scalarLetters).map(([letter, scalar]) => [scalar, letter]));
const shapes = { one: "", list: "[", map: "{" };

const packageOf = (name: string): string => name.slice(0, name.lastIndexOf("."));

function typeText(field: AnnotatedField, pkg: string): string {
  const value =
    field.struct === undefined
      ? (letters.get(field.scalar ?? "raw") ?? "")
      : `#${packageOf(field.struct) === pkg ? field.struct.slice(pkg.length + 1) : field.struct}`;
  return `${shapes[field.shape]}${field.wrapped ? "w" : ""}${field.pointer ? "*" : ""}${value}`;
}

function extras(field: AnnotatedField, enumIndex: (values: readonly string[]) => number): string[] {
  return [
    `${field.omitEmpty ? "o" : ""}${field.inline ? "n" : ""}${field.required ? "r" : ""}` || "-",
    field.patchMergeKey === undefined ? "" : `k${field.patchMergeKey}`,
    field.patchStrategy.length === 0 ? "" : `p${field.patchStrategy.join(",")}`,
    { none: "", atomic: "a", set: "s", map: `m${field.listMapKeys.join(",")}` }[field.listType ?? "none"],
    { none: "", atomic: "A", granular: "G" }[field.mapType ?? "none"],
    field.enum === undefined ? "" : `e${enumIndex(field.enum)}`,
    field.default === undefined ? "" : `d${JSON.stringify(field.default)}`,
  ].filter((text) => text !== "");
}

export function typeTableText(structs: readonly AnnotatedStruct[]): string {
  const enumLines: string[] = [];
  const enumIndex = (values: readonly string[]): number => {
    const line = `=${JSON.stringify(values)}`;
    const known = enumLines.indexOf(line);
    return known >= 0 ? known : enumLines.push(line) - 1;
  };
  const lines: string[] = [];
  for (const [pkg, members] of Map.groupBy(structs, (struct) => packageOf(struct.name))) {
    lines.push(`>${pkg}`);
    for (const struct of members) {
      const fields = struct.fields.map((field) =>
        [field.name, field.id, typeText(field, pkg), ...extras(field, enumIndex)]
          .join(" ")
          .replace(/ -$/, ""),
      );
      lines.push([`${struct.name.slice(pkg.length + 1)}${struct.atomic ? "!" : ""}`, ...fields].join("\t"));
    }
  }
  return [...enumLines, ...lines].join("\n");
}

/** As a module: one template string per line would be slower to load than one string. */
export function typeTableModule(structs: readonly AnnotatedStruct[], header: string): string {
  const text = typeTableText(structs);
  return `${header}\nexport const typeTableText =\n  ${JSON.stringify(text)};\n`;
}
