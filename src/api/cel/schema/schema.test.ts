/** Expressions over schemas: what compiles, what they see. Cases of apiextensions-apiserver/pkg/apiserver/schema/cel/{validation,compilation}_test.go */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { JSONSchemaProps, ValidationRule } from "../../generated/types/apiextensions-v1.ts";
import { show, cel } from "../testing/environment.ts";
import { escapeName, unescapeName } from "./escaping.ts";
import { compileRules, ruleVariables } from "./rules.ts";

const text: JSONSchemaProps = { type: "string" };
const integer: JSONSchemaProps = { type: "integer" };
const object = (properties: Record<string, JSONSchemaProps>): JSONSchemaProps => ({
  type: "object",
  properties,
});
const list = (items: JSONSchemaProps, type?: string, keys?: string[]): JSONSchemaProps => ({
  type: "array",
  items,
  ...(type === undefined ? {} : { "x-kubernetes-list-type": type }),
  ...(keys === undefined ? {} : { "x-kubernetes-list-map-keys": keys }),
});

interface Judged {
  readonly rule?: Partial<ValidationRule>;
  readonly isResource?: boolean;
  readonly oldSelf?: unknown;
}

/** The rule's value, or what is wrong with it. */
function judge(expression: string, schema: JSONSchemaProps, self: unknown, judged: Judged = {}): string {
  const { isResource = false, oldSelf } = judged;
  const ruled = { ...schema, "x-kubernetes-validations": [{ ...judged.rule, rule: expression }] };
  const [compiled] = compileRules(cel, ruled, isResource)?.rules ?? [];
  if (compiled === undefined) return "no rules";
  if (compiled.condition === undefined) return compiled.fault ?? "empty";
  const variables = ruleVariables({ schema, isResource, self, oldSelf }, compiled);
  return show(compiled.condition.program.run(variables).value);
}

const entry = object({ k: text, v: text });

const sets = object({ s: list(text, "set"), d: list({ ...text, format: "date" }, "set") });
const setsOf = { s: ["a", "b", "c"], d: ["2000-01-01", "2000-02-01"] };
const maps = object({ l: list(list(entry, "map", ["k"])) });
const mapsOf = {
  l: [
    [
      { k: "a", v: "1" },
      { k: "b", v: "2" },
    ],
    [
      { k: "b", v: "3" },
      { k: "a", v: "1" },
    ],
    [{ k: "c", v: "4" }],
  ],
};

const cases: readonly (readonly [
  expression: string,
  schema: JSONSchemaProps,
  self: unknown,
  value: string,
])[] = [
  ["self.s + ['c', 'd'] == ['d', 'c', 'b', 'a']", sets, setsOf, "true"],
  ["self.s + self.s == self.s", sets, setsOf, "true"],
  ["self.d == self.d", sets, setsOf, "true"],
  ["self.l[0] == [self.l[0][1], self.l[0][0]]", maps, mapsOf, "true"],
  ["self.l[1] + [self.l[0][0], self.l[0][1]] == self.l[0]", maps, mapsOf, "true"],
  ["size(self.l[0] + [self.l[2][0]]) == 3", maps, mapsOf, "true"],
  ["self.a == 1 && type(self.a) == int", object({ a: integer }), { a: 1 }, "true"],
  ["type(self.a) == double && self.a == 1.0", object({ a: { type: "number" } }), { a: 1 }, "true"],
  ["self.a == b'AB'", object({ a: { type: "string", format: "byte" } }), { a: "QUI=" }, "true"],
  [
    "self.a == duration('1h2m3s4ms')",
    object({ a: { type: "string", format: "duration" } }),
    { a: "1h2m3s4ms" },
    "true",
  ],
  [
    "self.a == duration('72h')",
    object({ a: { type: "string", format: "duration" } }),
    { a: "3 days" },
    "true",
  ],
  [
    "self.a == timestamp('1997-07-16T00:00:00Z')",
    object({ a: { type: "string", format: "date" } }),
    { a: "1997-07-16" },
    "true",
  ],
  [
    "self.a.getDate('01:00') == 18",
    object({ a: { type: "string", format: "date-time" } }),
    { a: "2011-08-18T19:03:37.01+01:00" },
    "true",
  ],
  [
    "self.a == '25%' && self.a != 1",
    object({ a: { "x-kubernetes-int-or-string": true } }),
    { a: "25%" },
    "true",
  ],
  [
    "type(self.a) == int && self.a == 1",
    object({ a: { "x-kubernetes-int-or-string": true } }),
    { a: 1 },
    "true",
  ],
  ["has(self.a)", object({ a: { ...text, nullable: true } }), { a: null }, "false"],
  ["self.a[0] == null", object({ a: list({ ...object({}), nullable: true }) }), { a: [null] }, "true"],
  ["self.a == 'x'", object({ a: text }), { a: null }, "fault: no such key: a"],
  [
    "self.a['k'] == 'x'",
    object({ a: { type: "object", additionalProperties: text } }),
    { a: { k: null } },
    "fault: invalid data, got null for schema with nullable=false",
  ],
  ["self.a == 1", object({ a: integer }), { a: 1.5 }, "fault: invalid data, expected int, got float64"],
  [
    "self.a == self.b",
    object({ a: list(text, "set"), b: list(text, "set") }),
    { a: ["x", "y"], b: ["y", "x"] },
    "true",
  ],
  ["self.a == ['c', 'b', 'a']", object({ a: list(text, "set") }), { a: ["a", "b", "c"] }, "true"],
  [
    "(self.a + self.b).size() == 3",
    object({ a: list(text, "set"), b: list(text, "set") }),
    { a: ["x", "y"], b: ["y", "z"] },
    "true",
  ],
  ["self.a == self.b", object({ a: list(text), b: list(text) }), { a: ["x", "y"], b: ["y", "x"] }, "false"],
  [
    "self.o[0] == self.o[1]",
    object({ o: list(list(entry, "map", ["k"])) }),
    {
      o: [
        [
          { k: "1", v: "a" },
          { k: "2", v: "b" },
        ],
        [
          { k: "2", v: "b" },
          { k: "1", v: "a" },
        ],
      ],
    },
    "true",
  ],
  [
    "self.o[0] + self.o[1] == self.o[1]",
    object({ o: list(list(entry, "map", ["k"])) }),
    { o: [[{ k: "1", v: "old" }], [{ k: "1", v: "new" }]] },
    "true",
  ],
  [
    "self.__namespace__ == 'a' && self.a__dash__b == 'b' && self.c__dot__d == 'c' && self.e__slash__f == 'd' && self.g__underscores__h == 'e'",
    object({ namespace: text, "a-b": text, "c.d": text, "e/f": text, g__h: text }),
    { namespace: "a", "a-b": "b", "c.d": "c", "e/f": "d", g__h: "e" },
    "true",
  ],
  [
    "has(self.namespace) && self.namespace.startsWith('a') && self.o.continue == 'b' && !has(self.o.if)",
    object({ namespace: text, o: object({ continue: text, if: text }) }),
    { namespace: "abc", o: { continue: "b" } },
    "true",
  ],
  [
    "self.m == {'a': 'b'}",
    object({ m: { type: "object", additionalProperties: text } }),
    { m: { a: "b" } },
    "true",
  ],
  [
    "self.m.all(k, k.startsWith('a'))",
    object({ m: { type: "object", additionalProperties: text } }),
    { m: { "a-b": "b", a2: "c" } },
    "true",
  ],
  [
    "self.u[0] == self.u[1]",
    object({ u: list({ ...object({ known: integer }), "x-kubernetes-preserve-unknown-fields": true }) }),
    {
      u: [
        { known: 1, x: 1 },
        { known: 1, x: 2 },
      ],
    },
    "false",
  ],
  [
    "self.e.kind == 'Pod' && self.e.metadata.name == 'n'",
    object({ e: { type: "object", "x-kubernetes-embedded-resource": true } }),
    { e: { apiVersion: "v1", kind: "Pod", metadata: { name: "n" } } },
    "true",
  ],
  ["self", { type: "boolean" }, true, "true"],
];

suite("expressions see a value by its schema", () => {
  for (const [expression, schema, self, value] of cases) {
    test(expression, () => {
      assert.equal(judge(expression, schema, self), value);
    });
  }

  test("kind, apiVersion and names are there of every resource", () => {
    const self = { apiVersion: "a/v1", kind: "K", metadata: { name: "n", labels: {} } };
    const rule = "self.kind == 'K' && self.apiVersion == 'a/v1' && self.metadata.name == 'n'";
    assert.equal(judge(rule, object({ spec: object({}) }), self, { isResource: true }), "true");
  });

  test("a transition rule sees what was; an optional old self, that there was nothing", () => {
    const schema = object({ a: integer });
    assert.equal(judge("self.a >= oldSelf.a", schema, { a: 2 }, { oldSelf: { a: 1 } }), "true");
    const rule = { optionalOldSelf: true };
    assert.equal(judge("!oldSelf.hasValue()", schema, { a: 2 }, { rule }), "true");
    assert.equal(judge("oldSelf.a.orValue(5) == 1", schema, { a: 2 }, { rule, oldSelf: { a: 1 } }), "true");
    const compiled = compileRules(
      cel,
      { ...schema, "x-kubernetes-validations": [{ rule: "self.a >= oldSelf.a" }] },
      false,
    );
    assert.equal(compiled?.rules[0]?.isTransition, true);
  });
});

const pointed = (column: number, message: string, source: string): string =>
  `compilation failed: ERROR: <input>:1:${column}: ${message}\n | ${source}\n | ${".".repeat(column - 1)}^`;

const refused: readonly (readonly [
  expression: string,
  schema: JSONSchemaProps,
  column: number,
  message: string,
])[] = [
  ["self.b == 1", object({ a: integer }), 5, "undefined field 'b'"],
  [
    "self.a == 'x'",
    object({ a: integer }),
    8,
    "found no matching overload for '_==_' applied to '(int, string)'",
  ],
  [
    "self.a + 1.0 == 2.0",
    object({ a: integer }),
    8,
    "found no matching overload for '_+_' applied to '(int, double)'",
  ],
  ["self.l.x", object({ l: list(text) }), 7, "type 'list(string)' does not support field selection"],
  ["self.a.b", object({ a: text }), 7, "type 'string' does not support field selection"],
  ["self.u == 1", object({ u: { "x-kubernetes-preserve-unknown-fields": true } }), 5, "undefined field 'u'"],
  [
    "self.o.x == 1",
    object({ o: { type: "object", "x-kubernetes-preserve-unknown-fields": true } }),
    7,
    "undefined field 'x'",
  ],
  ["other", object({}), 1, "undeclared reference to 'other' (in container '')"],
];

suite("what a schema doesn't have doesn't compile", () => {
  for (const [expression, schema, column, message] of refused) {
    test(expression, () => {
      assert.equal(judge(expression, schema, {}), pointed(column, message, expression));
    });
  }

  test("a rule is a bool, a message a string", () => {
    assert.equal(judge("self.a", object({ a: integer }), {}), "cel expression must evaluate to a bool");
    const schema = { ...object({}), "x-kubernetes-validations": [{ rule: "true", messageExpression: "1" }] };
    const compiled = compileRules(cel, schema, false);
    assert.equal(compiled?.rules[0]?.messageFault, "messageExpression must evaluate to a string");
  });

  test("a schema without a type can have no rules", () => {
    assert.equal(compileRules(cel, { "x-kubernetes-preserve-unknown-fields": true }, false), undefined);
  });
});

const names: readonly (readonly [name: string, escaped: string | undefined])[] = [
  ["a", "a"],
  ["a.a", "a__dot__a"],
  ["a-a", "a__dash__a"],
  ["a/a", "a__slash__a"],
  ["a__a", "a__underscores__a"],
  ["a.-/__a", "a__dot____dash____slash____underscores__a"],
  ["namespace", "__namespace__"],
  ["true", "__true__"],
  ["_a", "_a"],
  ["1a", undefined],
  ["a#b", undefined],
  ["", undefined],
];

suite("names", () => {
  for (const [name, escaped] of names) {
    test(name, () => {
      assert.equal(escapeName(name), escaped);
      if (escaped !== undefined) assert.equal(unescapeName(escaped), name);
    });
  }
});
