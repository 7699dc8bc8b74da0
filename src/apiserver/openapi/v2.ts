/**
 * /openapi/v2: all documents of version 3 in one, in the words of version 2. kubectl up to 1.28 reads it as protobuf
 * only; generators of clients read the JSON. upstream: kube-openapi/pkg/{handler,builder},
 * apiextensions-apiserver/pkg/controller/openapi/v2/conversion.go
 */
import { goJson } from "#api/codec/go-json.ts";
import { createHash } from "node:crypto";
import { encodeSwagger } from "./gnostic.ts";
import type { Definitions, Schema } from "./schemas.ts";
import { securitySchemes, type OpenApiAnswer, type OpenApiSource } from "./v3.ts";

export interface Swagger {
  readonly swagger: "2.0";
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Definitions;
  readonly definitions: Definitions;
  readonly securityDefinitions: Definitions;
  /** Any of these will do: by name, with what must be allowed. */
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
}

/** What was made of one set of sources. */
interface Made {
  readonly sources: string;
  readonly swagger: Swagger;
  readonly json: OpenApiAnswer;
  protobuf?: OpenApiAnswer;
}

/** Made when first asked for, and again when a source has changed: hardly anybody asks. */
export class OpenApiV2 {
  readonly #sources: () => readonly OpenApiSource[];
  readonly #now: () => number;
  #made: Made | undefined;

  /** `sources` are asked for anew each time: custom resources come and go. `now`: milliseconds since 1970. */
  constructor(sources: () => readonly OpenApiSource[], now: () => number) {
    this.#sources = sources;
    this.#now = now;
  }

  json(): OpenApiAnswer {
    return this.#current().json;
  }

  /** With the hash of the JSON: both are the same document. */
  protobuf(): OpenApiAnswer {
    const made = this.#current();
    made.protobuf ??= { ...made.json, body: encodeSwagger(made.swagger) };
    return made.protobuf;
  }

  #current(): Made {
    const all = this.#sources();
    const sources = all.map(({ path, hash }) => `${path} ${hash}`).join("\n");
    if (this.#made?.sources !== sources) {
      const swagger = swaggerOf(all);
      const body = Buffer.from(goJson(swagger));
      const hash = createHash("sha512").update(body).digest("hex").toUpperCase();
      this.#made = { sources, swagger, json: { body, hash, modified: this.#now() } };
    }
    return this.#made;
  }
}

export function swaggerOf(sources: readonly OpenApiSource[]): Swagger {
  const paths: Record<string, Schema> = {};
  const definitions: Record<string, Schema> = {};
  for (const source of sources) {
    const document = source.build();
    for (const [path, item] of Object.entries(document.paths)) paths[path] = pathItem(item as Schema);
    const schemas = document.components["schemas"] as Definitions;
    const own = source.swaggerDefinitions?.() ?? {};
    for (const [name, schema] of Object.entries(schemas)) definitions[name] ??= own[name] ?? schemaV2(schema);
  }
  return {
    swagger: "2.0",
    info: { title: "Kubernetes", version: "unversioned" },
    paths,
    definitions,
    securityDefinitions: securitySchemes,
    security: Object.keys(securitySchemes).map((name) => ({ [name]: [] })),
  };
}

const pathItem = (item: Schema): Schema =>
  Object.fromEntries(
    Object.entries(item).map(([key, value]) => [
      key,
      key === "parameters" ? (value as readonly Schema[]).map(parameterV2) : operationV2(value as Schema),
    ]),
  );

function parameterV2({ schema, ...rest }: Schema): Schema {
  return { ...rest, ...(schema as Schema) };
}

type Content = Readonly<Record<string, { readonly schema: Schema }>>;

function operationV2(operation: Schema): Schema {
  const { requestBody, parameters, responses, ...rest } = operation;
  const body = requestBody as { readonly content: Content; readonly required?: boolean } | undefined;
  const query = ((parameters ?? []) as readonly Schema[]).map(parameterV2);
  const answers = Object.entries(responses as Definitions);
  const produces = new Set(answers.flatMap(([, { content }]) => Object.keys((content ?? {}) as Content)));
  return {
    ...rest,
    consumes: body === undefined ? ["*/*"] : Object.keys(body.content),
    produces: [...produces],
    schemes: ["https"],
    parameters: body === undefined ? query : [bodyParameter(body), ...query],
    responses: Object.fromEntries(answers.map(([code, answer]) => [code, responseV2(answer)])),
  };
}

function bodyParameter({ content, required }: { content: Content; required?: boolean }): Schema {
  return {
    in: "body",
    name: "body",
    ...(required === true ? { required } : {}),
    schema: schemaV2(schemaOf(content) ?? {}),
  };
}

/** Of all media types it is the same. */
const schemaOf = (content: Content): Schema | undefined => Object.values(content)[0]?.schema;

function responseV2({ content, description }: Schema): Schema {
  const schema = schemaOf((content ?? {}) as Content);
  return { description, ...(schema === undefined ? {} : { schema: schemaV2(schema) }) };
}

/**
 * Version 2 knows no choices, no null and no reference in company; of what can't be said nothing is said. Defaults are
 * left out, as upstream does of what is built in.
 */
function schemaV2(schema: Schema): Schema {
  const {
    allOf,
    oneOf,
    anyOf: _anyOf,
    not: _not,
    nullable,
    default: _default,
    $ref,
    type,
    properties,
    items,
    additionalProperties,
    ...rest
  } = schema;
  const [only] = (allOf ?? []) as readonly Schema[];
  const reference = (only?.["$ref"] ?? $ref) as string | undefined;
  const own = {
    ...rest,
    ...(reference === undefined
      ? {}
      : { $ref: reference.replace("#/components/schemas/", "#/definitions/") }),
  };
  // Version 2 takes no null: of what may be null it says nothing else.
  if (nullable === true) return own;
  const published = oneOf === undefined ? type : "string";
  return {
    ...own,
    ...(published === undefined ? {} : { type: published }),
    ...(items === undefined ? {} : { items: schemaV2(items as Schema) }),
    ...(typeof additionalProperties === "object" && additionalProperties !== null
      ? { additionalProperties: schemaV2(additionalProperties as Schema) }
      : {}),
    ...(properties === undefined ? {} : { properties: mapValues(properties as Definitions, schemaV2) }),
  };
}

const mapValues = (values: Definitions, change: (value: Schema) => Schema): Definitions =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value)]));
