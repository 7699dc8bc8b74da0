/** A watch that goes on over crashes, and the state that its events add up to. */
import assert from "node:assert/strict";
import type { ConfigMap } from "#api/generated/types/core-v1.ts";
import { isExpired, StatusError } from "#api/meta/status.ts";
import type { WatchEvent } from "#api/meta/object.ts";
import type { ResourceClient } from "#client/client.ts";
import { eventually } from "../wait.ts";
import { nameOf, revisionOf } from "./ledger.ts";

const serverMsMax = 30_000;

export class Replay {
  readonly objects = new Map<string, ConfigMap>();
  readonly seen = new Set<bigint>();
  /** Everything after this revision was delivered as an event. */
  since = 0n;
  last = 0n;
  deletes = 0;
  /** How often the server said 410 and was listed anew. */
  expirations = 0;
  readonly #maps: ResourceClient<ConfigMap>;
  readonly #labelSelector: string;

  constructor(maps: ResourceClient<ConfigMap>, labelSelector: string) {
    this.#maps = maps;
    this.#labelSelector = labelSelector;
  }

  /** Goes on as long as the process does; rejects at the first thing that is wrong. */
  async follow(): Promise<never> {
    const { signal } = new AbortController();
    await this.#list();
    for (;;) {
      try {
        const query = {
          labelSelector: this.#labelSelector,
          resourceVersion: String(this.last),
          allowWatchBookmarks: true,
        };
        for await (const event of this.#maps.watch(query, signal)) this.#take(event);
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
        if (isExpired(error)) {
          this.expirations++;
          await this.#list();
        } else if (error instanceof StatusError) {
          throw error;
        } else {
          await eventually("the server is back", serverMsMax, () => this.#maps.list({ limit: 1 }));
        }
      }
    }
  }

  async #list(): Promise<void> {
    const list = await this.#maps.list({ labelSelector: this.#labelSelector });
    this.objects.clear();
    for (const item of list.items) this.objects.set(nameOf(item), item);
    const revision = BigInt(list.metadata.resourceVersion ?? "0");
    assert.ok(revision >= this.last, `the list is at ${revision}, the watch was at ${this.last}`);
    this.since = revision;
    this.last = revision;
  }

  #take(event: WatchEvent<ConfigMap>): void {
    const { object } = event;
    const revision = revisionOf(object);
    if (event.type === "BOOKMARK") {
      assert.ok(revision >= this.last, `a bookmark at ${revision} after ${this.last}`);
      this.last = revision;
      return;
    }
    const name = nameOf(object);
    assert.ok(revision > this.last, `${event.type} ${name} at ${revision} came after ${this.last}`);
    assert.equal(event.type === "ADDED", !this.objects.has(name), `${event.type} ${name} at ${revision}`);
    this.last = revision;
    this.seen.add(revision);
    if (event.type === "DELETED") {
      this.objects.delete(name);
      this.deletes++;
    } else {
      this.objects.set(name, object);
    }
  }
}
