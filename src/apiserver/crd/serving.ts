/**
 * From a definition to what serves its objects: an endpoint per version over one cache, by the same handlers as all
 * resources. upstream: apiextensions-apiserver/pkg/apiserver/customresource_handler.go getOrCreateServingInfoFor
 */
import { customPrinter } from "#api/apiextensions/custom-columns.ts";
import { findField } from "#api/apiextensions/field-path-rules.ts";
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
} from "#api/generated/types/apiextensions-v1.ts";
import type { YamlReading } from "#api/codec/yaml.ts";
import type { ManagersReader } from "#api/patch/apply/managers-reader.ts";
import type { ApplyType } from "#api/patch/apply/schema.ts";
import { apiVersionOf, type AnyObject, type GroupVersionKind } from "#api/meta/object.ts";
import { methodNotSupportedError, failure } from "#api/meta/status.ts";
import type { ResourceDefinition } from "#api/scheme.ts";
import { CompiledSchema, type CompiledSchemaDeps } from "#api/schema/structural/compiled-schema.ts";
import { scalarText } from "#api/patch/json-value.ts";
import { create } from "#apiserver/handlers/create.ts";
import { remove } from "#apiserver/handlers/delete.ts";
import { removeCollection } from "#apiserver/handlers/delete-collection.ts";
import { get } from "#apiserver/handlers/get.ts";
import { list } from "#apiserver/handlers/list.ts";
import { patch } from "#apiserver/handlers/patch.ts";
import { update } from "#apiserver/handlers/update.ts";
import { watch } from "#apiserver/handlers/watch.ts";
import { compareVersions } from "#apiserver/discovery/document.ts";
import { Endpoint, type Handler } from "#apiserver/registry/endpoint.ts";
import type { HandlerDeps } from "#apiserver/registry/install.ts";
import type { ResourceCache } from "#apiserver/registry/resource-cache.ts";
import type { Route, RoutedResource, VerbRoutes } from "#apiserver/registry/routes.ts";
import { scaleHandlers } from "#apiserver/registry/scale.ts";
import { ResourceStore, type ResourceStoreDeps } from "#apiserver/registry/store.ts";
import type { Converter } from "./converter.ts";
import { CustomForm } from "./custom-form.ts";
import { customScale } from "./custom-scale.ts";
import { CustomSemantics } from "./custom-semantics.ts";
import { CustomStatusStrategy, CustomStrategy } from "./custom-strategy.ts";
import { CustomVersions, fieldManagerOf } from "./field-managers.ts";
import { needsExpressions } from "./late-expressions.ts";
import { resourceDefinition } from "./served-definition.ts";
import { ServedTypes } from "./served-types.ts";

export interface ServingDeps extends HandlerDeps, ResourceStoreDeps, CompiledSchemaDeps {
  readonly managersReader: ManagersReader;
  readonly metaType: () => ApplyType;
  /** Before the first write that has to be checked by them. */
  readonly loadExpressions: () => Promise<unknown>;
  /** Throws DecodeError. */
  readonly readYaml: (bytes: Buffer) => YamlReading;
}

export interface ServingParts {
  readonly crd: CustomResourceDefinition;
  readonly cache: ResourceCache;
  readonly converter: Converter;
  /** No new objects while the definition is on its way out. */
  readonly isTerminating: () => boolean;
}

export interface Served {
  readonly routes: readonly RoutedResource[];
  /** Of the storage version: for who deletes them all. */
  readonly storage: ResourceStore;
  readonly types: ServedTypes;
}

const readVerbs: ReadonlySet<string> = new Set(["get", "list", "watch"]);

export function serve(parts: ServingParts, deps: ServingDeps): Served {
  const { spec } = parts.crd;
  const schemas = new Map(
    spec.versions.map(({ name, schema }) => [name, new CompiledSchema(schema?.openAPIV3Schema ?? {}, deps)]),
  );
  const versions = spec.versions.map((version) => new VersionServer(version, { ...parts, schemas }, deps));
  const storage = versions.find(({ isStorage }) => isStorage) ?? versions[0];
  if (storage === undefined) throw new Error(`${spec.names.plural}.${spec.group} has no versions`);
  return {
    storage: storage.storage,
    types: new ServedTypes(
      schemas,
      parts.converter,
      new CustomVersions(schemas, parts.converter, deps.metaType),
    ),
    routes: versions.filter(({ isServed }) => isServed).map((version) => version.routed()),
  };
}

interface VersionParts extends ServingParts {
  readonly schemas: ReadonlyMap<string, CompiledSchema>;
}

class VersionServer {
  readonly isStorage: boolean;
  readonly isServed: boolean;
  readonly storage: ResourceStore;
  readonly #version: CustomResourceDefinitionVersion;
  readonly #parts: VersionParts;
  readonly #definition: ResourceDefinition;
  readonly #endpoint: Endpoint;
  readonly #handlerDeps: HandlerDeps;
  readonly #loadExpressions: (() => Promise<unknown>) | undefined;
  readonly #statusStrategy: CustomStatusStrategy;

  constructor(version: CustomResourceDefinitionVersion, parts: VersionParts, deps: ServingDeps) {
    const { crd, schemas } = parts;
    this.isStorage = version.storage;
    this.isServed = version.served;
    this.#version = version;
    this.#parts = parts;
    this.#definition = resourceDefinition(crd, version);
    const kind: GroupVersionKind = {
      group: crd.spec.group,
      version: version.name,
      kind: this.#definition.kind,
    };
    const schema = schemas.get(version.name) ?? new CompiledSchema({}, deps);
    const strategy = new CustomStrategy(
      {
        kind,
        namespaced: this.#definition.namespaced,
        hasStatus: version.subresources?.status !== undefined,
        scale: version.subresources?.scale,
      },
      schema,
    );
    this.#statusStrategy = new CustomStatusStrategy(strategy);
    const form = new CustomForm(
      {
        apiVersion: apiVersionOf(kind),
        storageApiVersion: apiVersionOf(this.#definition.storageVersion),
        schemas,
      },
      parts.converter,
    );
    const { resource } = this.#definition;
    this.storage = new ResourceStore(
      { resource: { ...kind, resource }, strategy, cache: parts.cache, form },
      deps,
    );
    this.#endpoint = new Endpoint({
      definition: this.#definition,
      storage: this.storage,
      storageVersion: { ...this.#definition.storageVersion, kind: kind.kind },
      statusStrategy: this.#statusStrategy,
      selectableField: selectableFieldOf(version, this.#definition.namespaced),
      convert: (object) => object,
      fieldManager: (subresource) => fieldManagerOf(kind, subresource, parts, deps),
      form,
      printer: customPrinter(version.additionalPrinterColumns),
    });
    this.#loadExpressions = needsExpressions(schema.schema) ? deps.loadExpressions : undefined;
    const semantics = new CustomSemantics(kind, { ...deps, schema, base: deps.semantics });
    this.#handlerDeps = { ...deps, semantics };
  }

  routed(): RoutedResource {
    const deps = this.#handlerDeps;
    const { subresources } = this.#version;
    const parts = new Map<string, VerbRoutes>();
    if (subresources?.status !== undefined) {
      const strategy = this.#statusStrategy;
      parts.set("status", {
        get: this.#bind(get(deps)),
        update: this.#bind(update(deps, strategy)),
        patch: this.#bind(patch(deps, strategy)),
      });
    }
    if (subresources?.scale !== undefined) {
      const handlers = Object.entries(scaleHandlers(deps, customScale(subresources.scale)));
      parts.set("scale", Object.fromEntries(handlers.map(([verb, handler]) => [verb, this.#bind(handler)])));
    }
    return {
      definition: this.#definition,
      verbs: {
        get: this.#bind(get(deps)),
        list: this.#bind(list(deps)),
        watch: this.#bind(watch(deps)),
        create: this.#bind(this.#create(create(deps))),
        update: this.#bind(update(deps)),
        patch: this.#bind(patch(deps)),
        delete: this.#bind(remove(deps)),
        deletecollection: this.#bind(removeCollection(deps)),
      },
      subresources: parts,
    };
  }

  #bind(handler: Handler): Route {
    const { deprecated } = this.#version;
    const text = deprecationText(this.#version, this.#parts.crd.spec);
    return async (call, info) => {
      if (deprecated === true) call.warn(text);
      if (!readVerbs.has(info.verb)) await this.#loadExpressions?.();
      return handler({ call, info, endpoint: this.#endpoint });
    };
  }

  #create(handler: Handler): Handler {
    const { group, resource } = this.#definition;
    return (request) => {
      if (!this.#parts.isTerminating()) return handler(request);
      const { status } = methodNotSupportedError(group, resource, "create");
      throw failure({
        code: 405,
        reason: status.reason ?? "",
        message: "create not allowed while custom resource definition is terminating",
        details: status.details ?? {},
      });
    };
  }
}

/** What the definition says, or a text that names the best version there is that isn't older. upstream: defaultDeprecationWarning */
function deprecationText(
  { name, deprecationWarning }: CustomResourceDefinitionVersion,
  { group, names, versions }: CustomResourceDefinition["spec"],
): string {
  if (deprecationWarning !== undefined) return deprecationWarning;
  const [better] = versions
    .filter((each) => each.served && each.deprecated !== true && compareVersions(each.name, name) < 0)
    .map((each) => each.name)
    .toSorted(compareVersions);
  const text = `${group}/${name} ${names.kind} is deprecated`;
  return better === undefined ? text : `${text}; use ${group}/${better} ${names.kind}`;
}

/** Name and namespace, and what the definition offers. */
function selectableFieldOf(
  { selectableFields = [], schema }: CustomResourceDefinitionVersion,
  namespaced: boolean,
): (object: AnyObject, field: string) => string | undefined {
  const own = new Map(
    selectableFields.flatMap(({ jsonPath }) => {
      const found = findField(jsonPath, schema?.openAPIV3Schema, false);
      return typeof found === "string" ? [] : [[found.names.join("."), found.names] as const];
    }),
  );
  return (object, field) => {
    if (field === "metadata.name") return object.metadata?.name ?? "";
    if (field === "metadata.namespace" && namespaced) return object.metadata?.namespace ?? "";
    const names = own.get(field);
    return names === undefined ? undefined : textOf(object, names);
  };
}

function textOf(object: unknown, names: readonly string[]): string {
  let value = object;
  for (const name of names) {
    if (typeof value !== "object" || value === null) return "";
    value = (value as Record<string, unknown>)[name];
  }
  return scalarText(value);
}
