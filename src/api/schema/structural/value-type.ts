/** The types of JSON Schema, told from JSON values. */

/** What messages call the type of a value. */
export function typeName(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}

/** An integer is a number, too. */
export function isOfType(value: unknown, type: string): boolean {
  const own = typeName(value);
  return own === type || (own === "integer" && type === "number");
}
