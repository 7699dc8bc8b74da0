/** Cases re-expressed from Go's net/http/fs_test.go. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApiCall } from "#apiserver/request/call.ts";
import { contentAnswer, type Content } from "./content.ts";

const body = Buffer.from("0123456789");
const modified = Date.UTC(2026, 0, 1, 0, 0, 0, 500);
const before = "Wed, 31 Dec 2025 23:59:59 GMT";
const then = "Thu, 01 Jan 2026 00:00:00 GMT";
const tagged: Content = { body, etag: '"A"', modified, contentType: "text/x" };
const dated: Content = { body, modified, contentType: "text/x" };

function answer(content: Content, headers: Readonly<Record<string, string>>, method = "GET") {
  const call = { method, header: (name: string) => headers[name] ?? "" } as unknown as ApiCall;
  const made = contentAnswer(call, content, { vary: "Accept", "cache-control": "public" });
  return { ...made, body: Buffer.from(made.body as Buffer).toString() };
}

type Case = readonly [
  name: string,
  content: Content,
  headers: Readonly<Record<string, string>>,
  status: number,
  body: string,
  method?: string,
];

const whole = "0123456789";
const conditions: readonly Case[] = [
  ["nothing asked", tagged, {}, 200, whole],
  ["its tag is known", tagged, { "if-none-match": '"A"' }, 304, ""],
  ["it is known by a weak tag", tagged, { "if-none-match": 'W/"A"' }, 304, ""],
  ["one of the known tags is its", tagged, { "if-none-match": '"B", "A"' }, 304, ""],
  ["any is known", tagged, { "if-none-match": "*" }, 304, ""],
  ["another is known", tagged, { "if-none-match": '"B"' }, 200, whole],
  ["its tag is known to who writes", tagged, { "if-none-match": '"A"' }, 412, "", "POST"],
  ["unchanged since", tagged, { "if-modified-since": then }, 304, ""],
  ["changed since", tagged, { "if-modified-since": before }, 200, whole],
  ["unchanged since, for who writes", tagged, { "if-modified-since": then }, 200, whole, "POST"],
  ["since no time at all", tagged, { "if-modified-since": "yesterday" }, 200, whole],
  ["a tag counts before a time", tagged, { "if-none-match": '"B"', "if-modified-since": then }, 200, whole],
  ["without a tag any is another", dated, { "if-none-match": '"A"' }, 200, whole],
  ["only if it is this one", tagged, { "if-match": '"A"' }, 200, whole],
  ["only if it is another one", tagged, { "if-match": '"B"' }, 412, ""],
  ["a weak tag is not this one", tagged, { "if-match": 'W/"A"' }, 412, ""],
  ["only if it hasn't changed", tagged, { "if-unmodified-since": then }, 200, whole],
  ["only if it hadn't changed", tagged, { "if-unmodified-since": before }, 412, ""],
];
const ranges: readonly Case[] = [
  ["a part", tagged, { range: "bytes=2-5" }, 206, "2345"],
  ["the beginning", tagged, { range: "bytes=0-0" }, 206, "0"],
  ["from there on", tagged, { range: "bytes=7-" }, 206, "789"],
  ["the end", tagged, { range: "bytes=-3" }, 206, "789"],
  ["more than there is", tagged, { range: "bytes=8-100" }, 206, "89"],
  ["a longer end than there is", tagged, { range: "bytes=-100" }, 206, whole],
  ["several", tagged, { range: "bytes=0-0,2-3" }, 200, whole],
  ["none", tagged, { range: "bytes=" }, 200, whole],
  ["beyond", tagged, { range: "bytes=10-" }, 416, "invalid range: failed to overlap\n"],
  ["backwards", tagged, { range: "bytes=5-2" }, 416, "invalid range\n"],
  ["no number", tagged, { range: "bytes=a-" }, 416, "invalid range\n"],
  ["other units", tagged, { range: "lines=1-2" }, 416, "invalid range\n"],
  ["if it is still this one", tagged, { range: "bytes=2-5", "if-range": '"A"' }, 206, "2345"],
  ["if it was another one", tagged, { range: "bytes=2-5", "if-range": '"B"' }, 200, whole],
  ["if it hasn't changed", tagged, { range: "bytes=2-5", "if-range": then }, 206, "2345"],
  ["if it has changed", tagged, { range: "bytes=2-5", "if-range": before }, 200, whole],
];
for (const [name, content, headers, status, text, method] of [...conditions, ...ranges]) {
  test(name, () => {
    const made = answer(content, headers, method);
    assert.deepEqual([made.status, made.body], [status, text]);
  });
}

test("what is said beside it", () => {
  const common = { vary: "Accept", "cache-control": "public" };
  const all = {
    ...common,
    etag: '"A"',
    "last-modified": then,
    "content-type": "text/x",
    "accept-ranges": "bytes",
  };
  assert.deepEqual(answer(tagged, {}).headers, all);
  assert.deepEqual(answer(tagged, { range: "bytes=1-2" }).headers, {
    ...all,
    "content-range": "bytes 1-2/10",
  });
  assert.deepEqual(answer(tagged, { "if-none-match": "*" }).headers, { ...common, etag: '"A"' });
  assert.deepEqual(answer(dated, { "if-modified-since": then }).headers, {
    ...common,
    "last-modified": then,
  });
  assert.deepEqual(answer(tagged, { range: "bytes=10-" }).headers, {
    vary: "Accept",
    "content-type": "text/plain; charset=utf-8",
    "x-content-type-options": "nosniff",
    "content-range": "bytes */10",
  });
});
