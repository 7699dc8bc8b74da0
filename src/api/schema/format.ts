/**
 * The compact text that the type table is kept as. Written by scripts/generate, read by table.ts.
 *
 *   =["TCP","UDP"]                        an enum; fields name it by its number, in order of appearance
 *   >io.k8s.api.core.v1                   the package of the structs that follow
 *   Service!                              a struct ("!": server-side apply takes it as one value) and its fields, tab-separated:
 *   name id type [flags] [extra...]       separated by spaces
 *
 * type: "[" list, "{" map, "w" wrapped, "*" pointer, then a scalar's letter, or "#" and a struct's name,
 * without its package where that is the same.
 * flags: o omitEmpty, n inline, r required.
 * extra: k<merge key> p<strategy,...> a (atomic list) s (set) m<keys,...> A / G (atomic or granular map) e<enum> d<default as JSON>
 */
import type { ScalarType } from "./type-table.ts";

export const scalarLetters: Readonly<Record<string, ScalarType>> = {
  s: "string",
  b: "bool",
  i: "int32",
  l: "int64",
  d: "double",
  y: "bytes",
  q: "quantity",
  I: "intOrString",
  t: "time",
  T: "microTime",
  D: "duration",
  r: "raw",
  A: "schemaOrArray",
  B: "schemaOrBool",
  S: "schemaOrStrings",
};
