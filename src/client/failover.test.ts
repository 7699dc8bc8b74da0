import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "#base/log.ts";
import { SeededRandom } from "#base/random.ts";
import { ServerList } from "./failover.ts";

const listOf = (given: string, servers: readonly string[], seed = 1): ServerList => {
  const list = new ServerList(given, { random: new SeededRandom(seed), log: silentLogger });
  list.set(servers);
  return list;
};

test("one that can't be reached is left for one that hasn't failed; all are tried before any again", () => {
  const list = listOf("a", ["a", "b", "c"]);
  assert.equal(list.count, 3);
  const asked = [list.current];
  for (let at = 0; at < 2; at++) {
    list.failed(list.current);
    asked.push(list.current);
  }
  assert.deepEqual(asked.toSorted(), ["a", "b", "c"]);
  const last = list.current;
  list.failed(last);
  assert.notEqual(list.current, last);
});

test("many agents of a dead server go to all others", () => {
  const next = new Set(
    Array.from({ length: 30 }, (_, seed) => {
      const list = listOf("a", ["a", "b", "c"], seed);
      list.failed("a");
      return list.current;
    }),
  );
  assert.deepEqual([...next].toSorted(), ["b", "c"]);
});

test("only the current one's death counts, and only once", () => {
  const list = listOf("a", ["a", "b"]);
  list.failed("b");
  assert.equal(list.current, "a");
  list.failed("a");
  list.failed("a");
  assert.equal(list.current, "b");
});

test("one that is reached begins a new count: an old failure isn't held against the others", () => {
  const list = listOf("a", ["a", "b"]);
  list.failed("a");
  list.reached();
  list.failed("b");
  assert.equal(list.current, "a");
});

test("the current one is kept while it works, the given one is always to be had", () => {
  const list = listOf("vip", ["a", "b"]);
  list.set(["b"]);
  assert.equal(list.current, "vip");
  list.failed("vip");
  assert.equal(list.current, "b");
  list.set([]);
  assert.equal(list.current, "b");
  list.failed("b");
  assert.equal(list.current, "vip");
});

test("a lone server stays the current one", () => {
  const list = listOf("a", []);
  list.failed("a");
  assert.equal(list.current, "a");
});
