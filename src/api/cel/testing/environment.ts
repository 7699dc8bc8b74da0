/** Environments and outcomes for tests. */
import { RE2JS } from "re2js";
import { toText } from "../conversions.ts";
import { Cel, type EnvironmentOptions } from "../environment.ts";
import { dynamicValue } from "../schema/values.ts";
import { CompileError } from "../source.ts";
import { dynType } from "../types.ts";
import { Fault, ListValue, MapValue, Optional, Uint, type Value } from "../values.ts";

export const cel = new Cel(RE2JS);

/** A value as CEL would write it, roughly. */
export function show(value: Value): string {
  if (value instanceof Fault) return `fault: ${value.message}`;
  if (typeof value === "string") return JSON.stringify(value);
  if (value === null) return "null";
  if (value instanceof Uint) return `${value.value}u`;
  if (value instanceof ListValue) return `[${[...value.values()].map(show).join(", ")}]`;
  if (value instanceof MapValue) {
    return `{${[...value.keys()].map((key) => `${show(key)}: ${show(value.find(key) ?? null)}`).join(", ")}}`;
  }
  if (value instanceof Optional) return value.value === undefined ? "none" : `optional(${show(value.value)})`;
  if (value instanceof Uint8Array) return `b${JSON.stringify(Buffer.from(value).toString())}`;
  const text = toText(value);
  return typeof text === "string" ? text : "?";
}

/** What an expression amounts to over variables of any type: its value, its fault, or why it doesn't compile. */
export function outcomeOf(
  source: string,
  variables: Readonly<Record<string, unknown>> = {},
  options: Partial<EnvironmentOptions> = {},
): string {
  const types = Object.fromEntries(Object.keys(variables).map((name) => [name, dynType]));
  try {
    const program = cel.environment({ variables: types, ...options }).compile(source);
    return show(program.run((name) => dynamicValue(variables[name])).value);
  } catch (error) {
    if (error instanceof CompileError) return `error: ${error.message}`;
    throw error;
  }
}
