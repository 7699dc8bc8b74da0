/** Header blocks: the examples of RFC 7541, appendix C, and what is no header block. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeHeaders, HpackDecoder, HpackError } from "./hpack.ts";
import { decodeHuffman } from "./huffman.ts";

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");
const shown = (decoder: HpackDecoder, block: string): string[] =>
  decoder.decode(hex(block)).map(({ name, value }) => `${name}=${value}`);

const request = [":method=GET", ":scheme=http", ":path=/", ":authority=www.example.com"];
const conversations: readonly (readonly [string, readonly (readonly [string, readonly string[]])[]])[] = [
  [
    "C.3, three requests without Huffman's code",
    [
      ["8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", request],
      ["8286 84be 5808 6e6f 2d63 6163 6865", [...request, "cache-control=no-cache"]],
      [
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
        [
          ":method=GET",
          ":scheme=https",
          ":path=/index.html",
          ":authority=www.example.com",
          "custom-key=custom-value",
        ],
      ],
    ],
  ],
  [
    "C.4, the same in Huffman's code",
    [
      ["8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", request],
      ["8286 84be 5886 a8eb 1064 9cbf", [...request, "cache-control=no-cache"]],
      [
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
        [
          ":method=GET",
          ":scheme=https",
          ":path=/index.html",
          ":authority=www.example.com",
          "custom-key=custom-value",
        ],
      ],
    ],
  ],
];

for (const [title, blocks] of conversations) {
  test(title, () => {
    const decoder = new HpackDecoder(65_536);
    for (const [block, wanted] of blocks) assert.deepEqual(shown(decoder, block), wanted);
  });
}

test("an entry leaves a table that is too small for both, and one larger than the table empties it", () => {
  const decoder = new HpackDecoder(65_536);
  // A table of 64 bytes: "a: b" and "c: d" take 34 each.
  assert.deepEqual(shown(decoder, "3f21 4001 6101 62 be"), ["a=b", "a=b"]);
  assert.deepEqual(shown(decoder, "4001 6301 64 be"), ["c=d", "c=d"]);
  assert.throws(() => shown(decoder, "bf"), HpackError);
  shown(decoder, `4001 65 1e ${"66".repeat(30)} 4001 67 28 ${"68".repeat(40)}`);
  assert.throws(() => shown(decoder, "be"), HpackError);
});

const faults: readonly (readonly [string, string])[] = [
  ["an index of 0", "80"],
  ["an index beyond the tables", "be"],
  ["a text that ends after its block", "0001 6105 62"],
  ["a number without an end", "ff ff ff ff ff ff ff"],
  ["a number that is cut off", "ff"],
  ["a table larger than was allowed", "3fe2 1f"],
  ["a table that changes its size within a block", "82 20"],
  ["the end's code in a text", "0001 6184 ffff ffff"],
  ["padding of zeros", "0001 6181 00"],
];
for (const [what, block] of faults) {
  test(`${what} is refused`, () => {
    assert.throws(() => new HpackDecoder(65_536).decode(hex(block)), HpackError);
  });
}

test("headers that are small on the wire and large when decoded are refused", () => {
  const long = encodeHeaders([{ name: "a", value: "x".repeat(3000) }]);
  long[0] = 0x40;
  const block = Buffer.concat([long, Buffer.alloc(100, 0xbe)]);
  assert.throws(() => new HpackDecoder(65_536).decode(block), /headers of more than 65536 bytes/);
});

test("what is encoded is decoded", () => {
  const headers = [
    { name: "grpc-status", value: "0" },
    { name: "grpc-message", value: "m".repeat(20_000) },
  ];
  assert.deepEqual(new HpackDecoder(65_536).decode(encodeHeaders(headers)), headers);
});

test("the longest codes, of bytes that no header has", () => {
  // RFC 7541, appendix B: 10 (30 bits), 22 (30 bits), 255 (26 bits), then ones to fill the byte.
  const bits = `${"1".repeat(28)}00${"1".repeat(28)}10${"1".repeat(20)}101110`;
  const padded = bits.padEnd(Math.ceil(bits.length / 8) * 8, "1");
  const bytes = Buffer.from((padded.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  assert.equal(decodeHuffman(bytes), "\n\u0016\u00FF");
});
