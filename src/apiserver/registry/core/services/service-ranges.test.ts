import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServiceCIDR } from "#api/generated/types/networking-v1.ts";
import { SeededRandom } from "#base/random.ts";
import { AddressRange } from "./address-range.ts";
import { ServiceCidrRanges } from "./service-ranges.ts";

const random = new SeededRandom(1);
const given = [new AddressRange({ cidr: "10.43.0.0/16" }, random)];

const cidr = (name: string, of: string, ready?: "True" | "False", isGoing = false): ServiceCIDR => ({
  metadata: { name, ...(isGoing ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {}) },
  spec: { cidrs: [of] },
  ...(ready === undefined
    ? {}
    : {
        status: {
          conditions: [{ type: "Ready", status: ready, reason: "", message: "", lastTransitionTime: "t" }],
        },
      }),
});

const own = "10.43.0.0/16";
const more = "10.99.0.0/24";
const cases: readonly [
  name: string,
  cidrs: readonly ServiceCIDR[],
  all: readonly string[],
  ready: readonly string[],
][] = [
  ["none yet: what the server was told", [], [own], [own]],
  ["the default one", [cidr("kubernetes", own, "True")], [own], [own]],
  ["the default one says something else", [cidr("kubernetes", more, "True")], [more], [more]],
  ["another, before the default one is there", [cidr("b", more)], [own, more], [own, more]],
  ["not ready", [cidr("kubernetes", own), cidr("b", more, "False")], [own, more], [own]],
  ["being deleted", [cidr("kubernetes", own), cidr("b", more, "True", true)], [own, more], [own]],
  [
    "two of the same range, one of which is being deleted",
    [cidr("a", more, "True", true), cidr("b", more, "True"), cidr("kubernetes", own)],
    [more, own],
    [more, own],
  ],
];
for (const [name, cidrs, all, ready] of cases) {
  test(`ranges: ${name}`, () => {
    const ranges = new ServiceCidrRanges(given, () => cidrs, random);
    assert.deepEqual(
      ranges.all().map((range) => range.cidr),
      all,
    );
    assert.deepEqual(
      ranges.ready().map((range) => range.cidr),
      ready,
    );
    assert.deepEqual(ranges.families, ["IPv4"]);
  });
}
