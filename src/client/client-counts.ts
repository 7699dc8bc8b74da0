/**
 * What all clients of a process do, their work queues and leases. Made by who starts the parts of the process, and handed
 * to each of them: whoever serves metrics reads it, and needn't know who has a queue.
 * upstream: component-base/metrics/prometheus/{restclient,workqueue,clientgo/leaderelection}, which are global
 */
import { RequestCounts } from "./request-counts.ts";
import { QueueCounts } from "./work/queue-counts.ts";

/** Of the lease of one name. */
export interface LeaseCounts {
  isLeader: boolean;
  /** Renewals that had to look at the lease anew, as it wasn't as it was left. */
  slowPaths: number;
}

/** What metrics call the server of this process. */
const ownHost = "local";

export class ClientCounts {
  readonly #byHost = new Map<string, Map<string, RequestCounts>>();
  readonly #queues = new Map<string, QueueCounts>();
  readonly #leases = new Map<string, LeaseCounts>();

  *requests(): Generator<RequestCounts> {
    for (const byMethod of this.#byHost.values()) yield* byMethod.values();
  }

  /** By name: those of one name count together. */
  get queues(): ReadonlyMap<string, QueueCounts> {
    return this.#queues;
  }

  /** By name. */
  get leases(): ReadonlyMap<string, Readonly<LeaseCounts>> {
    return this.#leases;
  }

  /** `host`: "10.0.0.1:6443"; of this process by default. The same for the same. */
  request(method: string, host: string = ownHost): RequestCounts {
    let byMethod = this.#byHost.get(host);
    if (byMethod === undefined) {
      byMethod = new Map();
      this.#byHost.set(host, byMethod);
    }
    let counts = byMethod.get(method);
    if (counts === undefined) {
      counts = new RequestCounts(method, host);
      byMethod.set(method, counts);
    }
    return counts;
  }

  /** The same for the same name. */
  queue(name: string): QueueCounts {
    const counts = this.#queues.get(name) ?? new QueueCounts();
    this.#queues.set(name, counts);
    return counts;
  }

  /** The same for the same name. */
  lease(name: string): LeaseCounts {
    const counts = this.#leases.get(name) ?? { isLeader: false, slowPaths: 0 };
    this.#leases.set(name, counts);
    return counts;
  }
}
