/**
 * The servers of this cluster that are alive, which encryption configuration each has read, and the Service `kubernetes`
 * that leads to all of them.
 */
import type { Clock } from "#base/clock.ts";
import { errorText, type Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { Client } from "#client/client.ts";
import { ApiEventRecorder } from "#client/events/recorder.ts";
import { DefaultServiceCidr, defaultCidrManager } from "./default-service-cidr.ts";
import { reconcileKubernetesService } from "./kubernetes-service.ts";
import type { LivingServer, ServerAddress, ServerLeases } from "./server-leases.ts";

export interface ServerRegisterOptions {
  readonly advertiseAddress: string;
  /** 0: the port it listens on. */
  readonly advertisePort: number;
  /** Whether other servers may share the store. */
  readonly isShared: boolean;
  readonly serviceCidrs: readonly string[];
  /** The first address of the service range. */
  readonly clusterIp: string;
}

export interface ServerRegisterDeps {
  readonly client: () => Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Of the configuration this server has read; "" without one. */
  readonly encryptionHash: () => string;
  readonly leases: (own: ServerAddress | undefined, changed: () => void) => ServerLeases;
}

export class ServerRegister {
  readonly #options: ServerRegisterOptions;
  readonly #deps: ServerRegisterDeps;
  readonly #listeners = new Set<() => void>();
  #own: ServerAddress;
  #publishing = Promise.resolve();
  #publish: () => Promise<void> = () => Promise.resolve();
  #leases: ServerLeases | undefined;

  constructor(options: ServerRegisterOptions, deps: ServerRegisterDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#own = { address: options.advertiseAddress, port: options.advertisePort };
  }

  /** This one always among them. */
  get servers(): readonly LivingServer[] {
    const { address, port } = this.#own;
    const own = { address, port, encryptionHash: this.#deps.encryptionHash() };
    const isOwn = (each: ServerAddress): boolean => each.address === address && each.port === port;
    return [own, ...(this.#leases?.servers ?? []).filter((each) => !isOwn(each))];
  }

  /** `listener` hears when a server comes, goes or has read another configuration. Returns what ends it. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** This server has read another configuration. */
  announce(): void {
    if (this.#leases === undefined) this.#tell();
    else void this.#leases.renew();
  }

  /** Makes the Service lead to every server, and keeps it so. Returns what ends it. */
  async start(listensOn: number, signal: AbortSignal): Promise<() => Promise<void>> {
    const { advertiseAddress, advertisePort, isShared, serviceCidrs, clusterIp } = this.#options;
    const { client, clock, random, log } = this.#deps;
    const isLoopback = /^(127\.|::1$)/.test(advertiseAddress);
    if (isLoopback) log.warn("pods can't reach the API at a loopback address", { advertiseAddress });
    const port = advertisePort === 0 ? listensOn : advertisePort;
    this.#own = { address: advertiseAddress, port };
    const own = isLoopback ? undefined : this.#own;
    const events = new ApiEventRecorder(
      { component: defaultCidrManager },
      { client: client(), clock, random, log },
    );
    const endEvents = (): Promise<void> => events[Symbol.asyncDispose]();
    const range = new DefaultServiceCidr(serviceCidrs, { ...this.#deps, events });
    const publish = async (servers: readonly ServerAddress[]): Promise<void> => {
      await range.reconcile(signal);
      await reconcileKubernetesService(client(), { clusterIp, servers, securePort: port }, signal);
    };
    if (!isShared) {
      this.#publish = () => publish(own === undefined ? [] : [own]);
      await this.publish();
      return endEvents;
    }
    const leases = this.#deps.leases(own, () => {
      this.#tell();
      this.publish().catch((error: unknown) => {
        if (signal.aborted) return;
        log.warn("the Service kubernetes is not up to date", { error: errorText(error) });
      });
    });
    this.#publish = () => publish(leases.servers);
    await leases.start();
    this.#leases = leases;
    await this.publish();
    return async () => {
      await leases.stop();
      await endEvents();
    };
  }

  /** Once started: makes the Service lead to every server again. */
  publish(): Promise<void> {
    // One after the other: the last one to write must be the one that knows most.
    const published = this.#publishing.then(() => this.#publish());
    this.#publishing = published.catch(() => undefined);
    return published;
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
