import assert from "node:assert/strict";
import { test } from "node:test";
import { Outcome } from "../schema/structural/outcome.ts";
import { FaultList } from "./fault-list.ts";
import { invalid } from "./field-error.ts";

/** A list that just fits into a request can have as many bad items; a call doesn't take as many arguments. */
const many = Array.from({ length: 300_000 }, (_, index) => invalid(`spec[${index}]`, 1, "bad"));

test("faults may be as many as a request has items", () => {
  const faults = new FaultList();
  faults.ratcheting("kind", (found) => {
    found.addAll(many);
  });
  assert.equal(faults.count, many.length);
  assert.equal(faults.tolerating(new FaultList()).length, many.length);
});

test("so may those of a custom resource", () => {
  const part = new Outcome();
  for (const fault of many) part.add(fault);
  const whole = new Outcome();
  whole.merge(part);
  assert.equal(whole.faults.length, many.length);
});

test("a list that is shown with each of its items isn't shown for ever", () => {
  let times = 0;
  const list = {
    toJSON: () => {
      times++;
      return "x".repeat(2 ** 20);
    },
  };
  const faults = new FaultList();
  for (let index = 0; index < 100; index++) {
    faults.invalid("spec.scopes", list, "bad");
    faults.duplicate(`spec.scopes[${index}]`, list);
  }
  assert.ok(times < 20, String(times));
  assert.equal(faults.count, 200);
  assert.deepEqual(
    faults.all.slice(-2).map(({ message }) => message),
    ["Invalid value: bad", "Duplicate value"],
  );
});
