/**
 * Strategies as messages show them: upstream prints its own structs there, whose fields have their Go names and are all
 * there. upstream: pkg/apis/apps/types.go
 */

/** The named fields of `struct`, null where it has none. */
export function asGo(struct: object, fields: readonly string[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    fields.map((field) => {
      const value: unknown = Reflect.get(struct, field);
      return [field.charAt(0).toUpperCase() + field.slice(1), value ?? null];
    }),
  );
}

interface Strategy {
  readonly type?: string | undefined;
  readonly rollingUpdate?: object | undefined;
}

/** `fields`: those of what rolls, in upstream's order. */
export function strategyAsGo(
  { type = "", rollingUpdate }: Strategy = {},
  fields: readonly string[] = ["partition", "maxUnavailable"],
): Readonly<Record<string, unknown>> {
  return { Type: type, RollingUpdate: rollingUpdate === undefined ? null : asGo(rollingUpdate, fields) };
}
