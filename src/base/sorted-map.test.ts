import assert from "node:assert/strict";
import { test } from "node:test";
import { array, assert as check, boolean, constantFrom, property, record, string } from "fast-check";
import { SortedMap } from "./sorted-map.ts";

function keysFrom(map: SortedMap<number>, from: string): string[] {
  const keys: string[] = [];
  const cursor = map.cursor(from);
  for (let slot = cursor.slot; slot !== undefined; slot = cursor.slot) {
    keys.push(slot.key);
    cursor.advance();
  }
  return keys;
}

function sorted(keys: Iterable<string>): string[] {
  return [...keys].toSorted((a, b) => Buffer.compare(Buffer.from(a, "latin1"), Buffer.from(b, "latin1")));
}

test("SortedMap: keys, ranges and counts are those of a plain map, whatever was set and deleted", () => {
  const unit = constantFrom("\0", "a", "b", "\x7f", "\x80", "\xfe", "\xff");
  const key = string({ unit, maxLength: 3 });
  const step = record({ key, isDelete: boolean() });
  check(
    property(array(step, { maxLength: 200 }), key, key, (steps, from, end) => {
      const map = new SortedMap<number>();
      const plain = new Map<string, number>();
      for (const [at, { key: name, isDelete }] of steps.entries()) {
        if (isDelete) {
          map.delete(name);
          plain.delete(name);
        } else {
          map.set(name, at);
          plain.set(name, at);
        }
      }
      const all = sorted(plain.keys());
      assert.deepEqual(keysFrom(map, ""), all);
      assert.equal(map.size, all.length);
      for (const [name, value] of plain) assert.equal(map.get(name), value);
      const isFrom = (name: string): boolean => name >= from;
      assert.deepEqual(keysFrom(map, from), all.filter(isFrom));
      assert.equal(map.count({ start: from, end: undefined }), all.filter(isFrom).length);
      assert.equal(map.count({ start: from, end }), all.filter((name) => isFrom(name) && name < end).length);
    }),
    { numRuns: 300 },
  );
});

test("SortedMap: thousands of keys in any order, and fewer again", () => {
  const map = new SortedMap<number>();
  const keys = Array.from({ length: 20_000 }, (_, at) => `/k/${(at * 7919) % 20_000}`);
  for (const [at, key] of keys.entries()) map.set(key, at);
  assert.deepEqual(keysFrom(map, ""), sorted(keys));
  assert.equal(map.count({ start: "/k/1", end: "/k/2" }), 11_111);
  for (const key of keys.slice(0, 19_900)) map.delete(key);
  assert.deepEqual(keysFrom(map, ""), sorted(keys.slice(19_900)));
  assert.equal(map.count({ start: "", end: undefined }), 100);
});
