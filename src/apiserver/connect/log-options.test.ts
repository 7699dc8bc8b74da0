/** What becomes of a log's parameters on their way to the kubelet. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { kubeletParams, logOptions } from "./log-options.ts";

for (const [asked, sent] of [
  ["", ""],
  ["follow=true&previous=1&timestamps", "follow=true&previous=true&timestamps=true"],
  ["follow=false&previous=0&timestamps=False", ""],
  ["tailLines=%2B010&limitBytes=9223372036854775807", "limitBytes=9223372036854775807&tailLines=10"],
  ["sinceTime=2026-01-01T02:00:00.5%2B02:00", "sinceTime=2026-01-01T00%3A00%3A00Z"],
  ["sinceTime=null", "sinceTime=0001-01-01T00%3A00%3A00Z"],
  ["sinceSeconds=5&container=c&other=x", "sinceSeconds=5"],
  ["tailLines=1&tailLines=x", "tailLines=1"],
] as const) {
  test(`?${asked} asks the kubelet for ?${sent}`, () => {
    assert.equal(kubeletParams(logOptions(new URLSearchParams(asked), "p")).toString(), sent);
  });
}
