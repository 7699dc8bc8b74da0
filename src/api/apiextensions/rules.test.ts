/** Cases of apiextensions-apiserver/pkg/apiserver/schema/cel/validation_test.go and of validation_test.go's rules. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { cel } from "../cel/testing/environment.ts";
import type { JSONSchemaProps, ValidationRule } from "../generated/types/apiextensions-v1.ts";
import { fieldErrorText } from "../meta/field-error.ts";
import { CelRuleChecker } from "./rule-check.ts";
import { compileObjectRules } from "./rule-evaluation.ts";
import { schemaFaults } from "./schema-validation.ts";

const integer: JSONSchemaProps = { type: "integer" };
const text: JSONSchemaProps = { type: "string" };

function ruled(schema: JSONSchemaProps, rule: string, more: Partial<ValidationRule> = {}): JSONSchemaProps {
  return { ...schema, "x-kubernetes-validations": [{ rule, ...more }] };
}

const object = (properties: Record<string, JSONSchemaProps>): JSONSchemaProps => ({
  type: "object",
  properties,
});
const inSpec = (schema: JSONSchemaProps): JSONSchemaProps => object({ spec: schema });

const evaluations: readonly [
  name: string,
  schema: JSONSchemaProps,
  object: object,
  old: object | undefined,
  faults: (string | RegExp)[],
][] = [
  [
    "a rule that holds",
    inSpec(ruled(object({ a: integer }), "self.a > 1")),
    { spec: { a: 2 } },
    undefined,
    [],
  ],
  [
    "one that doesn't",
    inSpec(ruled(object({ a: integer }), "self.a > 1")),
    { spec: { a: 1 } },
    undefined,
    ["spec: Invalid value: failed rule: self.a > 1"],
  ],
  [
    "its message",
    inSpec(ruled(object({ a: integer }), "self.a > 1", { message: "a is too small" })),
    { spec: { a: 1 } },
    undefined,
    ["spec: Invalid value: a is too small"],
  ],
  [
    "its messageExpression, reason and path",
    inSpec(
      ruled(object({ a: integer }), "self.a > 1", {
        messageExpression: "'a is ' + string(self.a)",
        reason: "FieldValueForbidden",
        fieldPath: ".a",
      }),
    ),
    { spec: { a: 1 } },
    undefined,
    ["spec.a: Forbidden: a is 1"],
  ],
  [
    "at the root",
    ruled(object({ spec: object({ a: integer }) }), "self.metadata.name.startsWith('x')"),
    { metadata: { name: "y" }, spec: {} },
    undefined,
    [/^<nil>: Invalid value: failed rule: self.metadata.name/],
  ],
  [
    "in items and values, each at its path",
    inSpec(
      object({
        l: { type: "array", items: ruled(integer, "self < 2") },
        m: { type: "object", additionalProperties: ruled(text, "self != 'x'") },
      }),
    ),
    { spec: { l: [1, 2], m: { k: "x" } } },
    undefined,
    [
      "spec.l[1]: Invalid value: 2: failed rule: self < 2",
      "spec.m[k]: Invalid value: \"x\": failed rule: self != 'x'",
    ],
  ],
  [
    "a transition rule says nothing of a new object",
    inSpec(ruled(object({ a: integer }), "self.a >= oldSelf.a")),
    { spec: { a: 1 } },
    undefined,
    [],
  ],
  [
    "but of a changed one",
    inSpec(ruled(object({ a: integer }), "self.a >= oldSelf.a")),
    { spec: { a: 1 } },
    { spec: { a: 2 } },
    ["spec: Invalid value: failed rule: self.a >= oldSelf.a"],
  ],
  [
    "with optionalOldSelf it runs always",
    inSpec(ruled(object({ a: integer }), "oldSelf.hasValue() || self.a == 0", { optionalOldSelf: true })),
    { spec: { a: 1 } },
    undefined,
    ["spec: Invalid value: failed rule: oldSelf.hasValue() || self.a == 0"],
  ],
  [
    "what hasn't changed may stay as it is",
    inSpec(object({ a: ruled(integer, "self > 1"), b: integer })),
    { spec: { a: 1, b: 2 } },
    { spec: { a: 1, b: 1 } },
    [],
  ],
  [
    "items of a map list are compared by their keys",
    inSpec(
      object({
        l: {
          type: "array",
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["k"],
          items: ruled(object({ k: text, v: integer }), "self.v == oldSelf.v"),
        },
      }),
    ),
    {
      spec: {
        l: [
          { k: "b", v: 2 },
          { k: "a", v: 2 },
        ],
      },
    },
    {
      spec: {
        l: [
          { k: "a", v: 1 },
          { k: "b", v: 2 },
        ],
      },
    },
    ["spec.l[1]: Invalid value: failed rule: self.v == oldSelf.v"],
  ],
  [
    "several reasons, each at its path",
    inSpec({
      ...object({ a: text, b: text, m: { type: "object", additionalProperties: text } }),
      "x-kubernetes-validations": [
        { rule: "self.a != 'x'", reason: "FieldValueDuplicate", fieldPath: ".a" },
        { rule: "self.a != 'x'", reason: "FieldValueRequired", fieldPath: "['b']" },
        { rule: "self.a != 'x'", reason: "FieldValueForbidden", fieldPath: ".m.k" },
      ],
    }),
    { spec: { a: "x" } },
    undefined,
    [
      "spec.a: Duplicate value",
      "spec.b: Required value: failed rule: self.a != 'x'",
      "spec.m[k]: Forbidden: failed rule: self.a != 'x'",
    ],
  ],
  [
    "a transition from nothing, even if it says so, is none",
    inSpec(object({ a: { ...ruled(integer, "self == oldSelf"), nullable: true } })),
    { spec: { a: 1 } },
    { spec: { a: null } },
    [],
  ],
  [
    "one from it is one to an optional past",
    inSpec(object({ a: ruled(integer, "oldSelf.hasValue()", { optionalOldSelf: true }) })),
    { spec: { a: 1 } },
    { spec: { a: null } },
    ["spec.a: Invalid value: 1: failed rule: oldSelf.hasValue()"],
  ],
  [
    "values of an atomic map have a past, too",
    inSpec({
      ...object({ a: ruled(integer, "self == oldSelf") }),
      "x-kubernetes-map-type": "atomic",
    }),
    { spec: { a: 2 } },
    { spec: { a: 1 } },
    ["spec.a: Invalid value: 2: failed rule: self == oldSelf"],
  ],
  [
    "a message that says nothing, or more than a line, isn't one",
    inSpec({
      ...object({ a: text }),
      "x-kubernetes-validations": [
        { rule: "self.a == ''", messageExpression: "'  '", message: "one" },
        { rule: "self.a == ''", messageExpression: "'a\\nb'", message: "two" },
        { rule: "self.a == ''", messageExpression: "self.a + ['b'][1]", message: "three" },
        { rule: "self.a == ''", messageExpression: "self.a", message: "four" },
      ],
    }),
    { spec: { a: "x".repeat(5121) } },
    undefined,
    ["one", "two", "three", "four"].map((message) => `spec: Invalid value: ${message}`),
  ],
  [
    "a rule that goes wrong",
    inSpec(ruled(object({ a: integer }), "1 / self.a > 0")),
    { spec: { a: 0 } },
    undefined,
    [/^spec: Invalid value: "object": .*division by zero.* evaluating rule: 1 \/ self.a > 0$/],
  ],
];

function assertTexts(found: readonly string[], wanted: readonly (string | RegExp)[]): void {
  const isFitting =
    found.length === wanted.length &&
    wanted.every((each, index) =>
      typeof each === "string" ? each === found[index] : each.test(found[index] ?? ""),
    );
  if (!isFitting) assert.deepEqual(found, wanted);
}

suite("rules over objects", () => {
  for (const [name, schema, value, old, faults] of evaluations) {
    test(name, () => {
      const found = compileObjectRules(cel, schema, true)?.faults(value, old) ?? [];
      assertTexts(found.map(fieldErrorText), faults);
    });
  }

  test("what they may cost ends with the message that says what is wrong", () => {
    const dear = "lists.range(800000).map(x, 'a').join('').size() > 0";
    const schema = inSpec({
      ...object({ a: text }),
      "x-kubernetes-validations": [
        { rule: "self.a == ''", messageExpression: `${dear} ? 'a' : ''` },
        { rule: "false" },
      ],
    });
    const found = compileObjectRules(cel, schema, true)?.faults({ spec: { a: "x" } }, undefined) ?? [];
    assertTexts(found.map(fieldErrorText), [
      /^spec: Invalid value: "object": no further validation rules will be run due to call cost exceeds limit for messageExpression: "/,
    ]);
  });

  const defaults: readonly [rule: ValidationRule, faults: string[]][] = [
    [{ rule: "self == 'kube-a'" }, []],
    [{ rule: "self != 'kube-a'" }, ["d: Invalid value: \"kube-a\": failed rule: self != 'kube-a'"]],
    [{ rule: "self == oldSelf" }, []],
    [{ rule: "self != oldSelf", message: "must change" }, ['d: Invalid value: "kube-a": must change']],
    [{ rule: "oldSelf.orValue(self) == self", optionalOldSelf: true }, []],
    [
      { rule: "oldSelf.hasValue()", optionalOldSelf: true, message: "never added" },
      ['d: Invalid value: "kube-a": never added'],
    ],
  ];
  for (const [rule, faults] of defaults) {
    test(`a default is held against ${rule.rule}, as if it were there before and as if it weren't`, () => {
      const schema = { ...text, "x-kubernetes-validations": [rule] };
      const found = compileObjectRules(cel, schema, false, "d")?.defaultFaults("kube-a", { left: 100 }) ?? [];
      assert.deepEqual(found.map(fieldErrorText), faults);
    });
  }

  test("defaults share what their rules may cost", () => {
    const rules = compileObjectRules(cel, ruled(text, "self.startsWith('kube')"), false, "d");
    const budget = { left: 5 };
    const over = Array.from({ length: 5 }, () => rules?.defaultFaults("kube-a", budget) ?? [])
      .flat()
      .map(fieldErrorText);
    assert.equal(budget.left < 0, true);
    assert.deepEqual(over.slice(0, 1), [
      'd: Invalid value: "string": validation failed due to running out of cost budget, no further validation rules will be run',
    ]);
  });

  test("a schema without any has nothing to run", () => {
    assert.equal(compileObjectRules(cel, inSpec(object({})), true), undefined);
  });
});

const bounded = (rule: string): JSONSchemaProps => inSpec(ruled(object({ a: integer }), rule));

const checks: readonly [name: string, schema: JSONSchemaProps, faults: (string | RegExp)[]][] = [
  ["one that compiles", bounded("self.a > 1"), []],
  [
    "an unknown field",
    bounded("self.b > 1"),
    [
      /^s.properties\[spec\].x-kubernetes-validations\[0\].rule: Invalid value: .*compilation failed: ERROR: <input>:1:5: undefined field 'b'/s,
    ],
  ],
  ["not a bool", bounded("self.a"), [/rule: Invalid value: .*: cel expression must evaluate to a bool$/]],
  [
    "oldSelf within a list that isn't a map",
    inSpec(object({ l: { type: "array", maxItems: 3, items: ruled(integer, "self == oldSelf") } })),
    [
      /: oldSelf cannot be used on the uncorrelatable portion of the schema within s.properties\[spec\].properties\[l\]$/,
    ],
  ],
  [
    "oldSelf within an atomic map",
    inSpec({ ...object({ a: ruled(integer, "self == oldSelf") }), "x-kubernetes-map-type": "atomic" }),
    [],
  ],
  [
    "oldSelf within a map of a type that isn't known",
    inSpec({ ...object({ a: ruled(integer, "self == oldSelf") }), "x-kubernetes-map-type": "future" }),
    [
      /^s.properties\[spec\].x-kubernetes-map-type: Unsupported value: "future"/,
      /: oldSelf cannot be used on the uncorrelatable portion of the schema within s.properties\[spec\]$/,
    ],
  ],
  [
    "cheap ones beside those that cost too much together",
    object({
      l: {
        type: "array",
        maxItems: 100_000,
        items: ruled({ ...text, maxLength: 5000 }, "self.contains('keyword')"),
      },
      m: {
        type: "object",
        maxProperties: 1000,
        additionalProperties: ruled({ ...text, maxLength: 5000 }, "self.contains('keyword')"),
      },
      a: ruled(integer, "self > 50 && self < 100"),
    }),
    [
      /^s.properties\[l\].items.x-kubernetes-validations\[0\].rule: Forbidden: estimated rule cost exceeds budget/,
      /^s.properties\[l\].items.x-kubernetes-validations\[0\].rule: Forbidden: contributed to/,
      /^s.properties\[m\].additionalProperties.x-kubernetes-validations\[0\].rule: Forbidden: contributed to/,
      /^s: Forbidden: x-kubernetes-validations estimated rule cost total/,
    ],
  ],
  [
    "optionalOldSelf without oldSelf",
    inSpec(ruled(object({ a: integer }), "self.a > 1", { optionalOldSelf: true })),
    [
      "s.properties[spec].x-kubernetes-validations[0].optionalOldSelf: Invalid value: true: may not be set if oldSelf is not used in rule",
    ],
  ],
  [
    "one that may cost too much",
    inSpec(ruled(object({ l: { type: "array", items: text } }), "self.l.all(x, self.l.all(y, x == y))")),
    [
      /rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x \(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared\)$/,
      /rule: Forbidden: contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema$/,
      /^s: Forbidden: x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget/,
    ],
  ],
];

suite("rules of definitions", () => {
  for (const [name, schema, faults] of checks) {
    test(name, () => {
      assertTexts(schemaFaults(schema, "s", new CelRuleChecker(cel, false)).map(fieldErrorText), faults);
    });
  }

  test("that were there before are asked only what they cost together", () => {
    const dear = inSpec(
      ruled(object({ l: { type: "array", items: text } }), "self.l.all(x, self.l.all(y, x == y))"),
    );
    assertTexts(schemaFaults(dear, "s", new CelRuleChecker(cel, true)).map(fieldErrorText), [
      /rule: Forbidden: contributed to estimated rule cost total/,
      /^s: Forbidden: x-kubernetes-validations estimated rule cost total/,
    ]);
    // Too dear for a single one, but not for all of them.
    const list: JSONSchemaProps = { type: "array", maxItems: 4000, items: integer };
    const one = inSpec(ruled(object({ l: list }), "self.l.all(x, self.l.all(y, x <= y))"));
    assert.match(
      schemaFaults(one, "s", new CelRuleChecker(cel, false)).map(fieldErrorText).join(""),
      /rule: Forbidden: estimated rule cost exceeds budget by factor of \d+\.\d+x \([^)]*\)$/,
    );
    assertTexts(schemaFaults(one, "s", new CelRuleChecker(cel, true)).map(fieldErrorText), []);
  });
});
