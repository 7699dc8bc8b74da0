import assert from "node:assert/strict";
import { test } from "node:test";
import { bodyText } from "./body-text.ts";

const cases: readonly [bytes: string, text: string][] = [
  ["61c3a9f09f9982", "aé🙂"],
  ["efbbbf7b7d", "\ufeff{}"],
  ["61ff62", "a\ufffdb"],
  ["e28261", "\ufffd\ufffda"],
  ["f09f99", "\ufffd\ufffd\ufffd"],
  ["eda080", "\ufffd\ufffd\ufffd"],
  ["c080c3a9", "\ufffd\ufffdé"],
];
for (const [bytes, text] of cases) {
  test(`${bytes} is ${JSON.stringify(text)}`, () => {
    assert.equal(bodyText(Buffer.from(bytes, "hex")), text);
  });
}
