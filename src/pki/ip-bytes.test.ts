import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { ipFromBytes, ipToBytes } from "./ip-bytes.ts";

suite("IP addresses as bytes", () => {
  const cases: [string, string, string][] = [
    ["10.43.0.1", "0a2b0001", "10.43.0.1"],
    ["::1", "00000000000000000000000000000001", "::1"],
    ["::", "00000000000000000000000000000000", "::"],
    ["fd00:0:0:1::2", "fd000000000000010000000000000002", "fd00:0:0:1::2"],
    ["2001:DB8::a:b", "20010db80000000000000000000a000b", "2001:db8::a:b"],
    ["::ffff:10.0.0.1", "00000000000000000000ffff0a000001", "::ffff:a00:1"],
    ["1:2:3:4:5:6:7:8", "00010002000300040005000600070008", "1:2:3:4:5:6:7:8"],
  ];
  for (const [text, hex, canonical] of cases) {
    test(text, () => {
      assert.equal(ipToBytes(text).toString("hex"), hex);
      assert.equal(ipFromBytes(Buffer.from(hex, "hex")), canonical);
    });
  }

  test("names are no addresses", () => {
    assert.throws(() => ipToBytes("localhost"), TypeError);
  });
});
