/**
 * Ranges that Services get addresses and node ports of: their edges, and what is kept for those who ask.
 * Cases re-expressed from pkg/registry/core/service/{ipallocator,portallocator}/{ipallocator,allocator,bitmap}_test.go.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Address4, Address6 } from "ip-address";
import { SeededRandom } from "#base/random.ts";
import { AddressRange } from "./address-range.ts";
import { PortRange } from "./port-range.ts";

const random = new SeededRandom(1);
const rangeOf = (cidr: string, keepsFirst = false): AddressRange =>
  new AddressRange({ cidr, keepsFirst }, random);

for (const [cidr, size] of [
  ["192.168.1.0/24", 254],
  ["192.168.1.0/32", 0],
  ["192.168.1.0/31", 0],
  ["192.168.1.240/30", 2],
  ["10.0.0.0/15", 131_070],
  ["0.0.0.0/1", 2 ** 31 - 2],
  ["0.0.0.0/0", 2 ** 32 - 2],
  ["2001:db2::/112", 65_535],
  ["2001:db8::/128", 0],
  ["2001:db8::/127", 1],
  ["2001:db8::/64", 2 ** 64 - 1],
] as const) {
  test(`so many addresses of ${cidr} can be had`, () => {
    assert.equal(rangeOf(cidr).size, size);
  });
}

for (const [cidr, inside, outside] of [
  [
    "192.168.1.0/24",
    ["192.168.1.1", "192.168.1.5", "192.168.1.254"],
    ["192.168.0.1", "192.168.1.0", "192.168.1.255", "192.168.2.2", "2001:db8:1::1"],
  ],
  ["10.0.0.0/15", ["10.0.0.1", "10.0.255.255", "10.1.255.254"], ["10.0.0.0", "10.1.255.255", "10.255.255.2"]],
  [
    "2001:db8:1::/116",
    ["2001:db8:1::1", "2001:db8:1::fff"],
    ["2001:db8::1", "2001:db8:1::", "2001:db8:1::1000", "2001:db8:2::2"],
  ],
  // However far away it is.
  ["fd00:1:2:3::/64", ["fd00:1:2:3:ffff:ffff:ffff:ffff"], ["fd00:1:2:4::1"]],
  ["00fc::/112", ["fc::ffff"], ["fc::1:0"]],
] as const) {
  test(`what is of ${cidr}`, () => {
    const range = rangeOf(cidr);
    for (const address of inside) assert.ok(range.contains(address), address);
    for (const address of outside) assert.ok(!range.contains(address), address);
  });
}

const addressValue = (address: string): bigint =>
  address.includes(":") ? new Address6(address).bigInt() : new Address4(address).bigInt();

/** All that can be found, in the order they were. */
function drain<T>(find: (isTaken: (one: T) => boolean) => T | undefined, taken = new Set<T>()): readonly T[] {
  const found: T[] = [];
  for (;;) {
    const one = find((each) => taken.has(each));
    if (one === undefined) return found;
    assert.ok(!taken.has(one));
    taken.add(one);
    found.push(one);
  }
}

for (const cidr of [
  "192.168.1.0/25",
  "192.168.1.0/27",
  "192.168.1.0/28",
  "192.168.1.240/30",
  "2001:db8::/121",
]) {
  test(`all addresses of ${cidr} can be found, and what is given back`, () => {
    const range = rangeOf(cidr);
    const found = drain<string>((isTaken) => range.find(isTaken));
    assert.equal(found.length, range.size);
    assert.ok(found.every((address) => range.contains(address)));
    const taken = new Set(found.slice(1));
    assert.deepEqual(
      drain<string>((isTaken) => range.find(isTaken), taken),
      found.slice(0, 1),
    );
  });
}

for (const [cidr, last, next] of [
  ["192.168.1.0/25", "192.168.1.16", "192.168.1.17"],
  ["192.168.1.0/24", "192.168.1.16", "192.168.1.17"],
  ["192.168.0.0/23", "192.168.0.32", "192.168.0.33"],
  ["192.168.0.0/20", "192.168.1.0", "192.168.1.1"],
  ["10.0.0.0/8", "10.0.1.0", "10.0.1.1"],
  ["192.168.1.0/27", "192.168.1.16", "192.168.1.17"],
  ["2001:db8:1::/108", "2001:db8:1::100", "2001:db8:1::101"],
] as const) {
  test(`the addresses of ${cidr} up to ${last} come last`, () => {
    const range = rangeOf(cidr);
    const free = (...addresses: readonly string[]): string | undefined =>
      range.find((address) => !addresses.includes(address));
    // Whatever is found by chance lies behind them, and so does what is found first by looking.
    for (let turns = 0; turns < 100; turns++) {
      const byChance = new AddressRange({ cidr }, new SeededRandom(turns)).find(() => false) ?? "";
      assert.ok(addressValue(byChance) >= addressValue(next), byChance);
    }
    if (range.size < 10_000) {
      assert.equal(free(last, next), next);
      assert.equal(free(last), last);
    }
  });
}

test("the first address of the default range is the Service kubernetes's", () => {
  for (const cidr of ["192.168.1.240/30", "192.168.1.0/25"]) {
    const range = rangeOf(cidr, true);
    const found = drain<string>((isTaken) => range.find(isTaken));
    assert.equal(found.length, range.size - 1);
    assert.ok(!found.includes(range.first));
    assert.ok(range.contains(range.first));
  }
});

for (const [first, last, kept] of [
  [10_000, 10_200, 16],
  [30_000, 32_767, 86],
  [200, 300, 16],
  [10_000, 20_000, 128],
  [10_000, 10_031, 16],
  [10_000, 10_016, 16],
  [10_000, 10_015, 0],
  [10_000, 10_000, 0],
] as const) {
  test(`of ports ${first}-${last} the first ${kept} come last`, () => {
    const range = new PortRange({ first, last }, random);
    assert.equal(range.text, `${first}-${last}`);
    assert.deepEqual(
      [first - 1, first, last, last + 1].map((port) => range.contains(port)),
      [false, true, true, false],
    );
    const found = drain<number>((isTaken) => range.find(isTaken));
    assert.equal(found.length, range.size);
    const lower = found.slice(found.length - kept).toSorted((a, b) => a - b);
    assert.deepEqual(
      lower,
      Array.from({ length: kept }, (_, at) => first + at),
    );
  });
}
