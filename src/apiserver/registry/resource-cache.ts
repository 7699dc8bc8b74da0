/**
 * All objects of one resource in memory, sorted, with the ring of recent changes that resumed watches replay.
 * Written by the feed alone; reads never wait.
 */
import type { StructZeros } from "#api/codec/go-zeros.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { DecodedObjects, RecentObjects } from "./decoded-objects.ts";
import { ByteModels, KeptBytes } from "#base/kept-bytes.ts";
import { SortedMap } from "#base/sorted-map.ts";
import { CacheCounts } from "./cache-counts.ts";
import type { KnownSpec } from "./known-spec.ts";
import { Listeners, type CacheListener, type Interest } from "./listeners.ts";
import { renewed, type ReadForm } from "./read-form.ts";
import { StoredObject, withOwnRevision } from "./stored-object.ts";
import { Unreadable } from "./unreadable.ts";

/** One change. `current` is absent after a deletion, `previous` before a creation. */
export class CacheEvent {
  readonly revision: bigint;
  readonly current: StoredObject | undefined;
  readonly previous: StoredObject | undefined;
  #departed: StoredObject | undefined;

  constructor(revision: bigint, current: StoredObject | undefined, previous: StoredObject | undefined) {
    this.revision = revision;
    this.current = current;
    this.previous = previous;
  }

  /** The state before, under the revision of this change: what those see who lose the object. */
  get departed(): StoredObject | undefined {
    this.#departed ??= this.previous?.at(this.revision);
    return this.#departed;
  }
}

/** Recent events kept per resource; an older watch is fed from the store's log. */
const ringMax = 2048;
/** What they may keep alive of states that are past. */
const ringBytesMax = 4 << 20;

interface ObjectKey {
  readonly namespace: string;
  readonly name: string;
}

interface Announced {
  readonly object: AnyObject;
  readonly isSound: boolean;
}

/** One namespace's objects by name. */
type Shelf = SortedMap<StoredObject>;

export interface Page {
  readonly items: readonly StoredObject[];
  readonly more: boolean;
  /** So many objects were looked at. */
  readonly read: number;
  /** How many follow the page, selectors not considered. */
  readonly remaining: number;
}

export interface Position {
  readonly namespace: string;
  /** First name that may be listed. */
  readonly name: string;
}

export class ResourceCache {
  /** "/registry/pods/" */
  readonly prefix: string;
  readonly namespaced: boolean;
  readonly counts = new CacheCounts();
  /** What is missing here, as nobody can read it. */
  readonly unreadable = new Unreadable();
  /** Undefined: what is stored is what is read. To be told before the first value. */
  readForm: ReadForm | undefined;
  readonly #shelves = new Map<string, Shelf>();
  /** Sorted by namespace + "/", the order of the store's keys. */
  readonly #namespaces: string[] = [];
  readonly #listeners = new Listeners();
  readonly #decoded: DecodedObjects;
  readonly #models = new ByteModels();
  readonly #announced = new WeakMap<Buffer, Announced>();
  #ring: CacheEvent[] = [];
  /** Of values that only the ring keeps. */
  #ringBytes = 0;
  #size = 0;
  #bytes = 0;
  /** Every event after this revision is in the ring. */
  #ringFloor = 0n;
  #lastChange = 0n;

  constructor(prefix: string, namespaced: boolean, recent: RecentObjects = new RecentObjects()) {
    this.prefix = prefix;
    this.namespaced = namespaced;
    this.#decoded = new DecodedObjects(recent, () => {
      this.counts.decodeErrors += 1;
    });
  }

  get size(): number {
    return this.#size;
  }

  /** Also how much they are, as they are stored. */
  get stored(): { readonly objects: number; readonly bytes: number } {
    return { objects: this.#size, bytes: this.#bytes };
  }

  /** What the values say of fields that nobody set. To be told before the first of them. */
  get zeros(): StructZeros | undefined {
    return this.#decoded.zeros;
  }

  set zeros(zeros: StructZeros | undefined) {
    this.#decoded.zeros = zeros;
  }

  /** A state that isn't kept here: as the store has it, or one's own. */
  passing(id: ObjectKey, value: Buffer | KeptBytes, revision: bigint, object?: AnyObject): StoredObject {
    const isOwn = object !== undefined || !(value instanceof KeptBytes);
    const read = isOwn ? value : this.#read(value);
    return new StoredObject(id, read, revision, { object, zeros: this.zeros });
  }

  #read(value: KeptBytes): KeptBytes {
    return this.readForm === undefined ? value : renewed(value, this.readForm, this.zeros);
  }

  /** The revision of the newest change of this resource that the cache has seen. */
  get lastChange(): bigint {
    return this.#lastChange;
  }

  /** So many changes it may keep. */
  get ringCapacity(): number {
    return 2 * ringMax;
  }

  get ringFloor(): bigint {
    return this.#ringFloor;
  }

  get(namespace: string, name: string): StoredObject | undefined {
    return this.#shelves.get(namespace)?.get(name);
  }

  /** All objects, or those of one namespace, in key order. */
  *objects(namespace: string, from?: Position): IterableIterator<StoredObject> {
    if (namespace !== "" || !this.namespaced) {
      yield* this.#ofShelf(namespace, from?.name ?? "");
      return;
    }
    const first = from === undefined ? 0 : lowerBound(this.#namespaces, from.namespace);
    for (let at = first; at < this.#namespaces.length; at++) {
      const each = this.#namespaces[at] ?? "";
      yield* this.#ofShelf(each, each === from?.namespace ? from.name : "");
    }
  }

  count(namespace: string): number {
    if (namespace === "" && this.namespaced) return this.#size;
    return this.#shelves.get(namespace)?.size ?? 0;
  }

  /** At most `limit` objects that match, starting at `from`; 0 means all. */
  page(
    namespace: string,
    matches: ((object: StoredObject) => boolean) | undefined,
    limit: number,
    from?: Position,
  ): Page {
    const items: StoredObject[] = [];
    let passed = 0;
    for (const object of this.objects(namespace, from)) {
      if (limit > 0 && items.length === limit) {
        return { items, more: true, read: passed, remaining: this.#countFrom(namespace, from) - passed };
      }
      passed += 1;
      if (matches === undefined || matches(object)) items.push(object);
    }
    return { items, more: false, read: passed, remaining: 0 };
  }

  /** Fills the cache before its first event. */
  load(id: ObjectKey, stored: KeptBytes, revision: bigint): void {
    const value = this.#read(stored);
    this.#put(new StoredObject(id, value, revision, { decoded: this.#decoded }));
    this.#models.pack(value, groupOf(id));
    if (revision > this.#lastChange) this.#lastChange = revision;
  }

  /** It is there, but can't be read: what was known of it counts no longer. */
  lose(id: ObjectKey, revision: bigint): void {
    this.#drop(id.namespace, id.name);
    if (revision > this.#lastChange) this.#lastChange = revision;
  }

  /** It can be read again, as it was written then. No watch goes on, but who keeps books is told. */
  regain(id: ObjectKey, value: KeptBytes, revision: bigint): void {
    this.load(id, value, revision);
    this.#listeners.emit(new CacheEvent(revision, this.get(id.namespace, id.name), undefined));
  }

  /** Events up to `revision` are not in the ring. */
  startRing(revision: bigint): void {
    this.#ringFloor = revision;
    this.#ring = [];
    this.#ringBytes = 0;
  }

  /** An object about to be stored shares what it can with others, where anybody will keep it. See DecodedObjects. */
  share(object: AnyObject, before?: StoredObject): KnownSpec | undefined {
    return this.#listeners.size === 0 ? undefined : this.#decoded.share(object, before?.atHand);
  }

  /**
   * These bytes are about to be stored; `object` is what they say, so that nobody need parse them. `isSound`: see
   * StoredObject.
   */
  announce(value: Buffer, object: AnyObject, isSound: boolean): KnownSpec | undefined {
    if (this.#listeners.size === 0) return undefined;
    this.#announced.set(value, { object, isSound });
    return this.#decoded.keep(object);
  }

  put(id: ObjectKey, stored: KeptBytes, revision: bigint): void {
    const previous = this.get(id.namespace, id.name);
    const announced = this.#takeAnnounced(stored);
    const value = announced === undefined ? this.#read(stored) : stored;
    const object = announced === undefined ? undefined : withOwnRevision(announced.object, revision);
    const isSound = announced?.isSound;
    const current = new StoredObject(id, value, revision, { object, decoded: this.#decoded, isSound });
    this.#put(current);
    this.#emit(new CacheEvent(revision, current, previous));
    this.#models.pack(value, groupOf(id));
  }

  #takeAnnounced(value: KeptBytes): Announced | undefined {
    if (value.isPacked) return undefined;
    const { bytes } = value;
    const announced = this.#announced.get(bytes);
    // The bytes may stay for as long as the object does: what they lead to mustn't.
    if (announced !== undefined) this.#announced.delete(bytes);
    return announced;
  }

  remove(id: ObjectKey, revision: bigint): void {
    const previous = this.get(id.namespace, id.name);
    if (previous === undefined) return;
    this.#drop(id.namespace, id.name);
    this.#emit(new CacheEvent(revision, undefined, previous));
  }

  /** Events after `revision`, or undefined when the ring no longer reaches back that far. */
  eventsAfter(revision: bigint): readonly CacheEvent[] | undefined {
    if (revision < this.#ringFloor) return undefined;
    let at = this.#ring.length;
    while (at > 0 && (this.#ring[at - 1] as CacheEvent).revision > revision) at -= 1;
    return this.#ring.slice(at);
  }

  /** The resource is no more, or another: ends every watch. */
  close(): void {
    this.#listeners.close();
  }

  listen(listener: CacheListener, interest: Interest = {}): () => void {
    return this.#listeners.add(listener, interest);
  }

  #emit(event: CacheEvent): void {
    this.#lastChange = event.revision;
    this.#ring.push(event);
    this.#ringBytes += onlyHere(event);
    if (this.#ring.length > 2 * ringMax || this.#ringBytes > 2 * ringBytesMax) this.#shortenRing();
    this.counts.received += 1;
    this.#listeners.emit(event);
    this.counts.dispatched += 1;
    event.previous?.retire();
  }

  #shortenRing(): void {
    let at = this.#ring.length;
    const first = Math.max(0, at - ringMax);
    let bytes = 0;
    while (at > first && bytes <= ringBytesMax) bytes += onlyHere(this.#ring[--at] as CacheEvent);
    const dropped = this.#ring[at - 1];
    if (dropped === undefined) return;
    this.#ringFloor = dropped.revision;
    this.#ring = this.#ring.slice(at);
    this.#ringBytes = bytes;
  }

  #put(object: StoredObject): void {
    let shelf = this.#shelves.get(object.namespace);
    if (shelf === undefined) {
      shelf = new SortedMap();
      this.#shelves.set(object.namespace, shelf);
      this.#namespaces.splice(lowerBound(this.#namespaces, object.namespace), 0, object.namespace);
    }
    const before = shelf.get(object.name);
    if (before === undefined) this.#size += 1;
    this.#bytes += object.length - (before?.length ?? 0);
    shelf.set(object.name, object);
  }

  #drop(namespace: string, name: string): void {
    const shelf = this.#shelves.get(namespace);
    const dropped = shelf?.get(name);
    if (shelf === undefined || dropped === undefined) return;
    shelf.delete(name);
    this.#bytes -= dropped.length;
    this.#size -= 1;
    if (this.#size === 0) {
      this.#decoded.clear();
      this.#models.clear();
    }
    if (shelf.size > 0) return;
    this.#shelves.delete(namespace);
    this.#namespaces.splice(lowerBound(this.#namespaces, namespace), 1);
  }

  *#ofShelf(namespace: string, from: string): IterableIterator<StoredObject> {
    const shelf = this.#shelves.get(namespace);
    if (shelf === undefined) return;
    const cursor = shelf.cursor(from);
    for (let slot = cursor.slot; slot !== undefined; slot = cursor.slot) {
      yield slot.value;
      cursor.advance();
    }
  }

  #countFrom(namespace: string, from: Position | undefined): number {
    if (from === undefined) return this.count(namespace);
    let count = 0;
    const namespaces = namespace === "" && this.namespaced ? this.#namespaces : [namespace];
    for (const each of namespaces) {
      const shelf = this.#shelves.get(each);
      if (shelf === undefined) continue;
      if (namespace !== "" || each === from.namespace) {
        count += shelf.count({ start: from.name, end: undefined });
      } else if (isBefore(from.namespace, each)) count += shelf.size;
    }
    return count;
  }
}

/** What an event keeps alive that isn't in the cache. */
const onlyHere = ({ previous }: CacheEvent): number => previous?.length ?? 0;

/** What a controller makes of one template has names that begin alike. */
const groupOf = ({ namespace, name }: ObjectKey): string =>
  `${namespace}/${name.slice(0, Math.max(0, name.lastIndexOf("-")))}`;

/** The order of the store's keys: "a-b/" comes before "a/". */
function isBefore(a: string, b: string): boolean {
  return `${a}/` < `${b}/`;
}

/** The index of the first namespace that isn't before `namespace`. */
function lowerBound(sorted: readonly string[], namespace: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBefore(sorted[middle] as string, namespace)) low = middle + 1;
    else high = middle;
  }
  return low;
}
