/**
 * A store whose values are encrypted on the way down and decrypted on the way up, resource by resource. Values it has
 * sealed are remembered with what they were, so that a write's event costs no decryption. What can't be opened is handed on
 * as it is stored, with the reason: who keeps the rest must know that it is there.
 */
import type {
  Entry,
  EventBatch,
  GetResult,
  ListOptions,
  ListResult,
  Revision,
  Store,
  StoreEvent,
  WatchOptions,
} from "#store/store.ts";
import { KeyExistsError, RevisionMismatchError } from "#store/store.ts";
import { WholeBytes } from "#base/kept-bytes.ts";
import { DecryptionError, openPlain, type Transformer } from "./transformer.ts";

/** Which group and resource a key of the store belongs to; undefined for what isn't the API's. */
export type ResourceOfKey = (
  key: string,
) => { readonly group: string; readonly resource: string } | undefined;

type Finder = (group: string, resource: string) => Transformer | undefined;

export class EncryptingStore implements Store {
  readonly #inner: Store;
  readonly #resourceOf: ResourceOfKey;
  /** Sealed value → plain value. */
  readonly #opened = new WeakMap<Buffer, Buffer>();
  /** The other way round, for what comes from the inner store. */
  readonly #sealed = new WeakMap<Buffer, Buffer>();
  /** Of what the inner store hands out again and again. */
  readonly #entries = new WeakMap<Entry, Entry>();
  #find: Finder = () => undefined;
  #findBefore: Finder = () => undefined;

  constructor(inner: Store, resourceOf: ResourceOfKey) {
    this.#inner = inner;
    this.#resourceOf = resourceOf;
  }

  /** From now on. What is stored stays as it is until it is written again. */
  configure(find: Finder): void {
    this.#findBefore = this.#find;
    this.#find = find;
  }

  get revision(): Revision {
    return this.#inner.revision;
  }

  get compactRevision(): Revision {
    return this.#inner.compactRevision;
  }

  latest(): Revision | Promise<Revision> {
    return this.#inner.latest();
  }

  async get(key: string, revision?: Revision): Promise<GetResult> {
    const result = await this.#inner.get(key, revision);
    return { ...result, entry: await this.#openIfAny(result.entry) };
  }

  async list(prefix: string, options?: ListOptions): Promise<ListResult> {
    const result = await this.#inner.list(prefix, options);
    return { ...result, entries: await this.#openAll(result.entries) };
  }

  count(prefix: string): ReturnType<Store["count"]> {
    return this.#inner.count(prefix);
  }

  async create(key: string, value: Buffer, author?: string): Promise<Entry> {
    try {
      return this.#open(await this.#inner.create(key, this.#seal(key, value), author));
    } catch (error) {
      if (!(error instanceof KeyExistsError)) throw error;
      throw new KeyExistsError(await this.#openAny(error.current));
    }
  }

  async update(key: string, value: Buffer, expected: Revision, author?: string): Promise<Entry> {
    try {
      return this.#open(await this.#inner.update(key, this.#seal(key, value), expected, author));
    } catch (error) {
      throw await this.#openedMismatch(error, key, expected);
    }
  }

  async delete(key: string, expected?: Revision, author?: string): ReturnType<Store["delete"]> {
    try {
      const { revision, previous } = await this.#inner.delete(key, expected, author);
      return { revision, previous: await this.#openAny(previous) };
    } catch (error) {
      throw await this.#openedMismatch(error, key, expected ?? 0n);
    }
  }

  watch(prefix: string, options: WatchOptions): AsyncIterable<EventBatch> {
    // The inner watch begins now, not when it is first read.
    return this.#openBatches(this.#inner.watch(prefix, options));
  }

  async *#openBatches(batches: AsyncIterable<EventBatch>): AsyncIterable<EventBatch> {
    for await (const batch of batches) {
      const events: StoreEvent[] = [];
      for (const event of batch.events) {
        const opened = this.#openEvent(event);
        events.push(opened instanceof Promise ? await opened : opened);
      }
      yield { ...batch, events };
    }
  }

  compact(revision: Revision): Promise<void> {
    return this.#inner.compact(revision);
  }

  size(): Promise<number> {
    return this.#inner.size();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  /** Whether `plain`, which came from here, lies in the inner store in another form than it would be written in now. */
  isStale(key: string, plain: Buffer): boolean {
    return this.#transformerOf(key)?.isStale(this.#sealed.get(plain) ?? plain) === true;
  }

  #transformerOf(key: string): Transformer | undefined {
    const resource = this.#resourceOf(key);
    return resource === undefined ? undefined : this.#find(resource.group, resource.resource);
  }

  #seal(key: string, value: Buffer): Buffer {
    const sealed = this.#transformerOf(key)?.seal(value, key) ?? value;
    this.#remember(sealed, value);
    return sealed;
  }

  /** What a provider elsewhere must be asked before this can be opened; undefined: nothing. */
  #preparationOf({ key, value }: Entry): Promise<void> | undefined {
    if (this.#opened.has(value)) return undefined;
    const resource = this.#resourceOf(key);
    if (resource === undefined) return undefined;
    const { group, resource: name } = resource;
    const now = this.#find(group, name);
    const transformer = now?.knows(value) === true ? now : (this.#findBefore(group, name) ?? now);
    return transformer?.prepare(value);
  }

  #openValue(key: string, value: Buffer): Buffer {
    const known = this.#opened.get(value);
    if (known !== undefined) return known;
    const plain = this.#plainOf(key, value);
    this.#remember(value, plain);
    return plain;
  }

  #plainOf(key: string, value: Buffer): Buffer {
    const transformer = this.#transformerOf(key);
    try {
      return transformer === undefined ? openPlain(value) : transformer.open(value, key);
    } catch (error) {
      // Events of before everything was written anew may still be on their way when the old key goes.
      const { group, resource } = this.#resourceOf(key) ?? { group: "", resource: "" };
      const before = this.#findBefore(group, resource);
      if (before?.knows(value) !== true) throw error;
      return before.open(value, key);
    }
  }

  #remember(sealed: Buffer, plain: Buffer): void {
    if (sealed === plain) {
      this.#sealed.delete(plain);
      return;
    }
    this.#opened.set(sealed, plain);
    this.#sealed.set(plain, sealed);
  }

  #open(entry: Entry): Entry {
    const known = this.#entries.get(entry);
    if (known !== undefined) return known;
    // Packed by somebody who has it from here: it was plain.
    if (entry.kept?.isPacked === true && this.#transformerOf(entry.key) === undefined) return entry;
    const sealed = entry.value;
    const value = this.#openValue(entry.key, sealed);
    if (value === sealed) return entry;
    const opened = { ...entry, value, kept: new WholeBytes(value) };
    this.#entries.set(entry, opened);
    return opened;
  }

  /** Later only where a provider elsewhere has to be asked. What can't be opened says why. */
  #openAny(entry: Entry): Entry | Promise<Entry> {
    if (this.#entries.has(entry)) return this.#open(entry);
    if (entry.kept?.isPacked === true && this.#transformerOf(entry.key) === undefined) return entry;
    let waiting: Promise<void> | undefined;
    try {
      waiting = this.#preparationOf(entry);
    } catch (error) {
      return faulty(entry, error);
    }
    if (waiting === undefined) return this.#openSafely(entry);
    return waiting.then(
      () => this.#openSafely(entry),
      (error: unknown) => faulty(entry, error),
    );
  }

  #openSafely(entry: Entry): Entry {
    try {
      return this.#open(entry);
    } catch (error) {
      return faulty(entry, error);
    }
  }

  async #openAll(entries: readonly Entry[]): Promise<Entry[]> {
    const opened: Entry[] = [];
    for (const entry of entries) {
      const each = this.#openAny(entry);
      opened.push(each instanceof Promise ? await each : each);
    }
    return opened;
  }

  #openIfAny(entry: Entry | undefined): Entry | undefined | Promise<Entry> {
    return entry === undefined ? undefined : this.#openAny(entry);
  }

  #openEvent(event: StoreEvent): StoreEvent | Promise<StoreEvent> {
    const entry = this.#openAny(event.entry);
    const previous = this.#openIfAny(event.previous);
    if (entry instanceof Promise || previous instanceof Promise) {
      return Promise.all([entry, previous]).then((both) => withEntries(event, ...both));
    }
    return withEntries(event, entry, previous);
  }

  async #openedMismatch(error: unknown, key: string, expected: Revision): Promise<unknown> {
    if (!(error instanceof RevisionMismatchError)) return error;
    return new RevisionMismatchError(key, expected, await this.#openIfAny(error.current));
  }
}

/** Throws what is no DecryptionError. */
function faulty(entry: Entry, error: unknown): Entry {
  if (!(error instanceof DecryptionError)) throw error;
  return { ...entry, fault: error };
}

const withEntries = (event: StoreEvent, entry: Entry, previous: Entry | undefined): StoreEvent =>
  entry === event.entry && previous === event.previous ? event : { ...event, entry, previous };
