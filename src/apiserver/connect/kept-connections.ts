/**
 * Connections in the clear to pods and services, kept for a while for the next request.
 * upstream: Go's http.Transport, as apimachinery/pkg/util/net SetTransportDefaults has it
 */
import { Agent } from "node:http";
import type { Duplex } from "node:stream";

/** Go's http.Transport lets idle connections go after this. */
const idleMs = 90_000;
/** upstream: DefaultMaxIdleConnsPerHost */
const idleOfHostMax = 2;
/** Of all hosts together, where Go has no bound: what is more isn't kept. */
const idleMax = 100;

export class KeptConnections extends Agent {
  constructor() {
    super({ keepAlive: true, maxFreeSockets: idleOfHostMax, timeout: idleMs });
  }

  /** Nobody uses them. */
  get idle(): number {
    return Object.values(this.freeSockets).reduce((sum, each) => sum + (each?.length ?? 0), 0);
  }

  override keepSocketAlive(socket: Duplex): boolean {
    if (this.idle >= idleMax) return false;
    // What its types don't tell: false for a backend that says that it won't keep it.
    return super.keepSocketAlive(socket) as unknown as boolean;
  }
}
