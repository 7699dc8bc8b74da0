import assert from "node:assert/strict";
import { test } from "node:test";
import type { ListAnswer } from "#apiserver/request/call.ts";
import { encodeForStore, StoredObject } from "#apiserver/registry/stored-object.ts";
import { chunkBytes } from "./chunk-pool.ts";
import { ListBody } from "./list-body.ts";

const endpoint = {
  definition: { listKind: "ConfigMapList" },
  gvk: { group: "", version: "v1", kind: "ConfigMap" },
} as unknown as ListAnswer["endpoint"];

function answerOf(sizes: readonly number[]): ListAnswer {
  const items = sizes.map((size, at) => {
    const id = { namespace: "default", name: `x-${at}` };
    const object = { apiVersion: "v1", kind: "ConfigMap", metadata: id, data: { ä: "y".repeat(size) } };
    return new StoredObject(id, encodeForStore(object), BigInt(at + 1));
  });
  return { kind: "list", endpoint, items, revision: 77n, continue: "t", remaining: 3 };
}

const cases: readonly [name: string, sizes: readonly number[], chunks: number][] = [
  ["nothing", [], 1],
  ["what fits in one chunk", [10, 20, 30], 1],
  ["many small objects", Array.from({ length: 100 }, () => 10_000), 4],
  ["an object bigger than a chunk between small ones", [10, 2 * chunkBytes, 10], 3],
  ["big objects alone", [2 * chunkBytes, 2 * chunkBytes], 3],
];

for (const [name, sizes, count] of cases) {
  test(`a list of ${name} says the same at once and in chunks`, () => {
    const answer = answerOf(sizes);
    const body = new ListBody(answer);
    const reused = Buffer.alloc(chunkBytes);
    const pieces = [...body.chunks(() => reused)].length;
    assert.equal(pieces, count);
    const copies: Buffer[] = [];
    for (const chunk of body.chunks(() => reused)) copies.push(Buffer.from(chunk));
    const text = Buffer.concat(copies).toString("utf8");
    const room = Buffer.alloc(body.bytesMax(Number.POSITIVE_INFINITY));
    assert.equal(room.subarray(0, body.copyTo(room, 0)).toString("utf8"), text);
    assert.equal(text.split('"kind"').length, 2, "only the list says what it is");
    const list = JSON.parse(text) as { metadata: object; items: { metadata: object; data: { ä: string } }[] };
    assert.deepEqual(list.metadata, { resourceVersion: "77", continue: "t", remainingItemCount: 3 });
    assert.deepEqual(
      list.items.map(({ metadata, data }) => [metadata, data.ä.length]),
      sizes.map((size, at) => [
        { resourceVersion: String(at + 1), namespace: "default", name: `x-${at}` },
        size,
      ]),
    );
  });
}

test("enough is enough when a list is measured", () => {
  const body = new ListBody(answerOf([1000, 1000, 1000]));
  const some = body.bytesMax(500);
  assert.ok(some >= 500 && some < 2000, String(some));
});
