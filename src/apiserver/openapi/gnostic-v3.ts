/**
 * A document of version 3 as protobuf, for who would rather have that.
 * Numbers are of openapi_v3.proto. upstream: gnostic-models/openapiv3
 */
import {
  anything,
  anythings,
  double,
  encodeParts,
  extensions,
  flag,
  integer,
  named,
  text,
  texts,
  type Part,
} from "./protobuf-parts.ts";
import type { Definitions, Schema } from "./schemas.ts";
import type { OpenApiDocument } from "./v3.ts";

export const encodeDocument = ({ openapi, info, paths, components }: OpenApiDocument): Buffer =>
  encodeParts([
    [1, openapi],
    [
      2,
      [
        [1, info.title],
        [6, info.version],
      ],
    ],
    [4, named(1, paths, pathParts)],
    [
      5,
      [
        [1, named(1, (components["schemas"] ?? {}) as Definitions, schemaOrReference)],
        [7, named(1, (components["securitySchemes"] ?? {}) as Definitions, securityParts)],
      ],
    ],
  ]);

const methods: Readonly<Record<string, number>> = {
  get: 4,
  put: 5,
  post: 6,
  delete: 7,
  options: 8,
  head: 9,
  patch: 10,
  trace: 11,
};

const pathParts = (item: Schema): Part[] => [
  ...Object.entries(methods).flatMap(([method, id]): Part[] => {
    const operation = item[method] as Schema | undefined;
    return operation === undefined ? [] : [[id, operationParts(operation)]];
  }),
  ...parametersParts(13, item["parameters"]),
];

function operationParts(operation: Schema): Part[] {
  const body = operation["requestBody"] as Schema | undefined;
  return [
    ...texts(1, operation["tags"]),
    [3, text(operation["description"])],
    [5, text(operation["operationId"])],
    ...parametersParts(6, operation["parameters"]),
    [7, body && [[1, [...contentParts(2, body), [3, flag(body["required"])]]]]],
    [8, named(2, operation["responses"] as Definitions, responseParts)],
    ...extensions(13, operation),
  ];
}

const responseParts = (response: Schema): Part[] => [
  [1, [[1, text(response["description"])], ...contentParts(3, response)]],
];

const contentParts = (id: number, { content }: Schema): Part[] =>
  content === undefined ? [] : [[id, named(1, content as Definitions, mediaParts)]];

const mediaParts = ({ schema }: Schema): Part[] =>
  schema === undefined ? [] : [[1, schemaOrReference(schema as Schema)]];

const parametersParts = (id: number, parameters: unknown): Part[] =>
  ((parameters ?? []) as readonly Schema[]).map((parameter): Part => [id, [[1, parameterParts(parameter)]]]);

const parameterParts = (parameter: Schema): Part[] => [
  [1, text(parameter["name"])],
  [2, text(parameter["in"])],
  [3, text(parameter["description"])],
  [4, flag(parameter["required"])],
  [10, schemaOrReference(parameter["schema"] as Schema)],
];

const securityParts = (scheme: Schema): Part[] => [
  [
    1,
    [
      [1, text(scheme["type"])],
      [2, text(scheme["description"])],
      [3, text(scheme["name"])],
      [4, text(scheme["in"])],
    ],
  ],
];

/** A reference says nothing else. */
const schemaOrReference = (schema: Schema): Part[] => {
  const reference = text(schema["$ref"]);
  return reference === undefined ? [[1, schemaParts(schema)]] : [[2, [[1, reference]]]];
};

const choices = (id: number, schemas: unknown): Part[] =>
  ((schemas ?? []) as readonly Schema[]).map((schema): Part => [id, schemaOrReference(schema)]);

function schemaParts(schema: Schema): Part[] {
  const { properties, items, additionalProperties, externalDocs, not } = schema as {
    readonly properties?: Definitions;
    readonly items?: Schema;
    readonly additionalProperties?: Schema | boolean;
    readonly externalDocs?: Schema;
    readonly not?: Schema;
  };
  return [
    [1, flag(schema["nullable"])],
    [
      6,
      externalDocs && [
        [1, text(externalDocs["description"])],
        [2, text(externalDocs["url"])],
      ],
    ],
    anything(7, schema["example"]),
    [9, text(schema["title"])],
    [10, double(schema["multipleOf"])],
    [11, double(schema["maximum"])],
    [12, flag(schema["exclusiveMaximum"])],
    [13, double(schema["minimum"])],
    [14, flag(schema["exclusiveMinimum"])],
    [15, integer(schema["maxLength"])],
    [16, integer(schema["minLength"])],
    [17, text(schema["pattern"])],
    [18, integer(schema["maxItems"])],
    [19, integer(schema["minItems"])],
    [20, flag(schema["uniqueItems"])],
    [21, integer(schema["maxProperties"])],
    [22, integer(schema["minProperties"])],
    ...texts(23, schema["required"]),
    ...anythings(24, schema["enum"]),
    [25, text(schema["type"])],
    ...choices(26, schema["allOf"]),
    ...choices(27, schema["oneOf"]),
    ...choices(28, schema["anyOf"]),
    [29, not && schemaParts(not)],
    [30, items && [[1, schemaOrReference(items)]]],
    [31, properties && named(1, properties, schemaOrReference)],
    [32, additionalProperties === undefined ? undefined : openParts(additionalProperties)],
    [33, defaultParts(schema["default"])],
    [34, text(schema["description"])],
    [35, text(schema["format"])],
    ...extensions(36, schema),
  ];
}

const openParts = (values: Schema | boolean): Part[] =>
  typeof values === "boolean" ? [[2, values]] : [[1, schemaOrReference(values)]];

/** Only of what is one value is it said which. */
function defaultParts(value: unknown): Part[] | undefined {
  switch (typeof value) {
    case "undefined":
      return undefined;
    case "number":
    case "bigint":
      return [[1, Number(value)]];
    case "boolean":
      return [[2, value]];
    case "string":
      return [[3, value]];
    default:
      return [];
  }
}
