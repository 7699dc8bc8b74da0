import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { ClusterRole } from "#api/generated/types/rbac-v1.ts";
import { conflictError } from "#api/meta/status.ts";
import { clusterRoles } from "#api/resources.ts";
import { ManualClock, settle } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { SeededRandom } from "#base/random.ts";
import { aggregatedRules, ClusterRoleAggregator } from "./aggregation.ts";
import { MemoryApi } from "./testing/memory-api.ts";

const get = (resource: string): { verbs: string[]; apiGroups: string[]; resources: string[] } => ({
  verbs: ["get"],
  apiGroups: [""],
  resources: [resource],
});
const labelled = (name: string, ...resources: string[]): ClusterRole => ({
  metadata: { name, labels: { part: "true" } },
  rules: resources.map(get),
});
const sum = (name = "sum"): ClusterRole => ({
  metadata: { name, labels: { part: "true" } },
  aggregationRule: { clusterRoleSelectors: [{ matchLabels: { part: "true" } }] },
});

suite("aggregation", () => {
  test("rules come in the order of the roles' names, each once, never from itself", () => {
    const all = [labelled("z", "pods", "nodes"), labelled("a", "pods"), sum()];
    assert.deepEqual(aggregatedRules(sum(), all), [get("pods"), get("nodes")]);
  });

  test("a role's rules are read once, however many selectors select it", () => {
    let reads = 0;
    const source = {
      ...labelled("a", "pods"),
      get rules() {
        reads += 1;
        return [get("pods")];
      },
    };
    const clusterRoleSelectors = Array.from({ length: 1000 }, () => ({}));
    const all = { metadata: { name: "sum" }, aggregationRule: { clusterRoleSelectors } };
    assert.deepEqual(aggregatedRules(all, [source]), [get("pods")]);
    assert.equal(reads, 1);
  });

  test("a role without an aggregation rule is left alone", () => {
    assert.equal(aggregatedRules(labelled("a"), []), undefined);
  });

  test("the loop writes sums, follows changes, survives conflicts and then is idle", async () => {
    const api = new MemoryApi();
    const clock = new ManualClock();
    api.seed(clusterRoles, labelled("a", "pods"), sum());
    const stop = new AbortController();
    const aggregator = new ClusterRoleAggregator({
      client: api,
      informers: api,
      clock,
      random: new SeededRandom(1),
      log: silentLogger,
    });
    const running = aggregator.run(stop.signal);
    await settle();
    assert.deepEqual(api.get(clusterRoles, "sum")?.rules, [get("pods")]);
    let conflicts = 1;
    api.beforeWrite = () => {
      conflicts -= 1;
      if (conflicts === 0) throw conflictError({ group: "g", resource: "r", name: "n" }, "busy");
    };
    api.seed(clusterRoles, labelled("b", "nodes"));
    await settle();
    assert.deepEqual(api.get(clusterRoles, "sum")?.rules, [get("pods")]);
    await clock.advance(100);
    assert.deepEqual(api.get(clusterRoles, "sum")?.rules, [get("pods"), get("nodes")]);
    const { length } = api.writes;
    await clock.advance(3_600_000);
    assert.equal(api.writes.length, length);
    assert.equal(clock.waiting, 0);
    stop.abort();
    await running;
  });
});
