/**
 * pods/eviction: a deletion that a PodDisruptionBudget may refuse.
 * upstream: pkg/registry/core/pod/storage/eviction.go
 */
import type { Pod } from "#api/generated/types/core-v1.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { badRequestError, failure, isConflict } from "#api/meta/status.ts";
import {
  attributesOf,
  judgeStrictFaults,
  optionsObject,
  parseWriteOptions,
  settleNamespace,
  wipeSystemFields,
  writeContext,
  type WriteDeps,
} from "#apiserver/handlers/write.ts";
import { toRfc3339, type Clock } from "#base/clock.ts";
import { checkDeletion } from "../conditions.ts";
import type { Handler } from "../endpoint.ts";
import type { ObjectId, ResourceStore } from "../store.ts";
import type { WriteContext } from "../write.ts";
import { bareStrategy, type DeletionOptions } from "../strategy.ts";
import { createdStatus } from "../success.ts";
import { budgetsOf, isUncounted, stillProcessed, takeDisruption } from "./disruption.ts";
import { setPodCondition } from "./pod-condition.ts";

export interface EvictionDeps extends WriteDeps {
  readonly clock: Clock;
  /** Of poddisruptionbudgets. */
  readonly budgets: () => ResourceStore;
}

/** upstream: EvictionsRetry.Steps */
const triesMax = 20;
const evictionKind = { group: "policy", version: "v1", kind: "Eviction" } as const;

type Wish = DeletionOptions & { readonly dryRun?: readonly string[] | undefined };

export const evict =
  (deps: EvictionDeps): Handler =>
  async (request) => {
    const { call, info, endpoint } = request;
    const options = parseWriteOptions(call.query, "CreateOptions");
    const decoded = await deps.semantics.decode(call.body, evictionKind);
    const eviction = judgeStrictFaults(decoded, options, request);
    call.sent?.(eviction);
    settleNamespace(eviction, request);
    wipeSystemFields(eviction);
    const { name = "" } = eviction.metadata ?? {};
    if (name !== info.name) throw badRequestError("name in URL does not match name in Eviction object");
    const deletion = (eviction["deleteOptions"] ?? {}) as Wish;
    const dryRun = isDryRun(options.dryRun, deletion);
    const asObject = optionsObject("CreateOptions", options);
    const subject = {
      operation: "CREATE",
      object: eviction,
      oldObject: undefined,
      options: asObject,
      dryRun,
    } as const;
    const attributes = attributesOf(request, { ...subject, gvk: evictionKind });
    await deps.admission.admit(attributes);
    await deps.admission.validate(attributes);

    const context = writeContext(request, deps, { dryRun, asObject, asksAdmission: false });
    const id = { namespace: info.namespace, name };
    await new Evicting(endpoint.storage, deps, context, { id, wish: deletion }).run();
    return createdStatus();
  };

/** Of the request or of its body; when both say something, the same. */
function isDryRun(isAsked: boolean, { dryRun: inside = [] }: Wish): boolean {
  if (isAsked && inside.length > 0 && (inside.length > 1 || inside[0] !== "All")) {
    throw failure({
      code: 500,
      reason: "",
      message: `Non-matching dry-run options in request and content: [All] and [${inside.join(" ")}]`,
    });
  }
  return isAsked || inside.length > 0;
}

const hasEnded = ({ metadata, status }: Pod): boolean =>
  metadata?.deletionTimestamp !== undefined || status?.phase === "Succeeded" || status?.phase === "Failed";

class Evicting {
  readonly #pods: ResourceStore;
  readonly #deps: EvictionDeps;
  readonly #context: WriteContext;
  readonly #id: ObjectId;
  readonly #wish: DeletionOptions;

  constructor(
    pods: ResourceStore,
    deps: EvictionDeps,
    context: WriteContext,
    { id, wish }: { readonly id: ObjectId; readonly wish: DeletionOptions },
  ) {
    this.#pods = pods;
    this.#deps = deps;
    this.#context = context;
    this.#id = id;
    this.#wish = wish;
  }

  async run(): Promise<void> {
    for (let tries = 1; ; tries++) {
      const pod = (await this.#pods.get(this.#id)).object as Pod;
      // It disrupts nothing: it doesn't run any more, or not yet; what is to run must not begin meanwhile.
      const isFree = hasEnded(pod) || pod.status?.phase === "Pending";
      if (!isFree) return this.#askBudget(pod);
      try {
        await this.#remove(hasEnded(pod) ? undefined : pod);
        return;
      } catch (error) {
        if (this.#namesRevision || tries >= triesMax || !isConflict(error)) throw error;
      }
    }
  }

  get #namesRevision(): boolean {
    return this.#wish.preconditions?.resourceVersion !== undefined;
  }

  async #askBudget(pod: Pod): Promise<void> {
    const { budgets, clock } = this.#deps;
    const found = budgetsOf(budgets(), this.#id.namespace, pod, clock.monotonic());
    const [budget] = found;
    if (found.length > 1) {
      throw failure({
        code: 500,
        reason: "",
        message:
          "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
      });
    }
    if (budget === undefined) return this.#remove();
    const name = budget.metadata?.name ?? "";
    if (!isUncounted(pod, budget)) {
      await this.#take(name);
      return this.#remove();
    }
    try {
      // Only if it hasn't become ready since.
      await this.#remove(pod, true);
    } catch (error) {
      throw isConflict(error) && !this.#namesRevision ? stillProcessed(name) : error;
    }
  }

  async #take(name: string): Promise<void> {
    const { budgets, clock } = this.#deps;
    const take = (current: AnyObject | undefined): Promise<AnyObject> => {
      const budget = structuredClone(current) as AnyObject;
      takeDisruption(budget, this.#id.name, toRfc3339(clock.now()));
      return Promise.resolve(budget);
    };
    await budgets().update({ namespace: this.#id.namespace, name }, take, this.#context, bareStrategy);
  }

  /** With `seen` only as it was seen; a revision the request names is the older one, unless `isSure`. */
  async #remove(seen?: Pod, isSure = false): Promise<void> {
    const { preconditions } = this.#wish;
    const resourceVersion =
      seen === undefined || (this.#namesRevision && !isSure)
        ? preconditions?.resourceVersion
        : seen.metadata?.resourceVersion;
    const only = resourceVersion === undefined ? preconditions : { ...preconditions, resourceVersion };
    const revision = this.#context.dryRun ? undefined : await this.#sayWhy(only);
    const bumped =
      revision === undefined || resourceVersion === undefined ? only : { ...only, resourceVersion: revision };
    await this.#pods.delete(this.#id, { ...this.#wish, preconditions: bumped }, this.#context);
  }

  /** Its controller and its user see in the pod what became of it. Resolves to the pod's revision then. */
  async #sayWhy(only: DeletionOptions["preconditions"]): Promise<string | undefined> {
    const change = (current: AnyObject | undefined): Promise<AnyObject> => {
      const pod = structuredClone(current) as AnyObject & Pod;
      this.#checkStill(pod, only);
      const why = { reason: "EvictionByEvictionAPI", message: "Eviction API: evicting" };
      const condition = { type: "DisruptionTarget", status: "True", ...why };
      setPodCondition((pod.status ??= {}), condition, toRfc3339(this.#deps.clock.now()));
      return Promise.resolve(pod);
    };
    const { object } = await this.#pods.update(this.#id, change, this.#context, bareStrategy);
    return object.object.metadata?.resourceVersion;
  }

  #checkStill({ metadata }: Pod, only: DeletionOptions["preconditions"]): void {
    const { uid = "", resourceVersion = "" } = only ?? {};
    const subject = { group: "", resource: "pods", kind: "Pod", name: this.#id.name };
    checkDeletion(
      subject,
      { metadata },
      {
        ...(uid === "" ? {} : { uid }),
        ...(resourceVersion === "" ? {} : { resourceVersion }),
      },
    );
  }
}
