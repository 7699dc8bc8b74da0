/** What a watch writes to a client who doesn't read. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { ManualClock } from "#base/clock.ts";
import { Subscription } from "#base/subscription.ts";
import type { WatchItem } from "#apiserver/registry/watcher.ts";
import type { WatchAnswer } from "#apiserver/request/call.ts";
import { ChunkPool } from "./chunk-pool.ts";
import type { Exchange } from "./exchange.ts";
import { respond } from "./respond.ts";
import type { Shape } from "./shape.ts";

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
