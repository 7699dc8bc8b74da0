import assert from "node:assert/strict";
import { test } from "node:test";
import {
  addressWarnings,
  cidrFaults,
  ipFaults,
  legacyCidrFaults,
  legacyIpFaults,
  rangeWarnings,
} from "./addresses.ts";

const badIp = ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"];
const badCidr = ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"];
const canonical = (better: string): string => `must be in canonical form ("${better}")`;

/** What a new field says; an old one takes all but what can't be read. */
const addresses: readonly (readonly [text: string, faults: readonly string[]])[] = [
  ["1.2.3.4", []],
  ["0.0.0.0", []],
  ["10.0.0.1", []],
  ["::1", []],
  ["2001:db8::ffff", []],
  ["", badIp],
  ["1.2.3", badIp],
  ["1.2.3.256", badIp],
  ["fe80::1%eth0", badIp],
  ["010.0.0.1", ["must not have leading 0s"]],
  ["10.0.0.01", ["must not have leading 0s"]],
  ["::ffff:1.2.3.4", ["must not be an IPv4-mapped IPv6 address"]],
  ["::ffff:01.2.3.4", ["must not have leading 0s"]],
  ["2001:DB8::1", [canonical("2001:db8::1")]],
  ["2001:db8:0:0::1", [canonical("2001:db8::1")]],
];
for (const [text, faults] of addresses) {
  test(`the address ${JSON.stringify(text)}: ${faults[0] ?? "fine"}`, () => {
    assert.deepEqual(ipFaults(text), faults);
    assert.deepEqual(legacyIpFaults(text), faults === badIp ? badIp : []);
  });
}

const zeros = "must not have leading 0s in IP or prefix length";
const ranges: readonly (readonly [text: string, faults: readonly string[]])[] = [
  ["10.0.0.0/8", []],
  ["0.0.0.0/0", []],
  ["::/0", []],
  ["2001:db8::/32", []],
  ["10.0.0.0", badCidr],
  ["10.0.0.0/33", badCidr],
  ["10.0.0.0/-1", badCidr],
  ["a/8", badCidr],
  ["010.0.0.0/8", [zeros]],
  ["10.0.0.0/08", [zeros]],
  ["::ffff:10.0.0.0/104", ["must not have an IPv4-mapped IPv6 address"]],
  ["10.0.0.1/8", ["must not have bits set beyond the prefix length"]],
  ["2001:DB8::/32", [canonical("2001:db8::/32")]],
];
for (const [text, faults] of ranges) {
  test(`the range ${JSON.stringify(text)}: ${faults[0] ?? "fine"}`, () => {
    assert.deepEqual(cidrFaults(text), faults);
    assert.deepEqual(legacyCidrFaults(text), faults === badCidr ? badCidr : []);
  });
}

const odd = (what: string, text: string, better: string): string =>
  `a: non-standard ${what} "${text}" will be considered invalid in a future Kubernetes release: use "${better}"`;

test("old fields warn of what new ones refuse", () => {
  assert.deepEqual(addressWarnings("10.0.0.1", "a"), []);
  assert.deepEqual(addressWarnings("010.0.0.1", "a"), [odd("IP address", "010.0.0.1", "10.0.0.1")]);
  assert.deepEqual(addressWarnings("::ffff:1.2.3.4", "a"), [odd("IP address", "::ffff:1.2.3.4", "1.2.3.4")]);
  assert.deepEqual(rangeWarnings("10.0.0.0/08", "a"), [odd("CIDR value", "10.0.0.0/08", "10.0.0.0/8")]);
  assert.deepEqual(rangeWarnings("::ffff:10.0.0.0/104", "a"), [
    odd("CIDR value", "::ffff:10.0.0.0/104", "10.0.0.0/8"),
  ]);
  assert.deepEqual(rangeWarnings("010.0.0.1/8", "a"), [
    'a: CIDR value "010.0.0.1/8" is ambiguous in this context (should be "10.0.0.0/8" or "10.0.0.1/32"?)',
    odd("CIDR value", "010.0.0.1/8", "10.0.0.0/8"),
  ]);
});
