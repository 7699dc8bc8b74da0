/** The bytes of range answers are those of the table of messages. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Arbitrary,
  array,
  assert as check,
  bigInt,
  boolean,
  constant,
  nat,
  oneof,
  property,
  record,
  uint8Array,
} from "fast-check";
import { deltaOf } from "#base/delta.ts";
import { KeptEntry } from "../../kept-entry.ts";
import type { KeyValue } from "../../kv.ts";
import { rangeResponse } from "../messages.ts";
import { wireOf } from "./convert.ts";
import { rangeAnswer } from "./range-answer.ts";

const number = oneof(
  bigInt({ min: 0n, max: 300n }),
  bigInt({ min: 2n ** 49n - 2n, max: 2n ** 49n + 2n }),
  bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
);
const plainEntry: Arbitrary<KeyValue> = record({
  key: uint8Array({ minLength: 1, maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
  value: uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  createRevision: number,
  modRevision: number,
  version: number,
  lease: number,
  operation: constant(0),
});
const entry = oneof(
  plainEntry,
  plainEntry.map((plain) => {
    const kept = new KeptEntry(plain);
    kept.replace(plain.value, deltaOf(plain.value, plain.value, 1000));
    return kept;
  }),
);

test("a range's bytes are those of the table", () => {
  const answers = record({
    entries: array(entry, { maxLength: 5 }),
    more: boolean(),
    count: nat(),
    revision: number,
  });
  check(
    property(answers, (answer) => {
      const header = { clusterId: 2n ** 63n + 5n, memberId: 7n, revision: answer.revision, raftTerm: 2n };
      const { entries, more, count } = answer;
      const wanted = rangeResponse.encode({ header, kvs: entries.map(wireOf), more, count: BigInt(count) });
      assert.deepEqual(rangeAnswer.encode({ header, answer: { ...answer, kind: "range" } }), wanted);
    }),
  );
});
