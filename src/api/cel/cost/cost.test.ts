/** Costs, estimated and spent. Figures of upstream's own tests: apiserver/pkg/cel/library/cost_test.go, cel-go checker/cost_test.go, interpreter/runtimecost_test.go */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { JSONSchemaProps } from "../../generated/types/apiextensions-v1.ts";
import { declTypeOf, DeclTypes, sizesBelow } from "../schema/decl-type.ts";
import { cel } from "../testing/environment.ts";
import { schemaValue } from "../schema/values.ts";
import { costFault, CostLimitError, costMax, staticLimits } from "./budget.ts";
import { estimateCost } from "./estimate.ts";

const ints = "[1, 2, 3, 4, 5]";
const uints = "[uint(1), uint(2), uint(3), uint(4), uint(5)]";
const long = "'01234567890123456789012345678901234567890123456789'";

const estimates: readonly (readonly [expression: string, min: number, max: number])[] = [
  [`${ints}.sum()`, 15, 15],
  [`${uints}.sum()`, 20, 20],
  [`${ints}.isSorted()`, 15, 15],
  [`${ints}.indexOf(3)`, 15, 15],
  [`${uints}.lastIndexOf(uint(3))`, 21, 21],
  [`${long}.indexOf('123')`, 5, 5],
  ["url('https:://kubernetes.io/').getScheme()", 4, 4],
  ["ip('192.168.0.1')", 2, 2],
  ["ip('2001:db8:3333:4444:5555:6666:7777:8888').family()", 5, 5],
  ["ip('192.168.0.1') == ip('192.168.0.1')", 5, 5],
  ["ip.isCanonical('192.168.0.1')", 3, 3],
  ["ip.isCanonical('2001:db8:3333:4444:5555:6666:7777:8888')", 8, 8],
  ["cidr('192.168.0.0/16').prefixLength()", 3, 3],
  ["cidr('192.168.0.0/16').containsCIDR(cidr('192.0.0.0/30'))", 7, 11],
  ["cidr('192.168.0.0/16').containsIP('192.0.0.1')", 4, 7],
  ["'ABCDEFGHIJ abcdefghij'.lowerAscii()", 3, 3],
  ["'abc 123 def 123'.replace('123', '456')", 3, 3],
  ["'abc 123 def 123'.split(' ')", 3, 3],
  ["1 + 1", 1, 1],
  ["true || false", 0, 0],
  ["[1, 2].all(x, true)", 17, 17],
  ["{'a': 1}", 30, 30],
];

suite("estimates without a schema", () => {
  for (const [expression, min, max] of estimates) {
    test(expression, () => {
      const program = cel.environment({ variables: {} }).compile(expression);
      assert.deepEqual(
        estimateCost(program.checked, () => undefined),
        { min, max },
      );
    });
  }
});

const text = (maxLength?: number): JSONSchemaProps => ({
  type: "string",
  ...(maxLength === undefined ? {} : { maxLength }),
});
const list = (items: JSONSchemaProps, maxItems?: number): JSONSchemaProps => ({
  type: "array",
  items,
  ...(maxItems === undefined ? {} : { maxItems }),
});
const number: JSONSchemaProps = { type: "number" };
const formatted = (format: string): JSONSchemaProps => ({ type: "string", format });
const map = (values: JSONSchemaProps, maxProperties?: number): JSONSchemaProps => ({
  type: "object",
  additionalProperties: values,
  ...(maxProperties === undefined ? {} : { maxProperties }),
});
const object = (properties: Record<string, JSONSchemaProps>): JSONSchemaProps => ({
  type: "object",
  properties,
});
const intOrString: JSONSchemaProps = { "x-kubernetes-int-or-string": true };

function estimated(expression: string, schema: JSONSchemaProps): number {
  const root = declTypeOf(schema, { name: "root" });
  assert.ok(root !== undefined);
  const variables = { self: root.type, oldSelf: root.type };
  const environment = cel.environment({ variables, types: new DeclTypes([root]) });
  return estimateCost(environment.compile(expression).checked, sizesBelow(root)).max;
}

/** Figures of apiextensions-apiserver/pkg/apiserver/schema/cel/compilation_test.go: without bounds, and with them. */
const bySchema: readonly (readonly [expression: string, schema: JSONSchemaProps, max: number])[] = [
  ["self.all(x, true)", list(number), 4718591],
  ["self.all(x, true)", list(number, 10), 32],
  ["self.all(x, x == 0.0)", list(number), 6291454],
  ["self.all(x, x == 0.0)", list(number, 3 * 1024 * 2048), 25165826],
  ["self == 'x'", text(0), 1],
  ["self.all(x, x.contains(self[x]))", map(text()), 2752507],
  ["self.all(x, x.contains(self[x]))", map(text(10), 10), 72],
  ["self.all(x, x.matches('^[a-z]+$'))", map(text(), 10), 62],
  ["self.all(x, true)", list(intOrString), 4718591],
  ["self[0] == 5", list(intOrString), 3],
  ["self[0] == false", list({ type: "boolean" }), 2],
  ["self[0][0] == -1.0", list(list(number)), 3],
  ["self.all(x, true)", list(formatted("duration")), 2359295],
  ["self.all(x, true)", list(formatted("duration"), 5), 17],
  ["self[0].getHours() == 2", list(formatted("duration")), 4],
  ["self.all(x, true)", list(formatted("date")), 725936],
  ["self[2].getDayOfMonth() == 13", list(formatted("date")), 4],
  ["self.all(x, true)", list(formatted("date-time")), 428963],
  ["self.all(x, true)", map(intOrString), 1348169],
  ["self.all(x, true)", map(intOrString, 15), 47],
  ["self.all(x, true)", map(map(number)), 1179647],
  ["self.all(x, true)", map(list(number)), 1179647],
  ["self.all(x, true)", map(formatted("duration")), 1048577],
  ["self.all(x, true)", map(formatted("date")), 524288],
  ["self.all(x, true)", map(formatted("date-time")), 349526],
  ["self.find('[0-9]+') == ''", text(), 629147],
  ["self.find('[0-9]+') == ''", text(10), 11],
  ["self.join(' ') == 'aa bb'", list(text()), 329853068905],
  ["self.join(' ') == 'aa bb'", list(text(10), 10), 43],
  ["self.isSorted() == true", list(text()), 329854432052],
  ["self.isSorted() == true", list(text(10), 10), 52],
  [
    "self.str.replace(self.before, self.after) == 'does not matter'",
    object({ str: text(), before: text(2), after: text(4) }),
    629154,
  ],
  ["self.str.split(self.separator) == []", object({ str: text(), separator: text() }), 629160],
  ["self.str.split(self.separator) == []", object({ str: text(10), separator: text(10) }), 22],
  ["self.lowerAscii() == 'lower!'", text(), 314575],
  ["self.lowerAscii() == 'lower!'", text(10), 6],
  ["oldSelf.size() == self.size()", map({ type: "integer" }), 5],
  ["self['a'] == self['b']", map(formatted("date-time")), 8],
  ["self['c'] == self['d']", map(formatted("duration")), 8],
  ["self.contains('A')", { type: "string", enum: ["A", "B", "C", "LongValue"] }, 2],
  ["self.contains('A')", { type: "string", enum: ["A"], maxLength: 1000 }, 401],
  ["has(self.x)", map(number), 1],
];

suite("estimates by a schema", () => {
  for (const [expression, schema, max] of bySchema) {
    test(`${expression} over ${JSON.stringify(schema)}`, () => {
      assert.equal(estimated(expression, schema), max);
    });
  }

  test("what nothing bounds may cost anything", () => {
    const nested = "self.all(x, self.all(y, self.all(z, self.all(w, x + y == z + w))))";
    const max = estimated(nested, list(text()));
    assert.ok(max > 1e18 && max <= costMax);
  });
});

/** Figures of apiextensions-apiserver/pkg/apiserver/schema/cel/celcoststability_test.go. */
const stable: readonly (readonly [
  name: string,
  schema: JSONSchemaProps,
  self: unknown,
  costs: Record<string, number>,
])[] = [
  [
    "texts",
    object({ val1: text(), val2: text() }),
    { val1: "Rook takes 👑", val2: "Rook takes 👑" },
    {
      "self.val1.startsWith('Rook')": 4,
      "!self.val1.startsWith('knight')": 5,
      "self.val1.matches('^[^0-9]*$')": 8,
      "!self.val1.matches('^[0-9]*$')": 7,
      "type(self.val1) == string": 4,
      "size(self.val1) == 12": 4,
      "self.val1.charAt(3) == 'k'": 4,
      "self.val1.indexOf('o') == 1": 4,
      "self.val1.replace(' ', 'x') == 'Rookxtakesx👑'": 7,
      "self.val1.split(' ') == ['Rook', 'takes', '👑']": 6,
      "self.val1.substring(5) == 'takes 👑'": 5,
      "self.val1.substring(4, 10).trim() == 'takes'": 6,
      "self.val1.upperAscii() == 'ROOK TAKES 👑'": 6,
    },
  ],
  [
    "times and conversions",
    object({ a: formatted("duration"), b: text(), c: formatted("byte") }),
    { a: "1h2m3s4ms", b: "10", c: "MTA=" },
    {
      "self.a == duration('1h2m') + duration('3s4ms')": 4,
      "self.a.getHours() == 1": 4,
      "bytes(self.b) == self.c": 6,
      "string(self.c) == self.b": 6,
      "double(5) < 10.0": 1,
    },
  ],
  [
    "lists",
    object({ val1: list({ type: "integer" }), val2: list({ type: "integer" }) }),
    { val1: [1, 2, 3], val2: [1, 2, 3] },
    {
      "1 in self.val1": 5,
      "self.val2[0] in self.val1": 8,
      "!(0 in self.val1)": 6,
      "self.val1 + self.val2 == [1, 2, 3, 1, 2, 3]": 6,
      "self.val1 + [4, 5] == [1, 2, 3, 4, 5]": 4,
    },
  ],
  [
    "maps",
    object({ val: map({ type: "integer" }) }),
    { val: { b: 1, d: 2 } },
    {
      "!('a' in self.val)": 4,
      "'b' in self.val": 3,
      "!has(self.val.a)": 3,
      "has(self.val.b)": 2,
      "self.val.all(k, self.val[k] > 0)": 17,
      "self.val.exists_one(k, self.val[k] == 2)": 14,
      "!self.val.exists_one(k, self.val[k] > 0)": 17,
      "size(self.val) == 2": 4,
      "size(self.val.filter(k, self.val[k] > 1)) == 1": 26,
      "self.val == {'b': 1, 'd': 2}": 3,
    },
  ],
  [
    "lists of objects",
    object({ listMap: list(object({ k: text(), v: text(), v2: text() })) }),
    {
      listMap: [
        { k: "a1", v: "b1" },
        { k: "a2", v: "b2" },
        { k: "a3", v: "b3", v2: "z" },
      ],
    },
    {
      "has(self.listMap[0].v)": 3,
      "self.listMap.all(m, m.k.startsWith('a'))": 21,
      "self.listMap.all(m, !has(m.v2) || m.v2 == 'z')": 21,
      "self.listMap.exists(m, m.k.endsWith('1'))": 13,
      "self.listMap.exists_one(m, m.k == 'a3')": 15,
      "!self.listMap.all(m, m.k.endsWith('1'))": 18,
      "!self.listMap.exists(m, m.v == 'x')": 25,
      "!self.listMap.exists_one(m, m.k.startsWith('a'))": 20,
      "size(self.listMap.filter(m, m.k == 'a1')) == 1": 27,
      "self.listMap.exists(m, m.k == 'a1' && m.v == 'b1')": 16,
      "self.listMap.map(m, m.v).exists(v, v == 'b1')": 55,
      "self.listMap.exists(m, has(m.v2) && m.v2 == 'z')": 21,
      "!self.listMap.all(m, has(m.v2) && m.v2 != 'z')": 10,
      "self.listMap.exists_one(m, has(m.v2) && m.v2 == 'z')": 12,
      "self.listMap.filter(m, has(m.v2) && m.v2 == 'z').size() == 1": 24,
      "self.listMap.map(m, has(m.v2) && m.v2 == 'z', m.v2).size() == 1": 25,
      "self.listMap.filter(m, has(m.v2) && m.v2 == 'z').map(m, m.v2).size() == 1": 39,
      "self.listMap.exists(m, m.v2 == 'z')": 24,
      "!self.listMap.all(m, m.v2 != 'z')": 22,
    },
  ],
  [
    "numbers",
    object({ array: list({ type: "integer" }) }),
    { array: [1, 1, 2, 2, 3, 3, 4, 5] },
    {
      "2 in self.array": 10,
      "self.array.all(e, e > 0)": 43,
      "self.array.exists(e, e > 2)": 36,
      "self.array.exists_one(e, e > 4)": 22,
      "!self.array.all(e, e < 2)": 21,
      "size(self.array.filter(e, e%2 == 0)) == 3": 68,
      "self.array.map(e, e * 20).filter(e, e > 50).exists(e, e == 60)": 194,
    },
  ],
  [
    "optionals",
    object({ obj: object({ a: text(), b: text() }), none: object({ a: text() }), m: map(text()) }),
    { obj: { a: "x" }, m: { k: "v" } },
    {
      "optional.of('a') != optional.none()": 3,
      "optional.of('a').or(optional.of('a')).hasValue()": 2,
      "optional.none().or(optional.of('a')).hasValue()": 3,
      "optional.of('a').optMap(v, v == 'value').hasValue()": 8,
      "optional.ofNonZeroValue(1).hasValue()": 2,
      "self.obj.?a == optional.of('x')": 5,
      "self.obj.?b == optional.none()": 4,
      "self.?none.a == optional.none()": 3,
      "self.obj.?a.orValue('v') == 'x'": 4,
      "self.obj.?b.orValue('v') == 'v'": 3,
      "self.m[?'k'] == optional.of('v')": 5,
      "self.m[?'x'] == optional.none()": 4,
    },
  ],
  [
    "sets and maps",
    object({ s: { ...list(text()), "x-kubernetes-list-type": "set" } }),
    { s: ["a", "b", "c"] },
    {
      "self.s == ['c', 'b', 'a']": 3,
      "'a' in self.s": 5,
      "self.s + ['c', 'd'] == ['a', 'b', 'c', 'd']": 4,
    },
  ],
  [
    "int or string",
    object({ min: intOrString, current: { type: "integer" }, available: { type: "integer" } }),
    { min: "50%", current: 5, available: 10 },
    {
      "type(self.min) == string && self.min.matches(r'(\\d+(\\.\\d+)?%)')": 10,
      "type(self.min) == int ? self.current <= self.min : double(self.current) / double(self.available) >= double(self.min.replace('%', '')) / 100.0": 17,
      "self.min == 1 || self.min == '50%'": 6,
      "self.min != ['anything']": 3,
    },
  ],
];

suite("what evaluation costs", () => {
  for (const [name, schema, self, costs] of stable) {
    for (const [expression, cost] of Object.entries(costs)) {
      test(`${name}: ${expression}`, () => {
        const root = declTypeOf(schema, { name: "root" });
        assert.ok(root !== undefined);
        const environment = cel.environment({ variables: { self: root.type }, types: new DeclTypes([root]) });
        const value = schemaValue(self, schema);
        const evaluation = environment.compile(expression).run(() => value);
        assert.deepEqual([evaluation.value, evaluation.cost], [true, cost]);
      });
    }
  }
});

suite("limits", () => {
  test("a rule that may cost too much is told by how much", () => {
    const { rule } = staticLimits;
    const hint =
      "(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)";
    const faults = [rule, rule * 1.2, rule * 2, rule * 500].map((cost) =>
      costFault("estimated rule cost", cost, rule),
    );
    assert.deepEqual(faults, [
      undefined,
      `estimated rule cost exceeds budget by factor of 1.200000x ${hint}`,
      `estimated rule cost exceeds budget by factor of 2.0x ${hint}`,
      `estimated rule cost exceeds budget by factor of more than 100x ${hint}`,
    ]);
  });

  test("at its limit, evaluation ends", () => {
    const program = cel
      .environment({ variables: {} })
      .compile("lists.range(900000).all(x, lists.range(10).all(y, true))");
    assert.throws(() => program.run(() => undefined), CostLimitError);
  });

  test("within its limit, evaluation takes no more than it was estimated to", () => {
    const schema = object({ val: list(text(5), 8) });
    const root = declTypeOf(schema, { name: "root" });
    assert.ok(root !== undefined);
    const environment = cel.environment({ variables: { self: root.type }, types: new DeclTypes([root]) });
    for (const expression of [
      "self.val.all(x, x.size() < 6 && x.startsWith('a'))",
      "self.val.map(x, x + x).exists(x, x == 'abab')",
      "self.val.join(',').contains('b')",
      "self.val.filter(x, x.matches('[a-z]+')).size() == self.val.size()",
    ]) {
      const program = environment.compile(expression);
      const { max } = estimateCost(program.checked, sizesBelow(root));
      const value = schemaValue({ val: Array.from({ length: 8 }, () => "abcde") }, schema);
      const { cost } = program.run((name) => (name === "self" ? value : undefined));
      assert.ok(cost <= max, `${expression}: ${cost} > ${max}`);
    }
  });
});
