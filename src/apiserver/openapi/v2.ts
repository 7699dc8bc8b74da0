/**
 * /openapi/v2: for kubectl up to 1.28, which reads it as protobuf only. It holds what those read: every definition, and
 * of the paths the patches with their parameters. upstream: kube-openapi/pkg/handler, gnostic-models/openapiv2
 */
import { createHash } from "node:crypto";
import { Writer } from "#api/codec/protobuf/writer.ts";
import { apiVersionOf } from "#api/meta/object.ts";
import { PathWriter } from "./paths.ts";
import { SchemaWriter, type Definitions, type Schema } from "./schemas.ts";
import { kindsBy, rootsOf, type BuiltinDeps, type OpenApiAnswer } from "./v3.ts";

/** What clients ask for, and what the answer calls itself: Go's own parser refuses the "@". */
export const openApiV2Accepted = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
export const openApiV2ContentType = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

interface Swagger {
  readonly swagger: "2.0";
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, { readonly patch: Schema }>>;
  readonly definitions: Definitions;
}

/** Made when first asked for, and kept: hardly anybody asks. */
export class OpenApiV2 {
  readonly #deps: BuiltinDeps;
  #swagger: Swagger | undefined;
  #json: OpenApiAnswer | undefined;
  #protobuf: OpenApiAnswer | undefined;

  constructor(deps: BuiltinDeps) {
    this.#deps = deps;
  }

  json(): OpenApiAnswer {
    this.#json ??= answerOf(Buffer.from(JSON.stringify(this.#document())));
    return this.#json;
  }

  protobuf(): OpenApiAnswer {
    this.#protobuf ??= answerOf(encodeSwagger(this.#document()));
    return this.#protobuf;
  }

  #document(): Swagger {
    this.#swagger ??= swaggerOf(this.#deps);
    return this.#swagger;
  }
}

function answerOf(body: Buffer): OpenApiAnswer {
  const hash = createHash("sha512").update(body).digest("hex").toUpperCase();
  return { body, etag: `"${hash}"`, hash };
}

function swaggerOf({ scheme, table, descriptions }: BuiltinDeps): Swagger {
  const schemas = new SchemaWriter({ table, descriptions, kindsOf: kindsBy(scheme) });
  const writer = new PathWriter({ table, descriptions });
  const paths: [string, { patch: Schema }][] = [];
  for (const members of Map.groupBy(scheme.all(), apiVersionOf).values()) {
    const [own] = members;
    if (own === undefined) continue;
    for (const [path, item] of Object.entries(writer.paths(own, members))) {
      const patch = item["patch"] as Schema | undefined;
      // A proxy takes the method, too, but passes it on.
      if (patch?.["x-kubernetes-action"] === "patch") paths.push([path, { patch: operationOf(patch) }]);
    }
  }
  const definitions = Object.entries(schemas.closure(rootsOf(scheme.all())));
  return {
    swagger: "2.0",
    info: { title: "Kubernetes", version: "unversioned" },
    paths: Object.fromEntries(paths),
    definitions: Object.fromEntries(definitions.map(([name, schema]) => [name, schemaV2(schema)])),
  };
}

/** Of a patch's content, kubectl asks for the media types; of its parameters, for the names. */
function operationOf(operation: Schema): Schema {
  const { content } = operation["requestBody"] as { content: object };
  const parameters = operation["parameters"] as readonly { name: string; schema: { type: string } }[];
  return {
    consumes: Object.keys(content),
    operationId: operation["operationId"],
    parameters: parameters.map(({ name, schema: { type } }) => ({
      in: "query",
      name,
      type,
      uniqueItems: true,
    })),
    responses: { "200": { description: "OK" } },
    "x-kubernetes-action": operation["x-kubernetes-action"],
    "x-kubernetes-group-version-kind": operation["x-kubernetes-group-version-kind"],
  };
}

/** Version 2 knows neither oneOf nor a reference in company; its defaults and enums are left out, as upstream does. */
function schemaV2(schema: Schema): Schema {
  const {
    allOf,
    oneOf,
    default: _default,
    enum: _enum,
    $ref,
    properties,
    items,
    additionalProperties,
    ...rest
  } = schema;
  const [only] = (allOf ?? []) as readonly Schema[];
  const reference = (only?.["$ref"] ?? $ref) as string | undefined;
  return {
    ...rest,
    ...(oneOf === undefined ? {} : { type: "string" }),
    ...(reference === undefined
      ? {}
      : { $ref: reference.replace("#/components/schemas/", "#/definitions/") }),
    ...(items === undefined ? {} : { items: schemaV2(items as Schema) }),
    ...(additionalProperties === undefined
      ? {}
      : { additionalProperties: schemaV2(additionalProperties as Schema) }),
    ...(properties === undefined ? {} : { properties: mapValues(properties as Definitions, schemaV2) }),
  };
}

const mapValues = (values: Definitions, change: (value: Schema) => Schema): Definitions =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value)]));

/** A field of a message by its number in gnostic's openapi_v2.proto; absent values aren't written. */
type Part = readonly [id: number, value: string | boolean | readonly Part[] | undefined];

function writeParts(writer: Writer, parts: readonly Part[]): void {
  for (const [id, value] of parts.toReversed()) {
    if (value === undefined) continue;
    if (typeof value === "boolean") {
      writer.byte(value ? 1 : 0);
      writer.varint(id * 8);
      continue;
    }
    const mark = writer.mark;
    if (typeof value === "string") writer.text(value);
    else writeParts(writer, value);
    writer.varint(writer.mark - mark);
    writer.varint(id * 8 + 2);
  }
}

const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
const texts = (id: number, values: unknown): Part[] =>
  Array.isArray(values) ? (values as string[]).map((value): Part => [id, value]) : [];

/** Extensions as gnostic keeps them: a name, and YAML text (JSON is YAML). */
const extensions = (id: number, schema: Schema): Part[] =>
  Object.entries(schema)
    .filter(([name, value]) => name.startsWith("x-") && value !== undefined)
    .map(([name, value]): Part => [
      id,
      [
        [1, name],
        [2, [[2, JSON.stringify(value)]]],
      ],
    ]);

function encodeSwagger({ swagger, info, paths, definitions }: Swagger): Buffer {
  const writer = new Writer();
  const pathParts = Object.entries(paths).map(([path, { patch }]): Part => [
    2,
    [
      [1, path],
      [2, [[8, operationParts(patch)]]],
    ],
  ]);
  const definitionParts = Object.entries(definitions).map(([name, schema]): Part => [
    1,
    [
      [1, name],
      [2, schemaParts(schema)],
    ],
  ]);
  writeParts(writer, [
    [1, swagger],
    [
      2,
      [
        [1, info.title],
        [2, info.version],
      ],
    ],
    [8, pathParts],
    [9, definitionParts],
  ]);
  return writer.take();
}

function operationParts(operation: Schema): Part[] {
  const parameters = operation["parameters"] as readonly Schema[];
  return [
    [5, text(operation["operationId"])],
    ...texts(7, operation["consumes"]),
    ...parameters.map((parameter): Part => [8, [[1, [[2, [[3, parameterParts(parameter)]]]]]]]),
    [
      9,
      [
        [
          1,
          [
            [1, "200"],
            [2, [[1, [[1, "OK"]]]]],
          ],
        ],
      ],
    ],
    ...extensions(13, operation),
  ];
}

const parameterParts = (parameter: Schema): Part[] => [
  [2, text(parameter["in"])],
  [4, text(parameter["name"])],
  [6, text(parameter["type"])],
  [20, true],
];

function schemaParts(schema: Schema): Part[] {
  const { properties, items, additionalProperties } = schema as {
    readonly properties?: Definitions;
    readonly items?: Schema;
    readonly additionalProperties?: Schema;
  };
  const type = text(schema["type"]);
  const named = Object.entries(properties ?? {}).map(([name, property]): Part => [
    1,
    [
      [1, name],
      [2, schemaParts(property)],
    ],
  ]);
  return [
    [1, text(schema["$ref"])],
    [2, text(schema["format"])],
    [4, text(schema["description"])],
    ...texts(19, schema["required"]),
    [21, additionalProperties && [[1, schemaParts(additionalProperties)]]],
    [22, type === undefined ? undefined : [[1, type]]],
    [23, items && [[1, schemaParts(items)]]],
    [25, properties && named],
    ...extensions(31, schema),
  ];
}
