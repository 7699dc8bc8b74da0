import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { fieldErrorText } from "../../meta/field-error.ts";
import { patternFault } from "./pattern.ts";
import { structuralFaults } from "./structurality.ts";
import type { Structural } from "./structural.ts";
import { text, object } from "./testing/schemas.ts";

suite("structural or not", () => {
  const cases: readonly [name: string, schema: Structural, faults: string[]][] = [
    ["a plain one", object({ a: text }), []],
    ["no type at the root", {}, ["s.type: Required value: must not be empty at the root"]],
    [
      "another type at the root",
      { type: "string" },
      ['s.type: Invalid value: "string": must be object at the root'],
    ],
    [
      "no type of a field",
      object({ a: {} }),
      ["s.properties[a].type: Required value: must not be empty for specified object fields"],
    ],
    [
      "no items",
      object({ a: { type: "array" } }),
      ["s.properties[a].items: Required value: must be specified"],
    ],
    ["int-or-string needs no type", object({ a: { "x-kubernetes-int-or-string": true } }), []],
    [
      "its anyOf is allowed",
      object({ a: { "x-kubernetes-int-or-string": true, anyOf: [{ type: "integer" }, { type: "string" }] } }),
      [],
    ],
    [
      "types in allOf",
      object({ a: { type: "string", allOf: [{ type: "string", description: "x" }] } }),
      [
        "s.properties[a].allOf[0].description: Forbidden: must be empty to be structural",
        "s.properties[a].allOf[0].type: Forbidden: must be empty to be structural",
      ],
    ],
    [
      "what only explains, and values that may not be anything, in allOf",
      object({
        a: {
          type: "string",
          allOf: [{ externalDocs: { url: "https://x" }, example: "x", additionalProperties: false }],
        },
      }),
      [],
    ],
    [
      "integers or strings that say more",
      object({
        a: {
          "x-kubernetes-int-or-string": true,
          anyOf: [{ type: "integer", example: 1 }, { type: "string" }],
        },
        b: {
          "x-kubernetes-int-or-string": true,
          anyOf: [{ type: "integer", minimum: 1 }, { type: "string" }],
        },
      }),
      [
        "s.properties[b].anyOf[0].type: Forbidden: must be empty to be structural",
        "s.properties[b].anyOf[1].type: Forbidden: must be empty to be structural",
      ],
    ],
    [
      "a field that is specified in anyOf alone",
      object({ a: text }, { anyOf: [{ properties: { b: {} } }] }),
      ["s.properties[b]: Required value: because it is defined in s.anyOf[0].properties[b]"],
    ],
    [
      "one that is specified in anyOf within allOf alone, in items",
      object(
        { a: { type: "array", items: object({}) } },
        { allOf: [{ anyOf: [{ properties: { a: { items: { properties: { b: {} } } } } }] }] },
      ),
      [
        "s.properties[a].items.properties[b]: Required value: because it is defined in s.allOf[0].anyOf[0].properties[a].items.properties[b]",
      ],
    ],
    [
      "one that is specified in the allOf of another field alone, which nobody looks for",
      object({ a: object({}, { allOf: [{ properties: { b: {} } }] }) }),
      [],
    ],
    [
      "rules and metadata in not",
      object(
        { metadata: object({}) },
        { not: { properties: { metadata: {} }, "x-kubernetes-validations": [{ rule: "true" }] } },
      ),
      [
        "s.not.properties[metadata]: Forbidden: must not be specified in a nested context",
        "s.not.x-kubernetes-validations: Forbidden: must be empty to be structural",
      ],
    ],
    [
      "whatever is of the structure, in oneOf",
      object({
        a: {
          type: "string",
          oneOf: [
            {
              additionalProperties: true,
              default: "a",
              title: "a",
              nullable: true,
              "x-kubernetes-preserve-unknown-fields": true,
              "x-kubernetes-embedded-resource": true,
              "x-kubernetes-int-or-string": true,
              "x-kubernetes-list-map-keys": ["a"],
              "x-kubernetes-list-type": "map",
              "x-kubernetes-map-type": "atomic",
            },
          ],
        },
      }),
      [
        ["additionalProperties", "undefined"],
        ["default", "undefined"],
        ["nullable", "false"],
        ["title", "empty"],
        ["x-kubernetes-embedded-resource", "false"],
        ["x-kubernetes-int-or-string", "false"],
        ["x-kubernetes-list-map-keys", "empty"],
        ["x-kubernetes-list-type", "undefined"],
        ["x-kubernetes-map-type", "undefined"],
        ["x-kubernetes-preserve-unknown-fields", "false"],
      ].map(
        ([field, what]) => `s.properties[a].oneOf[0].${field}: Forbidden: must be ${what} to be structural`,
      ),
    ],
    [
      "values at the root, and items without a type",
      { ...object({ a: { type: "array", items: {} } }), additionalProperties: text },
      [
        "s.additionalProperties: Forbidden: must not be used at the root",
        "s.properties[a].items.type: Required value: must not be empty for specified array items",
      ],
    ],
    [
      "names of types that are no text",
      object({ kind: { type: "integer" }, apiVersion: object({}), a: object({ kind: { type: "integer" } }) }),
      [
        's.properties[apiVersion].type: Invalid value: "object": must be string',
        's.properties[kind].type: Invalid value: "integer": must be string',
      ],
    ],
    [
      "an embedded resource that is something else, and one that is a map",
      object({
        a: {
          type: "string",
          "x-kubernetes-embedded-resource": true,
          "x-kubernetes-preserve-unknown-fields": true,
        },
        b: {
          type: "object",
          "x-kubernetes-embedded-resource": true,
          additionalProperties: text,
          properties: { metadata: text },
        },
        c: {
          "x-kubernetes-int-or-string": true,
          "x-kubernetes-embedded-resource": true,
          "x-kubernetes-preserve-unknown-fields": true,
        },
      }),
      [
        's.properties[a].type: Invalid value: "string": must be object if x-kubernetes-embedded-resource is true',
        "s.properties[b].additionalProperties: Forbidden: must not be used if x-kubernetes-embedded-resource is set",
        's.properties[b].properties[metadata].type: Invalid value: "string": must be object',
        "s.properties[c].type: Required value: must be object if x-kubernetes-embedded-resource is true",
        "s.properties[c].x-kubernetes-embedded-resource: Invalid value: true: must be false if x-kubernetes-int-or-string is true",
        "s.properties[c].x-kubernetes-preserve-unknown-fields: Invalid value: true: must be false if x-kubernetes-int-or-string is true",
      ],
    ],
    [
      "metadata beyond names",
      object({ metadata: object({ labels: text }) }),
      [
        "s.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified",
      ],
    ],
    [
      "metadata that says nothing else",
      object({
        metadata: object({}, { nullable: false, title: "", default: {}, example: {}, externalDocs: {} }),
      }),
      [],
    ],
    ["names of metadata", object({ metadata: object({ name: { type: "string", pattern: "^x" } }) }), []],
    [
      "a pattern that is none",
      object({ a: { type: "string", pattern: "(" } }),
      [
        's.properties[a].pattern: Invalid value: "(": must be a valid regular expression, but isn\'t: error parsing regexp: missing closing ): `(`',
      ],
    ],
    [
      "an embedded resource without fields",
      object({ a: { type: "object", "x-kubernetes-embedded-resource": true } }),
      [
        "s.properties[a].properties: Required value: must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields",
      ],
    ],
  ];
  for (const [name, schema, faults] of cases) {
    test(name, () => {
      assert.deepEqual(structuralFaults(schema, "s", patternFault).map(fieldErrorText), faults);
    });
  }
});
