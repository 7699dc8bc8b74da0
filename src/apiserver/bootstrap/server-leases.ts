/**
 * Which servers of the cluster are alive: each renews an entry of its own in the store they share; one that isn't
 * renewed for a while is removed by whoever notices. Measured by the observer's clock alone, so clocks needn't agree.
 * upstream: pkg/controlplane/reconcilers/lease.go
 */
import type { Clock } from "#base/clock.ts";
import { errorText, type Logger } from "#base/log.ts";
import { KeyExistsError, KeyNotFoundError, RevisionMismatchError, type Store } from "#store/store.ts";
import type { ResourceCache } from "#apiserver/registry/resource-cache.ts";

/** upstream: DefaultEndpointReconcilerInterval, DefaultEndpointReconcilerTTL */
const renewMs = 10_000;
const lifetimeMs = 15_000;

/** Below /registry/, upstream's. */
export const serverLeasesPath = "masterleases";

export interface ServerAddress {
  readonly address: string;
  readonly port: number;
}

export interface LivingServer extends ServerAddress {
  /** Of the encryption configuration it has read; "" without one. */
  readonly encryptionHash: string;
}

export interface ServerLeasesDeps {
  readonly store: Store;
  readonly cache: ResourceCache;
  readonly clock: Clock;
  readonly log: Logger;
  readonly encryptionHash: () => string;
  /** A server has come or gone, or has read another configuration. */
  readonly changed: () => void;
}

export class ServerLeases {
  /** Undefined: nobody can reach this server, so it only watches the others. */
  readonly #own: ServerAddress | undefined;
  readonly #deps: ServerLeasesDeps;
  /** When each lease was last seen renewed, by our clock. */
  readonly #seen = new Map<string, number>();
  #renewals = 0;
  #isCutOff = false;
  #isStopped = false;
  #ticking = Promise.resolve();
  #cancel: (() => void) | undefined;
  #unlisten: (() => void) | undefined;

  constructor(own: ServerAddress | undefined, deps: ServerLeasesDeps) {
    this.#own = own;
    this.#deps = deps;
  }

  /** Those alive, this server always among them; sorted. */
  get servers(): readonly LivingServer[] {
    const own = this.#own;
    const found = [...this.#deps.cache.objects("")]
      .map(({ value }) => serverIn(value))
      .filter((each) => own === undefined || nameOf(each) !== nameOf(own));
    if (own !== undefined) found.push({ ...own, encryptionHash: this.#deps.encryptionHash() });
    return found.toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  }

  async start(): Promise<void> {
    const { cache, clock, changed } = this.#deps;
    for (const { name } of cache.objects("")) this.#seen.set(name, clock.monotonic());
    this.#unlisten = cache.listen({
      onEvent: ({ current, previous }) => {
        const { name } = current ?? previous ?? { name: "" };
        if (current === undefined) this.#seen.delete(name);
        else this.#seen.set(name, clock.monotonic());
        if (hashIn(current?.value) !== hashIn(previous?.value)) changed();
      },
    });
    await this.renew();
  }

  /** At once, and from then on at its times: the others hear what has changed here. */
  renew(): Promise<void> {
    this.#cancel?.();
    // One after the other: an older state must not come after a newer one.
    return (this.#ticking = this.#ticking.then(() => this.#tick()));
  }

  /** The others hear at once that this server is going. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#unlisten?.();
    await this.#ticking;
    this.#cancel?.();
    if (this.#own === undefined) return;
    try {
      await this.#deps.store.delete(this.#keyOf(nameOf(this.#own)));
    } catch (error) {
      this.#deps.log.debug("own lease not removed, it runs out", { error: errorText(error) });
    }
  }

  async #tick(): Promise<void> {
    const { clock, log } = this.#deps;
    if (this.#isStopped) return;
    this.#cancel?.();
    try {
      if (this.#own !== undefined) await this.#renew(this.#own);
      // Without the store nobody could renew: everybody gets their time anew.
      if (this.#isCutOff) for (const name of this.#seen.keys()) this.#seen.set(name, clock.monotonic());
      this.#isCutOff = false;
      await this.#removeExpired();
    } catch (error) {
      this.#isCutOff = true;
      log.warn("own lease not renewed, will retry", { error: errorText(error) });
    }
    this.#cancel = clock.after(renewMs, () => {
      void this.renew();
    });
  }

  async #renew(own: ServerAddress): Promise<void> {
    const { store } = this.#deps;
    const key = this.#keyOf(nameOf(own));
    const encryptionHash = this.#deps.encryptionHash();
    const value = Buffer.from(JSON.stringify({ ...own, encryptionHash, renewals: ++this.#renewals }));
    const { entry } = await store.get(key);
    try {
      await (entry === undefined ? store.create(key, value) : store.update(key, value, entry.modRevision));
    } catch (error) {
      // Removed or written in between: renewed, or due again at the next tick.
      if (!(error instanceof KeyExistsError || error instanceof RevisionMismatchError)) throw error;
    }
  }

  async #removeExpired(): Promise<void> {
    const { store, cache, clock, log } = this.#deps;
    for (const { name, revision } of cache.objects("")) {
      const seen = this.#seen.get(name) ?? clock.monotonic();
      if (clock.monotonic() - seen <= lifetimeMs) continue;
      if (this.#own !== undefined && name === nameOf(this.#own)) continue;
      log.info("server is gone", { server: name });
      try {
        await store.delete(this.#keyOf(name), revision);
      } catch (error) {
        // Renewed, or removed by another.
        if (!(error instanceof KeyNotFoundError || error instanceof RevisionMismatchError)) throw error;
      }
    }
  }

  #keyOf(name: string): string {
    return `${this.#deps.cache.prefix}${name}`;
  }
}

const nameOf = ({ address, port }: ServerAddress): string => `${address}:${port}`;

function serverIn(value: Buffer): LivingServer {
  const entry = JSON.parse(value.toString("utf8")) as ServerAddress & Partial<LivingServer>;
  return { address: entry.address, port: entry.port, encryptionHash: entry.encryptionHash ?? "" };
}

/** Undefined: there is no such server. */
const hashIn = (value: Buffer | undefined): string | undefined =>
  value === undefined ? undefined : serverIn(value).encryptionHash;
