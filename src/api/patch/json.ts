/**
 * JSON patch, RFC 6902, with the API server's limits and answers.
 * upstream: apiserver/pkg/endpoints/handlers/patch.go
 */
import jsonPatch, { type Operation } from "fast-json-patch";
import { badRequestError, failure } from "../meta/status.ts";
import { isMap } from "./json-value.ts";

/** upstream: maxJSONPatchOperations */
const operationsMax = 10_000;

function isOperations(patch: unknown): patch is readonly Operation[] {
  return Array.isArray(patch) && patch.every(isMap);
}

/** A new value, the original is untouched. Throws StatusError: 400, 413 or 422. */
export function applyJsonPatch(original: object, patch: unknown): unknown {
  if (!isOperations(patch)) {
    throw badRequestError("json: cannot unmarshal into Go value of type jsonpatch.Operation");
  }
  if (patch.length > operationsMax) {
    throw failure({
      code: 413,
      reason: "RequestEntityTooLarge",
      message: `The allowed maximum operations in a JSON patch is ${operationsMax}, got ${patch.length}`,
    });
  }
  try {
    // The library would put the document into itself.
    if (patch.some(({ op, ...rest }) => op === "move" && "from" in rest && rest.from === "")) {
      throw new Error("jsonpatch move operation does not apply: doc is missing from path: ");
    }
    return jsonPatch.applyPatch(original, patch, true, false, true).newDocument;
  } catch (error) {
    throw failure(
      {
        code: 422,
        reason: "Invalid",
        message: "the server rejected our request due to an error in our request",
        details: {},
      },
      { cause: error },
    );
  }
}
