/** What the garbage collector reads and writes of objects: always their metadata, always against the live API. */
import type { KubeObject, ObjectMeta, OwnerReference } from "#api/meta/object.ts";
import { isConflict, isNotFound } from "#api/meta/status.ts";
import type { ResourceRef } from "#api/resource-ref.ts";
import type { Client, DeleteOptions } from "#client/client.ts";

export interface ObjectAddress {
  readonly resource: ResourceRef;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** Conflicts are somebody else's writes in between; so many in a row are given to the queue's back-off. */
const conflictsMax = 5;

export class LiveObjects {
  readonly #client: Client;

  /** Reads metadata only. */
  constructor(client: Client) {
    this.#client = client;
  }

  /** Undefined when it is gone, also when a namesake took its place. */
  async read(address: ObjectAddress): Promise<ObjectMeta | undefined> {
    try {
      const object = await this.#resource(address).get(address.name);
      return object.metadata?.uid === address.uid ? object.metadata : undefined;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** `change` answers undefined when nothing is to be done. An object that is gone needs no change. */
  async change(
    address: ObjectAddress,
    change: (metadata: ObjectMeta) => Pick<ObjectMeta, "finalizers" | "ownerReferences"> | undefined,
  ): Promise<void> {
    for (let conflicts = 0; ; conflicts++) {
      const metadata = await this.read(address);
      if (metadata === undefined) return;
      const changed = change(metadata);
      if (changed === undefined) return;
      const { uid, resourceVersion } = metadata;
      try {
        await this.#resource(address).patch(address.name, "merge", {
          metadata: { uid, resourceVersion, ...changed },
        });
        return;
      } catch (error) {
        if (isNotFound(error)) return;
        if (!isConflict(error) || conflicts >= conflictsMax) throw error;
      }
    }
  }

  /** Fails with a conflict when the object has changed since `metadata` was read. */
  async delete(
    address: ObjectAddress,
    metadata: ObjectMeta,
    propagationPolicy: NonNullable<DeleteOptions["propagationPolicy"]>,
  ): Promise<void> {
    const preconditions = { uid: metadata.uid, resourceVersion: metadata.resourceVersion };
    try {
      await this.#resource(address).delete(address.name, { propagationPolicy, preconditions });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  removeFinalizer(address: ObjectAddress, finalizer: string): Promise<void> {
    return this.change(address, ({ finalizers = [] }) =>
      finalizers.includes(finalizer)
        ? { finalizers: finalizers.filter((one) => one !== finalizer) }
        : undefined,
    );
  }

  /** Lets go of the owners that `isFormer` names. */
  dropOwners(address: ObjectAddress, isFormer: (reference: OwnerReference) => boolean): Promise<void> {
    return this.change(address, ({ ownerReferences = [] }) => {
      const kept = ownerReferences.filter((reference) => !isFormer(reference));
      return kept.length === ownerReferences.length ? undefined : { ownerReferences: kept };
    });
  }

  #resource({ resource, namespace }: ObjectAddress) {
    return this.#client.resource<KubeObject>(resource, namespace);
  }
}
