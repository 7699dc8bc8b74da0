/** Which of a cluster's servers is asked: one until it can't be reached, then another. k3s: pkg/agent/loadbalancer */
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";

/** URLs: "https://10.0.0.1:6443". */
export interface ServerChoice {
  readonly current: string;
  /** How many there are to choose from. */
  readonly count: number;
  reached(server: string): void;
  failed(server: string): void;
}

export const oneServer = (server: string): ServerChoice => ({
  current: server,
  count: 1,
  reached: () => undefined,
  failed: () => undefined,
});

export interface ServerListDeps {
  readonly random: Random;
  readonly log: Logger;
}

export class ServerList implements ServerChoice {
  /** Always among them: it may be a name that leads to whichever is alive. */
  readonly #given: string;
  readonly #deps: ServerListDeps;
  #servers: readonly string[];
  #current: string;
  /** Since one was last reached. */
  readonly #failed = new Set<string>();

  constructor(given: string, deps: ServerListDeps) {
    this.#given = given;
    this.#deps = deps;
    this.#servers = [given];
    this.#current = given;
  }

  get current(): string {
    return this.#current;
  }

  get count(): number {
    return this.#servers.length;
  }

  /** Those the cluster tells of. The current one stays until it fails, even when it isn't among them. */
  set(servers: readonly string[]): void {
    this.#servers = [...new Set([this.#given, ...servers])];
  }

  reached(): void {
    this.#failed.clear();
  }

  /** The next one is any that hasn't failed, so that the agents of a dead server go to all others. */
  failed(server: string): void {
    // Several connections may tell of the same death.
    if (server !== this.#current) return;
    this.#failed.add(server);
    let left = this.#servers.filter((each) => !this.#failed.has(each));
    if (left.length === 0) {
      this.#failed.clear();
      left = this.#servers.filter((each) => each !== server);
    }
    const next = left[Math.floor(this.#deps.random.next() * left.length)];
    if (next === undefined) return;
    this.#current = next;
    this.#deps.log.warn("server can't be reached, another one is asked", { server, next });
  }
}
