/**
 * The generic engine: one resource's objects over the store, with the rules every resource obeys. What differs is in
 * its strategy. Reads come from the cache; a write compares and swaps on the revision it has read.
 * upstream: apiserver/pkg/registry/generic/registry/store.go, apiserver/pkg/registry/rest
 */
import type { AnyObject, GroupVersionResource } from "#api/meta/object.ts";
import {
  alreadyExistsError,
  failure,
  invalidError,
  modifiedConflict,
  notFoundError,
  type StatusError,
  type Subject,
} from "#api/meta/status.ts";
import { invalid, required } from "#api/meta/field-error.ts";
import { randomName, type Random } from "#base/random.ts";
import { toRfc3339, type Clock } from "#base/clock.ts";
import {
  KeyExistsError,
  KeyNotFoundError,
  RevisionMismatchError,
  StoreWriteError,
  type Entry,
  type Store,
} from "#store/store.ts";
import type { CacheFeed } from "./cache-feed.ts";
import {
  assertNew,
  checkDeletion,
  checkStored,
  keepSystemFields,
  revisionOf,
  type Preconditions,
} from "./conditions.ts";
import { planDeletion, type DeletionPlan } from "./deletion.ts";
import { authorText } from "./author.ts";
import type { ComparisonTimes } from "#apiserver/metrics/comparison-times.ts";
import { keepManagerTimes } from "./manager-times.ts";
import type { ResourceCache } from "./resource-cache.ts";
import type { StorageForm } from "./storage-form.ts";
import { keptOf, keyOfId } from "./store-keys.ts";
import { isSameContent } from "./same-content.ts";
import { faultOf, readError } from "./unreadable.ts";
import type { WriteContext, WriteResult, DeleteResult, Warnings } from "./write.ts";
import { encodeForStore, withOwnRevision, type StoredObject } from "./stored-object.ts";
import type { DeletionOptions, Finish, Outcome, Strategy, StrategyContext } from "./strategy.ts";

export interface ObjectId {
  /** "" for cluster-scoped resources. */
  readonly namespace: string;
  readonly name: string;
}

/**
 * What a new object without a name is called: metadata.generateName and something, just metadata.generateName, or
 * something even where there is no metadata.generateName.
 */
export type Naming = "generated" | "asBegun" | "always";

export interface ResourceStoreOptions {
  readonly resource: GroupVersionResource & { readonly kind: string };
  readonly strategy: Strategy;
  readonly cache: ResourceCache;
  /** Undefined: what is written is what is stored. */
  readonly form?: StorageForm | undefined;
  /** "generated" unless told otherwise. */
  readonly naming?: Naming | undefined;
  /** What to tell a client of an object that is valid all the same; the status isn't looked at. */
  readonly warnings?: Warnings | undefined;
}

export interface ResourceStoreDeps {
  readonly store: Store;
  /** A write that changes nothing is made all the same: it lies there encrypted with another key than it would be now. */
  readonly isStale?: ((key: string, value: Buffer) => boolean) | undefined;
  /** Who made a write is kept beside it. */
  readonly remembersAuthors?: boolean | undefined;
  readonly feed: CacheFeed;
  readonly clock: Clock;
  readonly random: Random;
  /** Takes how long updates are compared with what they replace. */
  readonly comparisons?: ComparisonTimes | undefined;
}

/** How often an update is tried anew when others write in between. */
const conflictTriesMax = 100;
/** upstream: rest.maxNameLength 63 minus the suffix of 5 */
const generatedBaseMax = 58;
const generateTriesMax = 8;

/** Of an object that is about to replace another. */
interface Judged {
  /** In JSON, if that is known. */
  readonly spec: Buffer | undefined;
  /** All of it has been validated. */
  readonly isSound: boolean;
}

const notJudged: Judged = { spec: undefined, isSound: false };

type Next = { readonly write: AnyObject } | { readonly remove: AnyObject };

export class ResourceStore {
  readonly cache: ResourceCache;
  readonly strategy: Strategy;
  readonly #options: ResourceStoreOptions;
  readonly #deps: ResourceStoreDeps;

  constructor(options: ResourceStoreOptions, deps: ResourceStoreDeps) {
    this.cache = options.cache;
    this.strategy = options.strategy;
    this.#options = options;
    this.#deps = deps;
  }

  subject(name: string): Subject {
    const { group, resource } = this.#options.resource;
    return { group, resource, name };
  }

  /** Throws 409. */
  checkStored(id: ObjectId, object: AnyObject | undefined, preconditions: Preconditions): void {
    checkStored(this.subject(id.name), keyOfId(this.cache, id), object, preconditions);
  }

  /** Waits for the newest write; `isAnyRevisionGood` takes what is at hand. */
  async get(id: ObjectId, isAnyRevisionGood = false): Promise<StoredObject> {
    if (!isAnyRevisionGood) await this.#deps.feed.fresh();
    return this.found(id);
  }

  /** What is at hand. Throws 404, and 500 for what can't be read. */
  found(id: ObjectId): StoredObject {
    const found = this.#current(id);
    if (found === undefined) throw notFoundError(this.subject(id.name));
    return found;
  }

  #current(id: ObjectId): StoredObject | undefined {
    const { unreadable } = this.cache;
    if (!unreadable.isEmpty) unreadable.assertOne(keyOfId(this.cache, id));
    return this.cache.get(id.namespace, id.name);
  }

  /** The object is the caller's to lose: it is changed and then belongs to the store. */
  async create(object: AnyObject, context: WriteContext): Promise<StoredObject> {
    const generateName = object.metadata?.name === undefined ? object.metadata?.generateName : undefined;
    if (generateName === undefined || generateName === "") return this.#createOnce(object, context);
    for (let tries = 1; ; tries++) {
      const base = generateName.slice(0, generatedBaseMax);
      const copy = structuredClone(object);
      const isAsBegun = this.#options.naming === "asBegun";
      (copy.metadata ??= {}).name = isAsBegun ? generateName : base + randomName(this.#deps.random, 5);
      try {
        return await this.#createOnce(copy, context);
      } catch (error) {
        if (tries >= generateTriesMax || !isOccupied(error)) throw error;
      }
    }
  }

  async #createOnce(object: AnyObject, context: WriteContext): Promise<StoredObject> {
    const { strategy } = this;
    const metadata = (object.metadata ??= {});
    if (this.#options.naming === "always" && (metadata.name ?? "") === "") {
      metadata.name = this.#deps.random.uuid();
    }
    const id = { namespace: metadata.namespace ?? "", name: metadata.name ?? "" };
    const revision = revisionOf(object);
    delete metadata.resourceVersion;
    if (id.name === "") {
      this.#refuse("", [required("metadata.name", "name or generateName is required")]);
    }
    const now = toRfc3339(this.#deps.clock.now());
    delete metadata.selfLink;
    delete metadata.deletionTimestamp;
    delete metadata.deletionGracePeriodSeconds;
    metadata.uid = this.#deps.random.uuid();
    metadata.creationTimestamp = now;
    const finish = await strategy.beginCreate?.(object, this.#contextOf(context, now));
    return this.#finishing(finish, context, async () => {
      const { form } = this.#options;
      strategy.prepareForCreate(object, this.#contextOf(context, now));
      // Before it is judged and written: what was, in the same words, needn't be again.
      const known = form === undefined ? this.cache.share(object) : undefined;
      const isSound = this.#judge(object, known?.isSound === true, context, now);
      await context.validate(object, undefined);
      assertNew(revision);
      const kept = form === undefined ? object : await form.encode(object);
      const value = encodeForStore(kept, known?.json, this.cache.zeros);
      if (context.dryRun) {
        await this.#deps.feed.fresh();
        if (this.#isTaken(id)) throw this.#occupied(object);
        return this.cache.passing(id, value, 0n);
      }
      if (form !== undefined) this.cache.share(kept);
      const keptSpec = this.cache.announce(value, kept, true);
      if (form === undefined && isSound) keptSpec?.noteSound();
      try {
        const key = keyOfId(this.cache, id);
        return this.#stored(id, await this.#deps.store.create(key, value, this.#authorOf(context)), kept);
      } catch (error) {
        if (!(error instanceof KeyExistsError)) throw error;
        await this.#deps.feed.fresh()?.catch(() => undefined);
        throw this.#occupied(object);
      }
    });
  }

  #isTaken(id: ObjectId): boolean {
    const { cache } = this;
    return cache.get(id.namespace, id.name) !== undefined || cache.unreadable.hasKey(keyOfId(cache, id));
  }

  /** Another one has the name of this one. upstream: registry/generic/registry/store.go (create), CheckGeneratedNameError */
  #occupied({ metadata: { namespace = "", name = "", generateName = "" } = {} }: AnyObject): StatusError {
    const other = this.cache.get(namespace, name)?.object;
    return alreadyExistsError(this.subject(name), {
      isGoing: other?.metadata?.deletionTimestamp !== undefined,
      isGenerated: generateName !== "",
    });
  }

  /** Whether there was nothing to say of a new object. Throws 422. */
  #judge(object: AnyObject, isSpecSound: boolean, context: WriteContext, now: string): boolean {
    const strategyContext = { ...this.#contextOf(context, now), isSpecSound };
    this.#refuse(object.metadata?.name ?? "", this.strategy.validateCreate(object, strategyContext));
    const warnings = this.#options.warnings?.create(object, isSpecSound) ?? [];
    for (const text of warnings) context.warn(text);
    return warnings.length === 0;
  }

  /**
   * Replaces an object with what `change` makes of its current state (which it must not touch); tried again when
   * others write in between. `change` runs mutating admission itself.
   */
  async update(
    id: ObjectId,
    change: (current: AnyObject | undefined) => Promise<AnyObject>,
    context: WriteContext,
    strategy: Strategy = this.strategy,
  ): Promise<WriteResult> {
    await this.#deps.feed.fresh(context);
    let current = this.#current(id);
    const { uid = "" } = context;
    for (let tries = 1; ; tries++) {
      if (uid !== "") this.checkStored(id, current?.object, { uid });
      if (current === undefined) {
        const mayCreate = strategy.allowCreateOnUpdate || context.mayCreate === true;
        if (!mayCreate) throw notFoundError(this.subject(id.name));
        const fresh = await change(undefined);
        if (fresh.metadata !== undefined) delete fresh.metadata.resourceVersion;
        return { object: await this.create(fresh, context), isCreated: true };
      }
      try {
        return { object: await this.#updateOnce(current, change, context, strategy), isCreated: false };
      } catch (error) {
        if (!(error instanceof RevisionMismatchError) || tries >= conflictTriesMax) throw error;
        current = error.current === undefined ? undefined : this.#stored(id, error.current);
      }
    }
  }

  async #updateOnce(
    current: StoredObject,
    change: (current: AnyObject) => Promise<AnyObject>,
    context: WriteContext,
    strategy: Strategy,
  ): Promise<StoredObject> {
    const old = await this.#decode(current);
    const object = await change(old);
    this.#checkRevision(object, old, strategy);
    keepSystemFields(object, old);
    const strategyContext = this.#contextOf(context, toRfc3339(this.#deps.clock.now()));
    strategy.prepareForUpdate(object, old, strategyContext);
    const finish = await strategy.beginUpdate?.(object, old, strategyContext);
    return this.#finishing(finish, context, async () => {
      const isOwn = strategy === this.strategy;
      const known = this.#options.form === undefined ? this.cache.share(object, current) : undefined;
      const isSpecSound = isOwn && current.vouchesFor(object);
      this.#refuse(current.name, strategy.validateUpdate(object, old, { ...strategyContext, isSpecSound }));
      if (isOwn) {
        for (const text of this.#options.warnings?.update(object, old) ?? []) context.warn(text);
      }
      await context.validate(object, old);
      const next = this.#nextAfterUpdate(object, old);
      if ("write" in next) this.#keepManagerTimes(next.write, old);
      return this.#write(current, next, context, { spec: known?.json, isSound: isOwn });
    });
  }

  #keepManagerTimes(object: AnyObject, old: AnyObject): void {
    const { clock, comparisons } = this.#deps;
    const start = clock.monotonic();
    const comparison = keepManagerTimes(object, old);
    comparisons?.took(comparison, clock.monotonic() - start);
  }

  #nextAfterUpdate(object: AnyObject, old: AnyObject): Next {
    const { metadata } = object;
    const isLeaving =
      metadata?.deletionTimestamp !== undefined &&
      (old.metadata?.deletionGracePeriodSeconds ?? 0) === 0 &&
      old.metadata?.deletionTimestamp !== undefined &&
      (metadata.finalizers ?? []).length === 0 &&
      this.strategy.mayBeRemoved?.(object) !== false;
    return isLeaving ? { remove: object } : { write: object };
  }

  #checkRevision(object: AnyObject, old: AnyObject, strategy: Strategy): void {
    const asked = revisionOf(object);
    if (typeof asked === "string") throw failure({ code: 500, reason: "", message: asked });
    const name = old.metadata?.name ?? "";
    if (asked === 0n) {
      if (strategy.allowUnconditionalUpdate) return;
      const { group, resource } = this.#options.resource;
      const fault = invalid("metadata.resourceVersion", 0, "must be specified for an update");
      throw invalidError({ group, kind: resource, name }, [fault]);
    }
    if (asked !== revisionOf(old)) throw modifiedConflict(this.subject(name));
  }

  /** Deletes, or begins to: graceful periods and finalizers keep the object for a while. */
  async delete(id: ObjectId, options: DeletionOptions, context: WriteContext): Promise<DeleteResult> {
    await this.#deps.feed.fresh(context);
    let current = this.#current(id);
    for (let tries = 1; ; tries++) {
      if (current === undefined) throw notFoundError(this.subject(id.name));
      try {
        return await this.#deleteOnce(current, options, context);
      } catch (error) {
        if (!(error instanceof RevisionMismatchError) || tries >= conflictTriesMax) throw error;
        current = error.current === undefined ? undefined : this.#stored(id, error.current);
      }
    }
  }

  /** Removes an object without asking anybody: its time is over. With `revision` only if it still is at that. */
  async discard(id: ObjectId, revision?: bigint): Promise<void> {
    try {
      await this.#deps.store.delete(keyOfId(this.cache, id), revision);
    } catch (error) {
      const isDone = error instanceof KeyNotFoundError || error instanceof RevisionMismatchError;
      if (!isDone) throw error;
    }
  }

  async #deleteOnce(
    current: StoredObject,
    options: DeletionOptions,
    context: WriteContext,
  ): Promise<DeleteResult> {
    const old = await this.#decode(current);
    const { kind } = this.#options.resource;
    checkDeletion({ ...this.subject(current.name), kind }, old, options.preconditions ?? {});
    const now = this.#deps.clock.now();
    const plan = planDeletion(old, options, this.strategy, {
      nowMs: now,
      context: this.#contextOf(context, toRfc3339(now)),
    });
    // Who would delete what is leaving already isn't judged.
    if (plan.kind !== "wait") await context.validate(undefined, old);
    return this.#carryOut(current, plan, context);
  }

  async #carryOut(current: StoredObject, plan: DeletionPlan, context: WriteContext): Promise<DeleteResult> {
    switch (plan.kind) {
      case "wait":
        return { object: current, isGone: false };
      case "mark":
        return { object: await this.#write(current, { write: plan.object }, context), isGone: false };
      case "remove":
        return { object: await this.#write(current, { remove: plan.object }, context), isGone: true };
    }
  }

  /** Throws RevisionMismatchError when somebody else was faster. A write that changes nothing isn't made. */
  async #write(
    current: StoredObject,
    next: Next,
    context: WriteContext,
    { spec, isSound }: Judged = notJudged,
  ): Promise<StoredObject> {
    const { dryRun } = context;
    const key = keyOfId(this.cache, current);
    if ("remove" in next) {
      const gone = encodeForStore(await this.#encode(next.remove), undefined, this.cache.zeros);
      const last = this.cache.passing(current, gone, current.revision);
      if (dryRun) return last;
      await this.#remove(key, current, this.#authorOf(context));
      await this.strategy.afterDelete?.(current.content);
      return last;
    }
    const kept = await this.#encode(next.write);
    const value = encodeForStore(kept, spec, this.cache.zeros);
    const isUnchanged =
      !current.isRenewed && value.length === current.length && isSameContent(value, current.value);
    if (isUnchanged && this.#deps.isStale?.(key, current.value) !== true) return current;
    if (dryRun) return this.cache.passing(current, value, current.revision);
    this.cache.share(kept, current);
    this.cache.announce(value, kept, isSound || current.vouchesFor(kept));
    const author = this.#authorOf(context);
    return this.#stored(current, await this.#deps.store.update(key, value, current.revision, author), kept);
  }

  async #decode(current: StoredObject): Promise<AnyObject> {
    const { form } = this.#options;
    if (form === undefined) return current.object;
    await form.prepare([current]);
    return form.view(current);
  }

  #encode(object: AnyObject): AnyObject | Promise<AnyObject> {
    return this.#options.form?.encode(object) ?? object;
  }

  async #remove(key: string, current: StoredObject, author: string | undefined): Promise<void> {
    try {
      await this.#deps.store.delete(key, current.revision, author);
    } catch (error) {
      // Gone already: somebody else finished the same deletion.
      if (error instanceof KeyNotFoundError) throw notFoundError(this.subject(current.name));
      throw error;
    }
  }

  async #finishing(
    finish: Finish | undefined,
    { dryRun }: WriteContext,
    run: () => Promise<StoredObject>,
  ): Promise<StoredObject> {
    let outcome: Outcome = "failed";
    try {
      const result = await run();
      outcome = dryRun ? "failed" : "written";
      return result;
    } catch (error) {
      if (error instanceof StoreWriteError) outcome = "unknown";
      throw error;
    } finally {
      await finish?.(outcome);
    }
  }

  #authorOf(context: WriteContext): string | undefined {
    return this.#deps.remembersAuthors === true ? authorText(context) : undefined;
  }

  #stored(id: ObjectId, entry: Entry, object?: AnyObject): StoredObject {
    const fault = faultOf(entry);
    if (fault !== undefined) throw readError(fault, fault.message);
    const own = object === undefined ? undefined : withOwnRevision(object, entry.modRevision);
    return this.cache.passing(id, keptOf(entry), entry.modRevision, own);
  }

  #refuse(name: string, faults: ReturnType<Strategy["validateCreate"]>): void {
    if (faults.length === 0) return;
    const { group, kind } = this.#options.resource;
    throw invalidError({ group, kind, name }, faults);
  }

  #contextOf(context: WriteContext, now: string): StrategyContext {
    const { dryRun, requestVersion, user } = context;
    return {
      now,
      dryRun,
      requestVersion,
      user,
      warn: (text) => {
        context.warn(text);
      },
    };
  }
}

const isOccupied = (error: unknown): boolean =>
  error instanceof Error && "reason" in error && error.reason === "AlreadyExists";
