/**
 * A deleted definition takes its objects with it, and goes when the last of them is gone.
 * upstream: apiextensions-apiserver/pkg/controller/finalizer/crd_finalizer.go
 */
import type { CustomResourceDefinition } from "#api/generated/types/apiextensions-v1.ts";
import { isNotFound } from "#api/meta/status.ts";
import { customResourceDefinitions } from "#api/resources.ts";
import { toRfc3339, type Clock } from "#base/clock.ts";
import { errorText, type Logger } from "#base/log.ts";
import type { Client } from "#client/client.ts";
import type { ResourceStore } from "#apiserver/registry/store.ts";
import type { WriteContext } from "#apiserver/registry/write.ts";
import { walkedError } from "#apiserver/registry/unreadable.ts";
import { isTrue, withCondition, type Condition } from "./conditions.ts";
import { cleanupFinalizer } from "./definition-strategy.ts";

export interface FinalizerDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly client: () => Client;
  /** Lets `finalize` be called again for a definition. */
  readonly again: (name: string, afterMs: number) => void;
}

/** Upstream gives objects with finalizers of their own this long before it says that it waits. */
const patienceMs = 60_000;
/** The same key range as built-in resources: their objects stay. */
const overlapping = new Set([
  "apiservices.apiregistration.k8s.io",
  "customresourcedefinitions.apiextensions.k8s.io",
]);

type Finding = Omit<Condition, "lastTransitionTime" | "type">;

const inProgress: Finding = {
  status: "True",
  reason: "InstanceDeletionInProgress",
  message: "CustomResource deletion is in progress",
};
const completed: Finding = {
  status: "False",
  reason: "InstanceDeletionCompleted",
  message: "removed all instances",
};
const neverEstablished: Finding = {
  status: "False",
  reason: "NeverEstablished",
  message: "resource was never established",
};
const overlaps: Finding = {
  status: "False",
  reason: "OverlappingBuiltInResource",
  message: "instances overlap with built-in resources in storage",
};
const waiting: Finding = {
  status: "True",
  reason: "InstanceDeletionCheck",
  message: "could not confirm zero CustomResources remaining: timed out waiting for the condition",
};

const unlisted = ({ spec, status }: CustomResourceDefinition, why: string): Finding => ({
  status: "True",
  reason: "InstanceDeletionFailed",
  message: `could not list instances: unable to find a custom resource client for ${status?.acceptedNames?.plural ?? ""}.${spec.group}: ${why}`,
});

interface Wait {
  readonly deadline: number;
  readonly stop: () => void;
}

export class Finalizer {
  readonly #deps: FinalizerDeps;
  readonly #waits = new Map<string, Wait>();

  constructor(deps: FinalizerDeps) {
    this.#deps = deps;
  }

  forget(name: string): void {
    this.#waits.get(name)?.stop();
    this.#waits.delete(name);
  }

  /**
   * `storage` is undefined as long as its objects aren't served, and a text when they can't be: the definition waits until
   * that is mended. Runs again until they are gone.
   */
  async finalize(crd: CustomResourceDefinition, storage: ResourceStore | string | undefined): Promise<void> {
    const name = crd.metadata?.name ?? "";
    if (overlapping.has(name)) return this.#finish(crd, overlaps);
    if (!isTrue(crd, "Established")) return this.#finish(crd, neverEstablished);
    // Established objects are served, or will be in a moment: that brings this here again.
    if (storage === undefined) return undefined;
    if (typeof storage === "string") {
      await this.#say(crd, unlisted(crd, storage));
      return undefined;
    }
    const wait = this.#waits.get(name);
    if (wait === undefined) {
      const begun = await this.#say(crd, inProgress);
      this.#wait(name, storage);
      const failure = await removeAll(storage);
      if (failure !== undefined) await this.#say(begun, failure);
      this.#deps.again(name, failure === undefined ? 0 : 1000);
      if (failure !== undefined) this.forget(name);
      return undefined;
    }
    if (isEmpty(storage)) {
      this.forget(name);
      return this.#finish(crd, completed);
    }
    if (this.#deps.clock.now() >= wait.deadline) {
      this.forget(name);
      await this.#say(crd, waiting);
      this.#deps.again(name, 1000);
    }
    return undefined;
  }

  /** Called back as soon as the last object is gone, and once when that takes too long. */
  #wait(name: string, { cache }: ResourceStore): void {
    const stop = cache.listen({
      onEvent: ({ current }) => {
        if (current === undefined && cache.size === 0) this.#deps.again(name, 0);
      },
    });
    this.#waits.set(name, { deadline: this.#deps.clock.now() + patienceMs, stop });
    this.#deps.again(name, patienceMs);
  }

  async #say(crd: CustomResourceDefinition, finding: Finding): Promise<CustomResourceDefinition> {
    return this.#deps.client().resource(customResourceDefinitions).updateStatus(this.#with(crd, finding));
  }

  #with(crd: CustomResourceDefinition, finding: Finding): CustomResourceDefinition {
    const now = toRfc3339(this.#deps.clock.now());
    const conditions = withCondition(crd.status?.conditions ?? [], { type: "Terminating", ...finding }, now);
    return { ...crd, status: { ...crd.status, conditions } };
  }

  async #finish(crd: CustomResourceDefinition, finding: Finding): Promise<void> {
    const finalizers = (crd.metadata?.finalizers ?? []).filter((each) => each !== cleanupFinalizer);
    const { metadata, ...rest } = this.#with(crd, finding);
    await this.#deps
      .client()
      .resource(customResourceDefinitions)
      .updateStatus({ ...rest, metadata: { ...metadata, finalizers } });
  }
}

/** Of what nobody can read, too. */
const isEmpty = ({ cache }: ResourceStore): boolean => cache.size === 0 && cache.unreadable.isEmpty;

const ownContext = (): WriteContext => ({
  dryRun: false,
  requestVersion: "",
  user: { name: "system:apiserver", groups: ["system:masters"] },
  signal: new AbortController().signal,
  warn: () => undefined,
  validate: () => Promise.resolve(),
});

/** Straight at the storage: admission isn't asked. */
async function removeAll(storage: ResourceStore): Promise<Finding | undefined> {
  const failures = storage.cache.unreadable.objects.map((object) => walkedError(object).message);
  for (const { namespace, name } of storage.cache.page("", undefined, 0).items) {
    try {
      await storage.delete({ namespace, name }, {}, ownContext());
    } catch (error) {
      if (!isNotFound(error)) failures.push(errorText(error));
    }
  }
  if (failures.length === 0) return undefined;
  const text = failures.length === 1 ? (failures[0] ?? "") : `[${failures.join(", ")}]`;
  return {
    status: "True",
    reason: "InstanceDeletionFailed",
    message: `could not issue all deletes: ${text}`,
  };
}
