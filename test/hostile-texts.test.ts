/**
 * Long texts of clients that make a careless pattern look at each part of them again and again: where these take time
 * that grows with the square of the length, or worse, one request holds the server for minutes. None of them ends then.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { compileObjectRules } from "#api/apiextensions/rule-evaluation.ts";
import { isCaBundle } from "#api/apiextensions/conversion-validation.ts";
import { cel, outcomeOf } from "#api/cel/testing/environment.ts";
import { toDouble } from "#api/cel/conversions.ts";
import { Fault } from "#api/cel/values.ts";
import { ipFaults, legacyCidrFaults, legacyIpFaults } from "#api/meta/addresses.ts";
import { parseGoDuration } from "#api/meta/duration.ts";
import { parseQuantity } from "#api/meta/quantity.ts";
import { rewriteLinks } from "#apiserver/connect/html-links.ts";
import { parseRequestInfo } from "#apiserver/request/info.ts";
import { assertProduced } from "#apiserver/request/route-media.ts";
import { urlPatternMatches } from "#apiserver/request/url-pattern.ts";
import { pemBlocks, toPem } from "#pki/pem.ts";

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
  assert.match(outcomeOf("duration(self)", { self: `${long("11s")}x` }), /^fault: time: invalid duration/);
  assert.match(outcomeOf("duration(self)", { self: `${long("1")}s` }), /^fault: time: invalid duration/);
});

test("numbers", () => {
  assert.equal(toDouble(`${long("1")}x`) instanceof Fault, true);
});

test("spaces", () => {
  assert.equal(outcomeOf("self.trim() == self", { self: `a${long(" ")}b` }), "true");
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
  for (const page of pages) assert.equal(rewriteLinks(page, (link) => link).startsWith("<a"), true);
});

test("armour", () => {
  const beginnings = long("-----BEGIN CERTIFICATE-----\n");
  assert.equal(pemBlocks(beginnings + toPem("A", Buffer.from("a"))).length, 1);
  assert.equal(isCaBundle(Buffer.from(beginnings).toString("base64")), false);
});

const keyedList = (last: string): unknown =>
  Array.from({ length: 100_000 }, (_, index) => ({ k: String(index), v: index === 99_999 ? last : "" }));

test("lists that are maps", () => {
  const rules = compileObjectRules(
    cel,
    {
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
    },
    false,
  );
  assert.equal(rules?.faults(keyedList("a"), keyedList("b")).length, 1);
});
