import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { ProtobufCodec } from "#api/codec/protobuf.ts";
import { StatusError } from "#api/meta/status.ts";
import { createTypeTable } from "#api/schema/table.ts";
import { createScheme } from "#api/scheme.ts";
import { negotiateShape } from "./shape.ts";

const protobuf = "application/vnd.kubernetes.protobuf";
const metadata = "as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
const deps = { protobuf: new ProtobufCodec(createTypeTable(), createScheme()), now: () => 0 };

/** "media type, shape". */
function outcome(accept: string, hasProtobuf: boolean): string {
  try {
    const { accepted } = negotiateShape(accept, new URLSearchParams(), deps, {
      hasProtobuf,
      hasTable: true,
    });
    return `${accepted.mediaType} ${accepted.as}`;
  } catch (error) {
    if (error instanceof StatusError) return `${error.code} ${error.message}`;
    throw error;
  }
}

suite("what an answer looks like", () => {
  const none =
    "406 only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf";
  const cases: readonly (readonly [accept: string, builtIn: string, custom: string])[] = [
    ["", "application/json ", "application/json "],
    ["*/*", "application/json ", "application/json "],
    [protobuf, `${protobuf} `, none],
    [`${protobuf},application/json`, `${protobuf} `, "application/json "],
    ["application/yaml", "application/yaml ", "application/yaml "],
    [
      `${protobuf};${metadata},application/json;${metadata}`,
      `${protobuf} PartialObjectMetadataList`,
      `${protobuf} PartialObjectMetadataList`,
    ],
    [`${protobuf};as=Table;g=meta.k8s.io;v=v1,application/json`, "application/json ", "application/json "],
    ["text/html", none, none],
  ];
  for (const [accept, builtIn, custom] of cases) {
    test(`for "${accept}": built-in and custom resources`, () => {
      assert.equal(outcome(accept, true), builtIn);
      assert.equal(outcome(accept, false), custom);
    });
  }
});
