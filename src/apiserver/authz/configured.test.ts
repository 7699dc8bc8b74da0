import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Registry } from "prom-client";
import { ManualClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { SeededRandom } from "#base/random.ts";
import type { Authorizer } from "./authorizer.ts";
import type { AuthorizerSpec } from "./configuration/configuration.ts";
import { ConfiguredAuthorizer } from "./configured.ts";
import { asked } from "./testing/asked.ts";

const admin = { name: "root", groups: ["system:masters"] };

const noExpressions = (): Promise<never> => Promise.reject(new Error("there are no expressions"));

const saying = (reason: string): Authorizer => ({
  authorize: () => ({ allowed: false, denied: false, reason }),
  rulesFor: () => Promise.resolve({ resourceRules: [], nonResourceRules: [], incomplete: false }),
});

async function configured(...authorizers: AuthorizerSpec[]): Promise<ConfiguredAuthorizer> {
  const deps = { clock: new ManualClock(), random: new SeededRandom(1), log: silentLogger };
  const authorizer = new ConfiguredAuthorizer(
    { authorizers },
    {
      ...deps,
      node: saying("node"),
      rbac: saying("rbac"),
      loadExpressions: noExpressions,
      registry: new Registry(),
      serverId: "apiserver-test",
    },
  );
  assert.equal((await authorizer.authorize(asked)).allowed, false);
  assert.equal((await authorizer.authorize({ ...asked, user: admin })).allowed, true);
  await authorizer.load();
  return authorizer;
}

const spec = (type: "Node" | "RBAC" | "AlwaysAllow" | "AlwaysDeny"): AuthorizerSpec => ({
  type,
  name: type,
});

suite("the authorizers that were asked for", () => {
  test("are asked in their order, without a promise where none makes one", async () => {
    const authorizer = await configured(spec("RBAC"), spec("AlwaysDeny"), spec("Node"));
    assert.deepEqual(authorizer.authorize(asked), {
      allowed: false,
      denied: false,
      reason: "rbac\nEverything is forbidden.\nnode",
    });
  });

  test("AlwaysAllow after others allows what they left", async () => {
    const authorizer = await configured(spec("AlwaysDeny"), spec("AlwaysAllow"));
    assert.deepEqual(authorizer.authorize(asked), { allowed: true, denied: false, reason: "" });
    const { resourceRules } = await authorizer.rulesFor(asked.user, "a");
    assert.deepEqual(resourceRules, [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }]);
  });

  test("system:masters may do everything whatever is asked", async () => {
    const authorizer = await configured(spec("AlwaysDeny"));
    assert.deepEqual(authorizer.authorize({ ...asked, user: admin }), {
      allowed: true,
      denied: false,
      reason: "",
    });
  });
});
