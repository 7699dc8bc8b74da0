/** What goyaml makes of documents, and its words for those it refuses: what the real one said of each. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { readYaml } from "../yaml.ts";

const read = (bytes: Buffer): unknown => readYaml(bytes).value;

suite("read", () => {
  const cases: readonly [text: string, value: unknown][] = [
    ["? a\n: - b\n  - c\n? d\n", { a: ["b", "c"], d: null }],
    [
      "{a, b: , ? c : d, \"e\":1, 'f' : [g: h, ? i, j]}",
      { a: null, b: null, c: "d", e: 1, f: [{ g: "h" }, { i: null }, "j"] },
    ],
    [
      "a: 'it''s\n\n  b'\nc: \"x\\\n   y\\u00e9 \\x41\\_\\N\\L\\P\"",
      { a: "it's\nb", c: "xyé A \u0085\u2028\u2029" },
    ],
    [
      "a: |\n  b\n   c\n\n  d\n\n\ne: >+\n  f\n  g\n\n   h\n  i\n\nj: |-\n  k\nl: |2\n    m\n",
      { a: "b\n c\n\nd\n", e: "f g\n\n h\ni\n\n", j: "k", l: "  m\n" },
    ],
    [
      "a: !x 5\nb: !!set {c: 1}\nd: ! 6\ne: !<tag:yaml.org,2002:int> 0x10\nf: !!float 3\ng: !!timestamp 2001-12-14",
      { a: "5", b: { c: 1 }, d: "6", e: 16, f: 3, g: "2001-12-14" },
    ],
    ["%YAML 1.1\n%TAG !e! tag:yaml.org,2002:\n---\na: !e!str 1\nb: !e!%69nt '2'\n", { a: "1", b: 2 }],
    [
      "1: a\n1.50: b\n1e7: c\nyes: d\n0x11: e\n16777217.5: f\n.inf: g\n",
      { "1": "a", "17": "e", ".inf": "g", "1.5": "b", "1.6777218e+07": "f", "1e+07": "c", true: "d" },
    ],
    [
      "a: .5_0_0\nb: ._5\nc: <<\nd: =\ne: 08\nf: +0o17\ng: 0b-01\n",
      { a: 0.5, b: "._5", c: "<<", d: "=", e: 8, f: 15, g: -1 },
    ],
    ["a: b\u0085c: d\r\ne: f\rg: h", { a: "b", c: "d", e: "f", g: "h" }],
    [
      "x: &a {b: 1, c: 2}\ny: {b: 3, <<: *a}\nz:\n  <<: [{c: 4}, *a]\n",
      { true: { b: 1, c: 2 }, x: { b: 1, c: 2 }, z: { b: 1, c: 4 } },
    ],
    ["a: b # c\n#d\ne: f#g\nh: '#'\n", { a: "b", e: "f#g", h: "#" }],
    ["http://x:80/: a:b\n-c: -d\n?e: :f\n", { "-c": "-d", "?e": ":f", "http://x:80/": "a:b" }],
    ["--- |\n %!\n...\n}", "%!\n"],
    ["\ufeffa: 1", { a: 1 }],
    ["a: &x\nb: *x\n? &y c\n: *y\n", { a: null, b: null, c: "c" }],
    ["a: [\n1,\n#c\n2]\n", { a: [1, 2] }],
    ["- - a\n  - b\n-\n - c\n", [["a", "b"], ["c"]]],
    ["a: 1\n...\n@", { a: 1 }],
    ["a: !!binary /w==\n", { a: "�" }],
  ];
  for (const [text, value] of cases) {
    test(JSON.stringify(text), () => {
      assert.deepEqual(read(Buffer.from(text)), value);
    });
  }
});

suite("refused", () => {
  const cases: readonly [text: string, message: string][] = [
    ["a: 1\n b: 2\n", "yaml: line 2: mapping values are not allowed in this context"],
    ["a: 1\nb\n", "yaml: line 3: could not find expected ':'"],
    ["a: b: c", "yaml: mapping values are not allowed in this context"],
    ["a: [1\nb: 2\n", "yaml: line 1: did not find expected ',' or ']'"],
    ["{a: 1\n", "yaml: line 1: did not find expected ',' or '}'"],
    ["- a\nb: 1\n", "yaml: line 1: did not find expected '-' indicator"],
    ["a: 'b\n", "yaml: line 2: found unexpected end of stream"],
    ['a: "\\/"', "yaml: found unknown escape character"],
    ['a: "\\ud83d\\ude00"', "yaml: found invalid Unicode character escape code"],
    ['a: "\\xg"', "yaml: did not find expected hexdecimal number"],
    ["\ta: 1\n", "yaml: found character that cannot start any token"],
    ["a:\n\t- 1\n", "yaml: line 2: found character that cannot start any token"],
    ["a: @b", "yaml: found character that cannot start any token"],
    ["a: `b", "yaml: found character that cannot start any token"],
    ["a: %b\n%c", "yaml: found character that cannot start any token"],
    ["%YAML 1.2\n---\na", "yaml: found incompatible YAML document"],
    ["%FOO\n---\n", "yaml: found unknown directive name"],
    ["%YAML 1.1\n%YAML 1.1\n---\n", "yaml: line 1: found duplicate %YAML directive"],
    ["%TAG ! x\n%TAG ! y\n---\n", "yaml: line 1: found duplicate %TAG directive"],
    ["%TAG x y", "yaml: did not find expected '!'"],
    ["%YAML 1", "yaml: did not find expected digit or '.' character"],
    ["%YAML 111.1", "yaml: found extremely long version number"],
    ["%YAML 1.1\na: 1", "yaml: line 1: did not find expected <document start>"],
    ["a: !y!z 1", "yaml: found undefined tag handle"],
    ["a: !!int x", "yaml: cannot decode !!str `x` as a !!int"],
    ["a: !!bool 1.5", "yaml: cannot decode !!float `1.5` as a !!bool"],
    ["a: !!null x", "yaml: cannot decode !!str `x` as a !!null"],
    ["a: !!float 0xffffffffffffffff", "yaml: cannot decode !!int `0xffffffffffffffff` as a !!float"],
    ["a: !!timestamp x", "yaml: cannot decode !!str `x` as a !!timestamp"],
    ["a: !!binary %", "yaml: found character that cannot start any token"],
    ["a: !<x", "yaml: did not find the expected '>'"],
    ["a: *b", "yaml: unknown anchor 'b' referenced"],
    ["a: &b! c", "yaml: did not find expected alphabetic or numeric character"],
    ["a: &b [*b]", "yaml: anchor 'b' value contains itself"],
    ["[a]: 1", 'yaml: invalid map key: []interface {}{"a"}'],
    [
      "{a: {b: 1}}: 1",
      'yaml: invalid map key: map[interface {}]interface {}{"a":map[interface {}]interface {}{"b":1}}',
    ],
    ["null: 1", "unsupported map key of type: %!s(<nil>), key: <nil>, value: 1"],
    [
      'a:\n  ~: {b: [1, "c", .5, null, 1e7]}',
      'unsupported map key of type: %!s(<nil>), key: <nil>, value: map[interface {}]interface {}{"b":[]interface {}{1, "c", 0.5, interface {}(nil), 1e+07}}',
    ],
    ["18446744073709551615: 1", "unsupported map key of type: uint64, key: 0xffffffffffffffff, value: 1"],
    ["a: [.nan]", "json: unsupported value: NaN"],
    ["a: -.inf", "json: unsupported value: -Inf"],
    ["<<: 1", "yaml: map merge requires map or sequence of maps as the value"],
    ["<<: [1]", "yaml: map merge requires map or sequence of maps as the value"],
    ["a: |0\n b", "yaml: found an indentation indicator equal to 0"],
    ["a: |x\n b", "yaml: did not find expected comment or line break"],
    ["a: |\n\tb\n", "yaml: line 2: found a tab character where an indentation space is expected"],
    ["a: >\n  b\n\n \tc\n", "yaml: line 4: found a tab character where an indentation space is expected"],
    ["a: b\n\tc: d\n", "yaml: line 2: found a tab character that violates indentation"],
    ["]", "yaml: did not find expected node content"],
    ["...\na: 1", "yaml: did not find expected node content"],
    ["a: - b", "yaml: block sequence entries are not allowed in this context"],
    ["? a: b: c", "yaml: mapping values are not allowed in this context"],
    ["[? : a]", "yaml: did not find expected ',' or ']'"],
    ["[a b: \n c: d]", "yaml: line 1: did not find expected ',' or ']'"],
    [`? ${"a".repeat(1100)}: 1\nb`, "yaml: mapping values are not allowed in this context"],
    [`{${"a".repeat(1100)}: 1}`, "yaml: did not find expected ',' or '}'"],
    ["a: 1\n'b\nc': 2\n", "yaml: line 3: could not find expected ':'"],
    ["a: \u0001", "yaml: control characters are not allowed"],
    [`a: ${"b".repeat(600)}\nc\nd: \u007f`, "yaml: control characters are not allowed"],
    ["a: [b]]", "yaml: did not find expected key"],
    ["- 'a\n--- b'", "yaml: line 2: found unexpected document indicator"],
    ["a: !<%zz> 1", "yaml: did not find URI escaped octet"],
    ["a: !%ff 1", "yaml: found an incorrect leading UTF-8 octet"],
    ["a: &\n", "yaml: did not find expected alphabetic or numeric character"],
  ];
  for (const [text, message] of cases) {
    test(JSON.stringify(text.slice(0, 40)), () => {
      assert.throws(() => read(Buffer.from(text)), { name: "DecodeError", message });
    });
  }
});

suite("keys given twice, of whatever type", () => {
  const cases: readonly [text: string, fault: string][] = [
    [
      "a: 1\nb:\n  c: 1\n  c: 2\na:\n- 3\n",
      'yaml: unmarshal errors:\n  line 4: key "c" already set in map\n  line 6: key "a" already set in map',
    ],
    ["x: &a {b: 1}\ny:\n  b: 2\n  <<: *a\n", 'yaml: unmarshal errors:\n  line 1: key "b" already set in map'],
    [
      '1: a\n1: b\n"1": c\n1.5: d\n1.5: e\nyes: f\non: g\n',
      "yaml: unmarshal errors:\n  line 2: key 1 already set in map\n  line 5: key 1.5 already set in map\n  line 7: key true already set in map",
    ],
  ];
  for (const [text, fault] of cases) {
    test(JSON.stringify(text), () => {
      assert.deepEqual(readYaml(Buffer.from(text)).strictFaults, [fault]);
    });
  }
});

suite("bytes", () => {
  const cases: readonly [hex: string, outcome: unknown][] = [
    ["ff", "yaml: invalid leading UTF-8 octet"],
    ["61e2826161", "yaml: invalid trailing UTF-8 octet"],
    ["61e282", "yaml: incomplete UTF-8 octet sequence"],
    ["613a2062e5", "yaml: incomplete UTF-8 octet sequence"],
    ["c080", "yaml: invalid length of a UTF-8 sequence"],
    ["eda080", "yaml: invalid Unicode character"],
    ["f4908080", "yaml: invalid Unicode character"],
    ["fffe610031", "yaml: incomplete UTF-16 character"],
    ["fffe61003a0020003100", { a: 1 }],
    ["feff0061003a00200031", { a: 1 }],
    ["fffe00d8", "yaml: incomplete UTF-16 surrogate pair"],
  ];
  for (const [hex, outcome] of cases) {
    test(hex, () => {
      let said: unknown;
      try {
        ({ value: said } = readYaml(Buffer.from(hex, "hex")));
      } catch (error) {
        said = error instanceof Error ? error.message : error;
      }
      assert.deepEqual(said, outcome);
    });
  }
});

const deep = (count: number): string => "[".repeat(count) + "]".repeat(count);

test("depth is bounded, in flows, blocks and by aliases", () => {
  assert.ok(Array.isArray(read(Buffer.from(deep(1000)))));
  const levels = Array.from(
    { length: 20 },
    (_, at) => `- &a${at} ${"[".repeat(100)}${at === 0 ? "" : `*a${at - 1}`}${"]".repeat(100)}\n`,
  );
  for (const text of [
    deep(1001),
    deep(200_000),
    "- ".repeat(1100),
    `? ${"? ".repeat(1100)}`,
    levels.join(""),
  ]) {
    assert.throws(() => read(Buffer.from(text)), {
      name: "DecodeError",
      message: /exceeded max depth of 1000$/,
    });
  }
});
