/** Whether a change touched fields that a manager owns, as its fieldsV1 names them. */
import { changedFields } from "#api/meta/changed-fields.ts";

/** "f:replicas" → a field, 'k:{"name":"web"}' → an item with these keys, 'v:"x"' → an item, "i:0" → a place. */
type OwnedFields = Readonly<Record<string, unknown>>;

/** `before` and `after` are the two states of what `fields` is about. */
export function ownsChange(fields: unknown, before: unknown, after: unknown): boolean {
  const inner = Object.entries((fields ?? {}) as OwnedFields).filter(([step]) => step !== ".");
  if (inner.length === 0) return changedFields({ it: before }, { it: after }).length > 0;
  return inner.some(([step, below]) => ownsChange(below, reached(before, step), reached(after, step)));
}

/** Undefined where there is nothing. */
function reached(value: unknown, step: string): unknown {
  const name = step.slice(2);
  if (step.startsWith("f:")) return isRecord(value) ? value[name] : undefined;
  if (!Array.isArray(value)) return undefined;
  if (step.startsWith("i:")) return value[Number(name)] as unknown;
  const wanted: unknown = JSON.parse(name);
  if (step.startsWith("v:")) return value.find((item) => item === wanted) as unknown;
  const keys = Object.entries(wanted as Readonly<Record<string, unknown>>);
  return value.find((item) => isRecord(item) && keys.every(([key, its]) => item[key] === its)) as unknown;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
