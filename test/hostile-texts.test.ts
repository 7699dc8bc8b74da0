/**
 * Long texts and lists of clients that make careless code look at each part of them again and again: where these take time
 * that grows with the square of the length, or worse, one request holds the server for minutes. None of them ends then.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { compileObjectRules } from "#api/apiextensions/rule-evaluation.ts";
import { caBundleFault } from "#api/apiextensions/ca-bundle.ts";
import { cel, outcomeOf } from "#api/cel/testing/environment.ts";
import { RegexCompiler } from "#api/cel/regex.ts";
import { toDouble, toInt } from "#api/cel/conversions.ts";
import { Fault } from "#api/cel/values.ts";
import { decodeAny } from "#api/codec/json.ts";
import { ipFaults, legacyCidrFaults, legacyIpFaults } from "#api/meta/addresses.ts";
import { parseGoDuration } from "#api/meta/duration.ts";
import { parseQuantity } from "#api/meta/quantity.ts";
import type { JSONSchemaProps } from "#api/generated/types/apiextensions-v1.ts";
import { parseInt64 } from "#api/meta/go-integer.ts";
import { applyStrategic } from "#api/patch/strategic.ts";
import { patternFault } from "#api/schema/structural/pattern.ts";
import { compileSchema } from "#api/schema/structural/validate.ts";
import { createTypeTable } from "#api/schema/table.ts";
import { includesText, splitText } from "#base/text-search.ts";
import { rewriteLinks } from "#apiserver/connect/html-links.ts";
import { parseRequestInfo } from "#apiserver/request/info.ts";
import { assertProduced } from "#apiserver/request/route-media.ts";
import { urlPatternMatches } from "#apiserver/request/url-pattern.ts";
import { systemClock } from "#base/clock.ts";
import { systemRandom } from "#base/random.ts";
import { createCa } from "#pki/ca.ts";
import { pemBlocks, toPem } from "#base/pem.ts";

const length = 2_000_000;
const long = (part: string): string => part.repeat(Math.ceil(length / part.length));

test("paths", () => {
  const { path, resource } = parseRequestInfo("GET", `/a${long("/")}x`, new URLSearchParams());
  assert.equal(path.length, length + 3);
  assert.equal(resource, "");
  assert.equal(urlPatternMatches(`/a${long("*")}x`, "/a"), false);
  assert.equal(urlPatternMatches(`/a${long("*")}`, "/ab"), true);
});

test("media types", () => {
  assert.throws(() => {
    assertProduced(`a${long(" ")}b`);
  });
});

test("quantities", () => {
  assert.throws(() => parseQuantity(`${long("1")}x`), /no longer than 4096 characters/);
  assert.equal(parseQuantity("1".repeat(4096)).nano > 0n, true);
  assert.throws(() => parseQuantity(`${"1".repeat(4095)}x`));
});

test("durations", () => {
  assert.throws(() => parseGoDuration(`${long("1")}s`));
  assert.equal(parseGoDuration(`0.${long("1")}s`), 111_111_111n);
  assert.match(outcomeOf("duration(self)", { self: `${long("11s")}x` }), /^fault: type conversion error/);
  assert.match(outcomeOf("duration(self)", { self: `${long("1")}s` }), /^fault: type conversion error/);
});

test("numbers", () => {
  assert.equal(toDouble(`${long("1")}x`) instanceof Fault, true);
  for (const text of [`${long("0")}x`, long("9"), `-${long("9")}`]) {
    assert.equal(toInt(text) instanceof Fault, true);
    assert.equal(typeof parseInt64(text), "string");
  }
  assert.equal(toInt(`${long("0")}7`), 7n);
  const deep = 900;
  const numbers = `${'{"a":'.repeat(deep)}[${long("1,")}1e999]${"}".repeat(deep)}`;
  assert.throws(() => decodeAny(numbers), { message: /cannot unmarshal number 1e999 into/ });
});

test("patterns", () => {
  for (const text of [long("["), long("[a"), long("\\Q\\E"), long("(?P<")]) {
    assert.match(patternFault(`(?P<x>a)(?P<x>b)${text}\\`) ?? "", /^error parsing regexp: /);
  }
  for (const text of [long("[[:a"), `[${long("\\pL")}]`]) {
    assert.equal(patternFault(text), "error parsing regexp: expression too large");
  }
});

test("spaces", () => {
  assert.equal(outcomeOf("self.trim() == self", { self: `a${long(" ")}b` }), "true");
});

test("parts of texts", () => {
  const [text, part] = [long("a"), `${"a".repeat(length / 2)}b`];
  assert.deepEqual(splitText(`${text}b${text}`, part), [text.slice(length / 2), text]);
  assert.equal(includesText(text, `b${part}`), false);
  for (const call of ["text.indexOf(part)", "text.lastIndexOf(part)", "text.split(part).size() - 2"]) {
    assert.equal(outcomeOf(call, { text, part }), "-1");
  }
});

test("parts of texts that a call would be charged too much for", () => {
  const [text, list] = [long("a"), Array.from({ length: 100_000 }, (_, index) => index)];
  for (const call of ["text.matches(text)", "list.distinct()", "sets.contains(list, list)"]) {
    assert.throws(() => outcomeOf(call, { text, list }), { code: "CEL_COST" }, call);
  }
});

test("maps that grow with a list", () => {
  const list = Array.from({ length: 15_000 }, (_, index) => index);
  const filtered = "list.transformMap(i, x, i != 7, x).size()";
  for (const [call, size] of [
    ["list.transformMapEntry(i, x, {string(x): i}).size()", "15000"],
    [filtered, "14999"],
  ] as const) {
    assert.equal(outcomeOf(call, { list }), size);
  }
});

test("addresses", () => {
  for (const text of [long("1"), long("1."), `::${long("1.2.3.4")}`]) {
    assert.equal(ipFaults(text).length, 1);
    assert.equal(legacyIpFaults(text).length, 1);
    assert.equal(legacyCidrFaults(`${text}/8`).length, 1);
  }
  assert.deepEqual(legacyIpFaults(`::${long("0")}1.2.3.4`), []);
});

test("links in pages of pods", () => {
  const pages = [`<a ${long(" ")}`, `<a${long(" / ")}`, long("<a "), long('<a href="'), `<a b${long(" ")}c>`];
  for (const page of pages) {
    assert.equal([...rewriteLinks(page, (link) => link)].join("").startsWith("<a"), true);
  }
});

test("armour", () => {
  const beginnings = long("-----BEGIN CERTIFICATE-----\n");
  assert.equal(pemBlocks(beginnings + toPem("A", Buffer.from("a"))).length, 1);
  assert.match(caBundleFault(Buffer.from(beginnings).toString("base64")) ?? "", /PEM block$/);
  const { certificatePem } = createCa({ commonName: "a", days: 1, clock: systemClock, random: systemRandom });
  const isBundle = (bad: number): boolean =>
    caBundleFault(
      Buffer.from(toPem("CERTIFICATE", Buffer.from("a")).repeat(bad) + certificatePem).toString("base64"),
    ) === undefined;
  assert.deepEqual([0, 10, 2000].map(isBundle), [true, true, false]);
});

const keyedList = (last: string): unknown =>
  Array.from({ length: 100_000 }, (_, index) => ({ k: String(index), v: index === 99_999 ? last : "" }));

const keyedSchema: JSONSchemaProps = {
  type: "array",
  "x-kubernetes-list-type": "map",
  "x-kubernetes-list-map-keys": ["k"],
  items: {
    type: "object",
    properties: {
      k: { type: "string" },
      v: { type: "string", "x-kubernetes-validations": [{ rule: "oldSelf == self" }] },
    },
  },
};

test("lists that are maps", () => {
  const rules = compileObjectRules(cel, keyedSchema, false);
  assert.equal(rules?.faults(keyedList("a"), keyedList("b")).length, 1);
  const check = compileSchema(keyedSchema, () => () => true);
  assert.equal(check(keyedList("a"), "", { value: keyedList("b") }).faults.length, 0);
});

const variables = (from: number, count: number, more = {}): readonly { name: string }[] =>
  Array.from({ length: count }, (_, index) => ({ name: `e${from + index}`, ...more }));
const withVariables = (env: unknown): Record<string, unknown> => ({
  spec: { containers: [{ name: "c", ...(Array.isArray(env) ? { env } : (env as object)) }] },
});

test("lists of strategic merge patches", () => {
  const table = createTypeTable();
  const before = withVariables(variables(0, 50_000));
  const merged = (patch: object): readonly { name: string }[] => {
    const { spec } = applyStrategic(before, withVariables(patch), "io.k8s.api.core.v1.Pod", table);
    return (spec as { containers: { env: { name: string }[] }[] }).containers[0]?.env ?? [];
  };
  assert.equal(merged(variables(25_000, 50_000)).length, 75_000);
  assert.equal(merged(variables(0, 49_999, { $patch: "delete" })).length, 1);
  const order = variables(0, 50_000).toReversed();
  const ordered = merged({ "$setElementOrder/env": order, env: order.slice(0, 10_000) });
  assert.deepEqual(ordered.at(-1), { name: "e0" });
});

test("patterns that are kept", () => {
  let compiled = 0;
  const pattern = { matcher: () => ({ find: () => true, group: () => "" }) };
  const compile = (): typeof pattern => {
    compiled += 1;
    return pattern;
  };
  const compiler = new RegexCompiler({ compile });
  for (const characters of [10, 30_000, 100_000]) {
    for (let time = 0; time < 2; time += 1) compiler.matches("a", "a".repeat(characters));
  }
  assert.equal(compiled, 4);
  // What is new takes the place of what is old.
  for (const char of ["b", "a"]) {
    for (let time = 0; time < 2; time += 1) compiler.matches("a", char.repeat(40_000));
  }
  compiler.matches("a", "b".repeat(40_000));
  assert.equal(compiled, 7);
});
