/** From a key of the store back to the resource whose object it holds. */
import type { Scheme } from "#api/scheme.ts";
import { registryPrefix } from "#apiserver/registry/store-keys.ts";
import { rulesOf } from "#apiserver/registry/rules.ts";
import type { ResourceOfKey } from "./encrypting-store.ts";

type Found = ReturnType<ResourceOfKey>;

/** Built-in resources are known by their place; custom ones lie below their group. */
export function resourceOfKey(scheme: Scheme): ResourceOfKey {
  const builtin = new Map<string, Found>(
    scheme
      .all()
      .map(({ resource, storageVersion: { group } }) => [
        rulesOf(group, resource).storagePath,
        { group, resource },
      ]),
  );
  const known = new Map<string, Found>();
  return (key) => {
    if (!key.startsWith(registryPrefix)) return undefined;
    const first = key.indexOf("/", registryPrefix.length);
    const one = key.slice(registryPrefix.length, first);
    if (builtin.has(one)) return builtin.get(one);
    const two = key.slice(registryPrefix.length, key.indexOf("/", first + 1));
    if (builtin.has(two)) return builtin.get(two);
    if (!known.has(two)) known.set(two, customResource(two));
    return known.get(two);
  };
}

function customResource(path: string): Found {
  const [group = "", resource = ""] = path.split("/");
  return group.includes(".") && resource !== "" ? { group, resource } : undefined;
}
