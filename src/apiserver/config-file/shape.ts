/**
 * Reads a configuration that upstream has as a Go type: unknown fields and wrong types are faults, as its strict decoder
 * has it. upstream: apimachinery/pkg/runtime/serializer
 */
import { ownValue } from "#base/own-value.ts";
import { DurationError, goDurationMs } from "#api/meta/duration.ts";

/** What a field holds; durations become milliseconds. */
export type Shape =
  | "string"
  | "boolean"
  | "number"
  | "duration"
  /** Anything: whoever takes it looks at it himself. */
  | "any"
  | readonly [Shape]
  | { readonly [field: string]: Shape };

/** Null counts as absent. Faults are added to `faults`, each naming its field. */
export function readShape(value: unknown, shape: Shape, at: string, faults: string[]): unknown {
  if (value === null || value === undefined) return undefined;
  if (shape === "any") return value;
  if (shape === "duration") return readDuration(value, at, faults);
  if (typeof shape === "string") {
    if (typeof value === shape) return value;
    faults.push(`${at}: must be a ${shape}, is ${JSON.stringify(value)}`);
    return undefined;
  }
  if (isListShape(shape)) {
    if (Array.isArray(value)) {
      return value.map((item: unknown, index) => readShape(item ?? {}, shape[0], `${at}[${index}]`, faults));
    }
    faults.push(`${at}: must be a list, is ${JSON.stringify(value)}`);
    return undefined;
  }
  return readFields(value, shape, at, faults);
}

const isListShape = (shape: Shape): shape is readonly [Shape] => Array.isArray(shape);

function readDuration(value: unknown, at: string, faults: string[]): number | undefined {
  try {
    if (typeof value === "string") return goDurationMs(value);
    faults.push(`${at}: must be a duration such as 30s, is ${JSON.stringify(value)}`);
  } catch (error) {
    if (!(error instanceof DurationError)) throw error;
    faults.push(`${at}: ${error.message}`);
  }
  return undefined;
}

function readFields(
  value: unknown,
  fields: Readonly<Record<string, Shape>>,
  at: string,
  faults: string[],
): Record<string, unknown> | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    faults.push(`${at}: must be an object, is ${JSON.stringify(value)}`);
    return undefined;
  }
  const read: Record<string, unknown> = {};
  for (const [name, held] of Object.entries(value)) {
    const path = at === "" ? name : `${at}.${name}`;
    const shape = ownValue(fields, name);
    if (shape === undefined) {
      faults.push(`strict decoding error: unknown field ${JSON.stringify(path)}`);
      continue;
    }
    const field = readShape(held, shape, path, faults);
    if (field !== undefined) read[name] = field;
  }
  return read;
}
