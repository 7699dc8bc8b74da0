import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "#base/random.ts";
import { SchedulerCache } from "../cache/cache.ts";
import { defaultPlugins } from "../plugins/registry.ts";
import { makeNode, podInfo } from "../testing/objects.ts";
import { Cycle, feasibleEnough } from "./cycle.ts";

test("how many feasible nodes are enough", () => {
  const counts = [1, 99, 100, 200, 1000, 5000, 6000, 10_000];
  assert.deepEqual(counts.map(feasibleEnough), [1, 99, 100, 100, 420, 500, 300, 500]);
});

test("equal nodes are chosen by chance, each of them sometimes", () => {
  const cache = new SchedulerCache();
  for (let i = 0; i < 5; i++) cache.setNode(makeNode(`n${i}`));
  const cycle = new Cycle(defaultPlugins, cache, new SeededRandom(1));
  const chosen = new Map<string, number>();
  for (let i = 0; i < 1000; i++) {
    const { name } = cycle.findNode(podInfo("p"));
    chosen.set(name, (chosen.get(name) ?? 0) + 1);
  }
  assert.equal(chosen.size, 5);
  const odd = [...chosen].filter(([, count]) => count < 150 || count > 250);
  assert.deepEqual(odd, []);
});

test("every node gets its turn although only a part is looked at", () => {
  const cache = new SchedulerCache();
  for (let i = 0; i < 1000; i++) cache.setNode(makeNode(`n${i}`, { pods: "1" }));
  const cycle = new Cycle(defaultPlugins, cache, new SeededRandom(1));
  for (let i = 0; i < 1000; i++) {
    const pod = podInfo(`p${i}`);
    cache.assume(pod, cycle.findNode(pod).name);
  }
  assert.throws(
    () => cycle.findNode(podInfo("one-more")),
    /0\/1000 nodes are available: 1000 Too many pods\./,
  );
});
