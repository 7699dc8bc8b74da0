/** Whatever the text: an expression compiles or says why not, and evaluates within its limit. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { dynamicValue } from "./schema/values.ts";
import { cel } from "./testing/environment.ts";
import { CostLimitError } from "./cost/budget.ts";
import { CompileError } from "./source.ts";
import { dynType } from "./types.ts";
import { equal, isFault, typeNameOf } from "./values.ts";

const environment = cel.environment({ variables: { x: dynType, y: dynType } });
const costLimit = 20_000;

function survives(source: string, x: unknown): void {
  try {
    const { value, cost } = environment
      .compile(source)
      .run((name) => dynamicValue(name === "x" ? x : 1), costLimit);
    assert.ok(typeof typeNameOf(value) === "string" && cost <= costLimit);
  } catch (error) {
    const isExpected = error instanceof CompileError || error instanceof CostLimitError;
    if (!isExpected) throw error;
    if (error instanceof CompileError) assert.match(error.message, /^ERROR: <input>:\d+:\d+: /);
  }
}

/** Expressions that mostly parse. */
const expressions = fc.letrec<{ expr: string }>((tie) => ({
  expr: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom(
      "x",
      "y",
      "1",
      "-7",
      "2u",
      "1.5",
      "'a'",
      "b'\\xff'",
      "true",
      "null",
      "[]",
      "{}",
      "x.a",
      "x['b']",
      "int",
    ),
    fc
      .tuple(
        tie("expr"),
        fc.constantFrom("+", "-", "*", "/", "%", "==", "!=", "<", ">=", "&&", "||", "in"),
        tie("expr"),
      )
      .map(([a, op, b]) => `(${a} ${op} ${b})`),
    fc.tuple(tie("expr"), tie("expr"), tie("expr")).map(([a, b, c]) => `(${a} ? ${b} : ${c})`),
    fc.tuple(tie("expr"), tie("expr")).map(([a, b]) => `[${a}, ${b}]`),
    fc.tuple(tie("expr"), tie("expr")).map(([a, b]) => `{${a}: ${b}}`),
    fc.tuple(tie("expr"), tie("expr")).map(([a, b]) => `${a}[${b}]`),
    tie("expr").map((a) => `dyn(${a})`),
    tie("expr").map((a) => `!${a}`),
    fc
      .tuple(tie("expr"), fc.constantFrom("all", "exists", "exists_one", "map", "filter"), tie("expr"))
      .map(([a, macro, b]) => `${a}.${macro}(y, ${b})`),
    fc
      .tuple(
        fc.constantFrom(
          "size",
          "int",
          "string",
          "double",
          "bytes",
          "type",
          "duration",
          "timestamp",
          "quantity",
          "ip",
          "url",
          "lists.range",
        ),
        tie("expr"),
      )
      .map(([fn, a]) => `${fn}(${a})`),
    fc
      .tuple(
        tie("expr"),
        fc.constantFrom(
          "contains",
          "matches",
          "indexOf",
          "split",
          "join",
          "find",
          "format",
          "replace",
          "charAt",
          "slice",
          "or",
          "orValue",
        ),
        tie("expr"),
      )
      .map(([a, method, b]) => `${a}.${method}(${b})`),
  ),
})).expr;

test("an expression made of parts", () => {
  fc.assert(fc.property(expressions, fc.jsonValue(), survives), { numRuns: 3000 });
});

test("any text", () => {
  const words = fc.array(
    fc.constantFrom(
      ...Array.from("()[]{}.,?:+-*/%!<>=&|'\"`\\rbxy019_ \n\t"),
      "in",
      "has(",
      "null",
      "é",
      "😀",
    ),
    { maxLength: 40 },
  );
  fc.assert(
    fc.property(words, fc.jsonValue(), (parts, x) => {
      survives(parts.join(""), x);
    }),
    { numRuns: 3000 },
  );
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 40 }), (text) => {
      survives(text, null);
    }),
    { numRuns: 1000 },
  );
});

test("any JSON equals itself, as a value", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (json) => {
      const same = equal(dynamicValue(json), dynamicValue(structuredClone(json)));
      assert.ok(same === true && !isFault(same));
    }),
  );
});

test("a text that grows by each call stays within memory", () => {
  const grown = `'ab'${".replace('', 'abababababababababab')".repeat(12)}.size() > 0`;
  survives(grown, null);
  survives("lists.range(15000).map(i, 'abcdefghijklmnopqrstuvwxyz').join('----------------------')", null);
  let doubled = "x";
  for (let depth = 0; depth < 60; depth += 1) doubled = `[${doubled}].map(y, y + y)[0]`;
  survives(doubled, [1]);
});
