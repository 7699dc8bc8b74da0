/** Cases re-expressed from pkg/apis/discovery/validation/validation_test.go. */
import { testCreates, testUpdates, type CreateCase, type Valid } from "../testing/validation-cases.ts";

const slice = "discovery.k8s.io/v1/EndpointSlice";
const endpoint = { addresses: ["10.0.0.1"] };
const valid: Valid = { [slice]: { addressType: "IPv4", endpoints: [endpoint] } };
const one = (fields: object): object => ({ endpoints: [{ ...endpoint, ...fields }] });
const address = (text: string, addressType = "IPv4"): object => ({
  addressType,
  endpoints: [{ addresses: [text] }],
});
const zones = (...names: string[]): object => one({ hints: { forZones: names.map((name) => ({ name })) } });
const at = "endpoints[0]";
const special = (text: string, fault: string, type?: string): CreateCase => [
  slice,
  address(text, type),
  `${at}.addresses[0]: Invalid value: ${JSON.stringify(text)}: ${fault}`,
];

testCreates(valid, [
  [slice, address("fd00::1", "IPv6")],
  [slice, address("010.0.0.1")],
  [slice, address("example.com.", "FQDN")],
  [
    slice,
    address("anything", "Other"),
    `addressType: Unsupported value: "Other": supported values: "FQDN", "IPv4", "IPv6"`,
  ],
  [slice, address("", "FQDN"), `${at}.addresses[0]: Required value`],
  special("example", "should be a domain with at least two segments separated by dots", "FQDN"),
  special("x", "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"),
  special("127.0.0.1", "may not be in the loopback range (127.0.0.0/8, ::1/128)"),
  special("0.0.0.0", "may not be unspecified (0.0.0.0)"),
  special("169.254.1.1", "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
  special("fe80::1", "may not be in the link-local range (169.254.0.0/16, fe80::/10)", "IPv6"),
  special("224.0.0.9", "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"),
  special("fd00::1", "must be an IPv4 address"),
  [slice, { ports: [{ port: 70_000 }] }],
  [slice, zones("zone-a", "zone-b")],
  [
    slice,
    zones("zone-a", "zone-a", "zone a"),
    `${at}.hints.forZones[1].name: Duplicate value: "zone-a"`,
    `${at}.hints.forZones[2].name: Invalid value: "zone a": a valid label must be…`,
  ],
  [
    slice,
    one({
      hints: {
        forZones: Array.from({ length: 9 }, (_, index) => ({ name: `z${index}` })),
        forNodes: [{ name: "A" }],
      },
    }),
    `${at}.hints.forZones: Too many: 9: must have at most 8 items`,
  ],
  [
    slice,
    one({ hints: { forNodes: [{ name: "A" }] } }),
    `${at}.hints.forNodes[0].name: Invalid value: "A": a lowercase RFC 1123 subdomain…`,
  ],
  [
    slice,
    one({ deprecatedTopology: { a: "b c" } }),
    `${at}.deprecatedTopology: Invalid value: "b c": a valid label must be…`,
  ],
  [
    slice,
    one({
      deprecatedTopology: Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`k${index}`, ""])),
    }),
    `${at}.deprecatedTopology: Too many: 17: must have at most 16 items`,
  ],
]);

testUpdates(valid, [
  [slice, address("127.0.0.1"), { metadata: { labels: { a: "b" } } }],
  [
    slice,
    address("127.0.0.1"),
    address("127.0.0.2"),
    `${at}.addresses[0]: Invalid value: "127.0.0.2": may not be…`,
  ],
  [
    slice,
    { endpoints: [] },
    { addressType: "IPv6" },
    'addressType: Invalid value: "IPv6": field is immutable',
  ],
]);
