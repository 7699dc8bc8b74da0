/**
 * What is special about a resource. The engine (store.ts) calls these in a fixed order:
 * create: begin → prepareForCreate → validate → admission validates → write → finish
 * update: prepareForUpdate → begin → validate → admission validates → write → finish
 * Only prepare* and begin* may change the object; nothing may change `old`.
 */
import { ownValue } from "#base/own-value.ts";
import { assert } from "#base/assert.ts";
import { nextInt64 } from "#base/exact-json.ts";
import type { AnyObject } from "#api/meta/object.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import type { FieldError } from "#api/meta/field-error.ts";

export interface StrategyContext {
  /** RFC 3339, the time of this write. */
  readonly now: string;
  readonly dryRun: boolean;
  /** The API group and version the client used. */
  readonly requestVersion: string;
  readonly user: UserInfo;
  /**
   * Of a new object: another one was created with the same spec and annotations, and there was nothing to say of them. Of
   * an update: they are those that are stored, which were valid.
   */
  readonly isSpecSound?: boolean;
  warn(text: string): void;
}

/** What became of a write. "unknown": it may have been made, so nothing it took may go to others. */
export type Outcome = "written" | "failed" | "unknown";

/** Commits or gives back what `begin` took. Called once, whatever happened. */
export type Finish = (outcome: Outcome) => Promise<void>;

export interface DeletionOptions {
  gracePeriodSeconds?: number | bigint | undefined;
  propagationPolicy?: string | undefined;
  orphanDependents?: boolean | undefined;
  preconditions?: { uid?: string | undefined; resourceVersion?: string | undefined } | undefined;
}

export interface Strategy {
  /** A PUT to a name that isn't there creates it. */
  readonly allowCreateOnUpdate: boolean;
  /** An update needs no resourceVersion. */
  readonly allowUnconditionalUpdate: boolean;
  /** DELETE answers with the object instead of a Status. */
  readonly returnsDeletedObject: boolean;
  prepareForCreate(object: AnyObject, context: StrategyContext): void;
  prepareForUpdate(object: AnyObject, old: AnyObject, context: StrategyContext): void;
  /** The context only matters where versions of an API ask for different things. */
  validateCreate(object: AnyObject, context?: StrategyContext): readonly FieldError[];
  validateUpdate(object: AnyObject, old: AnyObject, context?: StrategyContext): readonly FieldError[];
  /** Takes what the object needs from a shared range (addresses, ports). Throws StatusError when it can't. */
  beginCreate?(object: AnyObject, context: StrategyContext): Promise<Finish>;
  beginUpdate?(object: AnyObject, old: AnyObject, context: StrategyContext): Promise<Finish>;
  /** The last state of an object that is gone. */
  afterDelete?(object: AnyObject): Promise<void>;
  /** The grace period of this deletion in seconds; undefined when the resource knows no graceful deletion. */
  gracePeriod?(object: AnyObject, asked: number | bigint | undefined): number | bigint;
  /** What happens to dependents when the client says nothing. Background unless told otherwise. */
  defaultPropagation?(context: StrategyContext): "Background" | "Orphan";
  /**
   * A deletion that is this resource's own: `object`, changed, is kept, or it is leaving and nothing about that changes.
   * Undefined leaves it to the usual one.
   */
  beginDeletion?(
    object: AnyObject,
    options: DeletionOptions,
    context: StrategyContext,
  ): "mark" | "wait" | undefined;
  /** More than metadata.finalizers keeps the object alive. */
  mayBeRemoved?(object: AnyObject): boolean;
  /** Another way to mark the object as being deleted. */
  markDeleted?(object: AnyObject, context: StrategyContext): void;
}

/** The checks of one API type; src/api/validation.ts. */
export interface Validation {
  /** `isSpecSound`: see StrategyContext. */
  create(object: AnyObject, isSpecSound?: boolean): readonly FieldError[];
  update(object: AnyObject, old: AnyObject, isSpecSound?: boolean): readonly FieldError[];
}

/**
 * What metadata.generation is: what a new object was sent with; it is 1 for ever; it counts changes outside metadata and status
 * ("content"), or those and changes of the labels or annotations, or what was sent to be changed, even if it has no feature ("sent").
 */
export type GenerationRule = "none" | "fixed" | "content" | "sent" | "labels" | "annotations";

/** Takes out what has no feature, unless the stored object has it; see disabled-fields.ts. */
export type DropDisabled = (object: AnyObject, old: AnyObject | undefined) => void;

export interface DefaultStrategyOptions {
  readonly hasStatus: boolean;
  /** Undefined: a new object keeps the status it was sent with. */
  readonly initialStatus: Readonly<Record<string, unknown>> | undefined;
  readonly generation: GenerationRule;
  readonly dropDisabled: DropDisabled;
  readonly allowCreateOnUpdate: boolean;
  readonly allowUnconditionalUpdate: boolean;
  readonly returnsDeletedObject: boolean;
  readonly validation: Validation;
}

/** What most resources do: the status belongs to the status subresource, the generation follows the rest. */
export class DefaultStrategy implements Strategy {
  readonly allowCreateOnUpdate: boolean;
  readonly allowUnconditionalUpdate: boolean;
  readonly returnsDeletedObject: boolean;
  readonly #options: DefaultStrategyOptions;

  constructor(options: DefaultStrategyOptions) {
    this.#options = options;
    this.allowCreateOnUpdate = options.allowCreateOnUpdate;
    this.allowUnconditionalUpdate = options.allowUnconditionalUpdate;
    this.returnsDeletedObject = options.returnsDeletedObject;
  }

  prepareForCreate(object: AnyObject, _context: StrategyContext): void {
    const { hasStatus, initialStatus } = this.#options;
    if (hasStatus && initialStatus !== undefined) object["status"] = { ...initialStatus };
    this.#options.dropDisabled(object, undefined);
    if (this.#options.generation !== "none") (object.metadata ??= {}).generation = 1;
  }

  prepareForUpdate(object: AnyObject, old: AnyObject, _context: StrategyContext): void {
    if (this.#options.hasStatus) {
      if (old["status"] === undefined) delete object["status"];
      else object["status"] = old["status"];
    }
    const isNewAsSent = this.#options.generation === "sent" && !isSameContent(object, old);
    this.#options.dropDisabled(object, old);
    if (isNewAsSent || this.#isNewGeneration(object, old)) bumpGeneration(object, old);
  }

  #isNewGeneration(object: AnyObject, old: AnyObject): boolean {
    const { generation } = this.#options;
    if (generation === "none" || generation === "fixed" || generation === "sent") return false;
    if (!isSameContent(object, old)) return true;
    return generation !== "content" && !isSame(object.metadata?.[generation], old.metadata?.[generation]);
  }

  validateCreate(object: AnyObject, context?: StrategyContext): readonly FieldError[] {
    return this.#options.validation.create(object, context?.isSpecSound);
  }

  validateUpdate(object: AnyObject, old: AnyObject, context?: StrategyContext): readonly FieldError[] {
    return this.#options.validation.update(object, old, context?.isSpecSound);
  }
}

export function bumpGeneration(object: AnyObject, old: AnyObject): void {
  (object.metadata ??= {}).generation = nextInt64(old.metadata?.generation ?? 0);
}

/** What a strategy may have beyond what each has. */
const hooks = [
  "beginCreate",
  "beginUpdate",
  "afterDelete",
  "gracePeriod",
  "beginDeletion",
  "defaultPropagation",
  "mayBeRemoved",
  "markDeleted",
] as const;

/**
 * A resource's own strategy over the one that most resources have: does what that does, but for what is overridden. It
 * doesn't hand on hooks: a base that has one is only for who has that, too.
 */
export class DelegatingStrategy implements Strategy {
  readonly allowCreateOnUpdate: boolean;
  readonly allowUnconditionalUpdate: boolean;
  readonly returnsDeletedObject: boolean;
  readonly #base: Strategy;

  constructor(base: Strategy) {
    this.#base = base;
    this.allowCreateOnUpdate = base.allowCreateOnUpdate;
    this.allowUnconditionalUpdate = base.allowUnconditionalUpdate;
    this.returnsDeletedObject = base.returnsDeletedObject;
    const lost = hooks.filter((hook) => hook in base && !(hook in this));
    assert(lost.length === 0, `a strategy over another that loses its ${lost.join(", ")}`);
  }

  prepareForCreate(object: AnyObject, context: StrategyContext): void {
    this.#base.prepareForCreate(object, context);
  }

  prepareForUpdate(object: AnyObject, old: AnyObject, context: StrategyContext): void {
    this.#base.prepareForUpdate(object, old, context);
  }

  validateCreate(object: AnyObject, context?: StrategyContext): readonly FieldError[] {
    return this.#base.validateCreate(object, context);
  }

  validateUpdate(object: AnyObject, old: AnyObject, context?: StrategyContext): readonly FieldError[] {
    return this.#base.validateUpdate(object, old, context);
  }
}

/** For subresources through which a part of an object changes: nothing is ever created through one. */
export abstract class PartStrategy implements Strategy {
  readonly allowCreateOnUpdate = false;
  readonly allowUnconditionalUpdate: boolean;
  readonly returnsDeletedObject = false;

  constructor(allowUnconditionalUpdate: boolean) {
    this.allowUnconditionalUpdate = allowUnconditionalUpdate;
  }

  prepareForCreate(): void {
    // See above.
  }

  abstract prepareForUpdate(object: AnyObject, old: AnyObject, context: StrategyContext): void;

  validateCreate(): readonly FieldError[] {
    return [];
  }

  abstract validateUpdate(object: AnyObject, old: AnyObject): readonly FieldError[];
}

export interface StatusStrategyOptions {
  readonly allowUnconditionalUpdate: boolean;
  /** What of metadata can't be changed through /status. */
  readonly keeps: readonly KeptMetadata[];
  readonly dropDisabled: DropDisabled;
  readonly validate: (object: AnyObject, old: AnyObject) => readonly FieldError[];
}

/** For /status: only the status (and metadata that isn't the spec's business) may change. */
export class StatusStrategy extends PartStrategy {
  readonly #options: StatusStrategyOptions;

  constructor(options: StatusStrategyOptions) {
    super(options.allowUnconditionalUpdate);
    this.#options = options;
  }

  prepareForUpdate(object: AnyObject, old: AnyObject, _context: StrategyContext): void {
    keepAllBut(object, old, "status");
    restore(object, old, this.#options.keeps);
    this.#options.dropDisabled(object, old);
  }

  validateUpdate(object: AnyObject, old: AnyObject): readonly FieldError[] {
    return this.#options.validate(object, old);
  }
}

/** Puts every top-level field of `old` back except metadata and `field`. */
export function keepAllBut(object: AnyObject, old: AnyObject, field: string): void {
  for (const name of new Set([...Object.keys(object), ...Object.keys(old)])) {
    if (name === field || name === "metadata" || name === "kind" || name === "apiVersion") continue;
    if (old[name] === undefined) delete object[name];
    else object[name] = old[name];
  }
}

export type KeptMetadata = "labels" | "annotations" | "finalizers" | "ownerReferences" | "deletionTimestamp";

/** Puts metadata fields of `old` back. */
export function restore(object: AnyObject, old: AnyObject, fields: readonly KeptMetadata[]): void {
  for (const field of fields) {
    const metadata = (object.metadata ??= {});
    const was = old.metadata?.[field];
    if (was === undefined) delete metadata[field];
    else Object.assign(metadata, { [field]: was });
  }
}

/** Equal but for metadata and (unless it counts, too) status. */
export function isSameContent(object: AnyObject, old: AnyObject, withStatus = false): boolean {
  for (const name of new Set([...Object.keys(object), ...Object.keys(old)])) {
    if (
      name === "metadata" ||
      (name === "status" && !withStatus) ||
      name === "kind" ||
      name === "apiVersion"
    ) {
      continue;
    }
    if (!isSame(object[name], old[name])) return false;
  }
  return true;
}

/** Equal as API values: absent, null, {} and [] are one and the same. */
export function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isEmpty(a) || isEmpty(b)) return isEmpty(a) && isEmpty(b);
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) return isSameList(a, b);
  return isSameMap(a as Record<string, unknown>, b as Record<string, unknown>);
}

function isSameMap(
  left: Readonly<Record<string, unknown>>,
  right: Readonly<Record<string, unknown>>,
): boolean {
  for (const name in left) if (!isSame(left[name], ownValue(right, name))) return false;
  for (const name in right) if (ownValue(left, name) === undefined && !isEmpty(right[name])) return false;
  return true;
}

function isSameList(a: unknown, b: unknown): boolean {
  if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (!isSame(a[at], b[at])) return false;
  return true;
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (typeof value !== "object") return false;
  for (const _ in value) return false;
  return true;
}

/** For changes the server itself makes to an object: bindings, evictions, scales. Nothing is prepared or checked. */
export const bareStrategy: Strategy = {
  allowCreateOnUpdate: false,
  allowUnconditionalUpdate: true,
  returnsDeletedObject: false,
  prepareForCreate: () => undefined,
  prepareForUpdate: () => undefined,
  validateCreate: () => [],
  validateUpdate: () => [],
};
