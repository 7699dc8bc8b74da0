/**
 * `mini-k8s secrets-encrypt` at work: changes the file that the server follows, waits until the server has read it, and
 * has every Secret written anew, which is a replace that changes nothing.
 */
import { secrets } from "#api/resources.ts";
import { isConflict, isNotFound } from "#api/meta/status.ts";
import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import type { Client } from "#client/client.ts";
import { hashOfFile, keyNameAt, newKey, readState, writeState } from "./files.ts";
import {
  finished,
  mayReencrypt,
  prepared,
  rotated,
  StageError,
  statusText,
  switched,
  type EncryptionState,
} from "./plan.ts";

export interface RotationDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  readonly say: (text: string) => void;
}

const pageMax = 500;
const askedEveryMs = 100;
const readWithinMs = 15_000;

export class SecretsRotation {
  readonly #path: string;
  readonly #deps: RotationDeps;

  /** `path` is the server's configuration. */
  constructor(path: string, deps: RotationDeps) {
    this.#path = path;
    this.#deps = deps;
  }

  async status(): Promise<void> {
    const state = await this.#state();
    const isRead = (await this.#serverHash()) === (await hashOfFile(this.#path));
    this.#deps.say(
      statusText(state, isRead ? "All hashes match" : "hash does not match: the server hasn't read the file"),
    );
  }

  async switch(isEnabled: boolean): Promise<void> {
    await this.#change(switched(await this.#state(), isEnabled));
    this.#deps.say(`secrets-encryption ${isEnabled ? "enabled" : "disabled"}\n`);
  }

  async prepare(): Promise<void> {
    const { clock, random } = this.#deps;
    await this.#change(prepared(await this.#state(), newKey(random, keyNameAt(clock))));
    this.#deps.say("prepare completed successfully\n");
  }

  async rotate(): Promise<void> {
    await this.#change(rotated(await this.#state()));
    this.#deps.say("rotate completed successfully\n");
  }

  async reencrypt(isForced: boolean): Promise<void> {
    const state = await this.#state();
    mayReencrypt(state, isForced);
    await this.#rewrite();
    await this.#change(finished(state));
  }

  /** All of it, on a running server. */
  async rotateKeys(): Promise<void> {
    await this.prepare();
    await this.rotate();
    await this.reencrypt(false);
    this.#deps.say("keys rotated, reencryption finished\n");
  }

  async #state(): Promise<EncryptionState> {
    const state = await readState(this.#path);
    if (state !== undefined) return state;
    throw new StageError(
      `secrets encryption isn't set up: ${this.#path} does not exist; start the server with --secrets-encryption`,
    );
  }

  async #change(state: EncryptionState): Promise<void> {
    const hash = await writeState(this.#path, state);
    const { clock, signal } = this.#deps;
    const until = clock.monotonic() + readWithinMs;
    while ((await this.#serverHash()) !== hash) {
      if (clock.monotonic() > until) {
        throw new StageError(`the server hasn't read ${this.#path} within ${readWithinMs / 1000} s`);
      }
      await clock.sleep(askedEveryMs, signal);
    }
  }

  async #serverHash(): Promise<string> {
    const { body } = await this.#deps.client.transport.request({ method: "GET", path: "/metrics" });
    const line =
      /^apiserver_encryption_config_controller_last_config_info\{.*\bhash="sha256:([0-9a-f]{64})"\} 1$/m;
    return line.exec(String(body))?.[1] ?? "";
  }

  async #rewrite(): Promise<void> {
    const { client, signal, say } = this.#deps;
    let written = 0;
    let token: string | undefined;
    do {
      const page = await client.resource(secrets).list({ limit: pageMax, continue: token }, signal);
      for (const secret of page.items) {
        try {
          await client.resource(secrets, secret.metadata?.namespace).update(secret);
          written += 1;
        } catch (error) {
          // Somebody else has just written or removed it.
          if (!isConflict(error) && !isNotFound(error)) throw error;
        }
      }
      token = page.metadata.continue;
    } while (token !== undefined && token !== "");
    say(`reencrypted ${written} secrets\n`);
  }
}
