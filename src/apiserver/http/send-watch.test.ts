/** What a watch writes, to clients who don't read, and to many. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { ManualClock } from "#base/clock.ts";
import { Subscription } from "#base/subscription.ts";
import { encodeForStore, StoredObject } from "#apiserver/registry/stored-object.ts";
import type { WatchItem } from "#apiserver/registry/watcher.ts";
import type { WatchAnswer } from "#apiserver/request/call.ts";
import { ChunkPool } from "./chunk-pool.ts";
import type { Exchange } from "./exchange.ts";
import { respond } from "./respond.ts";
import type { Shape } from "./shape.ts";
import { shapeOf } from "./testing/shapes.ts";

const nothing = (): void => undefined;

/** Full after each write, until it is drained. */
class FullExchange {
  written = 0;
  hasEnded = false;
  readonly headers = {};
  readonly isOver = false;
  readonly setHeader = nothing;
  readonly begin = nothing;
  #drained = nothing;

  write(chunk: Uint8Array): boolean {
    this.written += chunk.length;
    return false;
  }

  end(): void {
    this.hasEnded = true;
  }

  onDrain(run: () => void): () => void {
    this.#drained = run;
    return nothing;
  }

  onClose(): () => void {
    return nothing;
  }

  async drain(): Promise<void> {
    this.#drained();
    await nextTurn();
  }
}

for (const [what, count, length] of [
  ["many events", 10_000, 10_000],
  ["long events", 10, 10_000_000],
] as const) {
  test(`of ${what}, a client who doesn't read is written but a piece`, async () => {
    const exchange = new FullExchange();
    let encoded = 0;
    const event = Buffer.alloc(length);
    const shape: Partial<Shape> = {
      isObjectJson: false,
      accepted: { mediaType: "application/json", as: "Table", version: "v1", isPretty: false },
      contentType: () => "application/json",
      shaped: (object) => object,
      encodeEvent: () => {
        encoded += 1;
        return event;
      },
    };
    const items = new Subscription<WatchItem>({ max: count });
    for (let at = 0; at < count; at++) items.push({ type: "ADDED", object: {}, isLive: true } as WatchItem);
    items.close();
    const endpoint = { isCustom: false, isStorageVersion: true, view: () => ({}), gvk: {} };
    const done = respond(
      { kind: "watch", endpoint, items } as unknown as WatchAnswer,
      { exchange: exchange as unknown as Exchange, shape: shape as Shape, warnings: undefined },
      { clock: new ManualClock(), chunks: new ChunkPool() },
    );
    await nextTurn();
    assert.ok(exchange.written > 0 && exchange.written < 200_000, String(exchange.written));
    assert.ok(encoded < 20, String(encoded));
    while (!exchange.hasEnded) await exchange.drain();
    await done;
    assert.deepEqual([exchange.written, encoded], [count * length, count]);
  });
}

class Reader {
  readonly chunks: Uint8Array[] = [];
  readonly headers = {};
  readonly isOver = false;
  readonly setHeader = nothing;
  readonly begin = nothing;
  readonly end = nothing;

  write(chunk: Uint8Array): boolean {
    this.chunks.push(chunk);
    return true;
  }

  onClose(): () => void {
    return nothing;
  }
}

const protobuf = "application/vnd.kubernetes.protobuf";
const partial = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const table = "application/json;as=Table;g=meta.k8s.io;v=v1";
const gvk = { group: "", version: "v1", kind: "ConfigMap" };
const through = {
  isCustom: false,
  isStorageVersion: true,
  view: (stored: StoredObject) => stored.object,
  gvk,
};
const otherVersion = { ...through, isStorageVersion: false };
const json = "application/json";

interface Watching {
  readonly accept: string;
  readonly endpoint?: object;
  readonly isLive?: boolean;
}

const encodings: readonly [what: string, watching: readonly Watching[], times: number][] = [
  ["three in protobuf", [{ accept: protobuf }, { accept: protobuf }, { accept: protobuf }], 1],
  ["two of metadata alone", [{ accept: partial }, { accept: partial }], 1],
  ["one in each form", [{ accept: protobuf }, { accept: partial }], 2],
  ["two of another version", [1, 2].map(() => ({ accept: json, endpoint: otherVersion })), 1],
  ["one of each version", [{ accept: protobuf }, { accept: protobuf, endpoint: otherVersion }], 2],
  ["two tables", [{ accept: table }, { accept: table }], 2],
  ["two who are told what was before", [1, 2].map(() => ({ accept: protobuf, isLive: false })), 2],
];
for (const [what, watching, times] of encodings) {
  test(`an event that ${what} watch is encoded ${times === 1 ? "once" : "for each"}`, async () => {
    const id = { namespace: "default", name: "x" };
    const value = encodeForStore({ apiVersion: "v1", kind: "ConfigMap", metadata: id, data: { a: "b" } });
    const object = new StoredObject(id, value, 7n);
    let encoded = 0;
    const told = watching.map(async ({ accept, endpoint = through, isLive = true }) => {
      const items = new Subscription<WatchItem>({ max: 9 });
      items.push({ type: "MODIFIED", object, isLive });
      items.close();
      const exchange = new Reader();
      const shape = shapeOf(accept);
      const encode = shape.encodeEvent.bind(shape);
      shape.encodeEvent = (...event) => {
        encoded += 1;
        return encode(...event);
      };
      await respond(
        { kind: "watch", endpoint, items } as unknown as WatchAnswer,
        { exchange: exchange as unknown as Exchange, shape, warnings: undefined },
        { clock: new ManualClock(), chunks: new ChunkPool() },
      );
      const alone = shapeOf(accept);
      const event = alone.encodeEvent("MODIFIED", alone.shaped(object.object, gvk));
      assert.deepEqual(Buffer.concat(exchange.chunks), event);
    });
    await Promise.all(told);
    assert.equal(encoded, times);
  });
}

test("what is deleted isn't told as what was changed", async () => {
  const id = { namespace: "default", name: "x" };
  const object = new StoredObject(
    id,
    encodeForStore({ apiVersion: "v1", kind: "ConfigMap", metadata: id }),
    7n,
  );
  const items = new Subscription<WatchItem>({ max: 9 });
  for (const type of ["ADDED", "DELETED"] as const) items.push({ type, object, isLive: true });
  items.close();
  const exchange = new Reader();
  await respond(
    { kind: "watch", endpoint: through, items } as unknown as WatchAnswer,
    { exchange: exchange as unknown as Exchange, shape: shapeOf(partial), warnings: undefined },
    { clock: new ManualClock(), chunks: new ChunkPool() },
  );
  const lines = Buffer.concat(exchange.chunks).toString("utf8").trim().split("\n");
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as { type: string }).type),
    ["ADDED", "DELETED"],
  );
});
