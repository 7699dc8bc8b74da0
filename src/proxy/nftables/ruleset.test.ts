import assert from "node:assert/strict";
import { test } from "node:test";
import type { Backend, Frontend, ProxyPlan } from "../plan.ts";
import { rulesetOf } from "./ruleset.ts";
import { changeScript, emptyRuleset } from "./script.ts";

const options = { clusterCidr: "10.42.0.0/16" };
const backend = (last: number): Backend => ({ ip: `10.42.0.${last}`, port: 8080 });

function sticky(backends: readonly Backend[], affinitySeconds = 60): ProxyPlan {
  const frontend: Frontend = {
    ip: "10.43.0.9",
    protocol: "tcp",
    port: 80,
    backends,
    masquerade: "outside",
    affinitySeconds,
    whenEmpty: "reject",
  };
  return { frontends: [frontend], clusterIps: ["10.43.0.9"] };
}

/** The statements from one plan to the next. */
function change(before: ProxyPlan | undefined, after: ProxyPlan): string[] {
  const old = before === undefined ? emptyRuleset : rulesetOf(before, options);
  return changeScript(old, rulesetOf(after, options)).trim().split("\n");
}

const two = "sticky-10_43_0_9-tcp-80-10_42_0_2-8080";
const three = "sticky-10_43_0_9-tcp-80-10_42_0_3-8080";

test("sticky clients are remembered by backend", () => {
  const lines = change(undefined, sticky([backend(2), backend(3)]));
  for (const own of [two, three]) {
    assert.ok(lines.includes(`add set ip mini-k8s-proxy ${own} { type ipv4_addr; flags dynamic, timeout; }`));
    const rule = `add rule ip mini-k8s-proxy sticky-10_43_0_9-tcp-80 ip saddr @${own} goto ${own}`;
    assert.ok(lines.includes(rule), lines.join("\n"));
    assert.ok(lines.includes(`add rule ip mini-k8s-proxy ${own} update @${own} { ip saddr timeout 60s }`));
  }
});

test("a backend that goes takes the memory of its clients along, and leaves the others' alone", () => {
  const lines = change(sticky([backend(2), backend(3)]), sticky([backend(3)]));
  assert.deepEqual(
    lines.filter((line) => line.includes(two)),
    ["flush chain", "delete chain", "delete set"].map((verb) => `${verb} ip mini-k8s-proxy ${two}`),
  );
  assert.deepEqual(
    lines.filter((line) => line.endsWith(` ${three}`)),
    [`add rule ip mini-k8s-proxy sticky-10_43_0_9-tcp-80 ip saddr @${three} goto ${three}`],
  );
});

test("no affinity any more: nothing of it is left", () => {
  const lines = change(sticky([backend(2)]), sticky([backend(2)], 0));
  assert.ok(lines.includes(`delete set ip mini-k8s-proxy ${two}`));
  const before = rulesetOf(sticky([backend(2)], 0), options);
  assert.deepEqual(before.sets, rulesetOf({ frontends: [], clusterIps: [] }, options).sets);
});

function balanced(count: number, masquerade: Frontend["masquerade"], port: number): Frontend {
  const backends = Array.from({ length: count }, (_, index) => backend(index + 2));
  return {
    ip: undefined,
    protocol: "tcp",
    port,
    backends,
    masquerade,
    affinitySeconds: 0,
    whenEmpty: "drop",
  };
}

test("no new rule names a map that was there before: nft 1.0.6 would refuse it", () => {
  const before = { frontends: [balanced(3, "never", 30081), balanced(2, "always", 30080)], clusterIps: [] };
  const after = { frontends: [balanced(3, "never", 30081), balanced(3, "always", 30080)], clusterIps: [] };
  const lines = change(before, after);
  const named = lines.flatMap((line) => /^add rule .* map @(\S+)$/.exec(line)?.[1] ?? []);
  assert.equal(named.length, 1, lines.join("\n"));
  for (const map of named) {
    assert.ok(
      lines.some((line) => line.startsWith(`add map ip mini-k8s-proxy ${map} `)),
      map,
    );
  }
});
