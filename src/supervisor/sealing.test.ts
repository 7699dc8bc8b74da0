import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom, systemRandom } from "#base/random.ts";
import { seal, SealError, unseal } from "./sealing.ts";

test("what is sealed is opened by the same password, and says nothing", async () => {
  const sealed = await seal("the cluster's keys: ß", "sesam", systemRandom);
  assert.equal(await unseal(sealed, "sesam"), "the cluster's keys: ß");
  assert.doesNotMatch(sealed.toString("latin1"), /cluster/);
  assert.notDeepEqual(await seal("the cluster's keys: ß", "sesam", systemRandom), sealed);
});

test("another password, and any bit that has changed, is an error", async () => {
  const sealed = await seal("keys", "sesam", new SeededRandom(1));
  await assert.rejects(unseal(sealed, "simsim"), SealError);
  for (const at of [0, 16, 28, 44, sealed.length - 1]) {
    const damaged = Buffer.from(sealed);
    damaged[at] = (damaged[at] ?? 0) ^ 1;
    await assert.rejects(unseal(damaged, "sesam"), SealError, `byte ${at}`);
  }
  for (const length of [0, 10, 40]) {
    await assert.rejects(unseal(sealed.subarray(0, length), "sesam"), SealError);
  }
});
