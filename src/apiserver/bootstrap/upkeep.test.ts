import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { internalError } from "#api/meta/status.ts";
import {
  configMaps,
  endpointSlices,
  flowSchemas,
  namespaces,
  priorityLevelConfigurations,
  serviceCidrs,
  services,
} from "#api/resources.ts";
import { MemoryApi } from "#apiserver/authz/testing/memory-api.ts";
import { ManualClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { bootstrap } from "./bootstrap.ts";
import { reconcileClusterAuthentication } from "./cluster-authentication.ts";
import { DefaultServiceCidr } from "./default-service-cidr.ts";
import { keptObjects } from "./kept-objects.ts";
import { reconcileKubernetesService } from "./kubernetes-service.ts";
import { reconcileTokenTracking } from "./token-tracking.ts";
import { keepUp } from "./upkeep.ts";

const autoUpdate = "apf.kubernetes.io/autoupdate-spec";
const tracking = "kube-system/kube-apiserver-legacy-service-account-token-tracking";
const authentication = "kube-system/extension-apiserver-authentication";

async function world(): Promise<{ api: MemoryApi; clock: ManualClock; stop: AbortController }> {
  const api = new MemoryApi();
  const clock = new ManualClock();
  const stop = new AbortController();
  const { signal } = stop;
  const requestHeader = { caPem: "", allowedNames: [] };
  const clusterAuthentication = (): Promise<void> =>
    reconcileClusterAuthentication(api, { clientCaPem: "", requestHeader }, signal);
  const address = { clusterIp: "10.43.0.1", servers: [{ address: "192.168.1.10", port: 6443 }] };
  const events = { event: () => undefined };
  const range = new DefaultServiceCidr(["10.43.0.0/16"], {
    client: () => api,
    clock,
    log: silentLogger,
    events,
  });
  const publish = async (): Promise<void> => {
    await range.reconcile(signal);
    await reconcileKubernetesService(api, { ...address, securePort: 6443 }, signal);
  };
  await bootstrap(api, signal);
  await Promise.all([publish(), clusterAuthentication(), reconcileTokenTracking(api, clock, signal)]);
  for (const kept of keptObjects({ client: api, clock, clusterAuthentication, publish })) {
    keepUp(kept, { informers: api, clock, log: silentLogger }, signal);
  }
  await clock.advance(60_000);
  return { api, clock, stop };
}

suite("upkeep", () => {
  test("what nobody touches isn't written again", async () => {
    const { api, clock } = await world();
    const { length } = api.writes;
    await clock.advance(600_000);
    assert.equal(api.writes.length, length);
  });

  test("what is deleted comes back, each in its time", async () => {
    const { api, clock } = await world();
    const gone = [
      [configMaps, authentication, 1000],
      [configMaps, tracking, 1000],
      [services, "default/kubernetes", 10_000],
      [endpointSlices, "default/kubernetes", 10_000],
      [serviceCidrs, "kubernetes", 10_000],
      [namespaces, "kube-node-lease", 60_000],
      [flowSchemas, "exempt", 60_000],
      [priorityLevelConfigurations, "workload-low", 60_000],
    ] as const;
    for (const [ref, key] of gone) api.remove(ref, key);
    let at = 0;
    for (const [ref, key, due] of gone) {
      if (due > at) {
        await clock.advance(due - 1 - at);
        assert.equal(api.get(ref, key), undefined, key);
        await clock.advance(1);
        at = due;
      }
      assert.ok(api.get(ref, key) !== undefined, key);
    }
  });

  test("flow schemas that follow the server are put right, those that it no longer has go", async () => {
    const { api, clock } = await world();
    const probes = api.get(flowSchemas, "probes");
    const level = { priorityLevelConfiguration: { name: "exempt" } };
    api.seed(flowSchemas, { ...probes, spec: { ...level, matchingPrecedence: 7 } });
    api.seed(
      flowSchemas,
      { metadata: { name: "old", annotations: { [autoUpdate]: "true" } }, spec: level },
      { metadata: { name: "mine", annotations: { [autoUpdate]: "false" } }, spec: level },
      { metadata: { name: "yours" }, spec: level },
    );
    await clock.advance(60_000);
    assert.equal(api.get(flowSchemas, "probes")?.spec?.matchingPrecedence, 2);
    assert.equal(api.get(flowSchemas, "old"), undefined);
    assert.ok(api.get(flowSchemas, "mine") !== undefined);
    assert.ok(api.get(flowSchemas, "yours") !== undefined);
  });

  test("a day that is none is made today, another stays", async () => {
    const { api, clock } = await world();
    const metadata = { namespace: "kube-system", name: tracking.split("/")[1] ?? "" };
    const since = async (told: string): Promise<string | undefined> => {
      api.seed(configMaps, { metadata, data: { since: told } });
      await clock.advance(1000);
      return api.get(configMaps, tracking)?.data?.["since"];
    };
    assert.equal(await since("2024-02-29"), "2024-02-29");
    assert.equal(await since("2024-13-01"), "2026-01-01");
    assert.equal(await since("yesterday"), "2026-01-01");
  });

  test("a write that fails is tried again, until the end", async () => {
    const { api, clock, stop } = await world();
    api.beforeWrite = () => {
      throw internalError("the store is away");
    };
    api.remove(namespaces, "kube-node-lease");
    api.remove(configMaps, tracking);
    await clock.advance(60_000);
    api.beforeWrite = () => undefined;
    assert.equal(api.get(namespaces, "kube-node-lease"), undefined);
    await clock.advance(60_000);
    assert.ok(api.get(namespaces, "kube-node-lease") !== undefined);
    assert.ok(api.get(configMaps, tracking) !== undefined);
    stop.abort();
    api.remove(namespaces, "kube-node-lease");
    await clock.advance(600_000);
    assert.equal(api.get(namespaces, "kube-node-lease"), undefined);
  });
});
