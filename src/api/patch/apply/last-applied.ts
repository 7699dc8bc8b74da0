/**
 * The annotation of client-side apply: what kubectl applied that way may be applied by the server without conflict, and
 * it is kept up to date. upstream: managedfields/internal/lastapplied{,manager,updater}.go
 */
import { parseExact } from "#base/exact-json.ts";
import type { AnyObject } from "../../meta/object.ts";
import { isList, isMap } from "../json-value.ts";
import { compareStates } from "./compare.ts";
import { fieldSetOf } from "./field-set.ts";
import { difference, type FieldTree } from "./field-tree.ts";
import { ApplyTypeError } from "./list-items.ts";
import type { ApplyType } from "./schema.ts";
import { validateState } from "./validate-state.ts";

const annotation = "kubectl.kubernetes.io/last-applied-configuration";
/** upstream: TotalAnnotationSizeLimitB */
const annotationsBytesMax = 256 * 1024;

const lastAppliedOf = (object: AnyObject): string => object.metadata?.annotations?.[annotation] ?? "";

/** The fields that were applied by the client and still are as they were; undefined where nothing can be said. */
export function allowedByLastApplied(
  live: AnyObject,
  apiVersion: string,
  type: ApplyType,
): FieldTree | undefined {
  const applied = parsed(lastAppliedOf(live));
  if (applied?.["apiVersion"] !== apiVersion) return undefined;
  try {
    validateState(applied, type, { allowDuplicates: false });
  } catch (error) {
    if (error instanceof ApplyTypeError) return undefined;
    throw error;
  }
  const { added, modified, removed } = compareStates(applied, live, type);
  return [modified, added, removed].reduce(difference, fieldSetOf(applied, type));
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  if (text === "") return undefined;
  try {
    const value: unknown = parseExact(text);
    return isMap(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Where the annotation is, it follows what was applied. `object`'s metadata is changed. */
export function syncLastApplied(object: AnyObject, config: AnyObject): void {
  if (lastAppliedOf(object) === "" || object.metadata === undefined) return;
  const annotations = { ...object.metadata.annotations, [annotation]: configText(config) };
  if (bytesOf(annotations) > annotationsBytesMax) Reflect.deleteProperty(annotations, annotation);
  object.metadata.annotations = annotations;
}

function bytesOf(annotations: Readonly<Record<string, string>>): number {
  return Object.entries(annotations).reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value),
    0,
  );
}

/** As Go encodes an object whose type it doesn't know: keys sorted, a newline at the end. */
function configText(config: AnyObject): string {
  const annotations = config.metadata?.annotations;
  if (annotations === undefined) return `${sortedJson(config)}\n`;
  const { [annotation]: _own, ...rest } = annotations;
  return `${sortedJson({ ...config, metadata: { ...config.metadata, annotations: rest } })}\n`;
}

const escapes: Readonly<Record<string, string>> = { "<": "\\u003c", ">": "\\u003e", "&": "\\u0026" };

function sortedJson(value: unknown): string {
  return JSON.stringify(sorted(value)).replace(/[<>&]/g, (char) => escapes[char] ?? char);
}

function sorted(value: unknown): unknown {
  if (isList(value)) return value.map(sorted);
  if (!isMap(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .toSorted()
      .map((key) => [key, sorted(value[key])]),
  );
}
