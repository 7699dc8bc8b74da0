/**
 * Bodies of patches, and what they make of an object: how both are refused.
 * upstream: apiserver/pkg/endpoints/handlers/patch.go (applyJSPatch, strategicPatchObject, applyPatchToObject)
 */
import { goStringTypeOf, resourceList } from "#api/facts/go-types.ts";
import { isNumber } from "#base/exact-json.ts";
import { bodyText } from "#api/codec/body-text.ts";
import { DecodeError } from "#api/codec/decode-error.ts";
import { decodeAsGo, type GoShape } from "#api/codec/go-decoder.ts";
import { decodeAny } from "#api/codec/json.ts";
import { parseJson, survey } from "#api/codec/json-text.ts";
import { treeOfText } from "#api/codec/json-tree.ts";
import { scalarReaders } from "#api/codec/scalars.ts";
import { invalid } from "#api/meta/field-error.ts";
import { apiVersionOf, type AnyObject, type GroupVersionKind } from "#api/meta/object.ts";
import { badRequestError, invalidError, StatusError } from "#api/meta/status.ts";
import { goText, goTypeName, isMap } from "#api/patch/json-value.ts";
import type { ApiCall, RequestBody } from "#apiserver/request/call.ts";
import { isPatchMediaType, mediaTypeOf, patchMediaTypes } from "#apiserver/request/media-type.ts";
import { applyMediaType, type Patch, type TypeSemantics } from "#apiserver/request/semantics.ts";
import { unsupportedMediaType } from "#apiserver/request/type-semantics.ts";
import type { WriteOptions } from "./write.ts";

const jsonMediaType = "application/json-patch+json";
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
  const text = body.value === undefined ? bodyText(await body.bytes()) : JSON.stringify(body.value);
  try {
    return { mediaType, ...(mediaType === jsonMediaType ? operations(text) : changes(text, mediaType)) };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const what = mediaType === strategicMediaType ? "" : "error decoding patch: ";
    throw badRequestError(`${what}${error.message}`, { cause: error });
  }
}

type Read = Pick<PatchBody, "body" | "strictFaults">;

function changes(text: string, mediaType: string): Read {
  const { object, strictFaults } = decodeAny(text);
  const isNull = mediaType !== strategicMediaType && text.trim() === "null";
  if (isNull) throw badRequestError("Invalid JSON Patch");
  return { body: object, strictFaults };
}

const text: GoShape = { kind: "scalar", read: scalarReaders.string, readsItself: false };
const operationType: GoShape = {
  kind: "struct",
  struct: {
    name: "jsonPatchOp",
    goType: "handlers.jsonPatchOp",
    shapes: new Map<string, GoShape>([
      ["op", text],
      ["path", text],
      ["from", text],
      ["value", { kind: "any" }],
    ]),
  },
};
const operationsType: GoShape = {
  kind: "list",
  goType: "[]handlers.jsonPatchOp",
  items: operationType,
};

function operations(json: string): Read {
  const body = parseJson(json);
  survey(json);
  const { error, strictFaults } = decodeAsGo(treeOfText(json), operationsType);
  if (error !== undefined) throw error;
  return { body: body ?? [], strictFaults: strictFaults.map((fault) => `json patch ${fault}`) };
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
function conversionFault({ mismatch, cause }: DecodeError): string | undefined {
  // It takes the fields in their struct's order, and stops at the first that doesn't fit.
  const first = cause instanceof DecodeError ? cause.message : undefined;
  if (mismatch === undefined || mismatch.isRead) return first;
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
