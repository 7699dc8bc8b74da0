/** The language: what cel-spec's conformance tests and cel-go's own say of it. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { outcomeOf } from "./testing/environment.ts";

type Case = readonly [expression: string, outcome: string, variables?: Readonly<Record<string, unknown>>];

function table(name: string, cases: readonly Case[]): void {
  suite(name, () => {
    for (const [expression, outcome, variables] of cases) {
      test(expression, () => {
        assert.equal(outcomeOf(expression, variables), outcome);
      });
    }
  });
}

table("literals", [
  ["0", "0"],
  ["-9223372036854775808", "-9223372036854775808"],
  ["0x1F", "31"],
  ["-0xff", "-255"],
  ["23u", "23u"],
  ["0xFFu", "255u"],
  ["1.5e3", "1500"],
  [".5", "0.5"],
  ["1e6", "1e+06"],
  ["null", "null"],
  ["true", "true"],
  ["'a\\n\\t\\x41\\u00e9\\U0001F600\\101'", '"a\\n\\tAé😀A"'],
  ['"it\'s"', '"it\'s"'],
  ["r'a\\n'", '"a\\\\n"'],
  ["'''a\nb'''", '"a\\nb"'],
  ["b'\\xff' == b'\\377'", "true"],
  ["b'é'.size()", "2"],
  ["bytes('é') == b'\\u00e9'", "true"],
  ["[1, 2, 3]", "[1, 2, 3]"],
  ["{'a': 1, 'b': 2}", '{"a": 1, "b": 2}'],
  ["{1: 'a', 2: 'b'}[2]", '"b"'],
  ["{true: 1}[true]", "1"],
  ["[1, 2,]", "[1, 2]"],
  ["{'a': 1,}", '{"a": 1}'],
  ["{'a': 1, 'a': 2}", "fault: Failed with repeated key"],
  ["1 // what follows is a comment\n + 1", "2"],
]);

table("arithmetic", [
  ["1 + 2 * 3 - 4 / 2", "5"],
  ["7 % 3", "1"],
  ["-7 % 3", "-1"],
  ["-7 / 2", "-3"],
  ["-(5)", "-5"],
  ["--5", "5"],
  ["1.5 + 2.5", "4"],
  ["7.0 / 2.0", "3.5"],
  ["1u + 2u", "3u"],
  ["'a' + 'b'", '"ab"'],
  ["b'a' + b'b'", 'b"ab"'],
  ["[1] + [2, 3]", "[1, 2, 3]"],
  ["1 / 0", "fault: division by zero"],
  ["1 % 0", "fault: modulus by zero"],
  ["1u / 0u", "fault: division by zero"],
  ["1.0 / 0.0", "+Inf"],
  ["-1.0 / 0.0", "-Inf"],
  ["9223372036854775807 + 1", "fault: integer overflow"],
  ["-9223372036854775808 - 1", "fault: integer overflow"],
  ["-(-9223372036854775807 - 1)", "fault: integer overflow"],
  ["9223372036854775807 * 2", "fault: integer overflow"],
  ["(-9223372036854775807 - 1) / -1", "fault: integer overflow"],
  ["(-9223372036854775807 - 1) % -1", "fault: integer overflow"],
  ["18446744073709551615u + 1u", "fault: unsigned integer overflow"],
  ["1u - 2u", "fault: unsigned integer overflow"],
]);

table("equality and order", [
  ["1 == 1", "true"],
  ["dyn(1) == 1.0", "true"],
  ["dyn(1) == 1u", "true"],
  ["dyn(1u) == 1.0", "true"],
  ["dyn(1) == '1'", "false"],
  ["dyn(null) == 1", "false"],
  ["null == null", "true"],
  ["0.0 / 0.0 == 0.0 / 0.0", "false"],
  ["[1, 2] == [1, 2]", "true"],
  ["[1, 2] == [2, 1]", "false"],
  ["[dyn(1)] == [dyn(1.0)]", "true"],
  ["{'a': 1, 'b': 2} == {'b': 2, 'a': 1}", "true"],
  ["{'a': 1} == {'a': 2}", "false"],
  ["{'a': 1} != {'b': 1}", "true"],
  ["1 < 2 && 2 <= 2 && 3 > 2 && 3 >= 3", "true"],
  ["1 < 1.5", "true"],
  ["2u > 1", "true"],
  ["-1 < 0u", "true"],
  ["'a' < 'b'", "true"],
  ["'\\uffff' < '\\U00010000'", "true"],
  ["b'a' < b'b'", "true"],
  ["false < true", "true"],
  ["dyn(1) < 'a'", "fault: no such overload"],
  ["dyn(0.0 / 0.0) < 1", "fault: NaN values cannot be ordered"],
  ["9007199254740993 > 9007199254740992.0", "true"],
]);

table("logic looks past errors", [
  ["true || 1 / 0 > 0", "true"],
  ["1 / 0 > 0 || true", "true"],
  ["false && 1 / 0 > 0", "false"],
  ["1 / 0 > 0 && false", "false"],
  ["1 / 0 > 0 || false", "fault: division by zero"],
  ["1 / 0 > 0 && true", "fault: division by zero"],
  ["dyn(1) && true", "fault: no such overload"],
  ["dyn('x') || true", "true"],
  ["!false", "true"],
  ["!!true", "true"],
  ["true ? 1 : 1 / 0", "1"],
  ["false ? 1 / 0 : 2", "2"],
  ["dyn(1) ? 1 : 2", "fault: no such overload"],
  ["1 > 0 ? 'a' : 'b'", '"a"'],
  ["true ? (false ? 1 : 2) : 3", "2"],
]);

table("fields and indexes", [
  ["x.a.b", "1", { x: { a: { b: 1 } } }],
  ["x['a']['b']", "1", { x: { a: { b: 1 } } }],
  ["x.a.c", "fault: no such key: c", { x: { a: { b: 1 } } }],
  ["x['y']", "fault: no such key: y", { x: {} }],
  ["x.a", "fault: no such overload", { x: 1 }],
  ["has(x.a)", "true", { x: { a: null } }],
  ["has(x.b)", "false", { x: { a: null } }],
  ["has(x.a.b)", "fault: no such key: a", { x: {} }],
  ["has(x.a) && has(x.a.b)", "false", { x: {} }],
  ["[1, 2][1]", "2"],
  ["[1, 2][2]", "fault: index out of bounds: 2"],
  ["[1, 2][-1]", "fault: index out of bounds: -1"],
  ["[1, 2][dyn(1.0)]", "2"],
  ["{1: 'a'}[dyn(1u)]", '"a"'],
  ["x.`a-b/c.d`", "1", { x: { "a-b/c.d": 1 } }],
  ["1 in [1, 2]", "true"],
  ["3 in [1, 2]", "false"],
  ["'a' in {'a': 1}", "true"],
  ["'b' in {'a': 1}", "false"],
  ["dyn(1.0) in [1, 2]", "true"],
  ["'k' in x", "true", { x: { k: 1 } }],
  [
    "x == {'a': [1, null, {'b': true}]}",
    "error: ERROR: <input>:1:16: expected type 'int' but found 'null'\n | x == {'a': [1, null, {'b': true}]}\n | ...............^",
    { x: {} },
  ],
  ["x.constructor", "fault: no such key: constructor", { x: {} }],
  ["x.__proto__", "fault: no such key: __proto__", { x: {} }],
  ["y", "null", { y: null }],
]);

table("macros", [
  ["[1, 2, 3].all(x, x > 0)", "true"],
  ["[1, 2, 3].all(x, x > 1)", "false"],
  ["[].all(x, x > 0)", "true"],
  ["[1, 0].all(x, 1 / x > 0)", "fault: division by zero"],
  ["[0, 2].all(x, 1 / x > 5)", "false"],
  ["[1, 2].exists(x, x == 2)", "true"],
  ["[0, 1].exists(x, 1 / x == 1)", "true"],
  ["[].exists(x, true)", "false"],
  ["[1, 2, 2].exists_one(x, x == 2)", "false"],
  ["[1, 2].existsOne(x, x == 2)", "true"],
  ["[0, 1].exists_one(x, 1 / x == 1)", "fault: division by zero"],
  ["[1, 2, 3].map(x, x * x)", "[1, 4, 9]"],
  ["[1, 2, 3].map(x, x > 1, x * x)", "[4, 9]"],
  ["[1, 2, 3].filter(x, x % 2 == 1)", "[1, 3]"],
  ["[1, 0].map(x, 1 / x)", "fault: division by zero"],
  ["{'a': 1, 'b': 2}.all(k, k != 'c')", "true"],
  ["{'a': 1, 'b': 2}.map(k, k)", '["a", "b"]'],
  ["{'a': 1, 'b': 2}.exists(k, k == 'b')", "true"],
  ["[[1, 2], [3]].map(x, x.map(y, y + 1))", "[[2, 3], [4]]"],
  ["[1, 2].map(x, [3, 4].map(y, x * y))", "[[3, 4], [6, 8]]"],
  ["[1, 2].map(x, [x].map(x, x + 10))", "[[11], [12]]"],
  [
    "1.all(x, true)",
    "error: ERROR: <input>:1:1: expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)\n | 1.all(x, true)\n | ^",
  ],
  ["dyn(1).all(x, true)", "fault: no such overload"],
  ["[1, 2].all(i, v, i < v)", "true"],
  ["{'a': 1}.all(k, v, k == 'a' && v == 1)", "true"],
  ["[5, 6].exists(i, v, i == 1 && v == 6)", "true"],
  ["[5, 6].exists_one(i, v, v > 5)", "true"],
  ["[1, 2, 3].transformList(i, v, (i * v) + v)", "[1, 4, 9]"],
  ["[1, 2, 3].transformList(i, v, i % 2 == 0, (i * v) + v)", "[1, 9]"],
  ["{'a': 1, 'b': 2}.transformList(k, v, k)", '["a", "b"]'],
  ["[1, 2, 3].transformMap(i, v, i % 2 == 0, v * 2)", "{0: 2, 2: 6}"],
  ["{'g': 'h'}.transformMap(k, v, v + '!')", '{"g": "h!"}'],
  ["{'g': 'h'}.transformMapEntry(k, v, {v: k})", '{"h": "g"}'],
  ["{'a': 'x', 'b': 'x'}.transformMapEntry(k, v, {v: k})", "fault: insert failed: key x already exists"],
  [
    "x.sortBy(e, e.n).map(e, e.v)",
    "[2, 1]",
    {
      x: [
        { n: "b", v: 1 },
        { n: "a", v: 2 },
      ],
    },
  ],
]);

table("conversions", [
  ["int('42')", "42"],
  ["int('-7')", "-7"],
  [`int('+${"0".repeat(40)}7')`, "7"],
  ["int('-000')", "0"],
  ["uint('0018446744073709551615')", "18446744073709551615u"],
  ["int('-9223372036854775808')", "-9223372036854775808"],
  [`int('${"9".repeat(22)}')`, "fault: type conversion error from 'string' to 'int'"],
  [`int('-${"9".repeat(22)}')`, "fault: type conversion error from 'string' to 'int'"],
  ["uint('18446744073709551616')", "fault: type conversion error from 'string' to 'uint'"],
  ["uint('-1')", "fault: type conversion error from 'string' to 'uint'"],
  ["int(4.9)", "4"],
  ["int(-4.9)", "-4"],
  ["int(1e30)", "fault: integer overflow"],
  ["int(5u)", "5"],
  ["int(18446744073709551615u)", "fault: integer overflow"],
  ["int(timestamp('1970-01-01T00:01:00Z'))", "60"],
  ["int('x')", "fault: type conversion error from 'string' to 'int'"],
  ["uint(5)", "5u"],
  ["uint(-1)", "fault: unsigned integer overflow"],
  ["uint('7')", "7u"],
  ["double('1.5')", "1.5"],
  ["double('0x1p4')", "16"],
  ["double(3)", "3"],
  ["double('abc')", "fault: type conversion error from 'string' to 'double'"],
  ["double('1e999')", "fault: type conversion error from 'string' to 'double'"],
  ["double('-nan')", "fault: type conversion error from 'string' to 'double'"],
  ["string(1)", '"1"'],
  ["string(1u)", '"1"'],
  ["string(1.5)", '"1.5"'],
  ["string(1000000.0)", '"1e+06"'],
  ["string(123456789.5)", '"1.234567895e+08"'],
  ["string(0.00001)", '"1e-05"'],
  ["string(true)", '"true"'],
  ["string(b'abc')", '"abc"'],
  ["string(b'\\xff')", "fault: invalid UTF-8 in bytes, cannot convert to string"],
  ["string(duration('90m'))", '"5400s"'],
  ["string(timestamp('2020-01-02T03:04:05.5Z'))", '"2020-01-02T03:04:05.5Z"'],
  ["string(timestamp('2020-01-02T03:04:05+02:00'))", '"2020-01-02T03:04:05+02:00"'],
  ["bytes('abc')", 'b"abc"'],
  ["bool('true')", "true"],
  ["bool('nope')", "fault: type conversion error from 'string' to 'bool'"],
  ["type(1)", "int"],
  ["type(1) == int", "true"],
  ["type('a') == string", "true"],
  ["type(type(1)) == type", "true"],
  ["type([]) == list", "true"],
  ["type({}) == map", "true"],
  ["type(null) == null_type", "true"],
  ["type(1.0) == double && type(1u) == uint && type(b'') == bytes && type(true) == bool", "true"],
  ["type(timestamp(0)) == google.protobuf.Timestamp", "true"],
  ["type(duration('1s')) == google.protobuf.Duration", "true"],
  ["dyn(1) + 1", "2"],
]);

table("sizes and texts", [
  ["size('héllo')", "5"],
  ["'😀'.size()", "1"],
  ["size([1, 2])", "2"],
  ["{'a': 1}.size()", "1"],
  ["b'abc'.size()", "3"],
  ["'hello'.contains('ell')", "true"],
  ["'hello'.startsWith('he') && 'hello'.endsWith('lo')", "true"],
  ["'hello'.matches('^h.*o$')", "true"],
  ["matches('abc', 'b')", "true"],
  ["'Abc'.matches('(?i)aBC')", "true"],
  ["'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'.matches('^(a+)+$')", "false"],
  ["x.size()", "2", { x: [1, 2] }],
  ["x.size()", "fault: no such overload: size(int)", { x: 1 }],
]);

table("times", [
  ["timestamp('2009-02-13T23:31:30Z') == timestamp(1234567890)", "true"],
  ["timestamp('2009-02-13T23:31:30.123456789Z').getMilliseconds()", "123"],
  ["timestamp('2009-02-13T23:31:30Z').getFullYear()", "2009"],
  ["timestamp('2009-02-13T23:31:30Z').getMonth()", "1"],
  ["timestamp('2009-02-13T23:31:30Z').getDate()", "13"],
  ["timestamp('2009-02-13T23:31:30Z').getDayOfMonth()", "12"],
  ["timestamp('2009-02-13T23:31:30Z').getDayOfWeek()", "5"],
  ["timestamp('2009-02-13T23:31:30Z').getDayOfYear()", "43"],
  ["timestamp('2008-12-31T00:00:00Z').getDayOfYear()", "365"],
  ["timestamp('2009-02-13T23:31:30Z').getHours()", "23"],
  ["timestamp('2009-02-13T23:31:30Z').getMinutes()", "31"],
  ["timestamp('2009-02-13T23:31:30Z').getSeconds()", "30"],
  ["timestamp('2009-02-13T23:31:30Z').getDate('Australia/Sydney')", "14"],
  ["timestamp('2009-02-13T23:31:30Z').getHours('+05:30')", "5"],
  ["timestamp('2009-02-13T23:31:30Z').getHours('-02:00')", "21"],
  ["timestamp('2009-02-13T23:31:30Z').getHours('No/Where')", "fault: unknown time zone No/Where"],
  ["timestamp('2009-02-13T02:00:00Z').getMinutes('Asia/Kathmandu')", "45"],
  ["timestamp('1969-12-31T23:59:59.5Z').getMilliseconds()", "500"],
  ["timestamp('2009-02-13T23:31:30Z') + duration('30s')", "2009-02-13T23:32:00Z"],
  ["timestamp('2009-02-13T23:31:30Z') - timestamp('2009-02-13T23:30:00Z') == duration('90s')", "true"],
  ["timestamp('9999-12-31T23:59:59Z') + duration('1s')", "fault: timestamp overflow"],
  ["timestamp('0001-01-01T00:00:00Z') - duration('1ns')", "fault: timestamp overflow"],
  ["duration('1h30m').getMinutes()", "90"],
  ["duration('-1.5h').getHours()", "-1"],
  ["duration('3700s').getHours()", "1"],
  ["duration('1.234s').getMilliseconds()", "1234"],
  ["duration('1h') > duration('59m')", "true"],
  ["duration('1s') + duration('1ms')", "1.001s"],
  ["duration('2562047h') + duration('2562047h')", "fault: duration overflow"],
  ["duration(x)", "fault: type conversion error from 'string' to 'google.protobuf.Duration'", { x: "1y" }],
  [
    "timestamp(x)",
    "fault: type conversion error from 'string' to 'google.protobuf.Timestamp'",
    { x: "2009-02-30T00:00:00Z" },
  ],
  ["duration('1us') < duration('1ms') && duration('1ns') < duration('1us')", "true"],
]);

table("optionals", [
  ["optional.of(1)", "optional(1)"],
  ["optional.none()", "none"],
  ["optional.ofNonZeroValue('')", "none"],
  ["optional.ofNonZeroValue('a').hasValue()", "true"],
  ["optional.of(1).value()", "1"],
  ["optional.none().value()", "fault: optional.none() dereference"],
  ["optional.none().orValue(5)", "5"],
  ["optional.none().or(optional.of(3)).value()", "3"],
  ["x.?a.?b.orValue('z')", '"z"', { x: { a: {} } }],
  ["x.?a.b.orValue(0)", "7", { x: { a: { b: 7 } } }],
  ["x[?'a'].hasValue()", "false", { x: {} }],
  ["[1, 2][?5].hasValue()", "false"],
  ["[1, 2][?1].value()", "2"],
  ["{'a': 1}[?'a']", "optional(1)"],
  ["x.?a.optMap(v, v + 1).orValue(0)", "2", { x: { a: 1 } }],
  ["optional.of(2).optMap(v, v * 2)", "optional(4)"],
  ["optional.of(2).optFlatMap(v, v > 1 ? optional.of('big') : optional.none())", 'optional("big")'],
  ["[?optional.of(1), 2, ?optional.none()]", "[1, 2]"],
  ["{?'a': optional.none(), 'b': 1}", '{"b": 1}'],
  ["optional.of(1) == optional.of(1)", "true"],
  ["optional.none() == optional.none()", "true"],
  ["optional.of(1) != optional.none()", "true"],
  ["has(x.?a.b)", "false", { x: {} }],
  ["x.?a.value()", "fault: optional.none() dereference", { x: {} }],
  ["[1, 2].first().value()", "1"],
  ["[].last().hasValue()", "false"],
  ["optional.unwrap([optional.of(1), optional.none()])", "[1]"],
  ["[optional.of(2)].unwrapOpt()", "[2]"],
]);

/** One error, where and with the pointer below it. */
const at = (column: number, message: string, source: string): string =>
  `error: ERROR: <input>:1:${column}: ${message}\n | ${source}\n | ${".".repeat(column - 1)}^`;

suite("what doesn't compile", () => {
  const any =
    "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";
  const cases: readonly (readonly [source: string, column: number, message: string])[] = [
    ["foo", 1, "undeclared reference to 'foo' (in container '')"],
    ["foo(1)", 4, "undeclared reference to 'foo' (in container '')"],
    ["'a'.foo()", 8, "undeclared reference to 'foo' (in container '')"],
    ["1 == 1.0", 3, "found no matching overload for '_==_' applied to '(int, double)'"],
    ["1 == '1'", 3, "found no matching overload for '_==_' applied to '(int, string)'"],
    ["1 + 'a'", 3, "found no matching overload for '_+_' applied to '(int, string)'"],
    ["1 + 1u", 3, "found no matching overload for '_+_' applied to '(int, uint)'"],
    ["!1", 1, "found no matching overload for '!_' applied to '(int)'"],
    ["1 && true", 3, "found no matching overload for '_&&_' applied to '(int, bool)'"],
    ["true ? 1 : 'a'", 6, "found no matching overload for '_?_:_' applied to '(bool, int, string)'"],
    ["size(1)", 5, "found no matching overload for 'size' applied to '(int)'"],
    ["'a'.startsWith(1)", 15, "found no matching overload for 'startsWith' applied to 'string.(int)'"],
    ["[1][true]", 4, "found no matching overload for '_[_]' applied to '(list(int), bool)'"],
    ["{'a': 1}[1]", 9, "found no matching overload for '_[_]' applied to '(map(string, int), int)'"],
    ["1 in ['a']", 3, "found no matching overload for '@in' applied to '(int, list(string))'"],
    ["(1).a", 4, "type 'int' does not support field selection"],
    ["[1, 'a']", 5, "expected type 'int' but found 'string'"],
    ["{'a': 1, 'b': 'c'}", 15, "expected type 'int' but found 'string'"],
    ["{'a': 1, 2: 3}", 10, "expected type 'string' but found 'int'"],
    ["[1].all(1, true)", 9, "argument must be a simple name"],
    ["[1].map(1, true)", 9, "argument is not an identifier"],
    ["[1].filter(a.b, true)", 13, "argument is not an identifier"],
    ["[1].all(__result__, true)", 9, "iteration variable overwrites accumulator variable"],
    ["[1].all(i, i, true)", 12, "duplicate variable name: i"],
    ["[1].transformList(i, __result__, i)", 22, "iteration variable overwrites accumulator variable"],
    ["{}.transformMap(a.b, v, v)", 18, "argument must be a simple name"],
    ["optional.of(1).optMap(a.b, 1)", 24, "optMap() variable name must be a simple identifier"],
    ["'%s %s'.format(['a'])", 15, "index 1 out of range"],
    ["'%s'.format(['a', 'b'])", 12, "too many arguments supplied to string.format (expected 1, got 2)"],
    ["'a %'.format([])", 13, "unexpected end of string"],
    ["'%j'.format([1])", 12, 'could not parse formatting clause: unrecognized formatting clause "j"'],
    [
      "'%s %d'.format(['a', 5.2])",
      22,
      "error during formatting: decimal clause can only be used on integers, was given double",
    ],
    [
      "'%x'.format([2.5])",
      14,
      "error during formatting: only integers, byte buffers, and strings can be formatted as hex, was given double",
    ],
    [
      "'%s'.format([[1, quantity('1')]])",
      26,
      "error during formatting: string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps, was given kubernetes.Quantity",
    ],
    ["[1].all(x, x)", 8, "found no matching overload for '_&&_' applied to '(bool, int)'"],
    ["has(x)", 5, "invalid argument to has() macro"],
    ["'a'.matches('(')", 13, "invalid matches argument"],
    ["duration('1y')", 10, "invalid duration argument"],
    ["timestamp('x')", 11, "invalid timestamp argument"],
    ["9223372036854775808", 1, "invalid int literal"],
    ["18446744073709551616u", 1, "invalid uint literal"],
    ["1 +", 4, `Syntax error: mismatched input '<EOF>' expecting ${any}`],
    ["1 + * 2", 5, `Syntax error: mismatched input '*' expecting ${any}`],
    [
      "(1",
      3,
      "Syntax error: mismatched input '<EOF>' expecting {')', '==', '!=', 'in', '<', '<=', '>=', '>', '&&', '||', '[', '.', '-', '?', '+', '*', '/', '%'}",
    ],
    [
      "1 2",
      3,
      "Syntax error: mismatched input '2' expecting {<EOF>, '==', '!=', 'in', '<', '<=', '>=', '>', '&&', '||', '[', '.', '-', '?', '+', '*', '/', '%'}",
    ],
    ["foo.", 5, "Syntax error: no viable alternative at input '.'"],
    ["Foo{a: 1}", 4, "undeclared reference to 'Foo' (in container '')"],
    ["int{a: 1}", 4, "'int' is not a message type"],
  ];
  for (const [source, column, message] of cases) {
    test(source, () => {
      assert.equal(outcomeOf(source), at(column, message, source));
    });
  }

  test("several errors stand in the order of their places, on their lines", () => {
    assert.equal(
      outcomeOf("foo +\n  bar"),
      "error: ERROR: <input>:1:1: undeclared reference to 'foo' (in container '')\n | foo +\n | ^\n" +
        "ERROR: <input>:2:3: undeclared reference to 'bar' (in container '')\n |   bar\n | ..^",
    );
  });

  test("an expression may be deep, but not bottomless", () => {
    assert.equal(outcomeOf(`${"(".repeat(200)}1${")".repeat(200)}`), "1");
    assert.equal(
      outcomeOf(`${"(".repeat(300)}1${")".repeat(300)}`),
      "error: ERROR: <input>:-1:0: expression recursion limit exceeded: 250",
    );
    const tooDeep = "error: ERROR: <input>:-1:0: max recursion depth exceeded";
    for (const [deep, deeper] of [
      [`a.b${" == a.b".repeat(249)}`, " == a.b"],
      [`1${"+1".repeat(250)}`, "+1"],
      [`[1]${"[0]".repeat(250)}`, "[0]"],
      [`{'a': 1}${".a".repeat(250)}`, ".a"],
      [`[1]${".filter(x, true)".repeat(250)}`, ".filter(x, true)"],
      [`1${"+1".repeat(250)}`, "+1".repeat(30_000)],
    ] as const) {
      assert.notEqual(outcomeOf(deep, { a: { b: true } }), tooDeep);
      assert.equal(outcomeOf(deep + deeper, { a: { b: true } }), tooDeep);
    }
    assert.equal(outcomeOf(Array.from({ length: 2000 }, () => "true").join(" && ")), "true");
  });
});
