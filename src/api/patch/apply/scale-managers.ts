/**
 * Managers of an object's replicas, as its scale shows them, and back. upstream: apimachinery/pkg/util/managedfields/scalehandler.go
 */
import { difference, hasPath, isEmptyTree, setOfPath } from "./field-tree.ts";
import { identityOf, type Manager, type Managers } from "./managed-set.ts";
import { fieldKey } from "./path-element.ts";

export const scaleApiVersion = "autoscaling/v1";
const replicasOfScale = [fieldKey("spec"), fieldKey("replicas")];

/** Where the object keeps its replicas, and in which version it is asked for. */
export interface ScaledParent {
  readonly apiVersion: string;
  readonly replicas: readonly string[];
}

/** Who manages the replicas. */
export function scaleManagers(managers: Managers, { replicas }: ScaledParent): Managers {
  const owners = [...managers.values()].filter(({ fields }) => hasPath(fields, replicas));
  return byIdentity(
    owners.map((owner) => ({ ...owner, apiVersion: scaleApiVersion, fields: setOfPath(replicasOfScale) })),
  );
}

/** The object's managers after its scale came to be managed by `scale`. */
export function parentManagers(managers: Managers, scale: Managers, parent: ScaledParent): Managers {
  const owners = [...scale.values()].filter(({ fields }) => hasPath(fields, replicasOfScale));
  const kept = [...managers.values()].flatMap((manager): Manager[] => {
    if (!hasPath(manager.fields, parent.replicas)) return [manager];
    if (owners.some((owner) => isSameWriter(owner, manager))) return [manager];
    const fields = difference(manager.fields, setOfPath(parent.replicas));
    return isEmptyTree(fields) ? [] : [{ ...manager, fields }];
  });
  const owned = kept.filter(({ fields }) => hasPath(fields, parent.replicas));
  const fresh = owners
    .filter((owner) => !owned.some((manager) => isSameWriter(owner, manager)))
    .map((owner) => ({
      ...owner,
      apiVersion: parent.apiVersion,
      fields: setOfPath(parent.replicas),
    }));
  return byIdentity([...kept, ...fresh]);
}

const isSameWriter = (a: Manager, b: Manager): boolean =>
  a.manager === b.manager && a.operation === b.operation && a.subresource === b.subresource;

const byIdentity = (managers: readonly Manager[]): Managers =>
  new Map(managers.map((manager) => [identityOf(manager), manager]));
