/** Keeps the number of managers by update bounded. upstream: managedfields/internal/capmanagers.go */
import { union } from "./field-tree.ts";
import { identityOf, type Manager, type Managers } from "./managed-set.ts";

/** upstream: DefaultMaxUpdateManagers */
const updateManagersMax = 10;
const bucketName = "ancient-changes";

/** The oldest ones are put together, one bucket per version, until few enough are left. */
export function capManagers(managers: Managers): Managers {
  const updaters = [...managers].filter(([, { operation }]) => operation === "Update");
  if (updaters.length <= updateManagersMax) return managers;
  const result = new Map(managers);
  const firstOfVersion = new Map<string, string>();
  let count = updaters.length;
  for (const [identity, manager] of updaters.toSorted(olderFirst)) {
    if (count <= updateManagersMax) break;
    const { apiVersion } = manager;
    const first = firstOfVersion.get(apiVersion);
    if (first === undefined) {
      firstOfVersion.set(apiVersion, identity);
      continue;
    }
    const name = { manager: bucketName, operation: "Update", apiVersion, subresource: "" } as const;
    const bucket = identityOf(name);
    const collected = result.get(bucket) ?? result.get(first);
    if (!result.has(bucket)) result.delete(first);
    result.delete(identity);
    const fields = collected === undefined ? manager.fields : union(manager.fields, collected.fields);
    // The time is that of the last one put in: the newest.
    result.set(bucket, { ...name, time: manager.time, fields });
    count--;
  }
  return result;
}

const olderFirst = ([idA, a]: readonly [string, Manager], [idB, b]: readonly [string, Manager]): number => {
  const [left, right] = [a.time ?? "", b.time ?? ""];
  if (left !== right) return left < right ? -1 : 1;
  return idA < idB ? -1 : 1;
};
