import assert from "node:assert/strict";
import { test } from "node:test";
import type { Header } from "#wire/http2/hpack.ts";
import { http2HeadOf } from "./http2-head.ts";

const header = (text: string): Header => {
  const space = text.indexOf(" ");
  return { name: text.slice(0, space), value: text.slice(space + 1) };
};
const headOf = (...texts: readonly string[]): ReturnType<typeof http2HeadOf> =>
  http2HeadOf(texts.map(header));
const get = [":method GET", ":scheme https", ":authority x", ":path /livez"];

test("a head has its parts, and what is said several times is joined where it may be", () => {
  const head = headOf(
    ...get,
    "accept a",
    "accept b",
    "cookie a=1",
    "cookie b=2",
    "authorization a",
    "authorization b",
  );
  assert.deepEqual([head?.method, head?.url, head?.contentLength], ["GET", "/livez", undefined]);
  const { accept, cookie, authorization } = head?.headers ?? {};
  assert.deepEqual([accept, cookie, authorization], ["a, b", "a=1; b=2", "a"]);
  assert.deepEqual(head?.rawHeaders.slice(8, 12), ["accept", "a", "accept", "b"]);
  assert.equal(headOf(...get, "content-length 12")?.contentLength, 12);
  assert.notEqual(headOf(...get, "te trailers"), undefined);
});

const bad: Readonly<Record<string, readonly string[]>> = {
  "no path": get.slice(0, 3),
  "no method": get.slice(1),
  "no scheme": [":method GET", ":path /"],
  "an empty path": [":method GET", ":scheme https", ":path "],
  "a path said twice": [...get, ":path /readyz"],
  "a name that only HTTP/2 itself gives": [...get, ":status 200"],
  "a path behind other headers": [":method GET", ":scheme https", "accept a", ":path /livez"],
  "a name in upper case": [...get, "Accept a"],
  "a name with a line break": [...get, "a\nb c"],
  "a value with a line break": [...get, "accept a\r\nb: c"],
  "a connection's header of HTTP/1.1": [...get, "connection close"],
  "an upgrade": [...get, "upgrade websocket"],
  "te for more than trailers": [...get, "te gzip"],
  "a length that is none": [...get, "content-length -1"],
  "more than 1000 headers": [...get, ...Array.from({ length: 1000 }, (_, at) => `x-${at} 1`)],
};

for (const [name, texts] of Object.entries(bad)) {
  test(`${name} is refused`, () => {
    assert.equal(headOf(...texts), undefined);
  });
}
