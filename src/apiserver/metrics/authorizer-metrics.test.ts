import assert from "node:assert/strict";
import { test } from "node:test";
import { Registry } from "prom-client";
import type { Attributes, Authorizer, Decision } from "#apiserver/authz/authorizer.ts";
import { AuthorizerMetrics, CountedAuthorizer } from "./authorizer-metrics.ts";

const saying = (answer: Decision | Promise<Decision>): Authorizer => ({
  authorize: () => answer,
  rulesFor: () => Promise.resolve({ resourceRules: [], nonResourceRules: [], incomplete: false }),
});

test("what an authorizer decides is counted, that it has no opinion isn't", async () => {
  const registry = new Registry();
  const metrics = new AuthorizerMetrics(registry);
  const decisions: readonly [name: string, allowed: boolean, denied: boolean][] = [
    ["one", true, false],
    ["two", false, true],
    ["three", false, false],
  ];
  for (const [name, allowed, denied] of decisions) {
    const decision = { allowed, denied, reason: "" };
    for (const answer of [decision, Promise.resolve(decision)]) {
      const authorizer = new CountedAuthorizer(saying(answer), { type: "RBAC", name }, metrics);
      assert.equal(await authorizer.authorize({} as Attributes), decision);
    }
  }
  const text = await registry.metrics();
  const name = "apiserver_authorization_decisions_total";
  assert.ok(text.includes(`${name}{type="RBAC",name="one",decision="allowed"} 2\n`));
  assert.ok(text.includes(`${name}{type="RBAC",name="two",decision="denied"} 2\n`));
  assert.ok(!text.includes("three"));
});

test("conditions that leave a webhook out and those that can't be told are apart", async () => {
  const registry = new Registry();
  const metrics = new AuthorizerMetrics(registry);
  for (const answer of [true, false, "why"]) metrics.conditions("w", answer, 1);
  const text = await registry.metrics();
  const name = "apiserver_authorization_match_condition";
  const which = '{type="Webhook",name="w"}';
  assert.ok(text.includes(`${name}_evaluation_seconds_count${which} 3\n`));
  assert.ok(text.includes(`${name}_exclusions_total${which} 1\n`));
  assert.ok(text.includes(`${name}_evaluation_errors_total${which} 1\n`));
});
