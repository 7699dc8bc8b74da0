import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { parseExact } from "#base/exact-json.ts";
import type { AnyObject } from "../meta/object.ts";
import { createTypeTable } from "../schema/table.ts";
import { createScheme } from "../scheme.ts";
import { JsonDecoder } from "./json.ts";
import { ProtobufCodec } from "./protobuf.ts";
import { Arbitraries } from "./testing/arbitrary.ts";

const table = createTypeTable();
const scheme = createScheme();
const codec = new ProtobufCodec(table, scheme);
const json = new JsonDecoder(table);
const arbitraries = new Arbitraries(table);

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(" ", ""), "hex");
const copy = (object: AnyObject): AnyObject => parseExact(JSON.stringify(object)) as AnyObject;

suite("a list is the same item by item", () => {
  for (const { group, version, kind } of scheme.all()) {
    const apiVersion = group === "" ? version : `${group}/${version}`;
    const list = { apiVersion, kind: `${kind}List`, metadata: { resourceVersion: "7", continue: "next" } };
    if (!codec.knows({ group, version, kind: list.kind })) continue;
    test(`${apiVersion} ${list.kind}`, () => {
      const items = ["a", "b"].map((name) => ({ metadata: { name, labels: { of: kind } } }));
      const encoded = items.map((item) => codec.encodeItem(list, item));
      const itemsBytes = encoded.reduce((sum, { length }) => sum + length, 0);
      const { head, tail } = codec.encodeAround(list, itemsBytes);
      assert.deepEqual(Buffer.concat([head, ...encoded, tail]), codec.encode({ ...list, items }));
      const none = codec.encodeAround(list, 0);
      assert.deepEqual(Buffer.concat([none.head, none.tail]), codec.encode(list));
    });
  }
});

suite("JSON to protobuf and back is the same object", () => {
  const kinds = [
    ...scheme.all().map(({ group, version, kind, struct }) => ({ group, version, kind, struct })),
    ...[
      "Status",
      "DeleteOptions",
      "CreateOptions",
      "UpdateOptions",
      "PatchOptions",
      "ListOptions",
      "List",
    ].map((kind) => ({
      group: "",
      version: "v1",
      kind,
      struct: `io.k8s.apimachinery.pkg.apis.meta.v1.${kind}`,
    })),
    { group: "autoscaling", version: "v1", kind: "Scale", struct: "io.k8s.api.autoscaling.v1.Scale" },
    { group: "policy", version: "v1", kind: "Eviction", struct: "io.k8s.api.policy.v1.Eviction" },
    {
      group: "authentication.k8s.io",
      version: "v1",
      kind: "TokenRequest",
      struct: "io.k8s.api.authentication.v1.TokenRequest",
    },
  ];
  for (const { group, version, kind, struct } of kinds) {
    const apiVersion = group === "" ? version : `${group}/${version}`;
    test(`${apiVersion} ${kind}`, () => {
      fc.assert(
        fc.property(arbitraries.of(struct, 4), (value) => {
          const { object, strictFaults } = json.fromValue({ ...value, apiVersion, kind }, struct);
          assert.deepEqual(strictFaults, []);
          assert.deepEqual(copy(codec.decode(codec.encode(object))), copy(object));
        }),
        { numRuns: 12, seed: 1 },
      );
    });
  }
});

test("a struct with every JSON schema form survives", () => {
  const struct = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition";
  const apiVersion = "apiextensions.k8s.io/v1";
  const schema = {
    type: "object",
    items: [{ type: "string" }, { type: "integer" }],
    additionalProperties: false,
    properties: { a: { items: { type: "string" }, additionalProperties: { nullable: true }, maximum: -1.5 } },
    dependencies: { a: ["b", "c"], d: { type: "string" } },
    default: { deep: [1, { x: null }] },
    enum: ["a", 1, null],
  };
  const value = {
    apiVersion,
    kind: "CustomResourceDefinition",
    spec: {
      group: "g",
      names: { plural: "ps", kind: "P" },
      scope: "Namespaced",
      versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: schema } }],
    },
  };
  const { object } = json.fromValue(value, struct);
  assert.deepEqual(codec.decode(codec.encode(object)), object);
});

suite("what Go writes", () => {
  const cases: readonly [name: string, apiVersion: string, kind: string, hex: string, expected: AnyObject][] =
    [
      [
        "negative numbers fill ten bytes",
        "scheduling.k8s.io/v1",
        "PriorityClass",
        "0a040a027063 10f6ffffffffffffffff01 1800 2200",
        { metadata: { name: "pc" }, value: -10 },
      ],
      [
        "integers beyond a double are exact",
        "apps/v1",
        "ControllerRevision",
        "0a00 18ffffffffffffffff7f",
        { revision: 9223372036854775807n },
      ],
      [
        "so are negative ones",
        "apps/v1",
        "ControllerRevision",
        "0a00 1880808080808080808001",
        { revision: -9223372036854775808n },
      ],
      [
        "the smallest of them takes eight bytes",
        "apps/v1",
        "ControllerRevision",
        "0a00 188180808080808010",
        { revision: 9007199254740993n },
      ],
      [
        "zero values of what may be omitted are dropped, zero behind a pointer stays",
        "apps/v1",
        "Deployment",
        "0a0612001a002200 12060800 1200 1a00 1a00",
        { spec: { replicas: 0, selector: {}, template: {} } },
      ],
      [
        "an empty time is none, one of zero seconds is 1970",
        "v1",
        "ConfigMap",
        "0a0b 0a0161 4200 4a0408001000",
        { metadata: { name: "a", deletionTimestamp: "1970-01-01T00:00:00Z" } },
      ],
      [
        "numbers and names of ports",
        "v1",
        "Service",
        "0a00 121a 0a0b 1850 2207 08011000 1a0161 0a0b 1850 2207 0800 10903f 1a00",
        {
          spec: {
            ports: [
              { targetPort: "a", port: 80 },
              { targetPort: 8080, port: 80 },
            ],
          },
        },
      ],
      [
        "fields that nobody knows are passed over, of every wire type",
        "v1",
        "ConfigMap",
        "a006 07 a1060102030405060708 a20603616263 a3060801a406 a50601020304 0a030a0161",
        { metadata: { name: "a" } },
      ],
      [
        "map entries may come without key or value",
        "v1",
        "ConfigMap",
        "0a00 1205 0a0161 1200 1203 0a0162 1200",
        { data: { "": "", a: "", b: "" } },
      ],
    ];
  for (const [name, apiVersion, kind, hex, expected] of cases) {
    test(name, () => {
      assert.deepEqual(codec.decode(envelope(apiVersion, kind, bytes(hex))), {
        kind,
        apiVersion,
        ...expected,
      });
    });
  }
});

test("times of any year come back as they were", () => {
  const kind = { kind: "Lease", apiVersion: "coordination.k8s.io/v1" };
  for (const deletionTimestamp of [
    "10000-01-01T00:59:59Z",
    "-0001-12-31T23:00:00Z",
    "0000-01-01T00:00:00Z",
  ]) {
    const renewTime = deletionTimestamp.replace("Z", ".500000Z");
    const object = { ...kind, metadata: { name: "a", deletionTimestamp }, spec: { renewTime } };
    assert.deepEqual(codec.decode(codec.encode(object)), object);
  }
});

suite("what is no object", () => {
  const cases: readonly [name: string, body: Buffer, message: RegExp][] = [
    ["JSON", Buffer.from("{}"), /does not appear to be a protobuf message/],
    ["nothing", Buffer.alloc(0), /does not appear to be a protobuf message/],
    ["an unknown kind", envelope("v1", "Thing", bytes("")), /no kind "Thing" is registered for version "v1"/],
    ["a length beyond the end", envelope("v1", "Pod", bytes("0aff01")), /unexpected EOF/],
    ["a varint without end", envelope("v1", "Pod", bytes("ffffffffffffffffffffff01")), /integer overflow/],
    ["a message that ends in a field", envelope("v1", "Pod", bytes("0a030a0561")), /unexpected EOF/],
    ["groups within groups", envelope("v1", "Pod", Buffer.alloc(16_383, 0x7b)), /unexpected EOF/],
    ["an unknown wire type", envelope("v1", "Pod", bytes("0f")), /illegal wireType/],
    [
      "a time without a date",
      envelope("v1", "ConfigMap", bytes("0a0b 4209 08ffffffffffffff7f")),
      /time out of range/,
    ],
  ];
  for (const [name, body, message] of cases) {
    test(`${name} is refused`, () => {
      assert.throws(() => codec.decode(body), { name: "DecodeError", message });
    });
  }

  test("random bytes never do worse than a DecodeError", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (noise) => {
        try {
          codec.decode(envelope("v1", "Pod", Buffer.from(noise)));
        } catch (error) {
          assert.equal((error as Error).name, "DecodeError");
        }
      }),
      { numRuns: 500, seed: 7 },
    );
  });
});

suite("envelopes", () => {
  const pod = { kind: "Pod", apiVersion: "v1", metadata: { name: "a" } };

  test("an object without a kind is what the caller says", () => {
    const body = envelope("", "", bytes("0a030a0161"));
    assert.deepEqual(codec.decode(body, { group: "", version: "v1", kind: "ConfigMap" }), {
      kind: "ConfigMap",
      apiVersion: "v1",
      metadata: { name: "a" },
    });
  });

  test("a RawExtension may hold an envelope of its own", () => {
    const inner = codec.encode(pod);
    const item = Buffer.concat([Buffer.from([0x0a, inner.length]), inner]);
    const list = Buffer.concat([Buffer.from([0x12, item.length]), item]);
    assert.deepEqual(codec.decode(envelope("v1", "List", list))["items"], [pod]);
  });

  test("a watch event is a frame with its length before it", () => {
    const frame = codec.encodeWatchEvent("ADDED", pod);
    assert.equal(frame.readUInt32BE(0), frame.length - 4);
    assert.equal(frame.subarray(4, 11).toString("latin1"), "\n\x05ADDED");
    const object = frame.subarray(frame.indexOf("k8s\0"));
    assert.deepEqual(codec.decode(object), pod);
  });

  test("keys of maps come in order, and so do fields", () => {
    const one = codec.encode({ kind: "ConfigMap", apiVersion: "v1", data: { b: "2", a: "1" } });
    const two = codec.encode({ data: { a: "1", b: "2" }, apiVersion: "v1", kind: "ConfigMap" });
    assert.deepEqual(one, two);
  });

  test("large objects outgrow the first buffer", () => {
    const data = { a: "x".repeat(100_000), b: "é".repeat(50_000) };
    const object = { kind: "ConfigMap", apiVersion: "v1", data };
    assert.deepEqual(codec.decode(codec.encode(object)), object);
  });

  test("custom resources have no protobuf", () => {
    assert.equal(codec.knows({ group: "example.com", version: "v1", kind: "Thing" }), false);
    assert.equal(codec.knows({ group: "apps", version: "v1", kind: "DeploymentList" }), true);
  });
});

function varint(value: number): Buffer {
  return value < 0x80 ? Buffer.from([value]) : Buffer.from([(value & 0x7f) | 0x80, value >>> 7]);
}

function field(id: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([id * 8 + 2]), varint(content.length), content]);
}

function envelope(apiVersion: string, kind: string, message: Buffer): Buffer {
  const type = Buffer.concat([field(1, Buffer.from(apiVersion)), field(2, Buffer.from(kind))]);
  return Buffer.concat([
    Buffer.from("k8s\0"),
    field(1, type),
    field(2, message),
    Buffer.from("1a002200", "hex"),
  ]);
}
