import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  bytes,
  flag,
  int32,
  int64,
  message,
  messages,
  messageType,
  optional,
  ProtobufError,
  text,
  uint64,
} from "./protobuf.ts";

const inner = messageType({ name: text(1), count: int64(2) });
const whole = messageType({
  raw: bytes(1),
  label: text(2),
  signed: int64(3),
  unsigned: uint64(4),
  kind: int32(5),
  isOn: flag(6),
  chosen: optional(int64(7)),
  part: message(8, () => inner),
  parts: messages(300, () => inner),
});

const empty = {
  raw: Buffer.alloc(0),
  label: "",
  signed: 0n,
  unsigned: 0n,
  kind: 0,
  isOn: false,
  chosen: undefined,
  part: undefined,
  parts: [],
};

test("bytes on the wire are those of the specification", () => {
  const cases: readonly [Parameters<typeof whole.encode>[0], string][] = [
    [{}, ""],
    [{ label: "", signed: 0n, isOn: false, parts: [] }, ""],
    [{ signed: 150n }, "189601"],
    [{ signed: -1n }, "18ffffffffffffffffff01"],
    [{ label: "testing" }, "120774657374696e67"],
    [{ chosen: 0n }, "3800"],
    [{ part: {} }, "4200"],
    [{ part: { count: 1n }, isOn: true }, "300142021001"],
    [{ parts: [{}, { name: "a" }] }, "e21200e212030a0161"],
  ];
  for (const [value, hex] of cases) {
    const sorted = whole.decode(whole.encode(value));
    assert.deepEqual(sorted, whole.decode(Buffer.from(hex, "hex")), hex);
    assert.equal(whole.encode(value).toString("hex"), hex);
  }
});

test("what was written is read back", () => {
  const plain = { noNullPrototype: true };
  const part = fc.record(
    { name: fc.string(), count: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) },
    plain,
  );
  const value = fc.record(
    {
      raw: fc.uint8Array().map((raw) => Buffer.from(raw)),
      label: fc.string({ unit: "grapheme" }),
      signed: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      unsigned: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      kind: fc.integer(),
      isOn: fc.boolean(),
      chosen: fc.option(fc.bigInt({ min: 0n, max: 2n ** 40n }), { nil: undefined }),
      part: fc.option(part, { nil: undefined }),
      parts: fc.array(part),
    },
    plain,
  );
  fc.assert(
    fc.property(value, (given) => {
      assert.deepEqual(whole.decode(whole.encode(given)), given);
    }),
  );
});

test("numbers of every size are read back, and take as few bytes as can be", () => {
  for (let bits = 0n; bits < 64n; bits++) {
    for (const unsigned of [2n ** bits - 1n, 2n ** bits, 2n ** bits + 1n]) {
      const written = whole.encode({ unsigned });
      assert.equal(whole.decode(written).unsigned, unsigned);
      const digits = unsigned.toString(2).length;
      assert.equal(written.length, unsigned === 0n ? 0 : 1 + Math.ceil(digits / 7), `${unsigned}`);
    }
  }
});

test("large messages, and small ones after them, stay what they were", () => {
  const small = whole.encode({ label: "small" });
  const parts = Array.from({ length: 3000 }, (_, at) => ({ name: `part ${at}`, count: BigInt(at) ** 5n }));
  const raw = Buffer.alloc(50_000, "x");
  const large = whole.encode({ parts, raw });
  const growing = Array.from({ length: 100 }, (_, at) => whole.encode({ raw: Buffer.alloc(at * 400, at) }));
  assert.equal(small.toString("hex"), whole.encode({ label: "small" }).toString("hex"));
  assert.deepEqual(whole.decode(large), { ...empty, parts, raw });
  for (const [at, each] of growing.entries()) {
    assert.deepEqual(whole.decode(each).raw, Buffer.alloc(at * 400, at));
  }
});

test("fields that aren't in the table are passed over", () => {
  // Field 9 of each wire type, then field 3.
  const foreign = Buffer.from("4896014901020304050607084d010203044a0261621805", "hex");
  assert.deepEqual(whole.decode(foreign), { ...empty, signed: 5n });
});

for (const [fault, hex] of [
  ["ends within a number", "1896"],
  ["ends after the message", "120774"],
  ["longer than 10 bytes", "18ffffffffffffffffffffff01"],
  ["wire type 3", "4b"],
  ["ends within a field", "4d0102"],
  ["must be 2", "1005"],
] as const) {
  test(`a message that ${fault} is refused`, () => {
    assert.throws(
      () => whole.decode(Buffer.from(hex, "hex")),
      (error) => error instanceof ProtobufError && error.message.includes(fault),
    );
  });
}

test("arbitrary bytes never do worse than ProtobufError", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (raw) => {
      try {
        whole.decode(raw);
      } catch (error) {
        assert.ok(error instanceof ProtobufError);
      }
    }),
  );
});
