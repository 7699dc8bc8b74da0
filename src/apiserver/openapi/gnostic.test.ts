/** Documents as protobuf. Numbers of fields are of openapi_v2.proto and openapi_v3.proto. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { encodeDocument } from "./gnostic-v3.ts";
import { encodeSwagger } from "./gnostic.ts";
import type { Schema } from "./schemas.ts";

type Value = number | Buffer;

/** The values of a message's field, as they lie there. */
function valuesOf(message: Buffer, wanted: number): Value[] {
  const found: Value[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 0x80) {
      const byte = message[at++] ?? 0;
      value += (byte & 0x7f) * shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const key = varint();
    let value: Value;
    if (key % 8 === 0) value = varint();
    else if (key % 8 === 1) value = message.readDoubleLE((at += 8) - 8);
    else {
      const length = varint();
      value = message.subarray(at, (at += length));
    }
    if (key >> 3 === wanted) found.push(value);
  }
  return found;
}

/** What lies at the end of a path of field numbers, numbers as they are and bytes as text. */
function heldAt(message: Buffer, ...path: readonly number[]): (number | string)[] {
  let values: Value[] = [message];
  for (const id of path) values = values.flatMap((value) => valuesOf(value as Buffer, id));
  return values.map((value) => (typeof value === "number" ? value : value.toString("latin1")));
}

const info = { title: "T", version: "V" };
const rules: Schema = {
  title: "t",
  type: "object",
  format: "f",
  description: "d",
  multipleOf: 0.5,
  maximum: -2,
  exclusiveMaximum: true,
  minimum: 0,
  exclusiveMinimum: false,
  maxLength: 300,
  minLength: 0,
  pattern: "p",
  maxItems: 4,
  minItems: 3,
  uniqueItems: true,
  maxProperties: 6,
  minProperties: 5,
  required: ["a", "b"],
  enum: ["x", 1],
  default: { y: 2 },
  example: [3],
  externalDocs: { description: "e", url: "u" },
  "x-a": { z: null },
};

type Case = readonly [name: string, schema: Schema, path: readonly number[], kept: (number | string)[]];

function common(numbers: Readonly<Record<string, number>>): Case[] {
  const of = (name: string, ...kept: (number | string)[]): Case => [name, rules, [numbers[name] ?? 0], kept];
  return [
    of("title", "t"),
    of("format", "f"),
    of("description", "d"),
    of("multipleOf", 0.5),
    of("maximum", -2),
    of("exclusiveMaximum", 1),
    of("minimum"),
    of("exclusiveMinimum"),
    of("maxLength", 300),
    of("minLength"),
    of("pattern", "p"),
    of("maxItems", 4),
    of("minItems", 3),
    of("uniqueItems", 1),
    of("maxProperties", 6),
    of("minProperties", 5),
    of("required", "a", "b"),
    ["enum", rules, [numbers["enum"] ?? 0, 2], ['"x"', "1"]],
    ["example", rules, [numbers["example"] ?? 0, 2], ["[3]"]],
    ["documentation elsewhere", rules, [numbers["externalDocs"] ?? 0, 2], ["u"]],
    ["an extension's name", rules, [numbers["x-a"] ?? 0, 1], ["x-a"]],
    ["an extension", rules, [numbers["x-a"] ?? 0, 2, 2], ['{"z":null}']],
  ];
}

const swaggerOf = (schema: Schema): Buffer =>
  encodeSwagger({
    swagger: "2.0",
    info,
    paths: {},
    definitions: { S: schema },
    security: [{ B: ["s"] }],
    securityDefinitions: { B: { type: "apiKey", name: "a", in: "header", description: "d" } },
  });

const documentOf = (schema: Schema): Buffer =>
  encodeDocument({
    openapi: "3.0.0",
    info,
    paths: {
      "/a": {
        get: {
          operationId: "o",
          tags: ["g"],
          parameters: [{ name: "n", in: "query", required: true, schema: { type: "string" } }],
          requestBody: { required: true, content: { "*/*": { schema: { $ref: "r" } } } },
          responses: { "200": { description: "OK", content: { "text/plain": { schema: { type: "x" } } } } },
          "x-kubernetes-action": "get",
        },
      },
    },
    components: {
      schemas: { S: schema },
      securitySchemes: { B: { type: "apiKey", name: "a", in: "header" } },
    },
  });

suite("version 2", () => {
  const cases: readonly Case[] = [
    ...common({
      format: 2,
      title: 3,
      description: 4,
      multipleOf: 6,
      maximum: 7,
      exclusiveMaximum: 8,
      minimum: 9,
      exclusiveMinimum: 10,
      maxLength: 11,
      minLength: 12,
      pattern: 13,
      maxItems: 14,
      minItems: 15,
      uniqueItems: 16,
      maxProperties: 17,
      minProperties: 18,
      required: 19,
      enum: 20,
      externalDocs: 29,
      example: 30,
      "x-a": 31,
    }),
    ["type", rules, [22, 1], ["object"]],
    ["default", rules, [5, 2], ['{"y":2}']],
    ["a reference", { $ref: "r" }, [1], ["r"]],
    ["items", { items: { $ref: "r" } }, [23, 1, 1], ["r"]],
    ["properties", { properties: { a: { $ref: "r" } } }, [25, 1, 2, 1], ["r"]],
    ["values", { additionalProperties: { $ref: "r" } }, [21, 1, 1], ["r"]],
    ["any values", { additionalProperties: true }, [21, 2], [1]],
  ];
  for (const [name, schema, path, kept] of cases) {
    test(name, () => assert.deepEqual(heldAt(swaggerOf(schema), 9, 1, 2, ...path), kept));
  }
});

test("version 2: who may ask", () => {
  const document = swaggerOf({});
  assert.deepEqual(heldAt(document, 12, 1, 1), ["B"]);
  assert.deepEqual(heldAt(document, 12, 1, 2, 1), ["s"]);
  assert.deepEqual(heldAt(document, 13, 1, 1), ["B"]);
  const key = [1, 2, 3, 4].flatMap((id) => heldAt(document, 13, 1, 2, 2, id));
  assert.deepEqual(key, ["apiKey", "a", "header", "d"]);
});

suite("version 3", () => {
  const cases: readonly Case[] = [
    ...common({
      externalDocs: 6,
      example: 7,
      title: 9,
      multipleOf: 10,
      maximum: 11,
      exclusiveMaximum: 12,
      minimum: 13,
      exclusiveMinimum: 14,
      maxLength: 15,
      minLength: 16,
      pattern: 17,
      maxItems: 18,
      minItems: 19,
      uniqueItems: 20,
      maxProperties: 21,
      minProperties: 22,
      required: 23,
      enum: 24,
      description: 34,
      format: 35,
      "x-a": 36,
    }),
    ["nullable", { nullable: true }, [1], [1]],
    ["type", rules, [25], ["object"]],
    ["a default that is an object isn't told", rules, [33], [""]],
    ["a default: text", { default: "" }, [33, 3], [""]],
    ["a default: a number", { default: 0 }, [33, 1], [0]],
    ["a default: true or false", { default: false }, [33, 2], [0]],
    ["all of", { allOf: [{ $ref: "r" }, { type: "x" }] }, [26, 2, 1], ["r"]],
    ["one of", { oneOf: [{ type: "x" }] }, [27, 1, 25], ["x"]],
    ["any of", { anyOf: [{ type: "x" }] }, [28, 1, 25], ["x"]],
    ["not", { not: { type: "x" } }, [29, 25], ["x"]],
    ["items", { items: { $ref: "r" } }, [30, 1, 2, 1], ["r"]],
    ["properties", { properties: { a: { type: "x" } } }, [31, 1, 2, 1, 25], ["x"]],
    ["values", { additionalProperties: { type: "x" } }, [32, 1, 1, 25], ["x"]],
    ["no other values", { additionalProperties: false }, [32, 2], [0]],
  ];
  for (const [name, schema, path, kept] of cases) {
    test(name, () => assert.deepEqual(heldAt(documentOf(schema), 5, 1, 1, 2, 1, ...path), kept));
  }

  const document = documentOf({});
  const parts: readonly [name: string, path: readonly number[], kept: (number | string)[]][] = [
    ["its version", [1], ["3.0.0"]],
    ["whose it is", [2, 6], ["V"]],
    ["a path", [4, 1, 1], ["/a"]],
    ["an operation", [4, 1, 2, 4, 5], ["o"]],
    ["a tag", [4, 1, 2, 4, 1], ["g"]],
    ["a parameter", [4, 1, 2, 4, 6, 1, 1], ["n"]],
    ["a parameter's type", [4, 1, 2, 4, 6, 1, 10, 1, 25], ["string"]],
    ["a body", [4, 1, 2, 4, 7, 1, 2, 1, 2, 1, 2, 1], ["r"]],
    ["whether there must be one", [4, 1, 2, 4, 7, 1, 3], [1]],
    ["an answer's code", [4, 1, 2, 4, 8, 2, 1], ["200"]],
    ["an answer", [4, 1, 2, 4, 8, 2, 2, 1, 3, 1, 1], ["text/plain"]],
    ["an extension", [4, 1, 2, 4, 13, 2, 2], ['"get"']],
    ["a security scheme", [5, 7, 1, 2, 1, 4], ["header"]],
  ];
  for (const [name, path, kept] of parts) {
    test(`of a document: ${name}`, () => assert.deepEqual(heldAt(document, ...path), kept));
  }
});
