/**
 * From the scheme to routes: each stored resource gets its cache, its engine and a handler per verb; what is special
 * comes from `specials`, by "resource" or "resource.group".
 */
import { qualifiedResource, type GroupVersionKind } from "#api/meta/object.ts";
import type { FieldError } from "#api/meta/field-error.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { ManagersReader } from "#api/patch/apply/managers-reader.ts";
import type { ResourceDefinition, Scheme } from "#api/scheme.ts";
import { deprecationOf, warningsOnCreate, warningsOnUpdate } from "#api/warnings.ts";
import { create } from "#apiserver/handlers/create.ts";
import { remove } from "#apiserver/handlers/delete.ts";
import { removeCollection } from "#apiserver/handlers/delete-collection.ts";
import { get } from "#apiserver/handlers/get.ts";
import { list } from "#apiserver/handlers/list.ts";
import { patch } from "#apiserver/handlers/patch.ts";
import { update } from "#apiserver/handlers/update.ts";
import { watch, type WatchDeps } from "#apiserver/handlers/watch.ts";
import type { WriteDeps } from "#apiserver/handlers/write.ts";
import type { StoredResource } from "#apiserver/metrics/cache-metrics.ts";
import { servedFeatures } from "#apiserver/served-features.ts";
import { dropDisabledFields } from "./disabled-fields.ts";
import { Endpoint, type Convert, type Handler } from "./endpoint.ts";
import type { ReadForm } from "./read-form.ts";
import { RouteTable, type Route, type VerbRoutes } from "./routes.ts";
import { initialStatusOf, rulesOf } from "./rules.ts";
import { selectableFieldOf } from "./selectable-fields.ts";
import { fieldManagerOf } from "./field-managers.ts";
import { ResourceStore } from "./store.ts";
import { DefaultStrategy, StatusStrategy, type Strategy } from "./strategy.ts";

export interface TypeValidation {
  create(kind: GroupVersionKind, object: AnyObject, isSpecSound?: boolean): readonly FieldError[];
  update(
    kind: GroupVersionKind,
    object: AnyObject,
    old: AnyObject,
    isSpecSound?: boolean,
  ): readonly FieldError[];
  /** Of a change through /status: the rest is the stored one's. */
  statusUpdate(kind: GroupVersionKind, object: AnyObject, old: AnyObject): readonly FieldError[];
}

export interface HandlerDeps extends WriteDeps, WatchDeps {}

export interface InstallDeps extends HandlerDeps {
  readonly scheme: Scheme;
  readonly validation: TypeValidation;
  readonly convert: Convert;
}

/** Subresource name → verb → handler. A verb given here replaces the usual one. */
export type SubresourceHandlers = Readonly<Record<string, Partial<Record<keyof VerbRoutes, Handler>>>>;

/** What sets one resource apart. Both are called once per endpoint or storage, at installation. */
export interface Special {
  strategy?(base: DefaultStrategy): Strategy;
  statusStrategy?(base: StatusStrategy): Strategy;
  /** How objects are read that were stored before they had all their fields. */
  readonly readForm?: ReadForm;
  subresources?(endpoint: Endpoint, resources: Installed): SubresourceHandlers;
}

/** Resources that store nothing: reviews, bindings, componentstatuses. */
export type VirtualRoutes = VerbRoutes;

export interface Specials {
  readonly stored: Readonly<Record<string, Special>>;
  readonly virtual: Readonly<Record<string, (definition: ResourceDefinition) => VirtualRoutes>>;
}

/** Engines and endpoints by name, for what reaches across resources. */
export class Installed {
  readonly routes = new RouteTable();
  readonly #storages = new Map<string, ResourceStore>();
  readonly #endpoints: Endpoint[] = [];
  /** One for all resources: what was read once is known everywhere. */
  readonly managersReader = new ManagersReader();

  get endpoints(): readonly Endpoint[] {
    return this.#endpoints;
  }

  /** "pods", "deployments.apps" */
  storage(name: string): ResourceStore {
    const storage = this.#storages.get(name);
    if (storage === undefined) throw new Error(`no storage for ${name}`);
    return storage;
  }

  endpoint(group: string, version: string, resource: string): Endpoint {
    const found = this.#endpoints.find(
      ({ definition }) =>
        definition.group === group && definition.version === version && definition.resource === resource,
    );
    if (found === undefined) throw new Error(`no endpoint for ${resource} of ${group}/${version}`);
    return found;
  }

  storageIfAny(name: string): ResourceStore | undefined {
    return this.#storages.get(name);
  }

  /** What is stored of each resource. */
  *stored(): Generator<StoredResource> {
    for (const [name, { cache }] of this.#storages) {
      const dot = name.indexOf(".");
      const resource = dot < 0 ? name : name.slice(0, dot);
      yield { group: dot < 0 ? "" : name.slice(dot + 1), resource, cache };
    }
  }

  addStorage(name: string, storage: ResourceStore): void {
    this.#storages.set(name, storage);
  }

  addEndpoint(endpoint: Endpoint): void {
    this.#endpoints.push(endpoint);
  }
}

export function install(deps: InstallDeps, specials: Specials): Installed {
  const installed = new Installed();
  const stored: { readonly endpoint: Endpoint; readonly special: Special | undefined }[] = [];
  for (const definition of deps.scheme.all()) {
    const name = qualifiedResource(definition.group, definition.resource);
    const virtual = specials.virtual[name];
    if (virtual !== undefined) {
      installed.routes.add({ definition, verbs: virtual(definition), subresources: new Map() });
    } else if (definition.verbs.includes("list")) {
      const special = specials.stored[storageNameOf(definition)];
      const endpoint = endpointOf(definition, special, deps, installed);
      installed.addEndpoint(endpoint);
      stored.push({ endpoint, special });
    }
  }
  for (const { endpoint, special } of stored) addRoutes(endpoint, special, deps, installed);
  return installed;
}

function storageNameOf({ resource, storageVersion }: ResourceDefinition): string {
  return qualifiedResource(storageVersion.group, resource);
}

function endpointOf(
  definition: ResourceDefinition,
  special: Special | undefined,
  deps: InstallDeps,
  installed: Installed,
): Endpoint {
  const { storageVersion, kind } = definition;
  const name = storageNameOf(definition);
  const storageKind = { ...storageVersion, kind };
  let storage = installed.storageIfAny(name);
  if (storage === undefined) {
    storage = storageOf(definition, storageKind, special, deps);
    installed.addStorage(name, storage);
  }
  const hasStatus = definition.subresources.some((each) => each.name === "status");
  const features = servedFeatures(deps.scheme);
  const status = new StatusStrategy({
    allowUnconditionalUpdate: storage.strategy.allowUnconditionalUpdate,
    keeps: rulesOf(storageVersion.group, definition.resource).keptByStatus,
    dropDisabled: (object, old) => {
      dropDisabledFields(name, object, old, features);
    },
    validate: (object, old) => deps.validation.statusUpdate(storageKind, object, old),
  });
  return new Endpoint({
    definition,
    storage,
    storageVersion: storageKind,
    statusStrategy: hasStatus ? (special?.statusStrategy?.(status) ?? status) : undefined,
    selectableField: selectableFieldOf(qualifiedResource(definition.group, definition.resource)),
    convert: deps.convert,
    fieldManager: (subresource) => fieldManagerOf(definition, subresource, deps, installed.managersReader),
  });
}

function storageOf(
  definition: ResourceDefinition,
  kind: GroupVersionKind,
  special: Special | undefined,
  deps: InstallDeps,
): ResourceStore {
  const { resource, namespaced } = definition;
  const { group, version } = definition.storageVersion;
  const rules = rulesOf(group, resource);
  const name = storageNameOf(definition);
  const features = servedFeatures(deps.scheme);
  const base = new DefaultStrategy({
    ...rules,
    dropDisabled: (object, old) => {
      dropDisabledFields(name, object, old, features);
    },
    initialStatus: initialStatusOf(group, resource),
    hasStatus: !rules.hasOpenStatus && definition.subresources.some((each) => each.name === "status"),
    validation: {
      create: (object, isSpecSound) => deps.validation.create(kind, object, isSpecSound),
      update: (object, old, isSpecSound) => deps.validation.update(kind, object, old, isSpecSound),
    },
  });
  const cache = deps.feed.cache(rules.storagePath, namespaced);
  cache.zeros = deps.semantics.zeros(kind);
  cache.readForm = special?.readForm;
  return new ResourceStore(
    {
      resource: { group, version, resource, kind: kind.kind },
      naming: rules.naming,
      strategy: special?.strategy?.(base) ?? base,
      cache,
      warnings: {
        create: (object, isSpecSound) => warningsOnCreate(kind, object, isSpecSound),
        update: (object, old) => warningsOnUpdate(kind, object, old),
      },
    },
    deps,
  );
}

function addRoutes(
  endpoint: Endpoint,
  special: Special | undefined,
  deps: HandlerDeps,
  installed: Installed,
): void {
  const { definition } = endpoint;
  const deprecation = deprecationOf(definition);
  const bind =
    (handler: Handler): Route =>
    (call, info) => {
      if (deprecation !== undefined) call.warn(deprecation);
      return handler({ call, info, endpoint });
    };
  const all: Readonly<Record<string, Handler>> = {
    get: get(deps),
    list: list(deps),
    watch: watch(deps),
    create: create(deps),
    update: update(deps),
    patch: patch(deps),
    delete: remove(deps),
    deletecollection: removeCollection(deps),
  };
  const verbs = Object.fromEntries(
    definition.verbs.flatMap((verb) => (all[verb] === undefined ? [] : [[verb, bind(all[verb])]])),
  ) as VerbRoutes;
  const own = special?.subresources?.(endpoint, installed) ?? {};
  const subresources = new Map(
    definition.subresources.flatMap(({ name }) => {
      const handlers = { ...statusHandlers(name, endpoint, deps), ...own[name] };
      const bound = Object.entries(handlers).map(([verb, handler]) => [verb, bind(handler)] as const);
      return bound.length === 0 ? [] : [[name, Object.fromEntries(bound) as VerbRoutes] as const];
    }),
  );
  installed.routes.add({ definition, verbs, subresources });
}

function statusHandlers(
  name: string,
  endpoint: Endpoint,
  deps: HandlerDeps,
): Partial<Record<keyof VerbRoutes, Handler>> {
  const { statusStrategy } = endpoint;
  if (name !== "status" || statusStrategy === undefined) return {};
  return { get: get(deps), update: update(deps, statusStrategy), patch: patch(deps, statusStrategy) };
}
