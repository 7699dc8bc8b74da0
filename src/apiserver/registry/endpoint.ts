/** One resource at one API version, as requests reach it. */
import type { AnyObject, GroupVersionKind } from "#api/meta/object.ts";
import type { FieldManager } from "#api/patch/apply/field-manager.ts";
import type { Printer, ShownKind } from "#api/meta/printer.ts";
import type { ResourceDefinition } from "#api/scheme.ts";
import type { RequestInfo } from "#apiserver/request/info.ts";
import type { Answer, ApiCall } from "#apiserver/request/call.ts";
import type { StorageForm } from "./storage-form.ts";
import { sealed, type StoredObject } from "./stored-object.ts";
import type { ResourceStore } from "./store.ts";
import type { Strategy } from "./strategy.ts";

/** A request that has found its resource and was allowed. */
export interface ResourceCall {
  readonly call: ApiCall;
  readonly info: RequestInfo;
  readonly endpoint: Endpoint;
}

/** At once where nothing has to be waited for. */
export type Handler = (request: ResourceCall) => Answer | Promise<Answer>;

/** By HTTP method, HEAD being GET. */
export type Subresource = Readonly<Partial<Record<string, Handler>>>;

export type Convert = (object: AnyObject, from: GroupVersionKind, to: GroupVersionKind) => AnyObject;

export interface EndpointOptions {
  readonly definition: ResourceDefinition;
  readonly storage: ResourceStore;
  /** Of the stored form. */
  readonly storageVersion: GroupVersionKind;
  readonly statusStrategy: Strategy | undefined;
  readonly selectableField: (object: AnyObject, field: string) => string | undefined;
  readonly convert: Convert;
  /** Keeps track of who manages what through this endpoint or one of its subresources ("" for itself). Made late. */
  readonly fieldManager: (subresource: string) => FieldManager;
  /** Of custom resources; their storage speaks the served version already. */
  readonly form?: StorageForm | undefined;
  /** How tables show it; undefined: as its kind is shown everywhere. */
  readonly printer?: Printer | undefined;
}

export class Endpoint {
  readonly definition: ResourceDefinition;
  readonly gvk: ShownKind;
  readonly storage: ResourceStore;
  readonly statusStrategy: Strategy | undefined;
  /** Served as stored: bytes can go out as they are. Never so where there is a storage form. */
  readonly isStorageVersion: boolean;
  /** Undefined for a field this resource can't be selected by. Reads the stored form. */
  readonly selectableField: (object: AnyObject, field: string) => string | undefined;
  readonly subresources = new Map<string, Subresource>();
  readonly #storageVersion: GroupVersionKind;
  readonly #convert: Convert;
  readonly #makeFieldManager: (subresource: string) => FieldManager;
  readonly #fieldManagers = new Map<string, FieldManager>();
  readonly #form: StorageForm | undefined;
  /** Stored form → this version, made once per revision. */
  readonly #views = new WeakMap<AnyObject, AnyObject>();

  constructor(options: EndpointOptions) {
    const { group, version, kind } = options.definition;
    this.definition = options.definition;
    this.gvk =
      options.printer === undefined
        ? { group, version, kind }
        : { group, version, kind, printer: options.printer };
    this.storage = options.storage;
    this.statusStrategy = options.statusStrategy;
    this.selectableField = options.selectableField;
    this.#storageVersion = options.storageVersion;
    this.#convert = options.convert;
    this.#makeFieldManager = options.fieldManager;
    this.#form = options.form;
    this.isStorageVersion =
      options.form === undefined &&
      group === options.storageVersion.group &&
      version === options.storageVersion.version;
  }

  get isCustom(): boolean {
    return this.#form !== undefined;
  }

  /** What selectors look at: of custom resources their view, as fields are those of the served version. */
  selected(stored: StoredObject): AnyObject {
    return this.#form?.view(stored) ?? stored.content;
  }

  /** To be awaited before `view`; undefined when there is nothing to wait for. */
  prepare(objects: readonly StoredObject[]): Promise<void> | undefined {
    return this.#form?.prepare(objects);
  }

  fieldManager(subresource: string): FieldManager {
    let manager = this.#fieldManagers.get(subresource);
    if (manager === undefined) {
      manager = this.#makeFieldManager(subresource);
      this.#fieldManagers.set(subresource, manager);
    }
    return manager;
  }

  /** In this endpoint's version. Shared and frozen. */
  view(stored: StoredObject): AnyObject {
    return this.#form === undefined ? this.viewOf(stored.object) : this.#form.view(stored);
  }

  /** The same without managed fields, for who keeps it: all of them get the same one. */
  leanView(stored: StoredObject): AnyObject {
    return this.#form === undefined ? this.viewOf(stored.lean) : this.#form.view(stored);
  }

  /** The same, with or without managed fields, for who doesn't keep it. */
  glance(stored: StoredObject): AnyObject {
    return this.#form === undefined ? this.viewOf(stored.content) : this.#form.view(stored);
  }

  /** Of what the storage hands out while it writes: that changes, until it is sealed with its revision. */
  viewOf(object: AnyObject): AnyObject {
    if (this.isStorageVersion || this.#form !== undefined) return object;
    let view = this.#views.get(object);
    if (view === undefined) {
      view = sealed(this.#convert(structuredClone(object), this.#storageVersion, this.gvk));
      if (Object.isFrozen(object)) this.#views.set(object, view);
    }
    return view;
  }

  /** From this endpoint's version to the stored one. `object` is the caller's to lose. */
  toStorage(object: AnyObject): AnyObject {
    if (this.isStorageVersion || this.#form !== undefined) return object;
    return this.#convert(object, this.gvk, this.#storageVersion);
  }
}
