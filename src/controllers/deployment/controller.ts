/** Rolls ReplicaSets over as a Deployment asks. upstream: pkg/controller/deployment/deployment_controller.go */
import type { Deployment, DeploymentStatus, ReplicaSet } from "#api/generated/types/apps-v1.ts";
import type { Pod } from "#api/generated/types/core-v1.ts";
import { selectorOf } from "#api/meta/labels.ts";
import { controllerOf, keyOf } from "#api/meta/object.ts";
import { isNotFound } from "#api/meta/status.ts";
import { deployments, pods, replicaSets } from "#api/resources.ts";
import type { Informer } from "#client/cache/informer.ts";
import { RateLimitedQueue } from "#client/work/rate-limited.ts";
import { queueController, type Controller, type ControllerContext } from "../controller.ts";
import { isNamespaceTerminating } from "../pods/namespace-terminating.ts";
import { claim, type Owner } from "../pods/ownership.ts";
import { isTerminal } from "../pods/pod-state.ts";
import { createNewSet, refreshNewSet, type Ensured } from "./new-set.ts";
import { planRolling, planScale, planScaleDown, type Resize } from "./plan.ts";
import {
  canonical,
  desiredAnnotation,
  findNewSet,
  isRolling,
  isScalingEvent,
  maxAnnotation,
  revisionOf,
  sizeAnnotations,
  specReplicas,
  wantedReplicas,
} from "./replica-sets.ts";
import {
  conditionOf,
  countedStatus,
  hasDeadline,
  isComplete,
  msUntilDeadline,
  rolloutStatus,
  withCondition,
  type ConditionText,
  type Sets,
} from "./status.ts";

const workers = 5;

export function deploymentController(context: ControllerContext): Controller {
  const controller = new DeploymentController(context);
  return queueController(controller.queue, workers, async (key) => {
    try {
      await controller.sync(key);
    } catch (error) {
      // A namespace that is being emptied takes no new sets, and soon takes this deployment along.
      if (!isNamespaceTerminating(error)) throw error;
    }
  });
}

class DeploymentController {
  readonly queue: RateLimitedQueue;
  readonly #context: ControllerContext;
  readonly #deployments: Informer<Deployment>;
  readonly #sets: Informer<ReplicaSet>;
  readonly #pods: Informer<Pod>;

  constructor(context: ControllerContext) {
    const { informers } = context;
    this.#context = context;
    this.queue = new RateLimitedQueue({ name: "deployment" }, context);
    this.#deployments = informers.informer(deployments);
    this.#sets = informers.informer(replicaSets);
    this.#pods = informers.informer(pods);
    const enqueue = (deployment: Deployment): void => {
      this.queue.add(keyOf(deployment));
    };
    this.#deployments.addHandler({ add: enqueue, update: enqueue, delete: enqueue });
    this.#sets.addHandler({
      add: (set) => {
        this.#setChanged(set);
      },
      update: (set, old) => {
        if (controllerOf(old)?.uid !== controllerOf(set)?.uid) this.#setChanged(old);
        this.#setChanged(set);
      },
      delete: (set) => {
        this.#setChanged(set);
      },
    });
    this.#pods.addHandler({
      delete: (pod) => {
        this.#podGone(pod);
      },
    });
  }

  #setChanged(set: ReplicaSet): void {
    const owner = controllerOf(set);
    const namespace = set.metadata?.namespace ?? "";
    if (owner !== undefined) {
      if (owner.kind === "Deployment") this.queue.add(`${namespace}/${owner.name}`);
      return;
    }
    for (const deployment of this.#deployments.lister.list(namespace)) {
      if (selectorOf(deployment.spec?.selector).matches(set.metadata?.labels)) {
        this.queue.add(keyOf(deployment));
      }
    }
  }

  /** Recreate waits for the last old pod to be gone. */
  #podGone(pod: Pod): void {
    const owner = controllerOf(pod);
    if (owner?.kind !== "ReplicaSet") return;
    const set = this.#sets.lister.get(`${pod.metadata?.namespace}/${owner.name}`);
    const parent = set === undefined ? undefined : controllerOf(set);
    if (parent?.kind !== "Deployment") return;
    const key = `${pod.metadata?.namespace}/${parent.name}`;
    const deployment = this.#deployments.lister.get(key);
    if (deployment !== undefined && !isRolling(deployment)) this.queue.add(key);
  }

  async sync(key: string): Promise<void> {
    const cached = this.#deployments.lister.get(key);
    if (cached === undefined) return;
    const owner = ownerOf(cached);
    const { client, events } = this.#context;
    if (owner.selector.everything) {
      const message = "This deployment is selecting all pods. A non-empty selector is required.";
      events.event(cached, "Warning", "SelectingAll", message);
      return;
    }
    const mine = await claim(owner, this.#sets.lister.list(owner.namespace), {
      client,
      ref: replicaSets,
      readOwner: () => client.resource(deployments, owner.namespace).get(owner.name),
    });
    const found = findNewSet(cached, mine);
    const old = mine.filter((set) => set !== found);
    if (owner.isDeleting) {
      await this.#writeStatus(
        cached,
        countedStatus(cached, { newSet: found, old }, this.#context.clock.now()),
      );
      return;
    }
    const deployment = await this.#notePause(cached);
    if (deployment.spec?.paused === true || isScalingEvent(deployment, mine)) {
      await this.#scale(deployment, { found, old });
      return;
    }
    if (isRolling(deployment)) await this.#rollOver(deployment, owner, { found, old });
    else await this.#recreate(deployment, owner, { found, old });
  }

  /** Pausing stops the clock of the progress deadline, resuming starts it again. */
  async #notePause(deployment: Deployment): Promise<Deployment> {
    const current = conditionOf(deployment.status, "Progressing");
    if (!hasDeadline(deployment) || current?.reason === "ProgressDeadlineExceeded") return deployment;
    const isPaused = deployment.spec?.paused === true;
    if (isPaused === (current?.reason === "DeploymentPaused")) return deployment;
    const text: ConditionText = isPaused
      ? { status: "Unknown", reason: "DeploymentPaused", message: "Deployment is paused" }
      : { status: "Unknown", reason: "DeploymentResumed", message: "Deployment is resumed" };
    const status = withCondition(deployment.status ?? {}, "Progressing", text, this.#context.clock.now());
    const resource = this.#context.client.resource(deployments, deployment.metadata?.namespace);
    return resource.updateStatus({ ...deployment, status });
  }

  async #scale(before: Deployment, { found, old }: Found): Promise<void> {
    const { newSet, deployment } = await refreshNewSet(before, { found, old }, this.#context);
    const sets = await this.#resize(deployment, { newSet, old }, planScale(deployment, newSet, old));
    if (deployment.spec?.paused === true) await this.#forgetHistory(deployment, sets.old);
    await this.#writeStatus(deployment, countedStatus(deployment, sets, this.#context.clock.now()));
  }

  async #rollOver(before: Deployment, owner: Owner, { found, old }: Found): Promise<void> {
    const { newSet, deployment } = await this.#ensureNewSet(before, owner, { found, old });
    const plan = planRolling(deployment, newSet, old);
    const sets = await this.#resize(deployment, { newSet, old }, plan);
    await this.#finish(deployment, sets, plan.length === 0);
  }

  async #recreate(before: Deployment, owner: Owner, { found, old }: Found): Promise<void> {
    const plan = planScaleDown(old);
    if (plan.length > 0) {
      await this.#finish(before, await this.#resize(before, { newSet: found, old }, plan), false);
      return;
    }
    if (this.#oldPodsRunning(old)) {
      await this.#finish(before, { newSet: found, old }, false);
      return;
    }
    const { newSet, deployment } = await this.#ensureNewSet(before, owner, { found, old });
    const wanted = wantedReplicas(deployment);
    const growth = specReplicas(newSet) === wanted ? [] : [{ set: newSet, replicas: wanted }];
    const sets = await this.#resize(deployment, { newSet, old }, growth);
    await this.#finish(deployment, sets, growth.length === 0);
  }

  async #ensureNewSet(deployment: Deployment, owner: Owner, { found, old }: Found): Promise<Ensured> {
    if (found === undefined) return createNewSet(deployment, owner, { old, deps: this.#context });
    const ensured = await refreshNewSet(deployment, { found, old }, this.#context);
    return { newSet: ensured.newSet ?? found, deployment: ensured.deployment };
  }

  #oldPodsRunning(old: readonly ReplicaSet[]): boolean {
    const uids = new Set(old.map(({ metadata }) => metadata?.uid));
    return this.#pods.lister
      .list(old[0]?.metadata?.namespace)
      .some((pod) => uids.has(controllerOf(pod)?.uid) && !isTerminal(pod));
  }

  async #finish(deployment: Deployment, sets: Sets, isSettled: boolean): Promise<void> {
    const now = this.#context.clock.now();
    const status = rolloutStatus(deployment, sets, now);
    if (isSettled && isComplete(deployment, status)) await this.#forgetHistory(deployment, sets.old);
    await this.#writeStatus(deployment, status);
    const waitMs = msUntilDeadline(deployment, status, now);
    if (waitMs !== undefined) this.queue.addAfter(keyOf(deployment), waitMs);
  }

  /** Carries sizes out; every set also remembers for how many replicas it was sized. */
  async #resize(deployment: Deployment, sets: Sets, plan: readonly Resize[]): Promise<Sets> {
    const after = new Map<ReplicaSet, ReplicaSet>();
    for (const { set, replicas } of plan) after.set(set, await this.#resizeOne(deployment, set, replicas));
    return {
      newSet: sets.newSet === undefined ? undefined : (after.get(sets.newSet) ?? sets.newSet),
      old: sets.old.map((set) => after.get(set) ?? set),
    };
  }

  async #resizeOne(deployment: Deployment, set: ReplicaSet, replicas: number): Promise<ReplicaSet> {
    const { client, events } = this.#context;
    const sizes = sizeAnnotations(deployment);
    const annotations = set.metadata?.annotations ?? {};
    const before = specReplicas(set);
    const isNoted =
      annotations[desiredAnnotation] === sizes[desiredAnnotation] &&
      annotations[maxAnnotation] === sizes[maxAnnotation];
    if (replicas === before && isNoted) return set;
    const updated = await client.resource(replicaSets, set.metadata?.namespace).update({
      ...set,
      metadata: { ...set.metadata, annotations: { ...annotations, ...sizes } },
      spec: { ...(set.spec ?? { selector: {} }), replicas },
    });
    if (replicas !== before) {
      const direction = replicas > before ? "up" : "down";
      const message = `Scaled ${direction} replica set ${set.metadata?.name} from ${before} to ${replicas}`;
      events.event(deployment, "Normal", "ScalingReplicaSet", message);
    }
    return updated;
  }

  /** Old sets without pods beyond the history limit go, oldest revision first. */
  async #forgetHistory(deployment: Deployment, old: readonly ReplicaSet[]): Promise<void> {
    const limit = deployment.spec?.revisionHistoryLimit;
    const alive = old.filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
    if (limit === undefined || alive.length <= limit) return;
    const oldest = alive.toSorted((a, b) => revisionOf(a) - revisionOf(b)).slice(0, alive.length - limit);
    for (const set of oldest.filter(isIdle)) {
      try {
        await this.#context.client
          .resource(replicaSets, set.metadata?.namespace)
          .delete(set.metadata?.name ?? "");
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
  }

  async #writeStatus(deployment: Deployment, status: DeploymentStatus): Promise<void> {
    if (canonical(deployment.status) === canonical(status)) return;
    const resource = this.#context.client.resource(deployments, deployment.metadata?.namespace);
    try {
      await resource.updateStatus({ ...deployment, status });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

interface Found {
  readonly found: ReplicaSet | undefined;
  readonly old: readonly ReplicaSet[];
}

function isIdle(set: ReplicaSet): boolean {
  const { status, metadata } = set;
  return (
    (status?.replicas ?? 0) === 0 &&
    specReplicas(set) === 0 &&
    (metadata?.generation ?? 0) <= (status?.observedGeneration ?? 0)
  );
}

function ownerOf(deployment: Deployment): Owner {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    name: deployment.metadata?.name ?? "",
    namespace: deployment.metadata?.namespace ?? "",
    uid: deployment.metadata?.uid ?? "",
    isDeleting: deployment.metadata?.deletionTimestamp !== undefined,
    selector: selectorOf(deployment.spec?.selector),
  };
}
