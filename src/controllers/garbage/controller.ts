/**
 * Deletes what nobody owns any more, and lets owners go that wait for their dependents.
 * upstream: pkg/controller/garbagecollector/garbagecollector.go
 */
import type { ObjectMeta } from "#api/meta/object.ts";
import { isConflict } from "#api/meta/status.ts";
import { RateLimitedQueue, runWorkers } from "#client/work/rate-limited.ts";
import type { Controller, ControllerContext } from "../controller.ts";
import { foregroundFinalizer, orphanFinalizer, OwnerGraph, type GraphNode } from "./graph.ts";
import { createMetadataClient } from "./metadata-client.ts";
import { Monitors } from "./monitors.ts";
import { LiveObjects, type ObjectAddress } from "./objects.ts";
import { OwnerLookup, UnknownKindError, type Classified } from "./owner-lookup.ts";

/** Upstream's ConcurrentGCSyncs. */
const workers = 20;
const conflictsMax = 5;
/** A definition is served a moment after it was written, and sometimes later than that. */
const definitionMs = { soon: 500, later: 10_000 };
/** Upstream's period of discovery; here only while a part of the API doesn't answer. */
const retryDiscoveryMs = 30_000;

export function garbageCollectorController(context: ControllerContext): Controller {
  const collector = new GarbageCollector(context);
  return { run: (signal) => collector.run(signal) };
}

class GarbageCollector {
  readonly #context: ControllerContext;
  readonly #attempts: RateLimitedQueue;
  readonly #orphans: RateLimitedQueue;
  readonly #discovery: RateLimitedQueue;
  readonly #graph: OwnerGraph;
  readonly #monitors: Monitors;
  readonly #objects: LiveObjects;
  readonly #owners: OwnerLookup;
  /** Objects whose owner's kind isn't served: looked at again when what is served changes. */
  readonly #ofUnknownKind = new Set<string>();

  constructor(context: ControllerContext) {
    const { clock, random, log } = context;
    this.#context = context;
    const queue = (name: string): RateLimitedQueue => new RateLimitedQueue({ name }, context);
    this.#attempts = queue("garbage");
    this.#orphans = queue("orphans");
    this.#discovery = queue("discovery");
    const client = createMetadataClient(context.client, context);
    this.#graph = new OwnerGraph({
      attempt: (uid) => this.#attempts.add(uid),
      orphan: (uid) => this.#orphans.add(uid),
    });
    const onDefinition = (): void => {
      this.#discovery.addAfter("soon", definitionMs.soon);
      this.#discovery.addAfter("later", definitionMs.later);
    };
    this.#monitors = new Monitors({ client, graph: this.#graph, clock, random, log, onDefinition });
    this.#objects = new LiveObjects(client);
    this.#owners = new OwnerLookup({
      objects: this.#objects,
      graph: this.#graph,
      find: (group, kind) => this.#monitors.find(group, kind),
      events: context.events,
      log,
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#discovery.add("now");
    await Promise.all([
      runWorkers(this.#discovery, 1, () => this.#discover(signal), signal),
      runWorkers(this.#attempts, workers, (uid) => this.#attempt(uid, signal), signal),
      runWorkers(this.#orphans, workers, (uid) => this.#orphan(uid, signal), signal),
    ]);
  }

  async #discover(signal: AbortSignal): Promise<void> {
    if (!(await this.#monitors.refresh(signal))) this.#discovery.addAfter("retry", retryDiscoveryMs);
    for (const uid of this.#ofUnknownKind) this.#attempts.add(uid);
    this.#ofUnknownKind.clear();
  }

  async #attempt(uid: string, signal: AbortSignal): Promise<void> {
    await this.#monitors.ready(signal);
    for (let conflicts = 0; ; conflicts++) {
      try {
        await this.#decide(uid);
        return;
      } catch (error) {
        if (error instanceof UnknownKindError) {
          this.#context.log.debug("an owner's kind isn't served", { error });
          this.#ofUnknownKind.add(uid);
          return;
        }
        // It changed between the look and the deed: look again.
        if (!isConflict(error) || conflicts >= conflictsMax) throw error;
      }
    }
  }

  async #decide(uid: string): Promise<void> {
    const node = this.#graph.get(uid);
    const address = node === undefined ? undefined : addressOf(node);
    if (node === undefined || address === undefined) return;
    if (node.waitsForDependents) {
      await this.#finishForeground(node, address);
      return;
    }
    if (node.isDeleting || node.owners.length === 0 || this.#graph.isHeld(node)) return;
    const metadata = await this.#objects.read(address);
    if (metadata === undefined || metadata.deletionTimestamp !== undefined) return;
    const owners = await this.#owners.classify(address, metadata.ownerReferences ?? []);
    if (owners !== undefined) await this.#act({ node, address, metadata }, owners);
  }

  async #act(
    { node, address, metadata }: Candidate,
    { solid, dangling, waiting }: Classified,
  ): Promise<void> {
    if (dangling.length === 0 && waiting.length === 0) return;
    if (solid.length > 0) {
      const former = new Set([...dangling, ...waiting].map(({ uid }) => uid));
      await this.#objects.dropOwners(address, (reference) => former.has(reference.uid));
      return;
    }
    if (waiting.length > 0 && node.dependents.size > 0) {
      await this.#passOnForeground({ node, address, metadata });
      return;
    }
    await this.#objects.delete(address, metadata, policyOf(metadata));
  }

  /** Its owner waits for it, and it has dependents of its own: they go before it, as it before its owner. */
  async #passOnForeground({ node, address, metadata }: Candidate): Promise<void> {
    // A ring of objects that wait for each other would wait for ever.
    const isRing = [...node.dependents].some((dependent) => dependent.waitsForDependents);
    if (!isRing) {
      await this.#objects.delete(address, metadata, "Foreground");
      return;
    }
    await this.#objects.change(address, ({ ownerReferences = [] }) =>
      ownerReferences.some(({ blockOwnerDeletion }) => blockOwnerDeletion === true)
        ? { ownerReferences: ownerReferences.map((one) => ({ ...one, blockOwnerDeletion: false })) }
        : undefined,
    );
    const unblocked = await this.#objects.read(address);
    if (unblocked !== undefined) await this.#objects.delete(address, unblocked, "Foreground");
  }

  async #finishForeground(node: GraphNode, address: ObjectAddress): Promise<void> {
    const blocking = this.#graph.blockingDependents(node);
    if (blocking.length === 0) {
      await this.#objects.removeFinalizer(address, foregroundFinalizer);
      return;
    }
    for (const dependent of blocking) {
      if (!dependent.waitsForDependents) this.#attempts.add(dependent.uid);
    }
  }

  async #orphan(uid: string, signal: AbortSignal): Promise<void> {
    await this.#monitors.ready(signal);
    const node = this.#graph.get(uid);
    const address = node === undefined ? undefined : addressOf(node);
    if (node === undefined || address === undefined || !node.orphansDependents) return;
    for (const dependent of node.dependents) {
      const its = addressOf(dependent);
      if (its !== undefined) await this.#objects.dropOwners(its, (reference) => reference.uid === uid);
    }
    await this.#objects.removeFinalizer(address, orphanFinalizer);
  }
}

interface Candidate {
  readonly node: GraphNode;
  readonly address: ObjectAddress;
  readonly metadata: ObjectMeta;
}

function addressOf({ uid, namespace, name, resource }: GraphNode): ObjectAddress | undefined {
  return resource === undefined ? undefined : { uid, namespace, name, resource };
}

/** Deleted by us as its finalizers say that its users wanted. */
function policyOf({ finalizers = [] }: ObjectMeta): "Orphan" | "Foreground" | "Background" {
  if (finalizers.includes(orphanFinalizer)) return "Orphan";
  return finalizers.includes(foregroundFinalizer) ? "Foreground" : "Background";
}
