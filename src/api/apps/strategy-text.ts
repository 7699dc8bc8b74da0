/** Strategies as messages show them. upstream: pkg/apis/apps/types.go */
import { asGoStruct } from "../meta/go-struct.ts";

/** The named fields of `struct`, null where it has none. */
export const asGo = (struct: object, fields: readonly string[]): unknown =>
  asGoStruct(
    struct,
    Object.fromEntries(
      fields.map((field) => [field.charAt(0).toUpperCase() + field.slice(1), [field, null]]),
    ),
  );

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
