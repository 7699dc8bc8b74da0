/** Keys of the store: where an object lies, and what an entry holds. */
import { KeptBytes } from "#base/kept-bytes.ts";
import type { Entry } from "#store/store.ts";
import type { ResourceCache } from "./resource-cache.ts";

/** Everything the API stores lies under this. */
export const registryPrefix = "/registry/";

export const keptOf = (entry: Entry): KeptBytes => entry.kept ?? new KeptBytes(entry.value);

export interface KeyId {
  readonly namespace: string;
  readonly name: string;
}

/** Namespace and name of a store key. */
export function idOfKey(cache: Pick<ResourceCache, "prefix" | "namespaced">, key: string): KeyId {
  const rest = key.slice(cache.prefix.length);
  if (!cache.namespaced) return { namespace: "", name: rest };
  const slash = rest.indexOf("/");
  return { namespace: rest.slice(0, slash), name: rest.slice(slash + 1) };
}

export function keyOfId(cache: Pick<ResourceCache, "prefix" | "namespaced">, id: KeyId): string {
  return cache.namespaced ? `${cache.prefix}${id.namespace}/${id.name}` : `${cache.prefix}${id.name}`;
}
