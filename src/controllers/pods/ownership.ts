/**
 * Which pods (or other objects) are a controller's: those that name it, plus orphans that fit its selector, minus
 * those that no longer fit. upstream: pkg/controller/controller_ref_manager.go
 */
import { controllerOf, type KubeObject, type OwnerReference } from "#api/meta/object.ts";
import type { LabelSelector } from "#api/meta/labels.ts";
import type { ResourceRef } from "#api/resource-ref.ts";
import { isNotFound, isStatus } from "#api/meta/status.ts";
import type { Client } from "#client/client.ts";

export interface Owner {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly isDeleting: boolean;
  readonly selector: LabelSelector;
}

export interface Claims<T> {
  readonly owned: readonly T[];
  readonly adopt: readonly T[];
  readonly release: readonly T[];
}

export function planClaims<T extends KubeObject>(owner: Owner, candidates: readonly T[]): Claims<T> {
  const owned: T[] = [];
  const adopt: T[] = [];
  const release: T[] = [];
  for (const object of candidates) {
    const controller = controllerOf(object);
    const fits = owner.selector.matches(object.metadata?.labels ?? {});
    if (controller === undefined) {
      if (fits && !owner.isDeleting && object.metadata?.deletionTimestamp === undefined) adopt.push(object);
    } else if (controller.uid === owner.uid) {
      if (fits) owned.push(object);
      else if (!owner.isDeleting) release.push(object);
    }
  }
  return { owned, adopt, release };
}

export function ownerReference(owner: Pick<Owner, "apiVersion" | "kind" | "name" | "uid">): OwnerReference {
  const { apiVersion, kind, name, uid } = owner;
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
}

export interface ClaimDeps<T extends KubeObject> {
  readonly client: Client;
  readonly ref: ResourceRef<T>;
  /** The owner as the server knows it now: a stale cache must not adopt for an owner that is gone. */
  readonly readOwner: () => Promise<KubeObject>;
}

/** Carries the plan out. Returns what is the owner's afterwards. */
export async function claim<T extends KubeObject>(
  owner: Owner,
  candidates: readonly T[],
  deps: ClaimDeps<T>,
): Promise<readonly T[]> {
  const plan = planClaims(owner, candidates);
  if (plan.adopt.length > 0) await checkOwner(owner, deps.readOwner);
  const adopted = await Promise.all(plan.adopt.map((object) => adoptOne(owner, object, deps)));
  await Promise.all(plan.release.map((object) => releaseOne(owner, object, deps)));
  return [...plan.owned, ...adopted.filter((object) => object !== undefined)];
}

async function checkOwner(owner: Owner, readOwner: () => Promise<KubeObject>): Promise<void> {
  const fresh = await readOwner();
  if (fresh.metadata?.uid !== owner.uid) {
    throw new Error(
      `${owner.kind} ${owner.namespace}/${owner.name} is gone: uid is ${fresh.metadata?.uid ?? ""}, was ${owner.uid}`,
    );
  }
  if (fresh.metadata.deletionTimestamp !== undefined) {
    throw new Error(`${owner.kind} ${owner.namespace}/${owner.name} is being deleted and can't adopt`);
  }
}

async function adoptOne<T extends KubeObject>(
  owner: Owner,
  object: T,
  { client, ref }: ClaimDeps<T>,
): Promise<T | undefined> {
  const patch = { metadata: { uid: object.metadata?.uid, ownerReferences: [ownerReference(owner)] } };
  return patchUnlessGone(client, ref, object, patch);
}

async function releaseOne<T extends KubeObject>(
  owner: Owner,
  object: T,
  { client, ref }: ClaimDeps<T>,
): Promise<void> {
  const patch = {
    metadata: { uid: object.metadata?.uid, ownerReferences: [{ $patch: "delete", uid: owner.uid }] },
  };
  await patchUnlessGone(client, ref, object, patch);
}

/** The uid in the patch makes it fail on another object of the same name: as good as gone. */
async function patchUnlessGone<T extends KubeObject>(
  client: Client,
  ref: ResourceRef<T>,
  object: T,
  patch: object,
): Promise<T | undefined> {
  try {
    const resource = client.resource(ref, object.metadata?.namespace ?? "");
    return await resource.patch(object.metadata?.name ?? "", "strategic", patch);
  } catch (error) {
    if (isNotFound(error) || isStatus(error, "Invalid")) return undefined;
    throw error;
  }
}
