/**
 * Bodies of patches, and what they make of an object: how both are refused.
 * upstream: apiserver/pkg/endpoints/handlers/patch.go (applyJSPatch, strategicPatchObject, applyPatchToObject)
 */
import { goStringTypeOf, resourceList } from "#api/facts/go-types.ts";
import { isNumber } from "#base/exact-json.ts";
import { bodyText } from "#api/codec/body-text.ts";
import { DecodeError } from "#api/codec/decode-error.ts";
import { compareKeys, goJson, inKeyOrder } from "#api/codec/go-json.ts";
import { decodeAsGo, type GoShape } from "#api/codec/go-decoder.ts";
import { decodeAny } from "#api/codec/json.ts";
import { parseJson, survey } from "#api/codec/json-text.ts";
import { claimInValue } from "#api/codec/kind-claim.ts";
import { treeOfText } from "#api/codec/json-tree.ts";
import { scalarReaders } from "#api/codec/scalars.ts";
import { invalid } from "#api/meta/field-error.ts";
import { apiVersionOf, type AnyObject, type GroupVersionKind } from "#api/meta/object.ts";
import { badRequestError, invalidError, StatusError } from "#api/meta/status.ts";
import { patchTypeFault } from "#api/patch/json.ts";
import { goText, goTypeName, isList, isMap, jsonEqual, setValue } from "#api/patch/json-value.ts";
import type { ApiCall, RequestBody } from "#apiserver/request/call.ts";
import { isPatchMediaType, mediaTypeOf, patchMediaTypes } from "#apiserver/request/media-type.ts";
import { applyMediaType, type Patch, type TypeSemantics } from "#apiserver/request/semantics.ts";
import { unsupportedMediaType } from "#apiserver/request/type-semantics.ts";
import { ownValue } from "#base/own-value.ts";
import { noName, type WriteOptions } from "./write.ts";

const jsonMediaType = "application/json-patch+json";
const mergeMediaType = "application/merge-patch+json";
const strategicMediaType = "application/strategic-merge-patch+json";

export interface PatchBody extends Patch {
  /** Keys given twice, and what a JSON patch's operation doesn't have. */
  readonly strictFaults: readonly string[];
}

/**
 * `isCustom`: of what has no strategic patches. Throws 415 for another kind of patch, 400 for one that can't be read, in
 * other words where nobody asks for its fields.
 */
export async function readPatch(
  body: RequestBody,
  isCustom: boolean,
  { fieldValidation }: Pick<WriteOptions, "fieldValidation">,
): Promise<PatchBody> {
  const mediaType = mediaTypeOf(body.contentType);
  if (!isPatchMediaType(mediaType) || (isCustom && mediaType === strategicMediaType)) {
    const accepted = patchMediaTypes.filter((type) => !isCustom || type !== strategicMediaType);
    throw unsupportedMediaType([...accepted, applyMediaType]);
  }
  const text = body.value === undefined ? bodyText(await body.bytes()) : JSON.stringify(body.value);
  const isLax = fieldValidation === "Ignore";
  try {
    if (mediaType !== jsonMediaType) return { mediaType, ...changes(text, mediaType, isLax) };
    return { mediaType, ...(isLax ? laxOperations(text) : operations(text)) };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw badRequestError(unreadable(mediaType, error, isLax), { cause: error });
  }
}

const badMergePatch = "Invalid JSON Patch";

function unreadable(mediaType: string, { message }: DecodeError, isLax: boolean): string {
  if (mediaType === strategicMediaType) return message;
  if (!isLax) return `error decoding patch: ${message}`;
  return mediaType === jsonMediaType ? message : badMergePatch;
}

type Read = Pick<PatchBody, "body" | "strictFaults">;

function changes(text: string, mediaType: string, isLax: boolean): Read {
  if (isLax && mediaType === mergeMediaType) {
    // The library that applies it takes a list for what the object is to be.
    const body = parseJson(text);
    if (isList(body)) return { body, strictFaults: [] };
  }
  const { object, strictFaults } = decodeAny(text);
  const isNull = mediaType !== strategicMediaType && text.trim() === "null";
  if (isNull) throw badRequestError(badMergePatch);
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

/** Only the library that applies it reads it, which has names of its own. */
function laxOperations(json: string): Read {
  const body = parseJson(json);
  const fault = patchTypeFault(body);
  if (fault !== undefined) throw new DecodeError(fault);
  return { body: body ?? [], strictFaults: [] };
}

export interface PatchJudge {
  readonly semantics: TypeSemantics;
  readonly gvk: GroupVersionKind;
  /** What was patched. */
  readonly old: AnyObject;
  readonly call: Pick<ApiCall, "warn">;
  readonly options: WriteOptions;
  /** The kind is one that a definition has made. */
  readonly isCustom: boolean;
}

/** The patched object as its type takes it. Throws 422, and 400 for one that would have no name. */
export function judgePatched(patched: AnyObject, patch: PatchBody, judge: PatchJudge): AnyObject {
  const { call, options } = judge;
  const isStrategic = patch.mediaType === strategicMediaType;
  const shown = (): string => (isStrategic ? goText(patch.body) : shownJson(patched, judge));
  const typed = isStrategic ? retyped(patched, judge, shown) : claimed(patched, judge, shown);
  const { object, strictFaults } = checked(typed, judge, { shown, isStrategic });
  const faults = [...patch.strictFaults, ...strictFaults];
  if (faults.length === 0 || options.fieldValidation === "Ignore") return object;
  if (options.fieldValidation === "Strict") {
    throw invalidPatch(shown(), `strict decoding error: ${faults.join(", ")}`);
  }
  for (const fault of faults) call.warn(fault);
  return object;
}

/** What a strategic patch says of the kind is lost on the typed object that it is applied to, if it is a text. */
function retyped(patched: AnyObject, { gvk }: PatchJudge, shown: () => string): AnyObject {
  const { kind, apiVersion } = patched as Readonly<Record<string, unknown>>;
  for (const value of [kind, apiVersion]) {
    if (value === undefined || typeof value === "string") continue;
    const cause = new DecodeError("", { mismatch: { value, goType: "string", isRead: false, number: "" } });
    throw invalidPatch(shown(), conversionFault(cause) ?? noString);
  }
  return { ...patched, kind: gvk.kind, apiVersion: apiVersionOf(gvk) };
}

const noString = "unrecognized type: string";

/** What others say of the kind decides how it is decoded. upstream: apimachinery/pkg/runtime/serializer/json/json.go (Decode) */
function claimed(patched: AnyObject, { gvk, old, isCustom }: PatchJudge, shown: () => string): AnyObject {
  const claim = claimInValue(patched);
  if (typeof claim === "string") throw invalidPatch(shown(), claim);
  const { kind = "", apiVersion = "" } = claim;
  if (!isCustom) {
    // Read as the form that all versions are converted to, none of whose fields has such a name.
    if (apiVersion === "") throw noName(old.metadata?.name ?? "");
    return patched;
  }
  if (kind === "") throw invalidPatch(shown(), `Object 'Kind' is missing in '${shown()}'`);
  const wanted = apiVersionOf(gvk);
  if (apiVersion === wanted) return patched;
  // It would be refused when it is validated; as what it says it is, nobody could look at it till then.
  throw invalidError({ group: gvk.group, kind: gvk.kind, name: nameOf(patched) }, [
    ...(kind === gvk.kind ? [] : [invalid("kind", kind, `must be ${gvk.kind}`)]),
    invalid("apiVersion", apiVersion, `must be ${wanted}`),
  ]);
}

function nameOf({ metadata }: AnyObject): string {
  const name: unknown = isMap(metadata) ? metadata["name"] : undefined;
  return typeof name === "string" ? name : "";
}

/** What the patch has come by is in the order of its keys, all else in that of its struct. */
function shownJson(patched: AnyObject, { old, isCustom }: PatchJudge): string {
  return goJson(isCustom ? inKeyOrder(patched) : touchedInOrder(patched, old));
}

function touchedInOrder(value: unknown, before: unknown): unknown {
  if (isList(value)) {
    return value.map((each, at) => touchedInOrder(each, isList(before) ? before[at] : undefined));
  }
  if (!isMap(value) || jsonEqual(value, before)) return value;
  const sorted: Record<string, unknown> = {};
  for (const key of Object.keys(value).toSorted(compareKeys)) {
    setValue(sorted, key, touchedInOrder(value[key], isMap(before) ? ownValue(before, key) : undefined));
  }
  return sorted;
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
  if (isNumber(value) && scalar !== "string" && scalar !== "bool") {
    // Too big, or no integer.
    return Number.isInteger(Number(value)) ? undefined : `cannot convert ${kind} to ${goType}`;
  }
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
