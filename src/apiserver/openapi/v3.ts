/**
 * /openapi/v3: a list of documents, one per group version, each made when it is first asked for: kubectl apply, edit and
 * explain read them. upstream: kube-openapi/pkg/handler3
 */
import { goJson } from "#api/codec/go-json.ts";
import { createHash } from "node:crypto";
import { knownGroupVersions } from "#api/facts/schema.ts";
import { apiVersionOf, parseApiVersion, type GroupVersion, type GroupVersionKind } from "#api/meta/object.ts";
import { typeTableText } from "#api/generated/type-table.ts";
import type { ResourceDefinition, Scheme } from "#api/scheme.ts";
import type { TypeTable } from "#api/schema/type-table.ts";
import type { Descriptions } from "./descriptions.ts";
import { encodeDocument } from "./gnostic-v3.ts";
import { otherDocuments } from "./other-documents.ts";
import { patchMediaTypes, PathWriter } from "./paths.ts";
import { patchSchema, SchemaWriter, type Definitions } from "./schemas.ts";

/**
 * How documents are written. It is part of every hash, and kubectl keeps what it once read under a hash: another
 * writing of the same types needs another number.
 */
export const documentFormat = 6;

/** One document, which knows its hash before it is made. Built-in groups here; custom resources bring their own. */
export interface OpenApiSource {
  /** "api/v1", "apis/apps/v1" */
  readonly path: string;
  /** Another hash means another document. */
  readonly hash: string;
  build(): OpenApiDocument;
  /** Definitions that version 2 has in other words than those that follow from the document. */
  readonly swaggerDefinitions?: () => Definitions;
}

export interface OpenApiDocument {
  readonly openapi: "3.0.0";
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, unknown>>;
  readonly components: Readonly<Record<string, unknown>>;
}

export interface BuiltinDeps {
  readonly scheme: Scheme;
  readonly table: TypeTable;
  readonly descriptions: Descriptions;
  /** Of the server: a new one may publish something else. */
  readonly version: string;
}

const meta = "io.k8s.apimachinery.pkg.apis.meta.v1";
const inEveryGroup = new Set(["DeleteOptions", "WatchEvent"]);

const pathOf = (own: GroupVersion): string =>
  own.group === "" ? `api/${own.version}` : `apis/${own.group}/${own.version}`;

/** The kinds that a struct is the form of, for x-kubernetes-group-version-kind. */
export function kindsBy(scheme: Scheme): (struct: string) => readonly GroupVersionKind[] {
  const kinds = new Map<string, GroupVersionKind[]>();
  const add = (struct: string, { group, version, kind }: GroupVersionKind): void => {
    const known = kinds.get(struct) ?? [];
    const isKnown = known.some((each) => each.group === group && each.version === version);
    kinds.set(struct, isKnown ? known : [...known, { group, version, kind }]);
  };
  for (const definition of scheme.all()) {
    add(definition.struct, definition);
    add(`${definition.struct}List`, { ...definition, kind: definition.listKind });
    for (const subresource of definition.subresources) {
      if (subresource.struct.endsWith(`.${subresource.kind}`)) add(subresource.struct, subresource);
    }
  }
  add(`${meta}.Status`, { group: "", version: "v1", kind: "Status" });
  for (const kind of ["APIGroup", "APIGroupList", "APIResourceList", "APIVersions"]) {
    add(`${meta}.${kind}`, { group: "", version: "v1", kind });
  }
  for (const kind of inEveryGroup) {
    for (const own of knownGroupVersions) add(`${meta}.${kind}`, { ...parseApiVersion(own), kind });
  }
  return (struct) => kinds.get(struct) ?? [];
}

export function rootsOf(resources: readonly ResourceDefinition[]): Set<string> {
  const roots = new Set([`${meta}.APIResourceList`]);
  for (const { struct, verbs, subresources } of resources) {
    roots.add(struct);
    if (verbs.includes("list")) roots.add(`${struct}List`);
    if (verbs.includes("watch")) roots.add(`${meta}.WatchEvent`);
    if (verbs.includes("delete")) roots.add(`${meta}.DeleteOptions`).add(`${meta}.Status`);
    if (verbs.includes("patch")) roots.add(patchSchema);
    for (const subresource of subresources) {
      if (!subresource.struct.endsWith("Options")) roots.add(subresource.struct);
    }
  }
  return roots;
}

export function builtinSources(deps: BuiltinDeps): OpenApiSource[] {
  const { scheme, table, descriptions, version } = deps;
  const schemas = new SchemaWriter({ table, descriptions, kindsOf: kindsBy(scheme) });
  const paths = new PathWriter({ table, descriptions, patchMediaTypes });
  const byVersion = Map.groupBy(scheme.served(), apiVersionOf);
  // Of all that decides what a document says, so that none has to be made to know it.
  const content = createHash("sha512").update(
    [documentFormat, version, JSON.stringify(scheme.served()), typeTableText, descriptions.digest()].join(
      "\n",
    ),
  );
  const sourceOf = (path: string, build: () => OpenApiDocument): OpenApiSource => ({
    path,
    hash: content.copy().update(`\n${path}`).digest("hex").toUpperCase(),
    build,
  });
  const groups = [...new Set(scheme.groupVersions().map(({ group }) => group))].filter((name) => name !== "");
  return [
    ...scheme.groupVersions().map((own) => {
      const resources = byVersion.get(apiVersionOf(own)) ?? [];
      return sourceOf(pathOf(own), () =>
        documentOf(paths.paths(own, resources), schemas.closure(rootsOf(resources))),
      );
    }),
    ...otherDocuments(groups).map(({ path, item, roots }) =>
      sourceOf(path, () => documentOf({ [`/${path}/`]: item }, schemas.closure(roots))),
    ),
  ];
}

/** How clients say who they are. */
export const securitySchemes = {
  BearerToken: {
    description: "Bearer Token authentication",
    in: "header",
    name: "authorization",
    type: "apiKey",
  },
};

const documentOf = (paths: OpenApiDocument["paths"], schemas: Definitions): OpenApiDocument => ({
  openapi: "3.0.0",
  info: { title: "Kubernetes", version: "unversioned" },
  paths,
  components: { schemas, securitySchemes },
});

export interface OpenApiAnswer {
  readonly body: Buffer;
  /** Of the document, whichever form it has. */
  readonly hash: string;
  /** Milliseconds since 1970 at which it was made. */
  readonly modified: number;
}

/** What was made of one source. */
interface Made {
  readonly json: OpenApiAnswer;
  protobuf?: OpenApiAnswer;
}

/** Keeps what was made; forgets a document whose source's hash has changed. */
export class OpenApiV3 {
  readonly #sources: () => readonly OpenApiSource[];
  readonly #now: () => number;
  readonly #made = new Map<string, Made>();

  /** `sources` are asked for anew each time: custom resources come and go. `now`: milliseconds since 1970. */
  constructor(sources: () => readonly OpenApiSource[], now: () => number) {
    this.#sources = sources;
    this.#now = now;
  }

  /** GET /openapi/v3 */
  root(): Buffer {
    const sources = this.#sources().toSorted((a, b) => (a.path < b.path ? -1 : 1));
    const paths = Object.fromEntries(
      sources.map(({ path, hash }) => [path, { serverRelativeURL: urlOf(path, hash) }]),
    );
    return Buffer.from(goJson({ paths }));
  }

  /** GET /openapi/v3/PATH */
  document(path: string): OpenApiAnswer | undefined {
    return this.#current(path)?.[0].json;
  }

  protobuf(path: string): OpenApiAnswer | undefined {
    const current = this.#current(path);
    if (current === undefined) return undefined;
    const [made, source] = current;
    made.protobuf ??= { ...made.json, body: encodeDocument(source.build()) };
    return made.protobuf;
  }

  #current(path: string): readonly [Made, OpenApiSource] | undefined {
    const source = this.#sources().find((each) => each.path === path);
    if (source === undefined) {
      this.#made.delete(path);
      return undefined;
    }
    const known = this.#made.get(path);
    if (known?.json.hash === source.hash) return [known, source];
    const body = Buffer.from(goJson(source.build()));
    const made: Made = { json: { body, hash: source.hash, modified: this.#now() } };
    this.#made.set(path, made);
    return [made, source];
  }
}

/** Where a document is found as long as it is this one. */
export const urlOf = (path: string, hash: string): string => `/openapi/v3/${path}?hash=${hash}`;
