import assert from "node:assert/strict";
import { test } from "node:test";
import { controllerRoles } from "#apiserver/bootstrap/policy/controller-roles.ts";
import { namespaceRoles } from "#apiserver/bootstrap/policy/namespace-roles.ts";
import { ManualClock, settle } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { SeededRandom } from "#base/random.ts";
import { createInformerFactory } from "#client/cache/factory.ts";
import { createFakeClient } from "#client/testing/fake-transport.ts";
import { controllerNames, controllers } from "./component.ts";
import { complete } from "./options.ts";

const features = { migratesStorage: true, podCertificates: true, trustBundles: true };

test("every controller that isn't disabled runs, each under an account that has a role", async () => {
  const clock = new ManualClock();
  const { client } = createFakeClient({ clock });
  const deps = { client, clock, random: new SeededRandom(1), log: silentLogger };
  const informers = createInformerFactory(deps);
  const accounts: string[] = [];
  const clientFor = (account: string) => {
    accounts.push(account);
    return client;
  };
  const options = complete({
    disable: new Set(["nodeipam"]),
    clusterCidr: "10.42.0.0/16",
    serviceCidr: "",
    rootCaPem: "x",
    ...features,
  });
  const stop = new AbortController();
  informers.start(stop.signal);
  let isReady = false;
  const running = controllers
    .create(options, {
      ...deps,
      informers,
      clientFor,
      loadExpressions: () => assert.fail("no expressions here"),
    })
    .run(stop.signal, () => (isReady = true));
  for (let i = 0; i < 30; i++) await settle();
  assert.ok(isReady);
  // One is disabled, one has the manager's own rights.
  assert.equal(accounts.length, controllerNames.length - 2);
  const roles = new Set(
    [...controllerRoles(features), ...namespaceRoles()].map(({ metadata }) => metadata?.name),
  );
  for (const account of accounts) assert.ok(roles.has(`system:controller:${account}`), account);
  stop.abort(new Error("test over"));
  await running;
});
