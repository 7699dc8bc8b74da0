/**
 * A server's side of `mini-k8s secrets-encrypt`. A step is taken only while all servers have the same keys, and is over
 * when all have read the new ones: no server meets a value whose key it doesn't know. k3s: pkg/server/secrets-encrypt.go
 */
import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import type { LivingServer } from "#apiserver/bootstrap/server-leases.ts";
import { keyNameAt, newKey } from "./files.ts";
import { changedMeanwhile, hashOf, type StateKeeper } from "./keeper.ts";
import type { EncryptionReport, Step, StepRequest } from "./messages.ts";
import {
  finished,
  mayReencrypt,
  prepared,
  rotated,
  StageError,
  switched,
  type EncryptionState,
} from "./plan.ts";

/** A server that has died is believed alive for up to 25 s. */
const readWithinMs = 40_000;

export interface Servers {
  readonly servers: readonly LivingServer[];
  listen(listener: () => void): () => void;
}

export interface SecretsKeysDeps {
  /** Undefined: there is nothing to change. */
  readonly keeper: StateKeeper | undefined;
  readonly servers: Servers;
  readonly clock: Clock;
  readonly random: Random;
}

export class SecretsKeys {
  readonly #deps: SecretsKeysDeps;
  #last: Promise<unknown> = Promise.resolve();

  constructor(deps: SecretsKeysDeps) {
    this.#deps = deps;
  }

  async report(): Promise<EncryptionReport> {
    const state = await this.#keeper().read();
    const hash = hashOf(state);
    return {
      stage: state.stage,
      isEnabled: state.isEnabled,
      keys: state.keys.map(({ name }) => name),
      hash,
      behind: this.#behind(hash),
    };
  }

  /** One after the other. Throws StageError. */
  step(request: StepRequest): Promise<EncryptionReport> {
    const taken = this.#last.then(() => this.#step(request));
    this.#last = taken.catch(() => undefined);
    return taken;
  }

  async #step({ step, hash, isForced }: StepRequest): Promise<EncryptionReport> {
    const keeper = this.#keeper();
    const before = await keeper.read();
    if (hashOf(before) !== hash) throw changedMeanwhile();
    const behind = this.#behind(hash);
    if (behind.length > 0) {
      throw new StageError(`secrets-encrypt ${step}: hash does not match at ${behind.join(", ")}`);
    }
    const after = this.#after(before, step, isForced);
    await keeper.write(after, before);
    await this.#whenRead(hashOf(after));
    return this.report();
  }

  #after(state: EncryptionState, step: Step, isForced: boolean): EncryptionState {
    const { clock, random } = this.#deps;
    switch (step) {
      case "enable":
        return switched(state, true);
      case "disable":
        return switched(state, false);
      case "prepare":
        return prepared(state, newKey(random, keyNameAt(clock)));
      case "rotate":
        return rotated(state);
      case "finish":
        mayReencrypt(state, isForced);
        return finished(state);
    }
  }

  #keeper(): StateKeeper {
    if (this.#deps.keeper !== undefined) return this.#deps.keeper;
    throw new StageError(
      "secrets encryption isn't set up: the server runs without --secrets-encryption, or with --encryption-provider-config",
    );
  }

  /** Servers that haven't read this. */
  #behind(hash: string): string[] {
    return this.#deps.servers.servers
      .filter(({ encryptionHash }) => encryptionHash !== hash)
      .map(({ address, port }) => `${address}:${port}`);
  }

  async #whenRead(hash: string): Promise<void> {
    const { servers, clock } = this.#deps;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = (): void => {
      if (this.#behind(hash).length === 0) resolve();
    };
    const unlisten = servers.listen(look);
    const cancel = clock.after(readWithinMs, () => {
      const late = this.#behind(hash).join(", ");
      reject(new StageError(`${late} hasn't read the new keys within ${readWithinMs / 1000} s`));
    });
    look();
    try {
      await promise;
    } finally {
      unlisten();
      cancel();
    }
  }
}
