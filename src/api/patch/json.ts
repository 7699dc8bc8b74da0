/**
 * JSON patch, RFC 6902, with the API server's limits and answers.
 * upstream: apiserver/pkg/endpoints/handlers/patch.go
 */
import jsonPatch, { deepClone, JsonPatchError, unescapePathComponent, type Operation } from "fast-json-patch";
import { badRequestError, failure, type StatusError } from "../meta/status.ts";
import { isList, isMap, valueAt } from "./json-value.ts";

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
    return patch.reduce<unknown>(applied, deepClone(original) as unknown);
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

function applied(document: unknown, operation: Operation, index: number): unknown {
  const lenient = lenientOperation(document, operation);
  return lenient === undefined
    ? document
    : jsonPatch.applyOperation(document, lenient, true, true, true, index).newDocument;
}

/**
 * Upstream's library replaces what a map doesn't have, and finds null there. Undefined: nothing to be done.
 * upstream: gopkg.in/evanphx/json-patch.v4/patch.go
 */
function lenientOperation(document: unknown, operation: Operation): Operation | undefined {
  const { op, path } = operation;
  if ((op !== "replace" && op !== "test") || typeof path !== "string" || path === "") return operation;
  const steps = path.split("/").slice(1).map(unescapePathComponent);
  const key = steps.pop() ?? "";
  const parent = steps.reduce<unknown>(
    (at, step) => (isMap(at) ? valueAt(at, step) : isList(at) ? at[Number(step)] : undefined),
    document,
  );
  if (!isMap(parent) || valueAt(parent, key) !== undefined) return operation;
  if (op === "test") return operation.value === null ? undefined : operation;
  return { op: "add", path, value: operation.value as unknown };
}

const operationErrorOf = (error: StatusError): JsonPatchError | undefined =>
  error.cause instanceof JsonPatchError ? error.cause : undefined;

/** Whether a patch was refused by a test in itself. */
export const isTestFailure = (error: StatusError): boolean =>
  operationErrorOf(error)?.name === "TEST_OPERATION_FAILED";

/** What is wrong with a patch that `applyJsonPatch` refused, in the words of upstream's library. */
export function jsonPatchFault(error: StatusError): string {
  const failed = operationErrorOf(error);
  const operation = failed?.operation as Operation | undefined;
  if (operation === undefined) return error.message;
  const { op, path } = operation;
  switch (failed?.name) {
    case "OPERATION_PATH_UNRESOLVABLE":
      return op === "replace"
        ? `replace operation does not apply: doc is missing key: ${path}: missing value`
        : `${op} operation does not apply: doc is missing path: ${JSON.stringify(path)}: missing value`;
    case "OPERATION_PATH_CANNOT_ADD":
      return `add operation does not apply: doc is missing path: ${JSON.stringify(path)}: missing value`;
    case "OPERATION_FROM_UNRESOLVABLE":
      return `${op} operation does not apply: doc is missing from path: ${JSON.stringify((operation as { from?: string }).from)}: missing value`;
    case "OPERATION_OP_INVALID":
      return `Unexpected kind: ${op}`;
    default:
      return failed?.message.split("\n")[0] ?? error.message;
  }
}
