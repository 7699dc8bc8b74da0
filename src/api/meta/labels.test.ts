import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { parseFieldSelector } from "./fields.ts";
import { parseLabelSelector } from "./label-parser.ts";
import { formatLabels, formatSelector, selectorOf, selectorOfLabels, type Labels } from "./labels.ts";

const texts: readonly (readonly [string, string, Labels, boolean])[] = [
  ["", "", {}, true],
  ["a=b", "a=b", { a: "b" }, true],
  ["a==b", "a==b", { a: "c" }, false],
  ["a!=b", "a!=b", {}, true],
  ["a != b", "a!=b", { a: "b" }, false],
  ["a", "a", { a: "" }, true],
  ["!a", "!a", { a: "" }, false],
  ["! a", "!a", {}, true],
  ["a in (c,b)", "a in (b,c)", { a: "c" }, true],
  ["a notin (b,b)", "a notin (b)", { a: "b" }, false],
  ["a notin (b)", "a notin (b)", {}, true],
  ["b=1,a=2", "a=2,b=1", { a: "2", b: "1" }, true],
  ["a=", "a=", { a: "" }, true],
  ["a=,b=1", "a=,b=1", { a: "", b: "1" }, true],
  ["a in (,b)", "a in (,b)", { a: "" }, true],
  ["a>1", "a>1", { a: "2" }, true],
  ["a<1", "a<1", { a: "x" }, false],
  ["in in (in)", "in in (in)", { in: "in" }, true],
  ["x.io/a=b", "x.io/a=b", { "x.io/a": "b" }, true],
  ["constructor", "constructor", {}, false],
];
for (const [text, want, labels, matches] of texts) {
  test(`label selector ${JSON.stringify(text)}`, () => {
    const selector = parseLabelSelector(text);
    assert.equal(selector.toString(), want);
    assert.equal(selector.matches(labels), matches);
  });
}

const faults: readonly (readonly [string, string])[] = [
  ["a in", "unable to parse requirement: found '' expected: '('"],
  [
    "a in ()",
    "unable to parse requirement: values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty",
  ],
  ["a=b,", "found '', expected: identifier after ','"],
  ["a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
  ["=a", "found '=', expected: !, identifier, or 'end of string'"],
  ["a=b c", "found 'c', expected: ',' or 'end of string'"],
  ["a in (b", "unable to parse requirement: found '', expected: ',' or ')'"],
  ["!", "unable to parse requirement: found '', expected: identifier"],
  [
    "a>b",
    "unable to parse requirement: values[0]: Invalid value: \"b\": for 'Gt', 'Lt' operators, the value must be an integer",
  ],
  [
    "a=b/c",
    "unable to parse requirement: values[0][a]: Invalid value: \"b/c\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
  ],
];
for (const [text, message] of faults) {
  test(`label selector ${JSON.stringify(text)} is refused`, () =>
    assert.throws(() => parseLabelSelector(text), { name: "SelectorError", message }));
}

const word = fc.stringMatching(/^[a-z][a-z0-9]{0,5}$/);
const selectorText = fc
  .array(
    fc.oneof(
      fc.tuple(word, fc.constantFrom("=", "!=", "=="), word).map((parts) => parts.join("")),
      word,
      word.map((key) => `!${key}`),
      fc
        .tuple(word, fc.constantFrom("in", "notin"), fc.array(word, { minLength: 1, maxLength: 4 }))
        .map(([key, operator, values]) => `${key} ${operator} (${values.join(",")})`),
    ),
    { maxLength: 4 },
  )
  .map((parts) => parts.join(","));

test("a label selector's text reads back as the same selector", () => {
  fc.assert(
    fc.property(selectorText, fc.dictionary(word, word), (text, labels) => {
      const selector = parseLabelSelector(text);
      const again = parseLabelSelector(selector.toString());
      assert.deepEqual(again.requirements, selector.requirements);
      assert.equal(again.matches(labels), selector.matches(labels));
    }),
  );
});

test("a set of labels is selected by itself", () => {
  fc.assert(fc.property(fc.dictionary(word, word), (labels) => selectorOfLabels(labels).matches(labels)));
});

test("selector objects: absent matches nothing, empty everything", () => {
  assert.equal(selectorOf(undefined).matches({}), false);
  assert.equal(selectorOf({}).matches({ a: "b" }), true);
  const spec = {
    matchLabels: { b: "1" },
    matchExpressions: [
      { key: "a", operator: "In", values: ["y", "x"] },
      { key: "c", operator: "DoesNotExist" },
    ],
  };
  assert.equal(formatSelector(spec), "a in (x,y),b=1,!c");
  assert.equal(selectorOf(spec).matches({ a: "x", b: "1" }), true);
  assert.equal(selectorOf(spec).matches({ a: "x", b: "1", c: "" }), false);
  assert.equal(formatSelector({}), "<none>");
  assert.equal(formatSelector({ matchExpressions: [{ key: "a", operator: "Is" }] }), "<error>");
  assert.throws(() => selectorOf({ matchExpressions: [{ key: "a", operator: "Is" }] }), {
    message: '"Is" is not a valid label selector operator',
  });
});

test("labels are shown sorted", () => {
  assert.equal(formatLabels({ b: "1", a: "2" }), "a=2,b=1");
  assert.equal(formatLabels(undefined), "<none>");
});

const fieldTexts: readonly (readonly [string, string, Labels, boolean])[] = [
  ["", "", {}, true],
  ["a.b=c", "a.b=c", { "a.b": "c" }, true],
  ["a==c,", "a=c", { a: "c" }, true],
  ["a!=c", "a!=c", {}, true],
  ["a=", "a=", {}, true],
  [String.raw`a=b\,c\=d\\`, String.raw`a=b\,c\=d\\`, { a: String.raw`b,c=d\ `.trim() }, true],
  ["a=1,b!=2", "a=1,b!=2", { a: "1", b: "2" }, false],
];
for (const [text, want, fields, matches] of fieldTexts) {
  test(`field selector ${JSON.stringify(text)}`, () => {
    const selector = parseFieldSelector(text);
    assert.equal(selector.toString(), want);
    assert.equal(
      selector.matches((field) => fields[field]),
      matches,
    );
  });
}

for (const [text, message] of [
  ["a", "invalid selector: 'a'; can't understand 'a'"],
  ["a=b=c", "invalid field selector: unescaped character in value: 61"],
  [String.raw`a=\x`, String.raw`invalid field selector: invalid escape sequence: \x`],
] as const) {
  test(`field selector ${text} is refused`, () => assert.throws(() => parseFieldSelector(text), { message }));
}

test("an exact field is found", () => {
  assert.equal(parseFieldSelector("metadata.name=web,a!=b").exact("metadata.name"), "web");
  assert.equal(parseFieldSelector("metadata.name!=web").exact("metadata.name"), undefined);
});
