import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { statusText } from "./messages.ts";
import {
  configurationOf,
  finished,
  mayReencrypt,
  newState,
  prepared,
  rotated,
  StageError,
  switched,
  type EncryptionState,
} from "./plan.ts";

const one = { name: "one", secret: "MQ==" };
const two = { name: "two", secret: "Mg==" };
const first = newState(one, true);
const names = ({ keys }: EncryptionState): string => keys.map(({ name }) => name).join();

suite("a rotation", () => {
  const read = prepared(first, two);
  const written = rotated(read);
  const done = finished(written);

  test("a new key reads, then writes, then stands alone", () => {
    assert.deepEqual([first, read, written, done].map(names), ["one", "one,two", "two,one", "two"]);
    assert.deepEqual(
      [first, read, written, done].map(({ stage }) => stage),
      ["start", "prepare", "rotate", "reencrypt_finished"],
    );
    assert.equal(names(prepared(done, one)), "two,one");
  });

  const wrong: readonly [what: string, step: () => unknown][] = [
    ["rotate before prepare", () => rotated(first)],
    ["prepare twice", () => prepared(read, two)],
    [
      "reencrypt before rotate",
      () => {
        mayReencrypt(read, false);
      },
    ],
    ["disable on the way", () => switched(written, false)],
    ["prepare while disabled", () => prepared(switched(first, false), two)],
  ];
  for (const [what, step] of wrong) {
    test(`not ${what}`, () => {
      assert.throws(step, StageError);
    });
  }

  test("by force, reencrypting is always allowed", () => {
    mayReencrypt(first, true);
  });
});

test("disabled, everything is written plain and the keys still read", () => {
  const [first1] = configurationOf(switched(first, false)).resources;
  assert.deepEqual(first1?.providers, [{ identity: {} }, { aescbc: { keys: [one] } }]);
  const [again] = configurationOf(switched(switched(first, false), true)).resources;
  assert.deepEqual(again?.providers, [{ aescbc: { keys: [one] } }, { identity: {} }]);
});

test("the status looks as k3s's", () => {
  const report = { stage: "rotate", isEnabled: true, keys: ["two", "one"], hash: "", behind: [] } as const;
  assert.equal(
    statusText(report),
    [
      "Encryption Status: Enabled",
      "Current Rotation Stage: rotate",
      "Server Encryption Hashes: All hashes match",
      "",
      "Active\tKey Type\tName",
      "------\t--------\t----",
      " *\tAES-CBC\ttwo",
      "  \tAES-CBC\tone",
      "",
    ].join("\n"),
  );
  const behind = ["10.0.0.2:6443", "10.0.0.3:6443"];
  assert.match(statusText({ ...report, behind }), /: hash does not match at 10.0.0.2:6443, 10.0.0.3:6443\n/);
});
