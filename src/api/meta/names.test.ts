import assert from "node:assert/strict";
import { test } from "node:test";
import {
  configMapKeyFaults,
  dns1035LabelFaults,
  dnsLabelFaults,
  dnsSubdomainFaults,
  dnsSubdomainWithUnderscoreFaults,
  envVarNameFaults,
  headerNameFaults,
  identifierFaults,
  labelValueFaults,
  maskTrailingDash,
  pathSegmentFaults,
  percentFaults,
  portNameFaults,
  portNumberFaults,
  qualifiedNameFaults,
  userIdFaults,
  wildcardSubdomainFaults,
  type Faults,
} from "./names.ts";

type Check = (value: string) => Faults;
const fine: readonly (readonly [Check, readonly string[]])[] = [
  [dnsLabelFaults, ["a", "a-b", "0", "a".repeat(63)]],
  [dnsSubdomainFaults, ["a.b", "a", "1.2.3.4", "a-b.c-d"]],
  [dnsSubdomainWithUnderscoreFaults, ["_a.b_c"]],
  [dns1035LabelFaults, ["a", "a1-b"]],
  [wildcardSubdomainFaults, ["*.example.com"]],
  [qualifiedNameFaults, ["a", "A_b.c", "example.com/Name", "1"]],
  [labelValueFaults, ["", "a", "A_b.c-1"]],
  [portNameFaults, ["http", "a-1", "8080x"]],
  [envVarNameFaults, ["A", "a b", "1", "a.b-c"]],
  [configMapKeyFaults, ["a", ".a", "a..b", "A_B"]],
  [identifierFaults, ["_a", "B1"]],
  [headerNameFaults, ["X-A"]],
  [percentFaults, ["0%", "100%"]],
  [pathSegmentFaults, ["system:node", "A b"]],
];
for (const [check, values] of fine) {
  for (const value of values) {
    test(`${check.name} takes ${JSON.stringify(value)}`, () => assert.deepEqual(check(value), []));
  }
}

const refused: readonly (readonly [Check, string, Faults])[] = [
  [
    dnsLabelFaults,
    "A",
    [
      "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
    ],
  ],
  [dnsLabelFaults, "a.b", ["must not contain dots"]],
  [
    dnsSubdomainFaults,
    "a_b",
    [
      "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ],
  ],
  [
    qualifiedNameFaults,
    "example.com/",
    [
      "name part must be non-empty",
      "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
    ],
  ],
  [qualifiedNameFaults, "/a", ["prefix part must be non-empty"]],
  [labelValueFaults, "a".repeat(64), ["must be no more than 63 bytes"]],
  [dnsLabelFaults, "a".repeat(64), ["must be no more than 63 characters"]],
  [dnsSubdomainFaults, "a".repeat(254), ["must be no more than 253 characters"]],
  [qualifiedNameFaults, `${"a".repeat(254)}/b`, ["prefix part must be no more than 253 bytes"]],
  [portNameFaults, "a--b-", ["must not contain consecutive hyphens", "must not begin or end with a hyphen"]],
  [portNameFaults, "12", ["must contain at least one letter (a-z)"]],
  [envVarNameFaults, "", ["environment variable name must be non-empty"]],
  [
    envVarNameFaults,
    "a=b",
    ["a valid environment variable name must consist only of printable ASCII characters other than '='"],
  ],
  [configMapKeyFaults, "..a", ["must not start with '..'"]],
  [pathSegmentFaults, "..", ["may not be '..'"]],
  [pathSegmentFaults, "a/b%", ["may not contain '/'", "may not contain '%'"]],
];
for (const [check, value, want] of refused) {
  test(`${check.name} refuses ${JSON.stringify(value)}`, () => assert.deepEqual(check(value), want));
}

test("numbers are named with their range", () => {
  assert.deepEqual(portNumberFaults(0), ["must be between 1 and 65535, inclusive"]);
  assert.deepEqual(userIdFaults(-1), ["must be between 0 and 2147483647, inclusive"]);
});

test("a trailing dash is fine before a random end", () => {
  assert.equal(maskTrailingDash("web-"), "wea");
  assert.equal(maskTrailingDash("-"), "-");
});
