import assert from "node:assert/strict";
import { test } from "node:test";
import type { IPAddress, ServiceCIDR } from "#api/generated/types/networking-v1.ts";
import { canGo, containing, overlapping } from "./plan.ts";

const cidr = (name: string, ...cidrs: string[]): ServiceCIDR => ({ metadata: { name }, spec: { cidrs } });
const address = (name: string, manager = "ipallocator.k8s.io"): IPAddress => ({
  metadata: { name, labels: { "ipaddress.kubernetes.io/managed-by": manager } },
});

const all = [
  cidr("big", "10.0.0.0/8"),
  cidr("small", "10.1.0.0/24"),
  cidr("six", "fd00::/120"),
  cidr("both", "192.168.0.0/24", "fd00::/124"),
];
const names = (found: readonly ServiceCIDR[]): (string | undefined)[] =>
  found.map(({ metadata }) => metadata?.name);

const places: readonly [address: string, names: readonly string[]][] = [
  ["10.1.0.7", ["big", "small"]],
  ["10.2.0.7", ["big"]],
  // A network's own address, and its last one.
  ["10.1.0.0", ["big"]],
  ["10.1.0.255", ["big"]],
  ["10.0.0.0", []],
  ["fd00::", []],
  ["fd00::f", ["six", "both"]],
  ["fd00::ff", ["six"]],
  ["11.0.0.1", []],
  ["no address", []],
];
for (const [asked, found] of places) {
  test(`containing: ${asked}`, () => {
    assert.deepEqual(names(containing(asked, all)), found);
  });
}

test("overlapping: whoever contains or is contained, in any family", () => {
  assert.deepEqual(names(overlapping(cidr("x", "10.1.0.0/16"), all)), ["big", "small"]);
  assert.deepEqual(names(overlapping(cidr("x", "172.16.0.0/12", "fd00::/64"), all)), ["six", "both"]);
  assert.deepEqual(names(overlapping(cidr("x", "172.16.0.0/12"), all)), []);
});

const goings: readonly [name: string, cidr: string, addresses: readonly IPAddress[], goes: boolean][] = [
  ["nobody has an address of it", "big", [], true],
  ["somebody has one that lies nowhere else", "big", [address("10.2.0.7")], false],
  ["another has the only address in use", "big", [address("10.1.0.7")], true],
  ["another contains all of it", "small", [address("10.1.0.7")], true],
  ["others' addresses hold nothing back", "big", [address("10.2.0.7", "other")], true],
  ["an address of another family", "six", [address("10.2.0.7")], true],
  ["of its two ranges only one is contained", "both", [address("192.168.0.9")], false],
  ["of its two ranges the contained one is in use", "both", [address("fd00::7")], true],
];
for (const [name, going, addresses, goes] of goings) {
  test(`canGo: ${name}`, () => {
    const found = all.find(({ metadata }) => metadata?.name === going);
    assert.ok(found !== undefined);
    assert.equal(canGo(found, all, addresses), goes);
  });
}

test("canGo: two of the same range stand in for each other", () => {
  const twins = [cidr("a", "10.9.0.0/24"), cidr("b", "10.9.0.0/24")];
  for (const twin of twins) assert.ok(canGo(twin, twins, [address("10.9.0.5")]));
});
