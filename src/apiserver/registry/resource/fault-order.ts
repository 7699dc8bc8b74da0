/** Upstream compiles selectors where it comes upon them; here they were compiled before, and are told of in their places. */
import type { FieldError } from "#api/meta/field-error.ts";

/** In the order in which upstream looks at them, on every level. */
const fields = [
  "metadata",
  "spec",
  "devices",
  "requests",
  "name",
  "exactly",
  "firstAvailable",
  "deviceClassName",
  "selectors",
  "allocationMode",
  "count",
  "tolerations",
  "constraints",
  "config",
  "extendedResourceName",
];

/** What comes twice in a list is told when all of the list was looked at. */
function placeOf({ field, type }: FieldError): readonly number[] {
  const steps = field.match(/[^.[\]]+/g) ?? [];
  const place = steps.map((step) => (/^\d+$/.test(step) ? Number(step) : fields.indexOf(step)));
  return type === "FieldValueDuplicate" ? [...place.slice(0, -1), Infinity] : place;
}

function isBefore(a: readonly number[], b: readonly number[]): boolean {
  for (const [index, step] of a.entries()) {
    const other = b[index];
    if (other === undefined) return false;
    if (step !== other) return step < other;
  }
  return true;
}

/** `selectors` are in order, too. */
export function merged(
  found: readonly FieldError[],
  selectors: readonly FieldError[],
): readonly FieldError[] {
  const left = [...found];
  const all: FieldError[] = [];
  for (const selector of selectors) {
    const place = placeOf(selector);
    const next = left.findIndex((fault) => isBefore(place, placeOf(fault)));
    all.push(...left.splice(0, next < 0 ? left.length : next), selector);
  }
  return [...all, ...left];
}
