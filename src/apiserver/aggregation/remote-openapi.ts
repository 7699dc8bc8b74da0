/**
 * The OpenAPI documents of servers that extend the API: theirs of version 3 or, from those that have none, made of their
 * version 2. upstream: kube-aggregator/pkg/controllers/openapiv3
 */
import { parseExact } from "#base/exact-json.ts";
import { createHash } from "node:crypto";
import type { APIService } from "#api/generated/types/apiregistration-v1.ts";
import { apiVersionOf, type GroupVersion } from "#api/meta/object.ts";
import { encodeDocument } from "#apiserver/openapi/gnostic-v3.ts";
import { encodeSwagger } from "#apiserver/openapi/gnostic.ts";
import { swaggerOf } from "#apiserver/openapi/v2.ts";
import type { OpenApiDocument, OpenApiSource } from "#apiserver/openapi/v3.ts";
import type { Fetch } from "./remote-discovery.ts";

const json = "application/json";
const operations = new Set(["get", "put", "post", "delete", "options", "head", "patch", "trace"]);
const root = "/openapi/v3";

type Loose = Readonly<Record<string, unknown>>;

/** Undefined: the server publishes none. Throws for a document that can't be merged with the others. */
export async function fetchOpenApi(
  service: APIService,
  own: GroupVersion,
  fetch: Fetch,
): Promise<OpenApiSource | undefined> {
  const path = `apis/${apiVersionOf(own)}`;
  const document = (await fetchVersion3(service, path, fetch)) ?? (await fetchVersion2(service, fetch));
  return document === undefined ? undefined : sourceOf(path, document);
}

async function fetchVersion3(service: APIService, path: string, fetch: Fetch): Promise<Loose | undefined> {
  const list = await fetch(service, root, json);
  if (list.status !== 200) return undefined;
  const { paths = {} } = JSON.parse(list.body) as {
    readonly paths?: Readonly<Record<string, { readonly serverRelativeURL?: string }>>;
  };
  const url = paths[path]?.serverRelativeURL;
  if (url?.startsWith(`${root}/`) !== true) return undefined;
  const { status, body } = await fetch(service, url, json);
  return status === 200 ? (parseExact(body) as Loose) : undefined;
}

async function fetchVersion2(service: APIService, fetch: Fetch): Promise<Loose | undefined> {
  const { status, body } = await fetch(service, "/openapi/v2", json);
  if (status !== 200) return undefined;
  const { definitions = {} } = parseExact(body.replaceAll('"#/definitions/', '"#/components/schemas/')) as {
    readonly definitions?: Loose;
  };
  return { components: { schemas: definitions } };
}

function sourceOf(path: string, document: Loose): OpenApiSource {
  const body = JSON.stringify(publishable(document));
  const hash = createHash("sha512").update(body).digest("hex").toUpperCase();
  const source = { path, hash, build: () => parseExact(body) as OpenApiDocument };
  // One document that can't be told in the words of version 2 would take all others with it.
  encodeSwagger(swaggerOf([source]));
  encodeDocument(source.build());
  return source;
}

function publishable({ info, paths = {}, components = {} }: Loose): OpenApiDocument {
  const { schemas = {}, securitySchemes } = components as Loose;
  return {
    openapi: "3.0.0",
    info: (info ?? { title: "Kubernetes", version: "unversioned" }) as OpenApiDocument["info"],
    paths: mapValues(paths as Loose, (item) => pathItem(item as Loose)),
    components: { schemas, ...(securitySchemes === undefined ? {} : { securitySchemes }) },
  };
}

const pathItem = (item: Loose): Loose =>
  Object.fromEntries(
    Object.entries(item).flatMap(([key, value]) => {
      if (key === "parameters") return [[key, value]];
      return operations.has(key) ? [[key, { responses: {}, ...(value as Loose) }]] : [];
    }),
  );

const mapValues = (values: Loose, change: (value: unknown) => unknown): Loose =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value)]));
