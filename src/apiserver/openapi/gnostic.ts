/**
 * A Swagger document as protobuf, for kubectl up to 1.28, which reads it in no other form.
 * Numbers are of openapi_v2.proto. upstream: gnostic-models/openapiv2
 */
import { Writer } from "#api/codec/protobuf/writer.ts";
import type { Definitions, Schema } from "./schemas.ts";
import type { Swagger } from "./v2.ts";

/** A field of a message by its number; absent values aren't written. */
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
const flag = (value: unknown): true | undefined => (value === true ? true : undefined);
const texts = (id: number, values: unknown): Part[] =>
  Array.isArray(values) ? (values as string[]).map((value): Part => [id, value]) : [];

/** A name and what goes by it, as every map of this format is kept. */
const named = (
  id: number,
  values: Readonly<Record<string, unknown>>,
  part: (value: Schema) => Part[],
): Part[] =>
  Object.entries(values).map(([name, value]): Part => [
    id,
    [
      [1, name],
      [2, part(value as Schema)],
    ],
  ]);

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

export function encodeSwagger({ swagger, info, paths, definitions }: Swagger): Buffer {
  const writer = new Writer();
  writeParts(writer, [
    [1, swagger],
    [
      2,
      [
        [1, info.title],
        [2, info.version],
      ],
    ],
    [8, named(2, paths, pathParts)],
    [9, named(1, definitions, schemaParts)],
  ]);
  return writer.take();
}

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
  const { properties, items, additionalProperties } = schema as {
    readonly properties?: Definitions;
    readonly items?: Schema;
    readonly additionalProperties?: Schema;
  };
  const type = text(schema["type"]);
  return [
    [1, text(schema["$ref"])],
    [2, text(schema["format"])],
    [4, text(schema["description"])],
    ...texts(19, schema["required"]),
    [21, additionalProperties && [[1, schemaParts(additionalProperties)]]],
    [22, type === undefined ? undefined : [[1, type]]],
    [23, items && [[1, schemaParts(items)]]],
    [25, properties && named(1, properties, schemaParts)],
    ...extensions(31, schema),
  ];
}
