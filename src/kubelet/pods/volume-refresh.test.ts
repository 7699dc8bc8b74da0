/** Tokens and certificates of pods age: their volumes are made ready again in time, whatever happens to the pod meanwhile. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SimulatedPodHost } from "../host/simulated.ts";
import { Harness, testPod } from "../testing/harness.ts";

const refreshMs = 60_000;

class AgeingHost extends SimulatedPodHost {
  count = 0;

  override prepare(): Promise<number> {
    this.count++;
    return Promise.resolve(refreshMs);
  }
}

test("a volume is made ready again when something in it has aged, and not before", async () => {
  const host = new AgeingHost("");
  await using harness = new Harness({ parts: { host } });
  await harness.start();
  await harness.create(testPod("ageing"));
  await harness.advance(1000);
  const { count } = host;
  assert.ok(count > 0);
  await harness.advance(refreshMs - 2000);
  assert.equal(host.count, count);
  await harness.advance(2000);
  assert.equal(host.count, count + 1);
  await harness.advance(refreshMs);
  assert.equal(host.count, count + 2);
});
