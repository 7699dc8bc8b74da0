/** Cases of apiextensions-apiserver/pkg/apis/apiextensions/validation/validation_test.go, said anew. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { applyDefaults } from "../defaults.ts";
import type { CustomResourceDefinition, JSONSchemaProps } from "../generated/types/apiextensions-v1.ts";
import { fieldErrorText } from "../meta/field-error.ts";
import { approvalOf, isProtectedGroup } from "./approval.ts";
import { compilePattern, patternFault } from "../schema/structural/pattern.ts";
import { DefinitionValidator } from "./validation.ts";

const validator = new DefinitionValidator({
  compilePattern,
  patternFault,
  read: (metadata) => ({ metadata: metadata as object, unknownFields: [] }),
  rules: () => [],
  checker: () => ({
    check: (schema) =>
      (schema["x-kubernetes-validations"] ?? []).map(({ rule }) => ({
        type: "FieldValueInvalid",
        field: "rule",
        message: rule,
      })),
    total: () => [],
  }),
});

type Spec = CustomResourceDefinition["spec"];

function definition(
  spec: Partial<Spec> = {},
  more: Partial<CustomResourceDefinition> = {},
): CustomResourceDefinition {
  const crd: CustomResourceDefinition = {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "plurals.example.com", resourceVersion: "1" },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { plural: "plurals", kind: "Plural" },
      versions: [
        { name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } },
      ],
      ...spec,
    },
    status: { storedVersions: ["v1"] },
    ...more,
  };
  applyDefaults({ group: "apiextensions.k8s.io", version: "v1", kind: "CustomResourceDefinition" }, crd);
  return crd;
}

const withSchema = (schema: JSONSchemaProps, more: object = {}): CustomResourceDefinition =>
  definition({
    versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: schema }, ...more }],
  });

const withField = (schema: JSONSchemaProps): CustomResourceDefinition =>
  withSchema({ type: "object", properties: { f: schema } });

const top = "spec.validation.openAPIV3Schema";
const field = `${top}.properties[f]`;

const creations: readonly [name: string, crd: CustomResourceDefinition, faults: (string | RegExp)[]][] = [
  ["a plain one", definition(), []],
  [
    "a name that doesn't follow from the names",
    definition({}, { metadata: { name: "other.example.com" } }),
    ['metadata.name: Invalid value: "other.example.com": must be spec.names.plural+"."+spec.group'],
  ],
  [
    "a group without a dot",
    definition({ group: "example" }, { metadata: { name: "plurals.example" } }),
    ['spec.group: Invalid value: "example": should be a domain with at least one dot'],
  ],
  ["no scope", definition({ scope: "" }), ["spec.scope: Required value"]],
  [
    "an unknown scope",
    definition({ scope: "Universe" }),
    ['spec.scope: Unsupported value: "Universe": supported values: "Cluster", "Namespaced"'],
  ],
  [
    "the same kind twice",
    definition({ names: { plural: "plurals", kind: "Plural", listKind: "Plural" } }),
    ['spec.names.listKind: Invalid value: "Plural": kind and listKind may not be the same'],
  ],
  [
    "no schema",
    definition({ versions: [{ name: "v1", served: true, storage: true }] }),
    ["spec.versions[0].schema.openAPIV3Schema: Required value: schemas are required"],
  ],
  [
    "no storage version",
    definition({
      versions: [
        { name: "v1", served: true, storage: false, schema: { openAPIV3Schema: { type: "object" } } },
      ],
    }),
    [
      'spec.versions: Invalid value: [{"Name":"v1","Served":true,"Storage":false,"Deprecated":false,"DeprecationWarning":null,"Schema":null,"Subresources":null,"AdditionalPrinterColumns":null,"SelectableFields":null}]: must have exactly one version marked as storage version',
    ],
  ],
  [
    "preserveUnknownFields",
    definition({ preserveUnknownFields: true }),
    [
      "spec.preserveUnknownFields: Invalid value: true: cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead",
    ],
  ],
  [
    "schemas that differ are named by their version",
    definition({
      versions: [
        { name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } },
        { name: "v2", served: true, storage: false, schema: { openAPIV3Schema: { type: "string" } } },
      ],
    }),
    ['spec.versions[1].schema.openAPIV3Schema.type: Invalid value: "string": must be object at the root'],
  ],
  [
    "no type",
    withField({}),
    [`${field}.type: Required value: must not be empty for specified object fields`],
  ],
  [
    "an unknown type",
    withField({ type: "text" }),
    [
      `${field}.type: Unsupported value: "text": supported values: "array", "boolean", "integer", "number", "object", "string"`,
    ],
  ],
  ["$ref", withField({ type: "object", $ref: "x" }), [`${field}.$ref: Forbidden: $ref is not supported`]],
  [
    "uniqueItems",
    withField({ type: "array", items: { type: "string" }, uniqueItems: true }),
    [
      `${field}.uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic`,
    ],
  ],
  [
    "properties and additionalProperties",
    withField({
      type: "object",
      properties: { a: { type: "string" } },
      additionalProperties: { type: "string" },
    }),
    [`${field}.additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive`],
  ],
  [
    "a map of lists without keys",
    withField({ type: "array", items: { type: "object" }, "x-kubernetes-list-type": "map" }),
    [
      `${field}.x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map`,
    ],
  ],
  [
    "a key that need not be there",
    withField({
      type: "array",
      items: { type: "object", properties: { k: { type: "string" } } },
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["k"],
    }),
    [
      `${field}.items.properties[k].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property`,
    ],
  ],
  [
    "a set of granular maps",
    withField({ type: "array", items: { type: "object" }, "x-kubernetes-list-type": "set" }),
    [
      `${field}.items.x-kubernetes-map-type: Invalid value: null: must be atomic as item of a list with x-kubernetes-list-type=set`,
    ],
  ],
  [
    "a default that doesn't fit",
    withField({ type: "string", default: 1 }),
    [`${field}.default: Invalid value: "integer":  in body must be of type string: "integer"`],
  ],
  [
    "a default of metadata",
    withSchema({
      type: "object",
      properties: { metadata: { type: "object", properties: { name: { type: "string", default: "x" } } } },
    }),
    [
      `${top}.properties[metadata].properties[name].default: Forbidden: must not be set in top-level metadata`,
    ],
  ],
  [
    "more than fields at the root beside a status",
    withSchema({ type: "object", anyOf: [{ required: ["x"] }] }, { subresources: { status: {} } }),
    [
      /^spec.validation.openAPIV3Schema: Invalid value: .*: only \[Description Type Format .* XValidations\] fields are allowed at the root of the schema if the status subresource is enabled$/,
    ],
  ],
  [
    "a nullable root",
    withSchema({ type: "object", nullable: true }),
    [`${top}.nullable: Forbidden: nullable cannot be true at the root`],
  ],
  [
    "a scale without paths",
    withSchema(
      { type: "object" },
      { subresources: { scale: { specReplicasPath: ".metadata.x", statusReplicasPath: "" } } },
    ),
    [
      'spec.subresources.scale.specReplicasPath: Invalid value: ".metadata.x": should be a json path under .spec',
      "spec.subresources.scale.statusReplicasPath: Required value",
    ],
  ],
  [
    "columns",
    withSchema(
      { type: "object" },
      { additionalPrinterColumns: [{ name: "", type: "thing", jsonPath: "x" }] },
    ),
    [
      "spec.additionalPrinterColumns[0].name: Required value",
      'spec.additionalPrinterColumns[0].type: Invalid value: "thing": must be one of boolean,date,integer,number,string',
      'spec.additionalPrinterColumns[0].JSONPath: Invalid value: "x": must be a simple json path starting with .',
    ],
  ],
  [
    "selectable fields",
    withSchema(
      {
        type: "object",
        properties: { a: { type: "string" }, b: { type: "object", properties: { c: { type: "integer" } } } },
      },
      {
        selectableFields: [
          { jsonPath: ".a" },
          { jsonPath: ".a" },
          { jsonPath: ".b" },
          { jsonPath: ".b.c" },
          { jsonPath: ".x" },
        ],
      },
    ),
    [
      'spec.selectableFields[1].jsonPath: Duplicate value: ".a"',
      'spec.selectableFields[2].jsonPath: Invalid value: ".b": must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
      /^spec.selectableFields\[4\].jsonPath: Invalid value: ".x": is an invalid path: /,
    ],
  ],
  [
    "selectable fields that are alike where schemas aren't",
    definition({
      versions: ["a", "b"].map((name, index) => ({
        name: `v${index + 1}`,
        served: true,
        storage: index === 0,
        schema: { openAPIV3Schema: { type: "object", properties: { [name]: { type: "string" } } } },
        selectableFields: [{ jsonPath: ".a" }],
      })),
    }),
    [
      'spec.selectableFields: Invalid value: "": selectableFields may only be set when validations.schema is included',
    ],
  ],
  [
    "what is no different from nothing, at the root, beside a status",
    withSchema(
      { type: "object", nullable: false, "x-kubernetes-int-or-string": false },
      { subresources: { status: {} } },
    ),
    [],
  ],
  [
    "a deprecation warning of a version that isn't deprecated",
    withSchema({ type: "object" }, { deprecationWarning: "x" }),
    ['spec.versions[0].deprecationWarning: Invalid value: "x": can only be set for deprecated versions'],
  ],
  [
    "rules without text, and with line breaks",
    withField({
      type: "string",
      "x-kubernetes-validations": [
        { rule: " " },
        { rule: "true ||\ntrue" },
        { rule: "true", message: "a\nb", reason: "Because", fieldPath: ".x" },
        { rule: "true", message: " ", fieldPath: "\n" },
      ],
    }),
    [
      `${field}.x-kubernetes-validations[0].rule: Required value: rule is not specified`,
      `${field}.x-kubernetes-validations[1].message: Required value: message must be specified if rule contains line breaks`,
      `${field}.x-kubernetes-validations[2].message: Invalid value: "a\\nb": message must not contain line breaks`,
      `${field}.x-kubernetes-validations[2].reason: Unsupported value: "Because": supported values: "FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"`,
      `${field}.x-kubernetes-validations[2].fieldPath: Invalid value: ".x": fieldPath must be a valid path`,
      `${field}.x-kubernetes-validations[3].message: Invalid value: " ": message must be non-empty if specified`,
      `${field}.x-kubernetes-validations[3].fieldPath: Invalid value: "\\n": fieldPath must be non-empty if specified`,
      `${field}.x-kubernetes-validations[3].fieldPath: Invalid value: "\\n": fieldPath must not contain line breaks`,
      `${field}.x-kubernetes-validations[3].fieldPath: Invalid value: "\\n": fieldPath must be a valid path`,
    ],
  ],
  [
    "rules are compiled where the schema is fine",
    withField({ type: "string", "x-kubernetes-validations": [{ rule: "self.nope" }] }),
    ["rule: self.nope"],
  ],
];

const fits = (text: string, fault: string | RegExp | undefined): boolean =>
  typeof fault === "string" ? text === fault : fault?.test(text) === true;

function assertFaults(found: readonly string[], faults: readonly (string | RegExp)[]): void {
  const areFitting =
    found.length === faults.length && found.every((text, index) => fits(text, faults[index]));
  if (!areFitting) assert.deepEqual(found, faults);
}

suite("a new definition", () => {
  for (const [name, crd, faults] of creations) {
    test(name, () => {
      assertFaults(validator.create(crd).map(fieldErrorText), faults);
    });
  }
});

const established = { storedVersions: ["v1"], conditions: [{ type: "Established", status: "True" }] };
const v2 = { name: "v2", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } };

const updates: readonly [
  name: string,
  old: CustomResourceDefinition,
  crd: CustomResourceDefinition,
  faults: (string | RegExp)[],
][] = [
  ["the scope before it is established", definition(), definition({ scope: "Cluster" }), []],
  [
    "the scope afterwards",
    definition({}, { status: established }),
    definition({ scope: "Cluster" }, { status: established }),
    ['spec.scope: Invalid value: "Cluster": field is immutable'],
  ],
  [
    "the kind afterwards",
    definition({}, { status: established }),
    definition({ names: { plural: "plurals", kind: "Other" } }, { status: established }),
    ['spec.names.kind: Invalid value: "Other": field is immutable'],
  ],
  [
    "a version that objects are stored in goes",
    definition(),
    definition({ versions: [v2] }, { status: { storedVersions: ["v1", "v2"] } }),
    [
      'status.storedVersions[0]: Invalid value: "v1": missing from spec.versions; v1 was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in v1 and removes v1 from status.storedVersions',
    ],
  ],
  [
    "a certificate that is none, once established",
    definition({}, { status: established }),
    definition(
      {
        conversion: {
          strategy: "Webhook",
          webhook: {
            clientConfig: { url: "https://x", caBundle: "bm9uZQ==" },
            conversionReviewVersions: ["v1"],
          },
        },
      },
      { status: established },
    ),
    [/^spec.conversion.webhookClientConfig.caBundle: Invalid value: .*: unable to load root certificates: /],
  ],
];

const version = (name: string, description?: string): typeof v2 => ({
  name,
  served: true,
  storage: name === "v1",
  schema: { openAPIV3Schema: { type: "object", ...(description === undefined ? {} : { description }) } },
});

test("a definition's schema counts as unchanged by the version's name, also where all have the same", () => {
  const seen: boolean[] = [];
  const looking = new DefinitionValidator({
    compilePattern,
    patternFault,
    read: (metadata) => ({ metadata: metadata as object, unknownFields: [] }),
    rules: () => [],
    checker: (_schema, isUnchanged) => {
      seen.push(isUnchanged);
      return undefined;
    },
  });
  const old = definition({ versions: [version("v1"), version("v2", "two")] });
  looking.update(old, old);
  looking.update(definition({ versions: [version("v1"), version("v2", "new")] }), old);
  looking.update(definition({ versions: [version("v1", "new"), version("v3", "two")] }), old);
  // Alike, and so said once: as of the first version.
  looking.update(definition({ versions: [version("v1"), version("v3")] }), old);
  looking.create(old);
  assert.deepEqual(seen, [true, true, true, false, false, false, true, false, false]);
});

suite("a changed definition", () => {
  for (const [name, old, crd, faults] of updates) {
    test(name, () => {
      assertFaults(validator.update(crd, old).map(fieldErrorText), faults);
    });
  }
});

suite("approval", () => {
  const cases: readonly [text: string, state: string][] = [
    ["", "missing"],
    ["https://github.com/kubernetes/kubernetes/pull/1", "approved"],
    ["unapproved, experimental", "bypassed"],
    ["soon", "invalid"],
  ];
  for (const [text, state] of cases) {
    test(`${JSON.stringify(text)} is ${state}`, () => {
      assert.equal(approvalOf({ "api-approved.kubernetes.io": text }).state, state);
    });
  }

  test("whose groups need it", () => {
    const groups = ["k8s.io", "x.k8s.io", "kubernetes.io", "a.kubernetes.io", "xk8s.io", "example.com"];
    assert.deepEqual(groups.filter(isProtectedGroup), [
      "k8s.io",
      "x.k8s.io",
      "kubernetes.io",
      "a.kubernetes.io",
    ]);
  });
});
