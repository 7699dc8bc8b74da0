import assert from "node:assert/strict";
import { test } from "node:test";
import { DroppedRequests } from "./dropped-requests.ts";

test("who is refused shall come later the more are refused, and sooner the fewer", () => {
  let now = 1_000_000_000_000;
  const dropped = new DroppedRequests({ now: () => now });
  /** Seconds from one to the next, how many are refused in it, what the last of them is told. */
  const seconds: readonly [pass: number, refused: number, retryAfter: number][] = [
    [0, 2, 1],
    [1, 3, 1], // 2 in the second before
    [1, 6, 2], // 3
    [1, 9, 2], // raised a second ago
    [1, 1, 4], // 15 in two seconds
    [4, 1, 3], // 1 in four
    [4, 1, 2],
    [60, 1, 1],
    [1, 1, 1],
  ];
  for (const [pass, refused, retryAfter] of seconds) {
    now += pass * 1000;
    let told = 0;
    for (let each = 0; each < refused; each++) told = dropped.drop();
    assert.equal(told, retryAfter);
  }
  for (let second = 0; second < 200; second++) {
    now += 1000;
    for (let each = 0; each < 100; each++) dropped.drop();
  }
  assert.equal(dropped.drop(), 32);
});
