/**
 * Who has which cluster address or node port, in the whole cluster: a claim is an object in the store, which only one
 * server can create. Addresses are claimed by IPAddress objects, as upstream does; ports by entries that the API doesn't
 * show (upstream keeps one bitmap of all of them, over which every server would stumble).
 * upstream: pkg/registry/core/service/ipallocator/ipallocator.go, portallocator/storage
 */
import type { IPAddress } from "#api/generated/types/networking-v1.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { isAlreadyExists, isNotFound } from "#api/meta/status.ts";
import { KeyExistsError, KeyNotFoundError, RevisionMismatchError, type Store } from "#store/store.ts";
import type { ResourceCache } from "../../resource-cache.ts";
import type { ResourceStore } from "../../store.ts";
import type { StoredObject } from "../../stored-object.ts";
import { systemContext } from "../../write.ts";
import { familyOf } from "./address-range.ts";

export interface Claim {
  /** The address, or the port. */
  readonly name: string;
  /** "namespace/name" of the Service. */
  readonly owner: string;
  readonly revision: bigint;
}

export interface Claims {
  /** As far as this server has seen. */
  holderOf(name: string): string | undefined;
  /** Undefined once the owner has it by this; else who has it, be it the owner. */
  take(name: string, owner: string): Promise<string | undefined>;
  /** Does nothing when somebody else has it. */
  release(name: string, owner: string): Promise<void>;
  all(): Iterable<Claim>;
}

/** A holder that was gone when it was asked for. */
const nobody = "";
const familyLabel = "ipaddress.kubernetes.io/ip-family";
const managerLabel = "ipaddress.kubernetes.io/managed-by";
const manager = "ipallocator.k8s.io";

export class AddressClaims implements Claims {
  readonly #storage: ResourceStore;

  constructor(storage: ResourceStore) {
    this.#storage = storage;
  }

  holderOf(name: string): string | undefined {
    const found = this.#storage.cache.get("", name);
    return found === undefined ? undefined : ownerOf(found.content);
  }

  async take(name: string, owner: string): Promise<string | undefined> {
    try {
      await this.#storage.create(ipAddress(name, owner) as AnyObject, systemContext);
      return undefined;
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
    const holder = await this.#stored(name);
    return holder === undefined ? nobody : ownerOf(holder.content);
  }

  /** At that revision: once another server has released it, somebody else may have it. */
  async release(name: string, owner: string): Promise<void> {
    const holder = await this.#stored(name);
    if (holder === undefined || ownerOf(holder.content) !== owner) return;
    await this.#storage.discard(holder, holder.revision);
  }

  *all(): Iterable<Claim> {
    for (const { name, content, revision } of this.#storage.cache.objects("")) {
      if (managesAddress(content)) yield { name, owner: ownerOf(content), revision };
    }
  }

  async #stored(name: string): Promise<StoredObject | undefined> {
    try {
      return await this.#storage.get({ namespace: "", name });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }
}

/** Whether Services' addresses are claimed by it: others may make IPAddresses for purposes of their own. */
export const managesAddress = ({ metadata }: IPAddress): boolean =>
  metadata?.labels?.[managerLabel] === manager;

export const isWellLabelled = (address: IPAddress): boolean =>
  managesAddress(address) &&
  address.metadata?.labels?.[familyLabel] === familyOf(address.metadata?.name ?? "");

/** "namespace/name" of the Service. */
export function ownerOf({ spec }: IPAddress): string {
  return `${spec?.parentRef.namespace ?? ""}/${spec?.parentRef.name ?? ""}`;
}

function ipAddress(name: string, owner: string): IPAddress {
  const slash = owner.indexOf("/");
  return {
    kind: "IPAddress",
    apiVersion: "networking.k8s.io/v1",
    metadata: { name, labels: { [familyLabel]: familyOf(name), [managerLabel]: manager } },
    spec: {
      parentRef: {
        group: "",
        resource: "services",
        namespace: owner.slice(0, slash),
        name: owner.slice(slash + 1),
      },
    },
  };
}

/** Below /registry/, as upstream's bitmap. */
export const portClaimsPath = "ranges/servicenodeports";

export class PortClaims implements Claims {
  readonly #cache: ResourceCache;
  readonly #store: Store;

  constructor(cache: ResourceCache, store: Store) {
    this.#cache = cache;
    this.#store = store;
  }

  holderOf(name: string): string | undefined {
    const found = this.#cache.get("", name);
    return found === undefined ? undefined : holderIn(found.value);
  }

  async take(name: string, owner: string): Promise<string | undefined> {
    try {
      await this.#store.create(this.#keyOf(name), Buffer.from(JSON.stringify({ owner })));
      return undefined;
    } catch (error) {
      if (error instanceof KeyExistsError) return holderIn(error.current.value);
      throw error;
    }
  }

  async release(name: string, owner: string): Promise<void> {
    const { entry } = await this.#store.get(this.#keyOf(name));
    if (entry === undefined || holderIn(entry.value) !== owner) return;
    try {
      await this.#store.delete(entry.key, entry.modRevision);
    } catch (error) {
      const isGone = error instanceof KeyNotFoundError || error instanceof RevisionMismatchError;
      if (!isGone) throw error;
    }
  }

  *all(): Iterable<Claim> {
    for (const { name, value, revision } of this.#cache.objects("")) {
      yield { name, owner: holderIn(value), revision };
    }
  }

  #keyOf(name: string): string {
    return `${this.#cache.prefix}${name}`;
  }
}

function holderIn(value: Buffer): string {
  const { owner } = JSON.parse(value.toString("utf8")) as { owner: string };
  return owner;
}
