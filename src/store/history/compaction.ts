/**
 * Compaction as the apiserver drives it: every few minutes, to the revision of one keeping time ago. Of several servers
 * one does it: who counts up the version of a key first. Ages are measured, not told by the clock: setting it does
 * nothing. upstream: apiserver/pkg/storage/etcd3/compact.go
 */
import type { Clock } from "#base/clock.ts";
import { errorText, type Logger } from "#base/log.ts";
import {
  CompactedError,
  KeyExistsError,
  type Revision,
  RevisionMismatchError,
  type Store,
} from "../store.ts";

const key = "compact_rev_key";

export interface CompactionOptions {
  readonly intervalMs: number;
  /** Younger revisions stay readable. Never less than the interval. */
  readonly keepMs: number;
}

export interface CompactionDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
}

interface Sample {
  readonly at: number;
  readonly revision: Revision;
}

export class Compaction {
  readonly #options: CompactionOptions;
  readonly #deps: CompactionDeps;
  readonly #samples: Sample[] = [];
  /** Of the key, as this server last saw it. */
  #version = 0n;

  constructor(options: CompactionOptions, deps: CompactionDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, store, log } = this.#deps;
    this.#sample(store.revision);
    for (;;) {
      await clock.sleep(this.#options.intervalMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      const begun = clock.monotonic();
      try {
        const revision = await this.#turn();
        if (revision !== undefined) {
          log.debug("compacted", { revision, ms: Math.round(clock.monotonic() - begun) });
        }
      } catch (error) {
        log.warn("no compaction, will be tried again", { error: errorText(error) });
      }
    }
  }

  /** Returns what it has compacted to. */
  async #turn(): Promise<Revision | undefined> {
    const { store } = this.#deps;
    const target = this.#target();
    const { entry } = await store.get(key);
    const version = entry?.version ?? 0n;
    const isMine = version === this.#version && (await this.#claim(entry?.modRevision, target));
    this.#version = isMine ? version + 1n : version;
    this.#sample(store.revision);
    if (!isMine || target === undefined || target <= store.compactRevision) return undefined;
    try {
      await store.compact(target);
      return target;
    } catch (error) {
      if (error instanceof CompactedError) return undefined;
      throw error;
    }
  }

  async #claim(expected: Revision | undefined, target: Revision | undefined): Promise<boolean> {
    const { store } = this.#deps;
    const value = Buffer.from(String(target ?? 0n));
    try {
      if (expected === undefined) await store.create(key, value);
      else await store.update(key, value, expected);
      return true;
    } catch (error) {
      if (error instanceof KeyExistsError || error instanceof RevisionMismatchError) return false;
      throw error;
    }
  }

  /** The newest revision that is old enough. */
  #target(): Revision | undefined {
    const { intervalMs, keepMs } = this.#options;
    const latest = this.#deps.clock.monotonic() - Math.max(intervalMs, keepMs);
    const old = this.#samples.findLastIndex(({ at }) => at <= latest);
    if (old < 0) return undefined;
    const [sample] = this.#samples.splice(0, old + 1).slice(-1);
    return sample?.revision;
  }

  #sample(revision: Revision): void {
    this.#samples.push({ at: this.#deps.clock.monotonic(), revision });
  }
}
