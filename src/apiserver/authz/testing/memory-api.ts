/** A client and an informer factory over one map, for tests of what stands between the two. No admission, no validation. */
import { parseLabelSelector } from "#api/meta/label-parser.ts";
import type { AnyObject, KubeList, KubeObject, WatchEvent } from "#api/meta/object.ts";
import { apiVersionOf, keyOf } from "#api/meta/object.ts";
import { alreadyExistsError, modifiedConflict, notFoundError, StatusError } from "#api/meta/status.ts";
import type { ResourceRef } from "#api/resource-ref.ts";
import type { Informer, InformerFactory, InformerHandler, Lister } from "#client/cache/informer.ts";
import type {
  Client,
  ListQuery,
  PatchType,
  ResourceClient,
  SubresourceClient,
  Transport,
} from "#client/client.ts";

export interface WriteRecord {
  readonly verb: "create" | "update" | "delete" | "patch";
  readonly resource: string;
  readonly key: string;
}

export class MemoryApi implements Client, InformerFactory {
  readonly writes: WriteRecord[] = [];
  /** Called before each write: throws to make it fail. */
  beforeWrite: (write: WriteRecord) => void = () => undefined;
  readonly transport: Transport = unusedTransport;
  readonly #tables = new Map<string, Table>();
  #revision = 0;

  resource<T extends KubeObject>(ref: ResourceRef<T>, namespace = ""): ResourceClient<T> {
    return new MemoryResource<T>(this, ref, namespace);
  }

  informer<T extends KubeObject>(ref: ResourceRef<T>): Informer<T> {
    return new MemoryInformer<T>(ref, this.table(ref));
  }

  start(): void {
    for (const table of this.#tables.values()) table.started = true;
  }

  waitForSync(): Promise<void> {
    return Promise.resolve();
  }

  /** Puts objects there as if others had written them. */
  seed<T extends KubeObject>(ref: ResourceRef<T>, ...objects: readonly T[]): void {
    for (const object of objects) this.store(ref, object);
  }

  get<T extends KubeObject>(ref: ResourceRef<T>, key: string): T | undefined {
    return this.table(ref).objects.get(key) as T | undefined;
  }

  remove<T extends KubeObject>(ref: ResourceRef<T>, key: string): void {
    const table = this.table(ref);
    const old = table.objects.get(key);
    table.objects.delete(key);
    if (old !== undefined) for (const handler of table.handlers) handler.delete?.(old);
  }

  table(ref: ResourceRef): Table {
    const name = `${apiVersionOf(ref)}/${ref.resource}`;
    let table = this.#tables.get(name);
    if (table === undefined) {
      table = { objects: new Map(), handlers: [], indexes: new Map(), started: false };
      this.#tables.set(name, table);
    }
    return table;
  }

  store<T extends KubeObject>(ref: ResourceRef<T>, object: T): T {
    this.#revision += 1;
    const revision = String(this.#revision);
    const stored: T = {
      apiVersion: apiVersionOf(ref),
      kind: ref.kind,
      ...object,
      metadata: { uid: `uid-${revision}`, ...object.metadata, resourceVersion: revision },
    };
    const table = this.table(ref);
    const key = keyOf(stored);
    const old = table.objects.get(key);
    table.objects.set(key, stored);
    for (const handler of table.handlers) {
      if (old === undefined) handler.add?.(stored, false);
      else handler.update?.(stored, old);
    }
    return stored;
  }
}

interface Table {
  readonly objects: Map<string, KubeObject>;
  readonly handlers: InformerHandler<KubeObject>[];
  readonly indexes: Map<string, (object: KubeObject) => readonly string[]>;
  started: boolean;
}

class MemoryInformer<T extends KubeObject> implements Informer<T> {
  readonly ref: ResourceRef<T>;
  readonly hasSynced = true;
  readonly synced = Promise.resolve();
  readonly #table: Table;

  constructor(ref: ResourceRef<T>, table: Table) {
    this.ref = ref;
    this.#table = table;
  }

  get lister(): Lister<T> {
    const { objects, indexes } = this.#table;
    const all = (): T[] => [...objects.values()] as T[];
    return {
      get: (key) => objects.get(key) as T | undefined,
      list: (namespace) =>
        all().filter(({ metadata }) => namespace === undefined || metadata?.namespace === namespace),
      byIndex: (index, value) =>
        all().filter((object) => indexes.get(index)?.(object).includes(value) === true),
      size: objects.size,
    };
  }

  addHandler(handler: InformerHandler<T>): void {
    this.#table.handlers.push(handler);
    for (const object of this.#table.objects.values()) handler.add?.(object as T, true);
  }

  addIndex(name: string, keys: (object: T) => readonly string[]): void {
    this.#table.indexes.set(name, keys as (object: KubeObject) => readonly string[]);
  }
}

class MemoryResource<T extends KubeObject> implements ResourceClient<T> {
  readonly #api: MemoryApi;
  readonly #ref: ResourceRef<T>;
  readonly #namespace: string;

  constructor(api: MemoryApi, ref: ResourceRef<T>, namespace: string) {
    this.#api = api;
    this.#ref = ref;
    this.#namespace = namespace;
  }

  async get(name: string): Promise<T> {
    await Promise.resolve();
    const object = this.#api.get(this.#ref, this.#key(name));
    if (object === undefined) throw notFoundError(this.#subject(name));
    return object;
  }

  async list({ labelSelector }: ListQuery = {}): Promise<KubeList<T>> {
    await Promise.resolve();
    const namespace = this.#namespace === "" ? undefined : this.#namespace;
    const selector = parseLabelSelector(labelSelector ?? "");
    const items = [...this.#api.informer(this.#ref).lister.list(namespace)];
    return { metadata: {}, items: items.filter(({ metadata }) => selector.matches(metadata?.labels)) };
  }

  async create(object: T): Promise<T> {
    const name = object.metadata?.name ?? "";
    await this.#write("create", name);
    if (this.#api.get(this.#ref, this.#key(name)) !== undefined) {
      throw alreadyExistsError(this.#subject(name));
    }
    return this.#api.store(this.#ref, this.#placed(object));
  }

  async update(object: T): Promise<T> {
    const name = object.metadata?.name ?? "";
    await this.#write("update", name);
    const old = await this.get(name);
    const asked = object.metadata?.resourceVersion;
    if (asked !== undefined && asked !== old.metadata?.resourceVersion) {
      throw modifiedConflict(this.#subject(name));
    }
    return this.#api.store(this.#ref, this.#placed(object));
  }

  async delete(name: string): Promise<KubeObject> {
    await this.#write("delete", name);
    const old = await this.get(name);
    this.#api.remove(this.#ref, this.#key(name));
    return old;
  }

  updateStatus = (): Promise<T> => unused();

  /** Of patches it takes only those that set the status. */
  async patch(name: string, type: PatchType, body: unknown, options?: { subresource?: string }): Promise<T> {
    if (type !== "apply" || options?.subresource !== "status") return unused();
    await this.#write("patch", name);
    const { status } = body as { status?: unknown };
    return this.#api.store(this.#ref, { ...(await this.get(name)), status });
  }

  deleteCollection = (): Promise<void> => unused();
  watch = (): AsyncIterable<WatchEvent<T>> => {
    throw new Error("the memory API has no watch");
  };
  subresource = <S extends KubeObject = AnyObject>(): SubresourceClient<S> => {
    throw new Error("the memory API has no subresources");
  };

  async #write(verb: WriteRecord["verb"], name: string): Promise<void> {
    const write = { verb, resource: this.#ref.resource, key: this.#key(name) };
    this.#api.beforeWrite(write);
    this.#api.writes.push(write);
    await Promise.resolve();
  }

  #placed(object: T): T {
    return this.#namespace === ""
      ? object
      : { ...object, metadata: { ...object.metadata, namespace: this.#namespace } };
  }

  #key(name: string): string {
    return this.#namespace === "" ? name : `${this.#namespace}/${name}`;
  }

  #subject(name: string): { group: string; resource: string; name: string } {
    return { group: this.#ref.group, resource: this.#ref.resource, name };
  }
}

const unused = <R>(): Promise<R> => Promise.reject(new Error("the memory API doesn't do this"));

const unusedTransport: Transport = {
  request: () => unused(),
  watch: () => {
    throw new Error("the memory API has no transport");
  },
  stream: () => unused(),
  close: () => Promise.resolve(),
};

/** The message of the StatusError that `promise` rejects with, or "" when it doesn't. */
export async function refusal(run: () => unknown): Promise<{ code: number; message: string }> {
  try {
    await run();
  } catch (error) {
    if (error instanceof StatusError) return { code: error.code, message: error.message };
    throw error;
  }
  return { code: 0, message: "" };
}
