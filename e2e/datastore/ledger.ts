/** Writes all the time, to one server after the other, and remembers what was acknowledged. */
import type { MiniServer } from "./server.ts";

export class Ledger {
  readonly #servers: readonly MiniServer[];
  readonly acknowledged: string[] = [];
  /** Refused, or without an answer: may be there or not. */
  readonly open: string[] = [];
  readonly faults: string[] = [];
  #next = 0;
  #isStopped = false;
  readonly #running: Promise<void>[];

  constructor(servers: readonly MiniServer[], writers: number) {
    this.#servers = servers;
    this.#running = Array.from({ length: writers }, () => this.#run());
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#running);
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      const at = this.#next++;
      const name = `entry-${at}`;
      const server = this.#servers[at % this.#servers.length] as MiniServer;
      try {
        const body = { metadata: { name }, data: { at: String(at) } };
        const { status, text } = await server.call("POST", "/api/v1/namespaces/default/configmaps", body);
        if (status === 201) this.acknowledged.push(name);
        else {
          this.open.push(name);
          this.faults.push(`${status} ${text.slice(0, 300)}`);
        }
      } catch (error) {
        this.open.push(name);
        this.faults.push(String(error));
      }
    }
  }
}
