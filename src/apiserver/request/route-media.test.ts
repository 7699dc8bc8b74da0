import assert from "node:assert/strict";
import { test } from "node:test";
import { StatusError } from "#api/meta/status.ts";
import type { RequestInfo } from "./info.ts";
import { assertRoutable } from "./route-media.ts";

function outcome(
  verb: RequestInfo["verb"],
  headers: { accept?: string; contentType?: string },
  subresource = "",
): string {
  const { accept = "", contentType = "" } = headers;
  const call = { header: () => accept, body: { contentType, bytes: () => Promise.resolve(Buffer.alloc(0)) } };
  try {
    assertRoutable(call, { verb, subresource });
    return "fine";
  } catch (error) {
    assert.ok(error instanceof StatusError);
    assert.deepEqual(error.status.details, {});
    return `${error.code} ${error.status.reason ?? ""} ${error.message}`;
  }
}

const types = "application/json, application/yaml, application/vnd.kubernetes.protobuf";
const streams = "application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch";
const none = "406 NotAcceptable 406: Not Acceptable\n\nAvailable representations: ";
const unsupported = "415 UnsupportedMediaType 415: Unsupported Media Type";

for (const [verb, headers, want, subresource] of [
  ["get", {}, "fine"],
  ["get", { accept: "*/*" }, "fine"],
  ["get", { accept: "text/html , application/yaml;q=0.1" }, "fine"],
  ["get", { accept: "text/html;q=1,*/*;q=0.8" }, "fine"],
  ["get", { accept: "text/html" }, `${none}${types}`],
  // What stands for several is no word of the router's.
  ["get", { accept: "application/*" }, `${none}${types}`],
  ["create", { accept: "APPLICATION/JSON" }, `${none}${types}`],
  ["list", { accept: "application/*" }, `${none}${types}, ${streams}`],
  ["watch", { accept: "text/html" }, `${none}${types}, ${streams}`],
  ["get", { accept: "text/html" }, `${none}text/plain, ${types}`, "log"],
  ["get", { accept: "text/plain" }, "fine", "log"],
  ["create", { contentType: "text/plain" }, "fine"],
  ["patch", { contentType: "application/merge-patch+json; charset=utf-8" }, "fine"],
  ["patch", { contentType: "application/apply-patch+yaml" }, "fine"],
  ["patch", { contentType: "application/json" }, unsupported],
  ["patch", {}, unsupported],
  ["patch", { contentType: "application/json", accept: "text/html" }, unsupported],
] as const) {
  const asked = `${verb} ${subresource ?? ""} ${JSON.stringify(headers)}`;
  test(`the router takes ${asked}: ${want.slice(0, 60)}`, () => {
    assert.equal(outcome(verb, headers, subresource), want);
  });
}

test("a header that is mostly blanks is read once", () => {
  const accept = `text/html${" ".repeat(1_000_000)}x, application/json`;
  assert.equal(outcome("get", { accept }), "fine");
});
