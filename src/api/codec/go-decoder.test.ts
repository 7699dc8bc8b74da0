/** Of several faults the one that Go's decoder tells, and strict ones in its order. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createTypeTable } from "../schema/table.ts";
import { decodeAny, JsonDecoder } from "./json.ts";

const decoder = new JsonDecoder(createTypeTable());
const pod = "io.k8s.api.core.v1.Pod";
const crd = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition";

suite("strict faults", () => {
  test("fields that are unknown, in the order of the text", () => {
    const text =
      '{"foo":1,"spec":{"zoo":1,"containers":[{"name":"a"},{"ports":[{"b":1,"a":1}],"x":1}],"hello":2},"bar":{}}';
    assert.deepEqual(
      decoder.decode(text, pod).strictFaults,
      ["foo", "spec.zoo", "spec.containers[1].ports[0].b", "spec.containers[1].ports[0].a"]
        .concat("spec.containers[1].x", "spec.hello", "bar")
        .map((path) => `unknown field "${path}"`),
    );
  });

  test("of what was no text, in the order of the alphabet", () => {
    const value = { zoo: 1, spec: { foo: 1, containers: [{ b: 1, a: 1 }] }, bar: 1 };
    const { strictFaults, unknownFields } = decoder.fromValue(value, pod);
    assert.deepEqual(unknownFields, [
      "bar",
      "spec.containers[0].a",
      "spec.containers[0].b",
      "spec.foo",
      "zoo",
    ]);
    assert.deepEqual(
      strictFaults,
      unknownFields.map((path) => `unknown field "${path}"`),
    );
  });

  test("duplicates where they are met, each told once; what is unknown isn't looked into", () => {
    const text =
      '{"metadata":{"labels":{"a":"1","a":"2","a":"3"},"x":1,"name":"a","name":"b"},"foo":{"a":1,"a":2},"foo":3,"foob\\u0001":1}';
    assert.deepEqual(decoder.decode(text, pod).strictFaults, [
      'duplicate field "metadata.labels.a"',
      'unknown field "metadata.x"',
      'duplicate field "metadata.name"',
      'unknown field "foo"',
      String.raw`unknown field "foob\x01"`,
    ]);
  });

  test("not within what reads itself: schemas that may be something else, raw objects", () => {
    const schema =
      '{"openAPIV3Schema":{"items":{"foo":1},"additionalProperties":{"foo":1},"example":{"a":1,"a":2},"bar":1}}';
    assert.deepEqual(decoder.decode(`{"spec":{"versions":[{"schema":${schema}}]}}`, crd).strictFaults, [
      'unknown field "spec.versions[0].schema.openAPIV3Schema.bar"',
    ]);
  });
});

const schema = (text: string): string => `{"spec":{"versions":[{"schema":{"openAPIV3Schema":{${text}}}}]}}`;

suite("the fault that is told of several", () => {
  const items = "spec.versions.schema.openAPIV3Schema.items";
  const cases: readonly [text: string, struct: string, message: string][] = [
    [
      '{"spec":{"nodeName":1},"metadata":{"name":2}}',
      pod,
      "json: cannot unmarshal number into Go struct field PodSpec.spec.nodeName of type string",
    ],
    [
      '{"metadata":{"name":2,"name":"a"}}',
      pod,
      "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.name of type string",
    ],
    // A time reads itself: what it says ends it all.
    [
      '{"metadata":{"name":2,"creationTimestamp":3,"labels":4}}',
      pod,
      "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.creationTimestamp of type string",
    ],
    [
      '{"metadata":{"name":2},"spec":{"containers":[{"resources":{"limits":{"cpu":"x"}}}]}}',
      pod,
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ],
    // Base64 doesn't.
    [
      '{"data":{"a":"%"},"metadata":{"name":2}}',
      "io.k8s.api.core.v1.Secret",
      "illegal base64 data at input byte 0",
    ],
    ['{"data":{"a":"YWJjZA"}}', "io.k8s.api.core.v1.Secret", "illegal base64 data at input byte 4"],
    ['{"data":{"a":"YW=j"}}', "io.k8s.api.core.v1.Secret", "illegal base64 data at input byte 2"],
    [
      '{"data":{"a":"YQ=="},"data":{"a":"YQ==x"}}',
      "io.k8s.api.core.v1.Secret",
      "illegal base64 data at input byte 4",
    ],
    [
      '{"data":{"a":[1,256]}}',
      "io.k8s.api.core.v1.Secret",
      "json: cannot unmarshal number 256 into Go struct field Secret.data of type uint8",
    ],
    [
      schema('"items":{"type":"a","maxLength":"b"}'),
      crd,
      `json: cannot unmarshal string into Go struct field JSONSchemaProps.${items}.maxLength of type int64`,
    ],
    [schema('"additionalProperties":"b"'), crd, "boolean or JSON schema expected"],
  ];
  for (const [text, struct, message] of cases) {
    test(text, () => {
      assert.throws(() => decoder.decode(text, struct), { name: "DecodeError", message });
    });
  }
});

suite("what is no JSON", () => {
  const cases: readonly [text: string, message: string][] = [
    ["", "unexpected end of JSON input"],
    ['{"a":', "unexpected end of JSON input"],
    ['"abc', "unexpected end of JSON input"],
    ["tr", "invalid character ' ' in literal true (expecting 'u')"],
    ["nul", "invalid character ' ' in literal null (expecting 'l')"],
    ["t\u0000", String.raw`invalid character '\x00' in literal true (expecting 'r')`],
    ["1e", "invalid character ' ' in exponent of numeric literal"],
    ["1e+}", "invalid character '}' in exponent of numeric literal"],
    ["1.", "invalid character ' ' after decimal point in numeric literal"],
    ["-", "invalid character ' ' in numeric literal"],
    ["01", "invalid character '1' after top-level value"],
    ['{"a":"\u0001"}', String.raw`invalid character '\x01' in string literal`],
    ['{"a":"\n"}', String.raw`invalid character '\n' in string literal`],
    [String.raw`"\x"`, "invalid character 'x' in string escape code"],
    [String.raw`"\ud8"}","b":"x`, String.raw`invalid character '"' in \u hexadecimal character escape`],
    ["\ufeff{}", "invalid character 'ï' looking for beginning of value"],
    ["é", "invalid character 'Ã' looking for beginning of value"],
    ["{\u{1f600}", "invalid character 'ð' looking for beginning of object key string"],
    ["[1,]", "invalid character ']' looking for beginning of value"],
    ["[".repeat(1001), "invalid character '[' exceeded max depth"],
  ];
  for (const [text, message] of cases) {
    test(JSON.stringify(text.slice(0, 20)), () => {
      assert.throws(() => decodeAny(text), { name: "DecodeError", message });
      assert.throws(() => decoder.decode(text, pod), { name: "DecodeError", message });
    });
  }
});

test("null is an object with nothing in it, and bytes may be a list of numbers", () => {
  assert.deepEqual(decoder.decode("null", pod).object.metadata, undefined);
  assert.deepEqual(decodeAny(" null").object, {});
  const { object } = decoder.decode('{"data":{"a":[97,null,98],"b":[]}}', "io.k8s.api.core.v1.Secret");
  assert.deepEqual(object["data"], { a: "YQBi", b: "" });
});

test("a null quantity among others is none", () => {
  const text = '{"spec":{"capacity":{"storage":null}}}';
  const { object } = decoder.decode(text, "io.k8s.api.core.v1.PersistentVolume");
  assert.deepEqual(object["spec"], { capacity: { storage: "0" } });
});

test("half a pair of surrogates is no character", () => {
  const text = String.raw`{"a\udc00":"\ud83d\ude00 \ud800x \\ud800 \ud800\ud83d\ude00"}`;
  assert.deepEqual(decodeAny(text).object, { "a\ufffd": "\u{1f600} \ufffdx \\ud800 \ufffd\u{1f600}" });
});

test("a long key isn't told with each field below it", () => {
  const definition = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition";
  const key = "k".repeat(300_000);
  const schemaOf = (inner: string): string =>
    `{"spec":{"versions":[{"schema":{"openAPIV3Schema":{"properties":{"${key}":{${inner}}}}}}]}}`;
  for (const inner of ['"a":1,"b":1,"c":1', '"type":"a","type":"a","type":"a","title":"a","title":"a"']) {
    assert.equal(decoder.decode(schemaOf(inner), definition).strictFaults.length, 1);
  }
});
