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
      "documents elsewhere, in allOf",
      object({ a: { type: "string", allOf: [{ externalDocs: { url: "https://x" } }] } }),
      ["s.properties[a].allOf[0].externalDocs: Forbidden: must be undefined to be structural"],
    ],
    [
      "a field that is specified in anyOf alone",
      object({ a: text }, { anyOf: [{ properties: { b: {} } }] }),
      ["s.properties[b]: Required value: because it is defined in s.anyOf[0].properties[b]"],
    ],
    [
      "metadata beyond names",
      object({ metadata: object({ labels: text }) }),
      [
        "s.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified",
      ],
    ],
    ["metadata that says nothing else", object({ metadata: object({}, { nullable: false, title: "" }) }), []],
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
