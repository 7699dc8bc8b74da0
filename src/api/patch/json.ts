/**
 * JSON patch, RFC 6902, with the API server's limits and answers.
 * upstream: apiserver/pkg/endpoints/handlers/patch.go
 */
import { badRequestError, failure, type StatusError } from "../meta/status.ts";
import { applyOperation, Copies, PatchFault } from "./json-operations.ts";
import { copyJson, isMap, type JsonMap } from "./json-value.ts";

/** upstream: maxJSONPatchOperations */
const operationsMax = 10_000;

function isOperations(patch: unknown): patch is readonly JsonMap[] {
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
    const copies = new Copies();
    return patch.reduce<Record<string, unknown> | unknown[]>(
      (document, operation) => applyOperation(document, operation, copies),
      copyJson(original) as Record<string, unknown>,
    );
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

/** Whether a patch was refused by a test in itself. */
export const isTestFailure = ({ cause }: StatusError): boolean => cause instanceof PatchFault && cause.isTest;

/** What is wrong with a patch that `applyJsonPatch` refused, in the words of upstream's library. */
export const jsonPatchFault = ({ cause, message }: StatusError): string =>
  cause instanceof PatchFault ? cause.message : message;
