import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { formatYaml, parseYaml, yamlStrictFaults } from "./yaml.ts";

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
    assert.deepEqual(yamlStrictFaults(text), [
      'yaml: unmarshal errors:\n  line 4: key "c" already set in map',
    ]);
    assert.deepEqual(yamlStrictFaults("a: 1\nb: 2\n"), []);
  });

  test("what is no YAML is refused with the line", () => {
    assert.throws(() => parseYaml("a: 1\n b: : 2\n"), { name: "DecodeError", message: /^yaml: line 2: / });
    assert.throws(() => parseYaml("a: .inf"), {
      name: "DecodeError",
      message: "json: unsupported value: .inf",
    });
  });

  test("a bomb of aliases is refused", () => {
    const uses = Array.from({ length: 200 }, () => "- *a").join("\n");
    assert.throws(() => parseYaml(`x: &a [1]\ny:\n${uses}\n`), { name: "DecodeError" });
  });

  test("a key named __proto__ is a key", () => {
    const value = parseYaml("__proto__: {x: 1}\n") as object;
    assert.deepEqual(Object.keys(value), ["__proto__"]);
    assert.equal(Object.getPrototypeOf(value), Object.prototype);
  });
});

suite("written", () => {
  test("sorted, lists not indented, what would be read as something else in quotes", () => {
    const value = {
      b: [{ name: "x", on: "yes" }],
      a: { mode: "0644", empty: {}, none: [], text: "a: b" },
      n: null,
    };
    const expected = `a:
  empty: {}
  mode: '0644'
  none: []
  text: 'a: b'
b:
- name: x
  'on': 'yes'
'n': null
`;
    assert.equal(formatYaml(value), expected);
  });

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
