import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { formatYaml, parseYaml, readYaml } from "./yaml.ts";

suite("scalars are what goyaml.v2 takes them for", () => {
  const cases: readonly [text: string, value: unknown][] = [
    ["yes", true],
    ["On", true],
    ["y", true],
    ["off", false],
    ["NO", false],
    ["yEs", "yEs"],
    ["~", null],
    ["", null],
    ["Null", null],
    ["0644", 420],
    ["0o644", 420],
    ["08", 8],
    ["0x1F", 31],
    ["-0b101", -5],
    ["1_000", 1000],
    ["+5", 5],
    ["1.5", 1.5],
    ["1e3", 1000],
    ["1e+3", 1000],
    [".5", 0.5],
    ["1.", 1],
    ["-0", 0],
    ["0b12", "0b12"],
    ["0o8", "0o8"],
    ["-.5", -0.5],
    ["1_0.5", 10.5],
    ["! 5", "5"],
    ["1:30", "1:30"],
    ["2001-12-14", "2001-12-14"],
    ["2001-12-14T21:59:43Z", "2001-12-14T21:59:43Z"],
    ["100m", "100m"],
    ["1.2.3", "1.2.3"],
    ["0x", "0x"],
    ["9007199254740993", 9007199254740993n],
    ["-9_223372036854775808", -9223372036854775808n],
    ["0x7fffffffffffffff", 9223372036854775807n],
    ["1e17", 100000000000000000n],
    // Beyond an int64 it is a float64, where Go finds any number in it.
    ["18446744073709551615", 2 ** 64],
    ["0xffffffffffffffff", 2 ** 64],
    ["0x10000000000000000", "0x10000000000000000"],
    ["18446744073709551616000", 18446744073709552000000],
    ["-00000000000000000000018", -18],
    ["9".repeat(400), "9".repeat(400)],
    ["9999999999999999999", 10000000000000000000],
    ['{"a":1e999}', { a: "1e999" }],
    ["'yes'", "yes"],
    ['"0644"', "0644"],
    ["!!str 5", "5"],
    ["!!binary aGk=", "hi"],
  ];
  for (const [text, value] of cases) {
    test(`${JSON.stringify(text)} is ${JSON.stringify(value)}`, () => {
      assert.deepEqual(parseYaml(`a: ${text}`), { a: value });
    });
  }
});

suite("documents", () => {
  test("keys are text, whatever they look like", () => {
    assert.deepEqual(parseYaml("1: a\ntrue: b\n1.5: c\n"), { 1: "a", true: "b", 1.5: "c" });
  });

  test("JSON is taken as JSON", () => {
    assert.deepEqual(parseYaml(' {"a": "0644", "b": [1e3, null]}'), { a: "0644", b: [1000, null] });
  });

  test("a flow mapping that is no JSON is YAML", () => {
    assert.deepEqual(parseYaml("{a: yes, b: [1, 2]}"), { a: true, b: [1, 2] });
  });

  test("merges and anchors", () => {
    assert.deepEqual(parseYaml("x: &x {a: 1, b: 2}\nz:\n  <<: *x\n  b: 3\n"), {
      x: { a: 1, b: 2 },
      z: { a: 1, b: 3 },
    });
  });

  test("a key given twice: the last counts, and the strict reading says so", () => {
    const text = "a: 1\nb:\n  c: 1\n  c: 2\n";
    assert.deepEqual(parseYaml(text), { a: 1, b: { c: 2 } });
    assert.deepEqual(readYaml(Buffer.from(text)).strictFaults, [
      'yaml: unmarshal errors:\n  line 4: key "c" already set in map',
    ]);
    assert.deepEqual(readYaml(Buffer.from("a: 1\nb: 2\n")).strictFaults, []);
  });

  test("of several documents the first counts, and of none there is null", () => {
    assert.deepEqual(parseYaml("a: 1\n---\nb: 2\n"), { a: 1 });
    assert.deepEqual(parseYaml("---\na: 1\n---\n"), { a: 1 });
    assert.equal(parseYaml("# nothing\n"), null);
  });

  test("what comes after the first document isn't read", () => {
    assert.deepEqual(parseYaml("%YAML 1.1\n# one\n--- {a: 1}\n--- }\n"), { a: 1 });
    assert.deepEqual(parseYaml("a: |\n  b\n  ---\n---c: 1\n...\n}"), { a: "b\n---\n", "---c": 1 });
    assert.equal(parseYaml("---\n---\n}"), null);
  });

  test("what is no YAML is refused with the line", () => {
    assert.throws(() => parseYaml("a: 1\n b: : 2\n"), { name: "DecodeError", message: /^yaml: line 2: / });
    assert.throws(() => parseYaml("a: .inf"), {
      name: "DecodeError",
      message: "json: unsupported value: +Inf",
    });
  });

  test("what is too deep is refused, be it JSON", () => {
    const deep = `${'{"a":'.repeat(5000)}1${"}".repeat(5000)}`;
    assert.throws(() => readYaml(Buffer.from(deep)), { name: "DecodeError" });
    assert.throws(() => parseYaml(deep), { name: "DecodeError" });
  });

  test("a bomb of aliases is refused, a few are not", () => {
    const levels = Array.from(
      "bcdefg",
      (name, at) => `${name}: &${name} [${`*${"abcdef"[at]},`.repeat(9)}]\n`,
    );
    const bomb = `a: &a [x]\n${levels.join("")}`;
    const message = "yaml: document contains excessive aliasing";
    assert.throws(() => parseYaml(bomb), { name: "DecodeError", message });
    const uses = Array.from({ length: 500 }, () => "- *a").join("\n");
    assert.equal((parseYaml(`x: &a [1]\nz:\n${uses}\n`) as { z: unknown[] }).z.length, 500);
  });

  test("a key named __proto__ is a key", () => {
    const value = parseYaml("__proto__: {x: 1}\n") as object;
    assert.deepEqual(Object.keys(value), ["__proto__"]);
    assert.equal(Object.getPrototypeOf(value), Object.prototype);
  });
});

const words = (count: number): string => Array.from({ length: count }, () => "words").join(" ");

// As kubectl prints them: sigs.k8s.io/yaml.
const written: readonly (readonly [name: string, value: unknown, text: string])[] = [
  [
    "keys sorted, lists not indented",
    { b: [{ name: "x", a: 1 }, [1, [2]], [], {}], a: { none: [], n: null, t: true } },
    'a:\n  "n": null\n  none: []\n  t: true\nb:\n- a: 1\n  name: x\n- - 1\n  - - 2\n- []\n- {}\n',
  ],
  [
    "what would be read as something else in double quotes",
    { a: ["yes", "0644", "1e3", "1_0", ".5", "~", "", "y", "1:30", "2026-11-27T10:55:25Z", "2001-12-14"] },
    'a:\n- "yes"\n- "0644"\n- "1e3"\n- "1_0"\n- ".5"\n- "~"\n- ""\n- "y"\n- "1:30"\n- "2026-11-27T10:55:25Z"\n- "2001-12-14"\n',
  ],
  [
    "what only looks like it bare",
    { a: ["100m", "1.2.3", "10.0.0.1", "1234e567", "2001-13-14", "http://x:80/", "a#b", "-x", "yEs"] },
    "a:\n- 100m\n- 1.2.3\n- 10.0.0.1\n- 1234e567\n- 2001-13-14\n- http://x:80/\n- a#b\n- -x\n- yEs\n",
  ],
  [
    "what means something to YAML in single quotes",
    { a: ["*", "a: b", "a:", "a #b", "- x", "'", " x", "x ", "---"] },
    "a:\n- '*'\n- 'a: b'\n- 'a:'\n- 'a #b'\n- '- x'\n- ''''\n- ' x'\n- 'x '\n- '---'\n",
  ],
  [
    "lines as lines, where spaces and tabs can be seen",
    { a: ["a\nb\n", "a\nb", "a\n\n", " a\nb"], b: ["a \nb", "a\tb\n", "é\u{1F600}"] },
    'a:\n- |\n  a\n  b\n- |-\n  a\n  b\n- |+\n  a\n\n- |2-\n   a\n  b\nb:\n- "a \\nb"\n- "a\\tb\\n"\n- "é\\U0001F600"\n',
  ],
  [
    "long lines broken at a space",
    { plain: words(20), quoted: `x: ${words(20)}`, tab: `\t${words(20)}` },
    `plain: ${words(13)}\n  ${words(7)}\nquoted: 'x: ${words(12)}\n  ${words(8)}'\ntab: "\\t${words(13)}\n  ${words(7)}"\n`,
  ],
  [
    "long keys with a question mark",
    { ["k".repeat(129)]: { a: [1] }, ["l".repeat(128)]: 1 },
    `? ${"k".repeat(129)}\n: a:\n  - 1\n${"l".repeat(128)}: 1\n`,
  ],
  [
    "keys by what their numbers count, letters last",
    { v10: 1, v9: 2, va: 3, "v-a": 4, v: 5, v009: 6, V1: 7 },
    "V1: 7\nv: 5\nv-a: 4\nv9: 2\nv009: 6\nv10: 1\nva: 3\n",
  ],
  [
    "numbers as Go prints them",
    [1, -5, 0.1, 1234567.5, 0.00001, 1e21, 2 ** 70, 2n ** 60n + 1n],
    "- 1\n- -5\n- 0.1\n- 1.2345675e+06\n- 1e-05\n- 1e+21\n- 1.1805916207174113e+21\n- 1152921504606846977\n",
  ],
];

suite("written", () => {
  for (const [name, value, text] of written) {
    test(name, () => {
      assert.equal(formatYaml(value), text);
      assert.deepEqual(parseYaml(text), value);
    });
  }

  test("and read again it is the same", () => {
    const value = {
      list: ["yes", "1", "1e3", "", "~", "a\nb\n", " x", "2001-01-01"],
      big: 1e21,
      n: -0.5,
      t: true,
    };
    assert.deepEqual(parseYaml(formatYaml(value)), value);
  });
});
