/** Whether there is room for one more request. upstream: etcdserver/quota.go, v3rpc/quota.go */
import type { Logger } from "#base/log.ts";
import type { KeyValueStore } from "../../kv.ts";
import { raiseNoSpace } from "./alarm.ts";
import { etcdError } from "./errors.ts";

/** upstream: etcdserver/quota.go, what a put costs beside key and value */
const entryOverheadBytes = 256;
/** So much, or so many revisions of anybody's, is written until the store's size is asked for again: that takes two system calls. */
const trustedBytes = 2 ** 20;
const trustedRevisions = 1000n;

export interface SpaceDeps {
  readonly store: KeyValueStore;
  readonly log: Logger;
  readonly quotaBytes: number;
}

export class Space {
  readonly #deps: SpaceDeps;
  #size = 0;
  /** Let through since the size was asked for. */
  #sinceBytes = Number.POSITIVE_INFINITY;
  #revision = 0n;
  #asking: Promise<void> | undefined;

  constructor(deps: SpaceDeps) {
    this.#deps = deps;
  }

  /**
   * Before a request that needs space. The one that finds none raises the alarm; once it is raised, all are refused
   * until it is disarmed.
   */
  async check(bytes: number): Promise<void> {
    const { store, log, quotaBytes } = this.#deps;
    const alarms = await store.alarms();
    if (alarms.length > 0) throw etcdError(alarms.includes("CORRUPT") ? "corrupt" : "noSpace");
    const needed = bytes + entryOverheadBytes;
    if (!this.#isTrusted(needed)) await (this.#asking ??= this.#ask());
    this.#sinceBytes += needed;
    if (this.#size + this.#sinceBytes <= quotaBytes) return;
    await raiseNoSpace({ store, log }, `the store has ${this.#size} bytes, its quota is ${quotaBytes}`);
    throw etcdError("noSpace");
  }

  #isTrusted(needed: number): boolean {
    const since = this.#sinceBytes + needed;
    const isRecent = this.#deps.store.revision - this.#revision < trustedRevisions;
    return since < trustedBytes && isRecent && this.#size + since <= this.#deps.quotaBytes;
  }

  async #ask(): Promise<void> {
    try {
      this.#revision = this.#deps.store.revision;
      this.#size = await this.#deps.store.size();
      this.#sinceBytes = 0;
    } finally {
      this.#asking = undefined;
    }
  }
}
