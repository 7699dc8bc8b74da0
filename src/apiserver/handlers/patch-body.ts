/**
 * Bodies of patches, and what they make of an object: how both are refused.
 * upstream: apiserver/pkg/endpoints/handlers/patch.go (applyJSPatch, strategicPatchObject, applyPatchToObject)
 */
import { goStringTypeOf, resourceList } from "#api/facts/go-types.ts";
import { isNumber } from "#base/exact-json.ts";
import { decodeAny } from "#api/codec/json.ts";
import { goKind as jsonKind } from "#api/codec/kind-claim.ts";
import { duplicateKeys, keysWithin, parseJson, survey } from "#api/codec/json-text.ts";
import { DecodeError } from "#api/codec/decode-error.ts";
import { invalid } from "#api/meta/field-error.ts";
import { apiVersionOf, type AnyObject, type GroupVersionKind } from "#api/meta/object.ts";
import { badRequestError, invalidError, StatusError } from "#api/meta/status.ts";
import { goText, goTypeName, isMap } from "#api/patch/json-value.ts";
import type { ApiCall, RequestBody } from "#apiserver/request/call.ts";
import { isPatchMediaType, mediaTypeOf, patchMediaTypes } from "#apiserver/request/media-type.ts";
import { applyMediaType, type Patch, type TypeSemantics } from "#apiserver/request/semantics.ts";
import { unsupportedMediaType } from "#apiserver/request/type-semantics.ts";
import type { WriteOptions } from "./write.ts";

const strategicMediaType = "application/strategic-merge-patch+json";

export interface PatchBody extends Patch {
  /** Keys given twice, and what a JSON patch's operation doesn't have. */
  readonly strictFaults: readonly string[];
}

/** `isCustom`: of what has no strategic patches. Throws 415 for another kind of patch, 400 for one that can't be read. */
export async function readPatch(body: RequestBody, isCustom: boolean): Promise<PatchBody> {
  const mediaType = mediaTypeOf(body.contentType);
  if (!isPatchMediaType(mediaType) || (isCustom && mediaType === strategicMediaType)) {
    const accepted = patchMediaTypes.filter((type) => !isCustom || type !== strategicMediaType);
    throw unsupportedMediaType([...accepted, applyMediaType]);
  }
  const text = body.value === undefined ? (await body.bytes()).toString("utf8") : JSON.stringify(body.value);
  try {
    return { mediaType, ...(mediaType === "application/json-patch+json" ? operations(text) : changes(text)) };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const what = mediaType === strategicMediaType ? "" : "error decoding patch: ";
    throw badRequestError(`${what}${error.message}`, { cause: error });
  }
}

type Read = Pick<PatchBody, "body" | "strictFaults">;

function changes(text: string): Read {
  const { object, strictFaults } = decodeAny(text);
  return { body: object, strictFaults };
}

const operationFields = new Set(["op", "path", "from", "value"]);

const notOf = (value: unknown, type: string): DecodeError =>
  new DecodeError(
    `json: cannot unmarshal ${value === null ? "null" : jsonKind(value)} into Go value of type ${type}`,
  );

function operations(text: string): Read {
  const body = parseJson(text);
  if (!Array.isArray(body)) throw notOf(body, "[]handlers.jsonPatchOp");
  const foreign = body.findIndex((each: unknown) => each !== null && !isMap(each));
  if (foreign >= 0) throw notOf(body[foreign], "handlers.jsonPatchOp");
  const unknown = body.flatMap((operation: unknown, at) =>
    isMap(operation)
      ? Object.keys(operation).flatMap((name) => (operationFields.has(name) ? [] : [`[${at}].${name}`]))
      : [],
  );
  const duplicates = survey(text).keys === keysWithin(body, text) ? [] : duplicateKeys(text);
  return {
    body,
    strictFaults: [
      ...unknown.map((path) => `json patch unknown field ${JSON.stringify(path)}`),
      ...duplicates.map((path) => `json patch duplicate field ${JSON.stringify(path)}`),
    ],
  };
}

export interface PatchJudge {
  readonly semantics: TypeSemantics;
  readonly gvk: GroupVersionKind;
  /** What was patched. */
  readonly old: AnyObject;
  readonly call: Pick<ApiCall, "warn">;
  readonly options: WriteOptions;
}

/** The patched object as its type takes it. Throws 422. */
export function judgePatched(patched: AnyObject, patch: PatchBody, judge: PatchJudge): AnyObject {
  const { call, gvk, options } = judge;
  const isStrategic = patch.mediaType === strategicMediaType;
  const shown = (): string => (isStrategic ? goText(patch.body) : JSON.stringify(patched));
  // What a strategic patch says of the kind is lost on the typed object that it is applied to.
  const typed = isStrategic ? { ...patched, kind: gvk.kind, apiVersion: apiVersionOf(gvk) } : patched;
  const { object, strictFaults } = checked(typed, judge, { shown, isStrategic });
  const faults = [...patch.strictFaults, ...strictFaults];
  if (faults.length === 0 || options.fieldValidation === "Ignore") return object;
  if (options.fieldValidation === "Strict") {
    throw invalidPatch(shown(), `strict decoding error: ${faults.join(", ")}`);
  }
  for (const fault of faults) call.warn(fault);
  return object;
}

function checked(
  patched: AnyObject,
  { semantics, gvk, old }: PatchJudge,
  { shown, isStrategic }: { readonly shown: () => string; readonly isStrategic: boolean },
): ReturnType<TypeSemantics["check"]> {
  try {
    return semantics.check(patched, gvk, old);
  } catch (error) {
    const cause = error instanceof StatusError ? error.cause : undefined;
    if (!(cause instanceof DecodeError)) throw error;
    const why = isStrategic ? (conversionFault(cause) ?? cause.message) : cause.message;
    throw invalidPatch(shown(), why);
  }
}

/** A strategic patch is applied to maps, and what comes of it converted. upstream: apimachinery/pkg/runtime/converter.go */
function conversionFault({ mismatch }: DecodeError): string | undefined {
  if (mismatch === undefined) return undefined;
  const { value, goType } = mismatch;
  const kind = goKind(value);
  if (goType.startsWith("map[") || goType === resourceList) return `cannot restore map from ${kind}`;
  if (goType.startsWith("[]")) return `cannot restore slice from ${kind}`;
  const scalar = goStringTypes.has(goType) ? "string" : goType;
  if (!scalarTypes.has(scalar)) return `cannot restore struct from: ${kind}`;
  if (kind === "int64" && scalar === "string") return `cannot convert ${kind} to ${goType}`;
  if (isNumber(value) && scalar !== "string" && scalar !== "bool") return undefined; // too big
  return `unrecognized type: ${scalar}`;
}

const scalarTypes = new Set(["string", "bool", "int32", "int64", "float64"]);
const goStringTypes = new Set(goStringTypeOf.values());

function goKind(value: unknown): string {
  if (Array.isArray(value)) return "slice";
  if (isMap(value)) return "map";
  return goTypeName(value);
}

const invalidPatch = (shown: string, why: string): StatusError =>
  invalidError({ group: "", kind: "", name: "" }, [invalid("patch", shown, why)]);
