/** The types of JSON Schema, told from JSON values. */

/**
 * What messages call the type of a value. A number that is no safe integer is a float64, whole as it may be.
 * upstream: swag IsFloat64AJSONInteger
 */
export function typeName(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "bigint") return "integer";
  if (typeof value === "number") return Number.isSafeInteger(value) ? "integer" : "number";
  return typeof value;
}

/** What messages call a value by where its schema has a format. */
export function formatName(value: unknown): string {
  switch (typeName(value)) {
    case "integer":
      return "int64";
    case "number":
      return "float64";
    default:
      return "";
  }
}

/** An integer is a number, too. */
export function isOfType(value: unknown, type: string): boolean {
  const own = typeName(value);
  return own === type || (own === "integer" && type === "number");
}
