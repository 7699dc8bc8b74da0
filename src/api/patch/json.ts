/**
 * JSON patch, RFC 6902, with the API server's limits and answers.
 * upstream: apiserver/pkg/endpoints/handlers/patch.go
 */
import { goKind } from "../codec/kind-claim.ts";
import { badRequestError, failure, type StatusError } from "../meta/status.ts";
import { applyOperation, Copies, PatchFault } from "./json-operations.ts";
import { copyJson, isMap, type JsonMap } from "./json-value.ts";

/** upstream: maxJSONPatchOperations */
const operationsMax = 10_000;

/** Why it is no list of operations, in the words of Go's decoder, to which null is an empty one, and an empty operation. */
export function patchTypeFault(patch: unknown): string | undefined {
  if (patch === null) return undefined;
  if (!Array.isArray(patch)) return mismatch(patch, "Patch");
  const foreign = patch.findIndex((each: unknown) => each !== null && !isMap(each));
  return foreign < 0 ? undefined : mismatch(patch[foreign], "Operation");
}

const mismatch = (value: unknown, type: string): string =>
  `json: cannot unmarshal ${goKind(value)} into Go value of type jsonpatch.${type}`;

/** A new value, the original is untouched. Throws StatusError: 400, 413 or 422. */
export function applyJsonPatch(original: object, patch: unknown): unknown {
  const fault = patchTypeFault(patch);
  if (fault !== undefined) throw badRequestError(fault);
  const operations = ((patch ?? []) as readonly (JsonMap | null)[]).map((operation) => operation ?? {});
  if (operations.length > operationsMax) {
    throw failure({
      code: 413,
      reason: "RequestEntityTooLarge",
      message: `The allowed maximum operations in a JSON patch is ${operationsMax}, got ${operations.length}`,
    });
  }
  try {
    const copies = new Copies();
    return operations.reduce<Record<string, unknown> | unknown[]>(
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
