/**
 * Keeps as many pods as a ReplicaSet, or a ReplicationController, asks for. upstream: pkg/controller/replicaset/replica_set.go;
 * pkg/controller/replication runs it over an adapter
 */
import type { Pod } from "#api/generated/types/core-v1.ts";
import { controllerOf, keyOf } from "#api/meta/object.ts";
import { isNotFound } from "#api/meta/status.ts";
import { pods } from "#api/resources.ts";
import type { Informer } from "#client/cache/informer.ts";
import { RateLimitedQueue } from "#client/work/rate-limited.ts";
import { queueController, type Controller, type ControllerContext } from "../controller.ts";
import { isNamespaceTerminating } from "../pods/namespace-terminating.ts";
import { Expectations } from "../pods/expectations.ts";
import { claim, type Owner } from "../pods/ownership.ts";
import { PodControl } from "../pods/pod-control.ts";
import { isActive, isReady, isTerminating, msUntilAvailable } from "../pods/pod-state.ts";
import { slowStart } from "../pods/slow-start.ts";
import { replicaSetKind, replicationControllerKind, type Replicated, type ReplicatedKind } from "./kinds.ts";
import { planReplicas } from "./plan.ts";
import { replicaSetStatus, sameStatus, type StatusInput } from "./status.ts";

const workers = 5;

export const replicaSetController = (context: ControllerContext): Controller =>
  controllerOfKind(replicaSetKind, context);

export const replicationControllerController = (context: ControllerContext): Controller =>
  controllerOfKind(replicationControllerKind, context);

function controllerOfKind<T extends Replicated>(
  kind: ReplicatedKind<T>,
  context: ControllerContext,
): Controller {
  const controller = new ReplicasController(kind, context);
  return queueController(controller.queue, workers, (key) => controller.sync(key));
}

class ReplicasController<T extends Replicated> {
  readonly queue: RateLimitedQueue;
  readonly #kind: ReplicatedKind<T>;
  readonly #context: ControllerContext;
  readonly #sets: Informer<T>;
  readonly #pods: Informer<Pod>;
  readonly #expectations: Expectations;
  readonly #podControl: PodControl;

  constructor(kind: ReplicatedKind<T>, context: ControllerContext) {
    const { informers, clock } = context;
    this.#kind = kind;
    this.#context = context;
    this.queue = new RateLimitedQueue({ name: context.name }, context);
    this.#expectations = new Expectations(clock);
    this.#podControl = new PodControl(context);
    this.#sets = informers.informer(kind.ref);
    this.#pods = informers.informer(pods);
    this.#sets.addHandler({
      add: (set) => this.queue.add(keyOf(set)),
      update: (set) => this.queue.add(keyOf(set)),
      delete: (set) => {
        this.#expectations.forget(keyOf(set));
        this.queue.add(keyOf(set));
      },
    });
    this.#pods.addHandler({
      add: (pod) => {
        this.#podAdded(pod);
      },
      update: (pod, old) => {
        this.#podUpdated(pod, old);
      },
      delete: (pod) => {
        this.#podGone(pod);
      },
    });
  }

  #podAdded(pod: Pod): void {
    if (pod.metadata?.deletionTimestamp !== undefined) {
      this.#podGone(pod);
      return;
    }
    const key = this.#ownerKey(pod);
    if (key === undefined) {
      this.#enqueueFitting(pod);
      return;
    }
    this.#expectations.creationSeen(key);
    this.queue.add(key);
  }

  #podUpdated(pod: Pod, old: Pod): void {
    if (pod.metadata?.deletionTimestamp !== undefined) {
      this.#podGone(pod);
      return;
    }
    const oldKey = this.#ownerKey(old);
    const key = this.#ownerKey(pod);
    if (oldKey !== undefined && oldKey !== key) this.queue.add(oldKey);
    if (key === undefined) {
      if (oldKey !== undefined || pod.metadata?.labels !== old.metadata?.labels) this.#enqueueFitting(pod);
      return;
    }
    this.queue.add(key);
    if (isReady(pod) && !isReady(old)) this.#wakeLater(key);
  }

  /** A pod that has just become ready becomes available later, without another event. */
  #wakeLater(key: string): void {
    const minReadySeconds = this.#sets.lister.get(key)?.spec?.minReadySeconds ?? 0;
    if (minReadySeconds > 0) this.queue.addAfter(key, minReadySeconds * 1000);
  }

  /** Deleted, or on its way: from now on it doesn't count. */
  #podGone(pod: Pod): void {
    const key = this.#ownerKey(pod);
    if (key === undefined) return;
    this.#expectations.deletionSeen(key, keyOf(pod));
    this.queue.add(key);
  }

  #ownerKey(pod: Pod): string | undefined {
    const owner = controllerOf(pod);
    if (owner?.kind !== this.#kind.ref.kind) return undefined;
    const key = `${pod.metadata?.namespace}/${owner.name}`;
    const set = this.#sets.lister.get(key);
    return set === undefined || set.metadata?.uid === owner.uid ? key : undefined;
  }

  #enqueueFitting(pod: Pod): void {
    if (controllerOf(pod) !== undefined) return;
    for (const set of this.#sets.lister.list(pod.metadata?.namespace)) {
      if (this.#kind.selectorOf(set).matches(pod.metadata?.labels)) this.queue.add(keyOf(set));
    }
  }

  async sync(key: string): Promise<void> {
    const set = this.#sets.lister.get(key);
    if (set === undefined) {
      this.#expectations.forget(key);
      return;
    }
    const owner = this.#ownerOf(set);
    const mayManage = this.#expectations.satisfied(key);
    const all = this.#pods.lister.list(owner.namespace);
    const claimed = await claim(owner, all.filter(isActive), {
      client: this.#context.client,
      ref: pods,
      readOwner: () => this.#context.client.resource(this.#kind.ref, owner.namespace).get(owner.name),
    });
    const missing = (set.spec?.replicas ?? 0) - claimed.length;
    const failure = mayManage && !owner.isDeleting ? await this.#manage(set, owner, claimed) : undefined;
    const terminating = this.#kind.countsTerminating
      ? all.filter((pod) => isTerminating(pod) && owns(owner, pod)).length
      : undefined;
    await this.#writeStatus(set, { pods: claimed, terminating, failure, missing });
    this.#wakeWhenAvailable(key, set, claimed);
    if (failure !== undefined) throw failure instanceof Error ? failure : new Error("managing pods failed");
  }

  async #manage(set: T, owner: Owner, claimed: readonly Pod[]): Promise<unknown> {
    const plan = planReplicas({
      wanted: set.spec?.replicas ?? 0,
      pods: claimed,
      related: this.#relatedPods(set),
      now: this.#context.clock.now(),
    });
    if (plan.create > 0) return this.#create(set, owner, plan.create);
    return plan.remove.length > 0 ? this.#delete(set, plan.remove) : undefined;
  }

  async #create(set: T, owner: Owner, count: number): Promise<unknown> {
    const key = keyOf(set);
    const template = set.spec?.template ?? {};
    this.#expectations.expectCreations(key, count);
    let attempted = 0;
    const result = await slowStart(count, async () => {
      attempted += 1;
      try {
        await this.#podControl.create(template, owner, set);
      } catch (error) {
        this.#expectations.creationSeen(key);
        throw error;
      }
    });
    for (let left = count - attempted; left > 0; left--) this.#expectations.creationSeen(key);
    // A namespace that is being emptied takes no new pods: nothing to complain about or to try again.
    return isNamespaceTerminating(result.error) ? undefined : result.error;
  }

  async #delete(set: T, victims: readonly Pod[]): Promise<unknown> {
    const key = keyOf(set);
    this.#expectations.expectDeletions(key, victims.map(keyOf));
    const results = await Promise.allSettled(
      victims.map(async (pod) => {
        try {
          await this.#podControl.delete(pod, set);
        } catch (error) {
          this.#expectations.deletionSeen(key, keyOf(pod));
          if (!isNotFound(error)) throw error;
        }
      }),
    );
    const failed = results.find((result) => result.status === "rejected");
    return failed?.reason;
  }

  /** Active pods of every set that the same Deployment (or other controller) owns. */
  #relatedPods(set: T): readonly Pod[] {
    const namespace = set.metadata?.namespace;
    const parent = controllerOf(set)?.uid;
    const uids = new Set(
      parent === undefined
        ? [set.metadata?.uid]
        : this.#sets.lister
            .list(namespace)
            .filter((other) => controllerOf(other)?.uid === parent)
            .map((other) => other.metadata?.uid),
    );
    return this.#pods.lister
      .list(namespace)
      .filter((pod) => isActive(pod) && uids.has(controllerOf(pod)?.uid));
  }

  async #writeStatus(
    set: T,
    seen: Pick<StatusInput, "pods" | "terminating" | "failure" | "missing">,
  ): Promise<void> {
    const status = replicaSetStatus({ set, ...seen, now: this.#context.clock.now() });
    if (sameStatus(set.status, status)) return;
    const sets = this.#context.client.resource(this.#kind.ref, set.metadata?.namespace ?? "");
    try {
      await sets.updateStatus({ ...set, status });
    } catch (error) {
      // Gone meanwhile: its deletion wakes nobody else. A conflict means that a newer one is on its way to our cache.
      if (!isNotFound(error)) throw error;
    }
  }

  #wakeWhenAvailable(key: string, set: T, claimed: readonly Pod[]): void {
    const minReadySeconds = set.spec?.minReadySeconds ?? 0;
    if (minReadySeconds === 0) return;
    const now = this.#context.clock.now();
    const waits = claimed.filter(isReady).map((pod) => msUntilAvailable(pod, minReadySeconds, now));
    const next = Math.min(...waits.filter((ms) => ms > 0));
    if (Number.isFinite(next)) this.queue.addAfter(key, next);
  }

  #ownerOf(set: T): Owner {
    const { group, version, kind } = this.#kind.ref;
    return {
      apiVersion: group === "" ? version : `${group}/${version}`,
      kind,
      name: set.metadata?.name ?? "",
      namespace: set.metadata?.namespace ?? "",
      uid: set.metadata?.uid ?? "",
      isDeleting: set.metadata?.deletionTimestamp !== undefined,
      selector: this.#kind.selectorOf(set),
    };
  }
}

const owns = (owner: Owner, pod: Pod): boolean =>
  controllerOf(pod)?.uid === owner.uid && owner.selector.matches(pod.metadata?.labels);
