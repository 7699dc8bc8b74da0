/**
 * The client of crash.test.ts, a process on the server's host. Argument: a kubeconfig.
 * Reads "write" and "check", a line each: "write" starts writers that go on until the server is gone and answers once
 * they are busy; "check", with the server back, holds everything against what was acknowledged.
 * Answers are a JSON line each. Anything wrong ends the process with a sentence on standard error.
 */
import assert from "node:assert/strict";
import { createInterface } from "node:readline";
import type { ConfigMap } from "#api/generated/types/core-v1.ts";
import { StatusError } from "#api/meta/status.ts";
import { configMaps } from "#api/resources.ts";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import type { ResourceClient } from "#client/client.ts";
import { loadKubeconfig } from "#client/kubeconfig.ts";
import { createClient } from "#client/rest.ts";
import { createTlsTransport } from "#client/transport.ts";
import { eventually } from "../wait.ts";
import { Ledger, nameOf, revisionOf, type Entry } from "./ledger.ts";
import { Replay } from "./replay.ts";

const writerCount = 8;
const busyWrites = 40;
const labels = { load: "crash" };
const labelSelector = "load=crash";

class Workload {
  readonly #maps: ResourceClient<ConfigMap>;
  readonly #ledger = new Ledger();
  readonly #replay: Replay;
  #writers: Promise<number>[] = [];
  #round = 0;
  #named = 0;
  #count = 0;

  constructor(maps: ResourceClient<ConfigMap>) {
    this.#maps = maps;
    this.#replay = new Replay(maps, labelSelector);
  }

  follow(): Promise<never> {
    return this.#replay.follow();
  }

  async write(): Promise<object> {
    this.#round++;
    this.#count = 0;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const onWrite = (): void => {
      if (++this.#count === busyWrites) resolve(undefined);
    };
    this.#writers = Array.from({ length: writerCount }, () => this.#writeOn(onWrite));
    await Promise.race([promise, ...this.#writers]);
    assert.ok(this.#count >= busyWrites, "the server was gone before the writers were busy");
    return { round: this.#round };
  }

  /** Creates, updates and deletes objects of its own until the connection breaks; 1 when a request was on its way. */
  async #writeOn(onWrite: () => void): Promise<number> {
    const own: Entry[] = [];
    for (let step = 0; ; step++) {
      const oldest = own[0];
      try {
        if (step % 5 === 4 && oldest !== undefined) {
          own.shift();
          await this.#delete(oldest);
        } else if (step % 2 === 1 && oldest !== undefined) {
          await this.#put(own[step % own.length] ?? oldest, "update", `${this.#round}-${step}`);
        } else {
          const entry = this.#ledger.expect(`map-${++this.#named}`);
          own.push(entry);
          await this.#put(entry, "create", `${this.#round}-${step}`);
        }
      } catch (error) {
        if (error instanceof StatusError || error instanceof assert.AssertionError) throw error;
        return 1;
      }
      onWrite();
    }
  }

  async #put(entry: Entry, operation: "create" | "update", value: string): Promise<void> {
    entry.pending = { operation, value };
    const metadata = { name: entry.name, labels };
    const answer =
      operation === "create"
        ? await this.#maps.create({ metadata, data: { value } })
        : await this.#maps.update({
            metadata: { ...metadata, resourceVersion: String(entry.revision) },
            data: { value },
          });
    assert.equal(answer.data?.["value"], value);
    this.#ledger.acknowledge(entry, answer);
  }

  async #delete(entry: Entry): Promise<void> {
    entry.pending = { operation: "delete", value: "" };
    await this.#maps.delete(entry.name, { preconditions: { uid: entry.uid } });
    this.#ledger.acknowledgeDelete(entry);
  }

  async check(): Promise<object> {
    let inFlight = 0;
    for (const writer of this.#writers) inFlight += await writer;
    this.#writers = [];
    const ledger = this.#ledger;
    const replay = this.#replay;
    const seenBefore = [...ledger.writes.keys(), replay.last].reduce((a, b) => (a > b ? a : b));
    // The first write after the crash must lie above everything ever heard of.
    const mark = ledger.expect(`mark-${this.#round}`);
    await eventually("the server takes a write", 20_000, async () => {
      try {
        await this.#put(mark, "create", "mark");
        return true;
      } catch (error) {
        if (error instanceof StatusError || error instanceof assert.AssertionError) return error;
        return false;
      }
    }).then((error) => {
      if (error !== true) throw error;
    });
    assert.ok(mark.revision > seenBefore, `the mark is at ${mark.revision}, ${seenBefore} was seen before`);
    const list = await this.#maps.list({ labelSelector });
    const found = new Map(list.items.map((item) => [nameOf(item), item]));
    ledger.reconcile(found);
    await eventually("the watch has caught up", 20_000, () => Promise.resolve(replay.last >= mark.revision));
    assert.deepEqual(summary(replay.objects), summary(found), "the watch's events don't add up to the list");
    for (const [revision, name] of ledger.writes) {
      if (revision <= replay.since) continue;
      assert.ok(replay.seen.has(revision), `the watch missed ${name} at ${revision}`);
    }
    return {
      round: this.#round,
      inFlight,
      writes: ledger.writes.size,
      deletes: ledger.deletes,
      expirations: replay.expirations,
      objects: found.size,
    };
  }
}

function summary(objects: ReadonlyMap<string, ConfigMap>): string[] {
  return [...objects.values()]
    .map((object) => `${nameOf(object)} ${revisionOf(object)} ${object.data?.["value"]}`)
    .toSorted((a, b) => (a < b ? -1 : 1));
}

const access = await loadKubeconfig(process.argv[2] ?? "", systemClock);
const transport = createTlsTransport(access.options, {
  identity: access.identity,
  clock: systemClock,
  log: silentLogger,
});
const workload = new Workload(createClient(transport).resource<ConfigMap>(configMaps, "default"));
const following = workload.follow();
const commands = createInterface({ input: process.stdin });
for await (const line of commands) {
  const answer = await Promise.race([line === "write" ? workload.write() : workload.check(), following]);
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
// Maybe there is no server any more for the watch to go on with.
process.exit(0);
