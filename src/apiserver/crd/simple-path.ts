/** Dotted paths (".spec.replicas") into objects. upstream: apimachinery/pkg/apis/meta/v1/unstructured/helpers.go */
import { goText, goTypeName, isMap, setValue } from "#api/patch/json-value.ts";
import { ownValue } from "#base/own-value.ts";

/** ["spec", "replicas"] */
export const namesOf = (path: string): string[] => path.replace(/^\./, "").split(".");

function foundAt(object: unknown, path: string): unknown {
  let value = object;
  const walked: string[] = [];
  for (const name of namesOf(path)) {
    if (!isMap(value)) {
      return new TypeError(
        `.${walked.join(".")} accessor error: ${goText(value)} is of the type ${goTypeName(value)}, expected map[string]interface{}`,
      );
    }
    if (!Object.hasOwn(value, name)) return undefined;
    value = value[name];
    walked.push(name);
  }
  return value;
}

/** An int64. Undefined when it isn't there, an error when it is something else. */
export const integerAt = (object: unknown, path: string): number | bigint | TypeError | undefined => {
  const value = foundAt(object, path);
  if (value === undefined || value instanceof TypeError) return value;
  if (typeof value === "bigint" || (typeof value === "number" && Number.isSafeInteger(value))) return value;
  return misfit(path, value, "int64");
};

export const textAt = (object: unknown, path: string): string | TypeError | undefined => {
  const value = foundAt(object, path);
  if (value === undefined || value instanceof TypeError) return value;
  return typeof value === "string" ? value : misfit(path, value, "string");
};

const misfit = (path: string, value: unknown, wanted: string): TypeError =>
  new TypeError(
    `.${namesOf(path).join(".")} accessor error: ${goText(value)} is of the type ${goTypeName(value)}, expected ${wanted}`,
  );

/** Sets a number, making what lies on the way. Changes `object`. */
export function setNumber(object: Record<string, unknown>, path: string, value: number): void {
  const names = namesOf(path);
  const last = names.pop() ?? "";
  let at = object;
  for (const name of names) {
    const known = ownValue(at, name);
    const next = isMap(known) ? (known as Record<string, unknown>) : {};
    setValue(at, name, next);
    at = next;
  }
  setValue(at, last, value);
}
