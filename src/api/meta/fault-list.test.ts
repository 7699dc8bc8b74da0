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
