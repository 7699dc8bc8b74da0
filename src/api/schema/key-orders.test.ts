import assert from "node:assert/strict";
import { test } from "node:test";
import { KeyOrders, type KeyOrder } from "./key-orders.ts";

const follow = (orders: KeyOrders<string>, names: readonly string[]): KeyOrder<string> =>
  names.reduce((order, name) => orders.after(order, name), orders.root);

test("the same names in the same order are known again, in another they aren't", () => {
  const orders = new KeyOrders<string>();
  follow(orders, ["a", "b"]).made = "ab";
  assert.equal(follow(orders, ["a", "b"]).made, "ab");
  assert.equal(follow(orders, ["a"]).made, undefined);
  assert.equal(follow(orders, ["b", "a"]).made, undefined);
  assert.deepEqual(follow(orders, ["b", "a"]).names(), ["b", "a"]);
  assert.deepEqual(orders.root.names(), []);
});

test("there is a bound to what is remembered, not to what can be asked", () => {
  const orders = new KeyOrders<string>();
  for (let at = 0; at < 1000; at++) follow(orders, [`field${at}`]);
  follow(orders, ["another"]).made = "made";
  assert.equal(follow(orders, ["another"]).made, undefined);
  assert.deepEqual(follow(orders, ["another", "one"]).names(), ["another", "one"]);
  follow(orders, ["field999"]).made = "kept";
  assert.equal(follow(orders, ["field999"]).made, "kept");
});
