/** What each format takes and what it doesn't, as upstream's own functions say. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { formatCheck } from "./formats.ts";

const formats: Readonly<Record<string, readonly [good: readonly string[], bad: readonly string[]]>> = {
  "date-time": [
    [
      "2026-01-02T03:04:05Z",
      "2026-01-02t03:04:05.5+07:00",
      "2026-01-02T03:04:05,5Z",
      "2026-01-02T03:04:05ZTand more",
    ],
    [
      "2026-13-02T03:04:05Z",
      "2026-01-02 03:04:05Z",
      "2026-01-02T03:04:05",
      "2026-01-02T03:04:05+0700",
      "2026-01-02T24:00:00Z",
      "2026-01-02T03:04Z",
      "2026-01-02",
    ],
  ],
  date: [["2024-02-29"], ["2023-02-29", "2024-2-9", "2024-02-29T"]],
  uuid: [
    ["0123abcd-0123-0123-0123-0123456789ab", "0123ABCD0123012301230123456789AB"],
    ["0123", "{0123abcd-0123-0123-0123-0123456789ab}"],
  ],
  ipv4: [
    ["10.0.0.1", "010.0.0.01", "::ffff:1.2.3.4"],
    ["10.0.0.256", "::1", "1.2.3"],
  ],
  ipv6: [
    ["::1", "::ffff:1.2.3.4"],
    ["1.2.3.4", "fe80::1%eth0", "1::2::3"],
  ],
  cidr: [
    ["10.0.0.0/8", "10.0.0.1/8", "010.0.0.0/8", "::/0"],
    ["10.0.0.0/33", "10.0.0.0", "fe80::%eth0/64"],
  ],
  mac: [
    [
      "01:02:03:04:05:06",
      "01-02-03-04-05-0A",
      "0102.0304.0506",
      "01:02:03:04:05:06:07:08",
      Array.from({ length: 20 }, () => "0f").join(":"),
      "0102.0304.0506.0708",
    ],
    ["01:02:03", "01:02-03:04:05:06", "010203040506", "01:02:03:04:05:06:07", "0102.0304"],
  ],
  byte: [
    ["YWJj", "YQ=="],
    ["YWJ", "", "YQ==\n"],
  ],
  duration: [
    ["1h30m", "-5s", "3 days", "1 hour and 2 min", ".5s", "1μs", "0", "at 5 weeks", `${"0".repeat(60)}1 day`],
    ["soon", "", "5", "5 years", "10000000000000000000 days", `${"9".repeat(60)} days`],
  ],
  email: [
    [
      "a@example.com",
      "A Name <a@example.com>",
      '"a b"@example.com',
      '"A, \\"Name\\"" <a@b>',
      "a@b (a comment (in a comment))",
      "<a@[127.0.0.1]>",
      "Group: a@b;",
      "über@straße.de",
      "=?utf-8?q?A=20Name?= <a@b>",
      "=?odd?x?A?= <a@b>",
    ],
    [
      "a",
      "a@",
      "@b",
      "a@b@c",
      ".a@b",
      "a..b@c",
      "a@b.",
      "a@b, c@d",
      "Group: a@b, c@d;",
      "Group: ;",
      "Group: a@b",
      '""@b',
      '"a@b',
      "a@b (no end",
      "A, B <a@b>",
      "<a@b",
      "a@[name]",
      "=?odd?q?A?= <a@b>",
    ],
  ],
  hostname: [
    ["example.com", "a", "ex=ample.com", "xn--bcher-kva.example.com", "ôlà.ôlà"],
    ["-", "example.com.", "a.b.c.d", "1.2.3.4", "a_b.com", "www-.example.org", `${"a".repeat(64)}.com`],
  ],
  uri: [
    ["https://example.com/x", "/x", "mailto:a@b"],
    ["not a uri", "example.com", "http://h/%zz"],
  ],
  isbn: [
    ["978-3-16-148410-0", "0321751043"],
    ["978-3-16-148410-1", "0321751044"],
  ],
  creditcard: [
    ["4111111111111111", "4111-1111-1111-1111"],
    ["4111111111111112", "6759649826438453", "2223003122003222"],
  ],
  ssn: [
    ["111-11-1111", "111 11-1111"],
    ["111111111", "111-11-111"],
  ],
  rgbcolor: [["rgb(0, 31 ,255)"], ["rgb(0,0,256)", "RGB(0,0,0)"]],
};

for (const [format, [good, bad]] of Object.entries(formats)) {
  for (const text of good) {
    test(`format ${format}: ${JSON.stringify(text)}`, () => assert.equal(formatCheck(format)?.(text), true));
  }
  for (const text of bad) {
    test(`format ${format}, not: ${JSON.stringify(text)}`, () =>
      assert.equal(formatCheck(format)?.(text), false));
  }
}
