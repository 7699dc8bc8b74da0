/** What is wrong with addresses and networks, as Go says it: re-expressed from apiserver/pkg/cel/library/{ip,cidr}_test.go and net/netip. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { outcomeOf } from "../testing/environment.ts";

const addresses: readonly (readonly [text: string, why: string])[] = [
  ["192.168.0.1.0", "IPv4 address too long"],
  ["1.2.3", "IPv4 address too short"],
  ["1..2.3", 'IPv4 field must have at least one digit (at ".2.3")'],
  ["1.2.3.", 'IPv4 field must have at least one digit (at ".")'],
  ["1.2.3.04", "IPv4 field has octet with leading zero"],
  ["1.2.3.256", "IPv4 field has value >255"],
  ["1.2.3.a", 'unexpected character (at "a")'],
  ["1.2.3.4%eth0", 'unexpected character (at "%eth0")'],
  ["%eth0", "missing IPv6 address"],
  ["", "unable to parse IP"],
  ["2001:db8:::68", 'each colon-separated field must have at least one digit (at ":68")'],
  ["g::", 'each colon-separated field must have at least one digit (at "g::")'],
  ["12345::", 'each group must have 4 or less digits (at "12345::")'],
  ["1:2:3", "address string too short"],
  ["1:2:3:4:5:6:7:", 'colon must be followed by more characters (at ":")'],
  ["1:2:3:4:5:6:7:8:9", 'trailing garbage after address (at "9")'],
  ["1::2::3", 'multiple :: in address (at ":3")'],
  ["1:2:3:4:5:6:7::8", "the :: must expand to at least one field of zeros"],
  ["::2:3:4:5:6:7:8:9", "the :: must expand to at least one field of zeros"],
  ["1;2::", 'unexpected character, want colon (at ";2::")'],
  ["1:2:3.4.5.6", 'embedded IPv4 address must replace the final 2 fields of the address (at "3.4.5.6")'],
  ["::1:2.3.4", "IPv4 address too short"],
  ["1::%", "zone must be a non-empty string"],
];

suite("addresses that are none", () => {
  for (const [text, why] of addresses) {
    test(text, () => {
      assert.equal(
        outcomeOf(`ip("${text}")`),
        `fault: IP Address "${text}" parse error during conversion from string: ParseAddr("${text}"): ${why}`,
      );
      assert.equal(outcomeOf(`isIP("${text}")`), "false");
    });
  }
});

const failed = "network address parse error during conversion from string: ";

const others: readonly (readonly [expression: string, outcome: string])[] = [
  ["ip('fe80::1%eth0')", 'fault: IP address "fe80::1%eth0" with zone value is not allowed'],
  ["ip('::ffff:1.2.3.4')", 'fault: IPv4-mapped IPv6 address "::ffff:1.2.3.4" is not allowed'],
  ["string(ip('1::8.9.10.11'))", '"1::809:a0b"'],
  [
    "cidr('192.168.0.0/')",
    `fault: ${failed}${failed}netip.ParsePrefix("192.168.0.0/"): bad bits after slash: ""`,
  ],
  [
    "cidr('1.2.3.4/08')",
    `fault: ${failed}${failed}netip.ParsePrefix("1.2.3.4/08"): bad bits after slash: "08"`,
  ],
  [
    "cidr('1.2.3.4/33')",
    `fault: ${failed}${failed}netip.ParsePrefix("1.2.3.4/33"): prefix length out of range`,
  ],
  ["cidr('1.2.3.4')", `fault: ${failed}${failed}netip.ParsePrefix("1.2.3.4"): no '/'`],
  ["cidr('a/3')", `fault: ${failed}${failed}netip.ParsePrefix("a/3"): ParseAddr("a"): unable to parse IP`],
  [
    "cidr('fe80::1%a/64')",
    `fault: ${failed}${failed}netip.ParsePrefix("fe80::1%a/64"): IPv6 zones cannot be present in a prefix`,
  ],
  [
    "cidr('::ffff:1.2.3.4/112')",
    `fault: ${failed}IPv4-mapped IPv6 address "::ffff:1.2.3.4/112" is not allowed`,
  ],
  ["cidr('192.168.0.0/24').containsCIDR('192.168.0.128/25')", "true"],
  ["cidr('10.0.0.0/8').containsIP('x')", "fault: no such overload"],
];

suite("zones, mapped addresses and networks", () => {
  for (const [expression, outcome] of others) {
    test(expression, () => {
      assert.equal(outcomeOf(expression), outcome);
    });
  }
});
