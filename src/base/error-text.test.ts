import assert from "node:assert/strict";
import { test } from "node:test";
import { errorText } from "./log.ts";

const refused = new Error("connect ECONNREFUSED");
const cases: readonly [string, unknown, string][] = [
  ["no error", "gone", "gone"],
  ["without a message", new TypeError(), "TypeError"],
  ["a cause", new Error("no answer", { cause: refused }), "no answer: connect ECONNREFUSED"],
  ["a cause's cause", new Error("a", { cause: new Error("b", { cause: "c" }) }), "a: b: c"],
  [
    "a cause that is named already",
    new Error("no answer: connect ECONNREFUSED", { cause: refused }),
    "no answer: connect ECONNREFUSED",
  ],
  ["a cause without a word", new Error("a", { cause: "" }), "a"],
  [
    "a failure while cleaning up",
    new SuppressedError(new Error("second"), new Error("first")),
    "first; then second",
  ],
];
for (const [name, error, text] of cases) {
  test(`errorText: ${name}`, () => {
    assert.equal(errorText(error), text);
  });
}
