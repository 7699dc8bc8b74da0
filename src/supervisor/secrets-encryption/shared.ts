/**
 * The state of --secrets-encryption in the datastore that servers share, sealed with the cluster's token. Each server
 * writes it to the file that its apiserver follows, when it starts and whenever it has changed. k3s: pkg/cluster
 */
import { errorText, type Logger } from "#base/log.ts";
import { isAbortError } from "#base/abort.ts";
import { Backoff } from "#base/backoff.ts";
import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import { KeyExistsError, RevisionMismatchError, type Entry, type Store } from "#store/store.ts";
import { seal, unseal } from "../sealing.ts";
import { readState, writeState } from "./files.ts";
import { changedMeanwhile, isSameState, type StateKeeper } from "./keeper.ts";
import type { EncryptionState } from "./plan.ts";

/** Beside the cluster's keys (datastore/bootstrap-data.ts). */
export const sharedStateKey = "/bootstrap/secrets-encryption";
const retry = { initialMs: 200, maxMs: 5000, factor: 2, jitter: 0.2 };

export interface SharedInput {
  /** The file that the apiserver follows. */
  readonly path: string;
  /** Of the cluster's token. */
  readonly password: string;
}

export interface SharedDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export class SharedKeeper implements StateKeeper {
  readonly #input: SharedInput;
  readonly #deps: SharedDeps;

  constructor(input: SharedInput, deps: SharedDeps) {
    this.#input = input;
    this.#deps = deps;
  }

  /** The cluster's state, or `first` when there is none yet; then it is in the file, too. */
  async start(first: () => EncryptionState): Promise<EncryptionState> {
    const { store } = this.#deps;
    const { entry } = await store.get(sharedStateKey);
    if (entry === undefined) {
      // A cluster that was moved here brings its keys along.
      const state = (await readState(this.#input.path)) ?? first();
      try {
        await store.create(sharedStateKey, await this.#sealed(state));
      } catch (error) {
        if (!(error instanceof KeyExistsError)) throw error;
      }
    }
    return this.#take();
  }

  async read(): Promise<EncryptionState> {
    return this.#opened(await this.#entry());
  }

  async write(state: EncryptionState, before: EncryptionState): Promise<void> {
    const entry = await this.#entry();
    if (!isSameState(await this.#opened(entry), before)) throw changedMeanwhile();
    try {
      await this.#deps.store.update(sharedStateKey, await this.#sealed(state), entry.modRevision);
    } catch (error) {
      throw error instanceof RevisionMismatchError ? changedMeanwhile() : error;
    }
  }

  /** Keeps the file what the datastore says, until the signal aborts. */
  async follow(signal: AbortSignal): Promise<void> {
    const { store, clock, random, log } = this.#deps;
    const backoff = new Backoff(retry, random);
    for (;;) {
      try {
        // Its first batch comes at once: what changed before the watch isn't missed.
        for await (const _ of store.watch(sharedStateKey, { progress: false, signal })) {
          await this.#take();
          backoff.reset();
        }
        return;
      } catch (error) {
        if (isAbortError(error, signal)) return;
        log.warn("the cluster's encryption keys can't be followed, will retry", { error: errorText(error) });
        try {
          await clock.sleep(backoff.next(), signal);
        } catch {
          return;
        }
      }
    }
  }

  async #take(): Promise<EncryptionState> {
    const { path } = this.#input;
    const state = await this.read();
    const own = await readState(path);
    if (own === undefined || !isSameState(own, state)) await writeState(path, state);
    return state;
  }

  async #entry(): Promise<Entry> {
    const { entry } = await this.#deps.store.get(sharedStateKey);
    if (entry === undefined) throw new Error(`${sharedStateKey} is gone from the datastore`);
    return entry;
  }

  async #sealed(state: EncryptionState): Promise<Buffer> {
    return seal(JSON.stringify(state), this.#input.password, this.#deps.random);
  }

  async #opened({ value }: Entry): Promise<EncryptionState> {
    return JSON.parse(await unseal(value, this.#input.password)) as EncryptionState;
  }
}
