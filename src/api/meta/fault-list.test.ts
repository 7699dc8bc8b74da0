import assert from "node:assert/strict";
import { test } from "node:test";
import { Outcome } from "../schema/structural/outcome.ts";
import { FaultList } from "./fault-list.ts";
import { invalid, toldMax } from "./field-error.ts";
import { invalidError } from "./status.ts";

/** A list that just fits into a request can have as many bad items; a call doesn't take as many arguments. */
const many = Array.from({ length: 300_000 }, (_, index) => invalid(`spec[${index}]`, 1, "bad"));

test("faults may be as many as a request has items", () => {
  const faults = new FaultList();
  faults.ratcheting("kind", (found) => {
    found.addAll(many);
  });
  assert.equal(faults.tolerating(new FaultList()).length, toldMax);
});

test("of faults without end those are kept that are told, and that an older state decides on", () => {
  const faults = new FaultList();
  faults.addAll(many);
  faults.ratcheting("kind", (found) => {
    found.invalid("spec", 1, "bad");
  });
  assert.equal(faults.count, many.length + 1);
  assert.equal(faults.all.length, toldMax + 1);
  assert.ok(faults.isRatcheting);
  const { details, message } = invalidError({ group: "", kind: "A", name: "a" }, many).status;
  assert.equal(details?.causes?.length, toldMax);
  assert.equal(message?.split(", ").length, toldMax);
});

test("so may those of a custom resource", () => {
  const part = new Outcome();
  for (const fault of many) part.add(fault);
  const whole = new Outcome();
  whole.merge(part);
  assert.equal(whole.faults.length, toldMax);
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
