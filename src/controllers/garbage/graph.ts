/**
 * Who owns whom: one small node per object of the cluster, without the object.
 * An owner that no watch has shown yet is a node without a resource; its dependents are woken, because the API
 * has to say whether it exists. upstream: pkg/controller/garbagecollector/{graph,graph_builder}.go
 */
import { parseApiVersion, type KubeObject, type OwnerReference } from "#api/meta/object.ts";
import type { ResourceRef } from "#api/resource-ref.ts";

export const foregroundFinalizer = "foregroundDeletion";
export const orphanFinalizer = "orphan";

export interface GraphNode {
  readonly uid: string;
  /** Undefined: known only because others name it as their owner. */
  readonly resource: ResourceRef | undefined;
  readonly namespace: string;
  readonly name: string;
  readonly owners: readonly OwnerReference[];
  readonly dependents: ReadonlySet<GraphNode>;
  readonly isDeleting: boolean;
  /** It is being deleted and goes when its blocking dependents have gone. */
  readonly waitsForDependents: boolean;
  /** It is being deleted and goes when its dependents have let go of it. */
  readonly orphansDependents: boolean;
}

/** Told what has to be looked at. Both are called any number of times for the same node. */
export interface GraphListener {
  attempt(uid: string): void;
  orphan(uid: string): void;
}

interface MutableNode extends GraphNode {
  resource: ResourceRef | undefined;
  namespace: string;
  name: string;
  owners: readonly OwnerReference[];
  /** `nobody` while there are none: most objects own nothing, and an empty set of their own would take 300 bytes. */
  dependents: ReadonlySet<MutableNode>;
  isDeleting: boolean;
  waitsForDependents: boolean;
  orphansDependents: boolean;
}

const none: readonly never[] = [];
const nobody: ReadonlySet<never> = new Set();

export class OwnerGraph {
  readonly #nodes = new Map<string, MutableNode>();
  readonly #listener: GraphListener;

  constructor(listener: GraphListener) {
    this.#listener = listener;
  }

  get size(): number {
    return this.#nodes.size;
  }

  get(uid: string): GraphNode | undefined {
    return this.#nodes.get(uid);
  }

  /** The object as a watch has just shown it. */
  set({ metadata }: KubeObject, resource: ResourceRef): void {
    if (metadata?.uid === undefined) return;
    const node = this.#node(metadata.uid);
    const isNew = node.resource === undefined;
    node.resource = resource;
    if (isNew) {
      node.name = metadata.name ?? "";
      node.namespace = metadata.namespace ?? "";
      this.#wakeMisled(node);
    }
    this.#setOwners(node, metadata.ownerReferences ?? none);
    this.#setDeletion(node, metadata.deletionTimestamp !== undefined, metadata.finalizers ?? none);
  }

  /** A watch has shown that it is gone. */
  remove(uid: string): void {
    const node = this.#nodes.get(uid);
    if (node?.resource === undefined) return;
    node.resource = undefined;
    for (const { uid: ownerUid } of node.owners) {
      const owner = this.#unlink(node, ownerUid);
      if (owner?.waitsForDependents === true) this.#listener.attempt(ownerUid);
    }
    node.owners = none;
    node.isDeleting = node.waitsForDependents = node.orphansDependents = false;
    for (const dependent of node.dependents) this.#listener.attempt(dependent.uid);
    if (node.dependents.size === 0) this.#nodes.delete(uid);
  }

  /** After a list: what isn't in it has gone. */
  removeOthers(resource: ResourceRef, present: ReadonlySet<string>): void {
    const gone = [...this.#nodes.values()].filter(
      (node) => node.resource === resource && !present.has(node.uid),
    );
    for (const { uid } of gone) this.remove(uid);
  }

  /** Every owner is there as it was named and stays: nothing to ask the API about. */
  isHeld(node: GraphNode): boolean {
    return node.owners.every((reference) => {
      const owner = this.#nodes.get(reference.uid);
      return owner !== undefined && fits(reference, owner, node.namespace) && !owner.waitsForDependents;
    });
  }

  /** Dependents that must go before their owner may. */
  blockingDependents(node: GraphNode): GraphNode[] {
    return [...node.dependents].filter((dependent) => blocks(dependent.owners, node.uid));
  }

  #node(uid: string): MutableNode {
    const known = this.#nodes.get(uid);
    if (known !== undefined) return known;
    const node: MutableNode = {
      uid,
      resource: undefined,
      namespace: "",
      name: "",
      owners: none,
      dependents: nobody,
      isDeleting: false,
      waitsForDependents: false,
      orphansDependents: false,
    };
    this.#nodes.set(uid, node);
    return node;
  }

  #setOwners(node: MutableNode, owners: readonly OwnerReference[]): void {
    const old = node.owners;
    if (old.length === 0 && owners.length === 0) return;
    node.owners = owners.length === 0 ? none : owners;
    for (const { uid } of old) {
      if (!owners.some((reference) => reference.uid === uid)) this.#unlink(node, uid);
    }
    for (const reference of owners) this.#link(node, reference);
    for (const { uid } of old) {
      const wasUnblocked = blocks(old, uid) && !blocks(owners, uid);
      if (wasUnblocked && this.#nodes.get(uid)?.waitsForDependents === true) this.#listener.attempt(uid);
    }
  }

  #link(node: MutableNode, reference: OwnerReference): void {
    const owner = this.#node(reference.uid);
    const isNew = addDependent(owner, node);
    if (isNew && (!fits(reference, owner, node.namespace) || owner.waitsForDependents)) {
      this.#listener.attempt(node.uid);
    }
  }

  #unlink(node: MutableNode, ownerUid: string): MutableNode | undefined {
    const owner = this.#nodes.get(ownerUid);
    if (owner === undefined) return undefined;
    removeDependent(owner, node);
    if (owner.resource === undefined && owner.dependents.size === 0) this.#nodes.delete(ownerUid);
    return owner;
  }

  #setDeletion(node: MutableNode, isDeleting: boolean, finalizers: readonly string[]): void {
    const waits = isDeleting && finalizers.includes(foregroundFinalizer);
    const orphans = isDeleting && finalizers.includes(orphanFinalizer);
    const startsWaiting = waits && !node.waitsForDependents;
    const startsOrphaning = orphans && !node.orphansDependents;
    node.isDeleting = isDeleting;
    node.waitsForDependents = waits;
    node.orphansDependents = orphans;
    if (startsOrphaning) this.#listener.orphan(node.uid);
    if (!startsWaiting) return;
    for (const dependent of node.dependents) this.#listener.attempt(dependent.uid);
    this.#listener.attempt(node.uid);
  }

  /** Those who named this uid with another name or namespace: what they mean doesn't exist. */
  #wakeMisled(node: MutableNode): void {
    for (const dependent of node.dependents) {
      const isMisled = dependent.owners.some(
        (reference) => reference.uid === node.uid && !fits(reference, node, dependent.namespace),
      );
      if (isMisled) this.#listener.attempt(dependent.uid);
    }
  }
}

/** False when it was one. */
function addDependent(owner: MutableNode, node: MutableNode): boolean {
  if (owner.dependents.has(node)) return false;
  if (owner.dependents.size === 0) owner.dependents = new Set([node]);
  else (owner.dependents as Set<MutableNode>).add(node);
  return true;
}

function removeDependent(owner: MutableNode, node: MutableNode): void {
  if (!owner.dependents.has(node)) return;
  (owner.dependents as Set<MutableNode>).delete(node);
  if (owner.dependents.size === 0) owner.dependents = nobody;
}

/** The node is what the reference of an object in `namespace` names. */
function fits(reference: OwnerReference, node: GraphNode, namespace: string): boolean {
  const { resource } = node;
  if (resource === undefined || reference.uid !== node.uid) return false;
  if (reference.kind !== resource.kind || reference.name !== node.name) return false;
  if (parseApiVersion(reference.apiVersion).group !== resource.group) return false;
  return !resource.namespaced || node.namespace === namespace;
}

const blocks = (owners: readonly OwnerReference[], uid: string): boolean =>
  owners.some((reference) => reference.uid === uid && reference.blockOwnerDeletion === true);
