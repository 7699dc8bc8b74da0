/** Structs written down by hand (src/api/facts) in the form of those that were read. */
import { apiregistration, apiregistrationPackage } from "#api/facts/apiregistration.ts";
import type { ScalarType } from "#api/schema/type-table.ts";
import type { Field, Struct } from "./structs.ts";

const scalars = new Set<string>(["string", "bool", "int32", "bytes", "time"] satisfies ScalarType[]);

function parseField(line: string): Field {
  const [name = "", id = "", type = "", ...flags] = line.split(" ");
  const plain = type.replace(/^(\[\]|\*)/, "");
  const scalar = scalars.has(plain) ? (plain as ScalarType) : undefined;
  const merge = flags.find((flag) => flag.startsWith("merge="));
  return {
    name,
    id: Number(id),
    scalar,
    struct:
      scalar === undefined ? (plain.includes(".") ? plain : `${apiregistrationPackage}.${plain}`) : undefined,
    shape: type.startsWith("[]") ? "list" : "one",
    wrapped: false,
    pointer: type.startsWith("*"),
    omitEmpty: flags.includes("omitempty"),
    inline: false,
    patchMergeKey: merge?.slice("merge=".length),
    patchStrategy: merge === undefined ? [] : ["merge"],
  };
}

export function apiregistrationStructs(): Struct[] {
  return Object.entries(apiregistration).map(([name, lines]) => ({
    name: `${apiregistrationPackage}.${name}`,
    fields: lines.map(parseField),
  }));
}
