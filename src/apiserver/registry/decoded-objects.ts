/**
 * What decoded objects may take. They weigh several times their bytes: whole ones are kept for the newest only. Those
 * that stay (informers hold them) share what they have in common with others, which for pods of one template is most.
 */
import type { StructZeros } from "#api/codec/go-zeros.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { ownValue } from "#base/own-value.ts";
import { KnownSpec } from "./known-spec.ts";

/**
 * Bytes of the values whose decoded form is kept, at most: a commit of many clients fits, so that whoever watches gets
 * what was announced.
 */
const recentBytesMax = 1 << 20;
/**
 * What stays of them once those who watch had their turn. More would grow old before it is dropped, which costs the
 * collector most.
 */
const stayingBytesMax = 1 << 18;
/** Groups of objects alike whose newest is remembered. */
const groupsMax = 256;
/** What lies deeper isn't shared. */
const depthMax = 24;
/** Shorter texts are hardly larger than what points to them. */
const sharedTextMin = 12;

/** Something that can be made again from its bytes. */
export interface Forgetful {
  readonly length: number;
  forget(): void;
}

export interface RecentBounds {
  readonly bytesMax: number;
  readonly stayingBytesMax: number;
  /** Runs what it is given a turn of the event loop later. */
  readonly defer: (run: () => void) => void;
}

const usualBounds: RecentBounds = { bytesMax: recentBytesMax, stayingBytesMax, defer: setImmediate };

/** The first in is the first to be forgotten: one bound for all resources. */
export class RecentObjects {
  readonly #bounds: RecentBounds;
  readonly #settle = (): void => {
    this.#isSettling = false;
    this.#shorten(this.#bounds.stayingBytesMax);
  };
  #queue: Forgetful[] = [];
  #head = 0;
  #bytes = 0;
  #isSettling = false;

  constructor(bounds: Partial<RecentBounds> = {}) {
    this.#bounds = { ...usualBounds, ...bounds };
  }

  note(object: Forgetful): void {
    this.#queue.push(object);
    this.#bytes += object.length;
    const { bytesMax, defer } = this.#bounds;
    if (this.#bytes > bytesMax) this.#shorten(bytesMax);
    if (this.#isSettling || this.#bytes <= this.#bounds.stayingBytesMax) return;
    this.#isSettling = true;
    defer(this.#settle);
  }

  #shorten(bytesMax: number): void {
    while (this.#bytes > bytesMax && this.#head < this.#queue.length) {
      const oldest = this.#queue[this.#head++] as Forgetful;
      this.#bytes -= oldest.length;
      oldest.forget();
    }
    if (this.#head < 64 || this.#head < this.#queue.length / 2) return;
    this.#queue = this.#queue.slice(this.#head);
    this.#head = 0;
  }
}

interface Model {
  readonly object: AnyObject;
  readonly known: KnownSpec;
}

/** Of one resource. */
export class DecodedObjects {
  /** A value couldn't be decoded. */
  readonly failed: () => void;
  readonly #recent: RecentObjects;
  /** What their stored form says of fields that nobody set. */
  zeros: StructZeros | undefined;
  /** The newest of each group of objects that are likely alike. */
  readonly #models = new Map<string, Model>();

  constructor(recent: RecentObjects, failed: () => void = () => undefined) {
    this.#recent = recent;
    this.failed = failed;
  }

  note(object: Forgetful): void {
    this.#recent.note(object);
  }

  /**
   * Lets a new object, still its owner's to change, take over what another one says in the same words: `before`, its
   * own last state, or the newest of its group. Answers what is known of its spec; undefined where it isn't the group's.
   */
  share(object: AnyObject, before?: AnyObject): KnownSpec | undefined {
    const model = this.#models.get(groupOf(object));
    const other = before ?? model?.object;
    if (other !== undefined) shareObject(object, other);
    return model?.known.isOf(object) === true ? model.known : undefined;
  }

  /** Others of its group share with this one from now on. Answers what is known of its spec. */
  keep(object: AnyObject): KnownSpec {
    const group = groupOf(object);
    const before = this.#models.get(group)?.known;
    const known = before?.isOf(object) === true ? before : new KnownSpec(object, this.zeros);
    this.#models.delete(group);
    this.#models.set(group, { object, known });
    if (this.#models.size > groupsMax) this.#models.delete(this.#models.keys().next().value ?? "");
    return known;
  }

  /** Nothing is left that could share. */
  clear(): void {
    this.#models.clear();
  }
}

/** Who owns it made it from a template; else the objects of a namespace are alike, if any. */
function groupOf({ metadata }: AnyObject): string {
  return metadata?.ownerReferences?.[0]?.uid ?? metadata?.namespace ?? "";
}

type Fields = Record<string, unknown>;

/** Metadata is each object's own: its revision comes last. Managed fields are no part of what is kept. */
function shareObject(object: AnyObject, model: AnyObject): void {
  const { metadata, ...rest } = object;
  for (const [name, value] of Object.entries(rest)) {
    const shared = sharedValue(value, ownValue(model, name), depthMax);
    if (shared !== undefined && shared !== value) object[name] = shared;
  }
  const modelMetadata = (model.metadata ?? {}) as Fields;
  for (const [name, value] of Object.entries(metadata ?? {})) {
    if (name === "managedFields") continue;
    const shared = sharedValue(value, ownValue(modelMetadata, name), depthMax);
    if (shared !== undefined && shared !== value) (metadata as Fields)[name] = shared;
  }
}

/** The model's value where it says the same in the same order, else undefined; what is below may be shared then. */
function sharedValue(value: unknown, model: unknown, depth: number): unknown {
  if (value === model) return model;
  if (typeof value !== "object" || typeof model !== "object" || value === null || model === null) {
    return undefined;
  }
  // Sealed already, by somebody who shares it.
  if (depth === 0 || Object.isFrozen(value)) return undefined;
  if (Array.isArray(value)) {
    return Array.isArray(model) && shareItems(value, model, depth - 1) ? model : undefined;
  }
  if (Array.isArray(model)) return undefined;
  return shareFields(value as Fields, model as Fields, depth - 1) ? model : undefined;
}

function shareItems(items: unknown[], model: readonly unknown[], depth: number): boolean {
  let isSame = items.length === model.length;
  const count = Math.min(items.length, model.length);
  for (let at = 0; at < count; at++) {
    const shared = sharedValue(items[at], model[at], depth);
    if (shared === undefined) isSame = false;
    else if (isWorthSharing(shared)) items[at] = shared;
  }
  return isSame;
}

function shareFields(object: Fields, model: Fields, depth: number): boolean {
  const names = Object.keys(object);
  const modelNames = Object.keys(model);
  let isSame = names.length === modelNames.length;
  for (let at = 0; at < names.length; at++) {
    const name = names[at] as string;
    if (name !== modelNames[at]) isSame = false;
    if (name === "__proto__" || !Object.hasOwn(model, name)) {
      isSame = false;
      continue;
    }
    const shared = sharedValue(object[name], model[name], depth);
    if (shared === undefined) isSame = false;
    else if (isWorthSharing(shared)) object[name] = shared;
  }
  return isSame;
}

const isWorthSharing = (value: unknown): boolean =>
  typeof value === "object" || (typeof value === "string" && value.length > sharedTextMin);
