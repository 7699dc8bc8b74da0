/**
 * A Swagger document as protobuf, for kubectl up to 1.28, which reads it in no other form.
 * Numbers are of openapi_v2.proto. upstream: gnostic-models/openapiv2
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
import type { Swagger } from "./v2.ts";

export function encodeSwagger(swagger: Swagger): Buffer {
  const { info, paths, definitions, security, securityDefinitions } = swagger;
  return encodeParts([
    [1, swagger.swagger],
    [
      2,
      [
        [1, info.title],
        [2, info.version],
      ],
    ],
    [8, named(2, paths, pathParts)],
    [9, named(1, definitions, schemaParts)],
    ...security.map((each): Part => [
      12,
      Object.entries(each).map(([name, scopes]): Part => [
        1,
        [
          [1, name],
          [2, texts(1, scopes)],
        ],
      ]),
    ]),
    [13, named(1, securityDefinitions, keyParts)],
  ]);
}

/** A key that is sent along. */
const keyParts = (scheme: Schema): Part[] => [
  [
    2,
    [
      [1, text(scheme["type"])],
      [2, text(scheme["name"])],
      [3, text(scheme["in"])],
      [4, text(scheme["description"])],
    ],
  ],
];

const methods: Readonly<Record<string, number>> = {
  get: 2,
  put: 3,
  post: 4,
  delete: 5,
  options: 6,
  head: 7,
  patch: 8,
};

const pathParts = (item: Schema): Part[] => [
  ...Object.entries(methods).flatMap(([method, id]): Part[] => {
    const operation = item[method] as Schema | undefined;
    return operation === undefined ? [] : [[id, operationParts(operation)]];
  }),
  ...parametersParts(9, item["parameters"]),
];

const operationParts = (operation: Schema): Part[] => [
  ...texts(1, operation["tags"]),
  [3, text(operation["description"])],
  [5, text(operation["operationId"])],
  ...texts(6, operation["produces"]),
  ...texts(7, operation["consumes"]),
  ...parametersParts(8, operation["parameters"]),
  [9, named(1, operation["responses"] as Definitions, responseParts)],
  ...texts(10, operation["schemes"]),
  ...extensions(13, operation),
];

function responseParts({ description, schema }: Schema): Part[] {
  const body: Part[] = schema === undefined ? [] : [[2, [[1, schemaParts(schema as Schema)]]]];
  return [[1, [[1, text(description)], ...body]]];
}

const parametersParts = (id: number, parameters: unknown): Part[] =>
  ((parameters ?? []) as readonly Schema[]).map((parameter): Part => [id, [[1, parameterParts(parameter)]]]);

function parameterParts(parameter: Schema): Part[] {
  const { in: place, name, description, required } = parameter;
  if (place === "body") {
    const schema = schemaParts(parameter["schema"] as Schema);
    return [
      [
        1,
        [
          [1, text(description)],
          [2, text(name)],
          [3, "body"],
          [4, flag(required)],
          [5, schema],
        ],
      ],
    ];
  }
  // Query and path parameters differ in two numbers: only a query's may be empty.
  const [kind, type, unique] = place === "query" ? [3, 6, 20] : [4, 5, 18];
  return [
    [
      2,
      [
        [
          kind,
          [
            [1, flag(required)],
            [2, text(place)],
            [3, text(description)],
            [4, text(name)],
            [type, text(parameter["type"])],
            [unique, flag(parameter["uniqueItems"])],
          ],
        ],
      ],
    ],
  ];
}

function schemaParts(schema: Schema): Part[] {
  const { properties, items, additionalProperties, externalDocs } = schema as {
    readonly properties?: Definitions;
    readonly items?: Schema;
    readonly additionalProperties?: Schema | boolean;
    readonly externalDocs?: Schema;
  };
  const type = text(schema["type"]);
  return [
    [1, text(schema["$ref"])],
    [2, text(schema["format"])],
    [3, text(schema["title"])],
    [4, text(schema["description"])],
    anything(5, schema["default"]),
    [6, double(schema["multipleOf"])],
    [7, double(schema["maximum"])],
    [8, flag(schema["exclusiveMaximum"])],
    [9, double(schema["minimum"])],
    [10, flag(schema["exclusiveMinimum"])],
    [11, integer(schema["maxLength"])],
    [12, integer(schema["minLength"])],
    [13, text(schema["pattern"])],
    [14, integer(schema["maxItems"])],
    [15, integer(schema["minItems"])],
    [16, flag(schema["uniqueItems"])],
    [17, integer(schema["maxProperties"])],
    [18, integer(schema["minProperties"])],
    ...texts(19, schema["required"]),
    ...anythings(20, schema["enum"]),
    [21, additionalProperties === undefined ? undefined : openParts(additionalProperties)],
    [22, type === undefined ? undefined : [[1, type]]],
    [23, items && [[1, schemaParts(items)]]],
    [25, properties && named(1, properties, schemaParts)],
    [
      29,
      externalDocs && [
        [1, text(externalDocs["description"])],
        [2, text(externalDocs["url"])],
      ],
    ],
    anything(30, schema["example"]),
    ...extensions(31, schema),
  ];
}

const openParts = (values: Schema | boolean): Part[] =>
  typeof values === "boolean" ? [[2, values]] : [[1, schemaParts(values)]];
