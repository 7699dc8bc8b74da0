/**
 * `mini-k8s secrets-encrypt` at work: asks a server for each step, and has every Secret written anew, which is a replace
 * that changes nothing.
 */
import { secrets } from "#api/resources.ts";
import { isConflict, isNotFound } from "#api/meta/status.ts";
import type { Client } from "#client/client.ts";
import { secretsEncryptionPath, statusText, type EncryptionReport, type Step } from "./messages.ts";
import { mayReencrypt } from "./plan.ts";

export interface RotationDeps {
  readonly client: Client;
  readonly signal: AbortSignal;
  readonly say: (text: string) => void;
}

const pageMax = 500;

export class SecretsRotation {
  readonly #deps: RotationDeps;

  constructor(deps: RotationDeps) {
    this.#deps = deps;
  }

  async status(): Promise<void> {
    this.#deps.say(statusText(await this.#report()));
  }

  async switch(isEnabled: boolean): Promise<void> {
    await this.#step(isEnabled ? "enable" : "disable", await this.#report());
    this.#deps.say(`secrets-encryption ${isEnabled ? "enabled" : "disabled"}\n`);
  }

  async prepare(): Promise<void> {
    await this.#step("prepare", await this.#report());
    this.#deps.say("prepare completed successfully\n");
  }

  async rotate(): Promise<void> {
    await this.#step("rotate", await this.#report());
    this.#deps.say("rotate completed successfully\n");
  }

  async reencrypt(isForced: boolean): Promise<void> {
    const report = await this.#report();
    mayReencrypt(report, isForced);
    await this.#rewrite();
    // Of the keys from before: had they changed meanwhile, something may be sealed with what would go.
    await this.#step("finish", report, isForced);
  }

  /** All of it, on running servers. */
  async rotateKeys(): Promise<void> {
    await this.prepare();
    await this.rotate();
    await this.reencrypt(false);
    this.#deps.say("keys rotated, reencryption finished\n");
  }

  async #report(): Promise<EncryptionReport> {
    const { client, signal } = this.#deps;
    const request = { method: "GET", path: secretsEncryptionPath, signal } as const;
    return (await client.transport.request(request)).body as EncryptionReport;
  }

  async #step(step: Step, { hash }: EncryptionReport, isForced = false): Promise<void> {
    const { client, signal } = this.#deps;
    const body = { step, hash, isForced };
    await client.transport.request({ method: "POST", path: secretsEncryptionPath, body, signal });
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
