/**
 * The paths of one group version: which verbs each takes, on which kind, with which parameters. Answers are described in
 * JSON only, and the old /watch/ paths are left out: no client reads them. upstream: apiserver/pkg/endpoints/installer.go
 */
import type { GroupVersion, GroupVersionKind } from "#api/meta/object.ts";
import type { ResourceDefinition, SubresourceDefinition } from "#api/scheme.ts";
import type { FieldType, TypeTable } from "#api/schema/type-table.ts";
import { answersDeleteWithObject } from "#apiserver/registry/rules.ts";
import type { Descriptions } from "./descriptions.ts";
import { patchSchema, refTo, type Schema } from "./schemas.ts";

export interface PathDeps {
  readonly table: TypeTable;
  readonly descriptions: Descriptions;
  /** In which patches of these resources may come. */
  readonly patchMediaTypes: readonly string[];
}

export type PathItems = Readonly<Record<string, Schema>>;

const meta = "io.k8s.apimachinery.pkg.apis.meta.v1";
/** Of built-in resources. */
export const patchMediaTypes: readonly string[] = [
  "application/apply-patch+yaml",
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
];

/** What a verb is called in x-kubernetes-action, in operationId, and which method it is. */
const verbs = {
  get: { method: "get", action: "get", word: "read" },
  list: { method: "get", action: "list", word: "list" },
  create: { method: "post", action: "post", word: "create" },
  update: { method: "put", action: "put", word: "replace" },
  patch: { method: "patch", action: "patch", word: "patch" },
  delete: { method: "delete", action: "delete", word: "delete" },
  deletecollection: { method: "delete", action: "deletecollection", word: "deleteCollection" },
} as const;

type Verb = keyof typeof verbs;

/** Of the options structs, what isn't a parameter of its own. */
const hiddenOptions = new Set(["kind", "apiVersion"]);

/** Of what a query can carry. */
const plainTypes = new Map<FieldType["scalar"], string>([
  ["string", "string"],
  ["bool", "boolean"],
  ["int32", "integer"],
  ["int64", "integer"],
]);

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** "AppsV1", "RbacAuthorizationV1", "CoreV1" */
export function operationPrefix({ group, version }: GroupVersion): string {
  const plain = group.replace(/\.k8s\.io$/, "");
  const words = (plain === "" ? "core" : plain).split(".");
  return `${words.map(capital).join("")}${capital(version)}`;
}

/** "apps_v1", "rbacAuthorization_v1" */
export function tagOf(own: GroupVersion): string {
  const prefix = operationPrefix({ ...own, version: "" });
  return `${prefix.charAt(0).toLowerCase()}${prefix.slice(1)}_${own.version}`;
}

export class PathWriter {
  readonly #deps: PathDeps;

  constructor(deps: PathDeps) {
    this.#deps = deps;
  }

  paths(own: GroupVersion, resources: readonly ResourceDefinition[]): PathItems {
    const root = own.group === "" ? `/api/${own.version}` : `/apis/${own.group}/${own.version}`;
    const items = new Map<string, Schema>([[`${root}/`, discoveryItem(own)]]);
    for (const definition of resources) {
      const collection = `${root}/${definition.namespaced ? "namespaces/{namespace}/" : ""}${definition.resource}`;
      this.#add(items, collection, this.#collection(definition));
      if (definition.namespaced && definition.verbs.includes("list")) {
        this.#add(items, `${root}/${definition.resource}`, this.#allNamespaces(definition));
      }
      this.#add(items, `${collection}/{name}`, this.#item(definition));
      for (const subresource of definition.subresources) {
        const path = `${collection}/{name}/${subresource.name}`;
        const item = this.#subresource(definition, subresource);
        this.#add(items, path, item);
        if (subresource.name === "proxy") this.#add(items, `${path}/{path}`, withRestOfPath(item));
      }
    }
    return Object.fromEntries([...items].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }

  #add(items: Map<string, Schema>, path: string, item: Schema): void {
    if (Object.keys(item).some((key) => key !== "parameters")) items.set(path, withShared(item));
  }

  #collection(definition: ResourceDefinition): Schema {
    return {
      ...this.#operations(definition, ["list", "create", "deletecollection"]),
      parameters: [...namespaceParameter(definition), pretty],
    };
  }

  #allNamespaces(definition: ResourceDefinition): Schema {
    const { get } = this.#operations(definition, ["list"]);
    const operation = { ...(get as Schema), operationId: `${listId(definition)}ForAllNamespaces` };
    return { get: operation, parameters: [pretty] };
  }

  #item(definition: ResourceDefinition): Schema {
    return {
      ...this.#operations(definition, ["get", "update", "patch", "delete"]),
      parameters: [nameParameter(definition.kind), ...namespaceParameter(definition), pretty],
    };
  }

  #operations(definition: ResourceDefinition, wanted: readonly Verb[]): Schema {
    const served = wanted.filter((verb) => definition.verbs.includes(verb));
    return Object.fromEntries(
      served.map((verb) => [verbs[verb].method, this.#operation(verb, definition, undefined)]),
    );
  }

  #subresource(definition: ResourceDefinition, subresource: SubresourceDefinition): Schema {
    const common = [nameParameter(definition.kind), ...namespaceParameter(definition)];
    if (isConnect(subresource)) {
      const connects = connectMethods(subresource).map((method): [string, Schema] => [
        method,
        connectOperation(definition, subresource, method),
      ]);
      const parameters = [...common, ...this.#options(subresource.struct)];
      return { ...(Object.fromEntries(connects) as Schema), parameters };
    }
    const operations = subresource.verbs.map((verb): [string, Schema] => [
      verbs[verb as Verb].method,
      this.#operation(verb as Verb, definition, subresource),
    ]);
    const log = subresource.name === "log" ? this.#options(subresource.struct) : [];
    return { ...(Object.fromEntries(operations) as Schema), parameters: [...common, pretty, ...log] };
  }

  #operation(
    verb: Verb,
    definition: ResourceDefinition,
    subresource: SubresourceDefinition | undefined,
  ): Schema {
    const { action, word } = verbs[verb];
    const about: GroupVersionKind = subresource ?? definition;
    const struct = subresource?.struct ?? definition.struct;
    const scope = definition.namespaced ? "Namespaced" : "";
    const parameters = this.#parameters(verb);
    const suffix = subresource === undefined ? "" : capital(subresource.name);
    return {
      operationId:
        verb === "deletecollection"
          ? `delete${operationPrefix(definition)}Collection${scope}${definition.kind}`
          : `${word}${operationPrefix(definition)}${scope}${definition.kind}${suffix}`,
      ...(parameters.length === 0 ? {} : { parameters }),
      ...this.#bodyOf(verb, struct),
      responses: responsesOf(
        verb,
        subresource?.name === "log" ? undefined : answerOf(verb, definition, struct),
      ),
      tags: [tagOf(definition)],
      "x-kubernetes-action": action,
      "x-kubernetes-group-version-kind": gvk(about),
    };
  }

  #bodyOf(verb: Verb, struct: string): Schema {
    if (verb === "get" || verb === "list") return {};
    if (verb === "patch") {
      const content = Object.fromEntries(
        this.#deps.patchMediaTypes.map((media) => [media, { schema: refTo(patchSchema) }]),
      );
      return { requestBody: { content, required: true } };
    }
    const isDelete = verb === "delete" || verb === "deletecollection";
    const schema = refTo(isDelete ? `${meta}.DeleteOptions` : struct);
    return { requestBody: { content: { "*/*": { schema } }, ...(isDelete ? {} : { required: true }) } };
  }

  #parameters(verb: Verb): readonly Schema[] {
    switch (verb) {
      case "get":
        return [];
      case "list":
        return this.#options(`${meta}.ListOptions`);
      case "create":
        return this.#options(`${meta}.CreateOptions`);
      case "update":
        return this.#options(`${meta}.UpdateOptions`);
      case "patch":
        return this.#options(`${meta}.PatchOptions`);
      case "delete":
        return this.#options(`${meta}.DeleteOptions`);
      case "deletecollection":
        return [...this.#options(`${meta}.DeleteOptions`), ...this.#options(`${meta}.ListOptions`)]
          .filter(({ name }) => name !== "watch" && name !== "allowWatchBookmarks")
          .toSorted((a, b) => (String(a["name"]) < String(b["name"]) ? -1 : 1));
    }
  }

  /** An options struct as query parameters. */
  #options(struct: string): Schema[] {
    const fields = [...(this.#deps.table.struct(struct)?.byName.values() ?? [])]
      .filter(({ name, scalar }) => plainTypes.has(scalar) && !hiddenOptions.has(name))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1));
    return fields.map((field) => queryParameter(field, this.#deps.descriptions.of(struct, field.name)));
  }
}

function queryParameter({ name, scalar }: FieldType, description: string | undefined): Schema {
  return {
    ...(description === undefined ? {} : { description }),
    in: "query",
    name,
    schema: { type: plainTypes.get(scalar) ?? "string", uniqueItems: true },
  };
}

const pretty: Schema = { in: "query", name: "pretty", schema: { type: "string", uniqueItems: true } };

const pathParameter = (name: string, description: string): Schema => ({
  description,
  in: "path",
  name,
  required: true,
  schema: { type: "string", uniqueItems: true },
});

const nameParameter = (kind: string): Schema => pathParameter("name", `name of the ${kind}`);

const namespaceParameter = ({ namespaced }: ResourceDefinition): Schema[] =>
  namespaced ? [pathParameter("namespace", "the namespace of the object")] : [];

export const unauthorized: Schema = { "401": { description: "Unauthorized" } };

/** What follows the proxy's own path is the target's. */
function withRestOfPath({ parameters, ...operations }: Schema): Schema {
  const entries = Object.entries(operations as Readonly<Record<string, Schema>>);
  return {
    ...(Object.fromEntries(
      entries.map(([method, operation]) => [
        method,
        { ...operation, operationId: `${String(operation["operationId"])}WithPath` },
      ]),
    ) as Schema),
    parameters: [...(parameters as readonly Schema[]), pathParameter("path", "path to the resource")],
  };
}

/** What every operation takes is said of the path: where there is one, all that it takes. */
function withShared({ parameters, ...operations }: Schema): Schema {
  const entries = Object.entries(operations as Readonly<Record<string, Schema>>);
  const [only] = entries.length === 1 ? entries : [];
  const shared = [...(parameters as readonly Schema[])];
  if (only === undefined) return { ...operations, parameters: shared.toSorted(byName) };
  const [method, { parameters: own = [], ...operation }] = only;
  return { [method]: operation, parameters: [...shared, ...(own as readonly Schema[])].toSorted(byName) };
}

const byName = (a: Schema, b: Schema): number => (sortKey(a) < sortKey(b) ? -1 : 1);
const sortKey = (parameter: Schema): string => `${String(parameter["name"])} ${String(parameter["in"])}`;

const gvk = ({ group, version, kind }: GroupVersionKind): Schema => ({ group, kind, version });

const listId = (definition: ResourceDefinition): string =>
  `list${operationPrefix(definition)}${definition.kind}`;

/** exec, attach, portforward, proxy: the body is the connection's own. */
const isConnect = ({ kind }: SubresourceDefinition): boolean => kind.endsWith("Options");

/** A proxy passes on what isn't a verb of the API, too. */
function connectMethods({ name, verbs: served }: SubresourceDefinition): string[] {
  const methods: string[] = served.map((verb) => verbs[verb as Verb].method);
  return name === "proxy" ? [...methods, "head", "options"] : methods;
}

function connectOperation(
  definition: ResourceDefinition,
  subresource: SubresourceDefinition,
  method: string,
): Schema {
  const scope = definition.namespaced ? "Namespaced" : "";
  const content = { "*/*": { schema: { type: "string" } } };
  return {
    operationId: `connect${operationPrefix(definition)}${capital(method)}${scope}${definition.kind}${capital(subresource.name)}`,
    responses: { "200": { description: "OK", content }, ...unauthorized },
    tags: [tagOf(definition)],
    "x-kubernetes-action": "connect",
    "x-kubernetes-group-version-kind": gvk(subresource),
  };
}

function answerOf(verb: Verb, { group, resource }: ResourceDefinition, struct: string): string {
  if (verb === "list") return `${struct}List`;
  if (verb === "deletecollection") return `${meta}.Status`;
  return verb === "delete" && !answersDeleteWithObject(group, resource) ? `${meta}.Status` : struct;
}

const codes: Readonly<Record<Verb, readonly [code: string, text: string][]>> = {
  get: [["200", "OK"]],
  list: [["200", "OK"]],
  create: [
    ["200", "OK"],
    ["201", "Created"],
    ["202", "Accepted"],
  ],
  update: [
    ["200", "OK"],
    ["201", "Created"],
  ],
  patch: [
    ["200", "OK"],
    ["201", "Created"],
  ],
  delete: [
    ["200", "OK"],
    ["202", "Accepted"],
  ],
  deletecollection: [["200", "OK"]],
};

function responsesOf(verb: Verb, struct: string | undefined): Schema {
  const content =
    struct === undefined
      ? { "text/plain": { schema: { type: "string" } } }
      : { "application/json": { schema: refTo(struct) } };
  const answers = codes[verb].map(([code, description]): [string, Schema] => [
    code,
    { content, description },
  ]);
  return { ...(Object.fromEntries(answers) as Schema), ...unauthorized };
}

function discoveryItem(own: GroupVersion): Schema {
  const content = { "application/json": { schema: refTo(`${meta}.APIResourceList`) } };
  return {
    get: {
      description: "get available resources",
      operationId: `get${operationPrefix(own)}APIResources`,
      responses: { "200": { content, description: "OK" }, ...unauthorized },
      tags: [tagOf(own)],
    },
  };
}
