import assert from "node:assert/strict";
import { test } from "node:test";
import { badRequestError, failure, unexplainedError } from "#api/meta/status.ts";
import { StoreFullError } from "#store/store.ts";
import { DroppedError } from "#apiserver/flowcontrol/dropped-requests.ts";
import { droppedAnswer, isOwnFault, statusErrorOf } from "./refuse.ts";

test("a store without space is told as upstream tells it: in the store's words, without a reason", () => {
  const failed = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", code: 500 };
  assert.deepEqual(statusErrorOf(new StoreFullError("/data/state.db")).status, {
    ...failed,
    message: "etcdserver: mvcc: database space exceeded",
  });
  const said = "could not extend file: No space left on device";
  assert.deepEqual(statusErrorOf(new StoreFullError("postgres", { said })).status, {
    ...failed,
    message: said,
  });
});

test("what nobody foresaw is an internal error", () => {
  const { reason, message } = statusErrorOf(new Error("oh")).status;
  assert.deepEqual([reason, message], ["InternalError", "Internal error occurred: oh"]);
});

test("who finds no seat is told in plain text, as clients of upstream are", () => {
  const { status, headers, body } = droppedAnswer(new DroppedError(4));
  assert.deepEqual(
    [status, headers["retry-after"], headers["content-type"], body],
    [429, "4", "text/plain; charset=utf-8", "Too many requests, please try again later.\n"],
  );
});

for (const [what, error, isOwn] of [
  ["nobody foresaw", new Error("oh"), true],
  ["has no space to be kept in", new StoreFullError("/data/state.db"), true],
  ["another server doesn't answer", unexplainedError("EOF"), false],
  ["nobody listens to", failure({ code: 500, reason: "", message: "error dialing backend: EOF" }), false],
  ["mustn't be", badRequestError("no"), false],
] as const) {
  test(`a request that ${what} is ${isOwn ? "" : "not "}logged as a failure of ours`, () => {
    assert.equal(isOwnFault(error), isOwn);
  });
}
