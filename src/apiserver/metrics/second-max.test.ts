import assert from "node:assert/strict";
import { test } from "node:test";
import { SecondMax } from "./second-max.ts";

test("the most of a second is told in the next one, and no longer", () => {
  const most = new SecondMax(0);
  most.add(1, 10);
  most.add(1, 20);
  most.add(-1, 30);
  assert.equal(most.last(999), 0);
  assert.equal(most.last(1000), 2);
  assert.equal(most.last(1999), 2);
  // One goes on.
  assert.equal(most.last(2000), 1);
  most.add(-1, 2500);
  assert.equal(most.last(3000), 1);
  assert.equal(most.last(4000), 0);
});

test("seconds in which nothing happened are passed over", () => {
  const most = new SecondMax(0);
  most.add(3, 10);
  most.add(-2, 20);
  assert.equal(most.last(7500), 1);
  most.add(4, 7600);
  most.add(-5, 7700);
  assert.equal(most.last(8000), 5);
  assert.equal(most.last(9000), 0);
});
