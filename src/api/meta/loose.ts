/**
 * An object of the API as a client sent it: of the right types, but with anything missing, also what is required.
 * Defaulting, validation and tables look at such objects; everything after them may trust the generated types.
 */
export type Loose<T> = T extends readonly (infer Item)[]
  ? Loose<Item>[]
  : T extends object
    ? string extends keyof T
      ? T
      : { [Key in keyof T]?: Loose<T[Key]> | undefined }
    : T;

/** Functions by kind, within one group and version. Whoever calls one hands it an object of its kind. */
export type DefaultsByKind = Readonly<Record<string, (object: never) => void>>;

/** Sets what is absent (or, as Go has it, empty or zero) in an object, if there is one. */
export function fillEmpty<T extends object>(object: T | undefined, values: Partial<T>): void {
  if (object === undefined) return;
  for (const [key, value] of Object.entries(values)) {
    const before: unknown = Reflect.get(object, key);
    const isEmpty = before === undefined || before === null || before === "" || before === 0;
    if (isEmpty) Reflect.set(object, key, value);
  }
}
