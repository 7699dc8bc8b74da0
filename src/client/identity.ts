/** Who the client is: a certificate or a token, fixed or read from files that somebody else renews. */
import { readFile } from "node:fs/promises";
import type { Clock } from "#base/clock.ts";

/** PEM. */
export interface ClientCertificate {
  readonly cert: string;
  readonly key: string;
}

export interface Identity {
  readonly bearerToken?: string | undefined;
  readonly certificate?: ClientCertificate | undefined;
}

export interface IdentitySource {
  /** Asked before each request. A new certificate means a new connection. */
  identity(): Identity | Promise<Identity>;
}

export const fixedIdentity = (identity: Identity): IdentitySource => ({ identity: () => identity });

export interface IdentityFiles {
  readonly tokenFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

/** Upstream rereads token files once a minute and certificate files as often. */
const rereadMs = 60_000;

/** Reads the files again when a request comes a minute after the last reading. Keeps what it has when that fails. */
export class FileIdentity implements IdentitySource {
  readonly #files: IdentityFiles;
  readonly #clock: Clock;
  #last: Identity | undefined;
  #readAt = 0;

  constructor(files: IdentityFiles, clock: Clock) {
    this.#files = files;
    this.#clock = clock;
  }

  async identity(): Promise<Identity> {
    const now = this.#clock.monotonic();
    if (this.#last !== undefined && now - this.#readAt < rereadMs) return this.#last;
    this.#readAt = now;
    try {
      this.#last = await readIdentity(this.#files);
    } catch (error) {
      if (this.#last === undefined) throw error;
    }
    return this.#last;
  }
}

async function readIdentity({ tokenFile, certFile, keyFile }: IdentityFiles): Promise<Identity> {
  const bearerToken = tokenFile === undefined ? undefined : (await readFile(tokenFile, "utf8")).trim();
  if (certFile === undefined || keyFile === undefined) return { bearerToken };
  const [cert, key] = await Promise.all([readFile(certFile, "utf8"), readFile(keyFile, "utf8")]);
  return { bearerToken, certificate: { cert, key } };
}
