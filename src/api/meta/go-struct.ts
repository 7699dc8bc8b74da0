/**
 * Objects as messages show them: upstream prints its own structs there, whose fields have their Go names, in their order,
 * and are all there. upstream: pkg/apis/<group>/types.go
 */

/** Of each Go field: its name in the API, what it is when nothing is said, and what it is made of. */
export type GoShape = Readonly<
  Record<
    string,
    readonly [field: string, zero: unknown] | readonly [field: string, zero: unknown, of: GoShape]
  >
>;

/** A list is shown as a list of them; what isn't there stays so. */
export function asGoStruct(value: unknown, shape: GoShape): unknown {
  if (Array.isArray(value)) return value.map((one) => asGoStruct(one, shape));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(shape).map(([name, [field, zero, of]]) => {
      const inner: unknown = Reflect.get(value, field) ?? zero;
      return [name, of === undefined ? inner : asGoStruct(inner, of)];
    }),
  );
}
