import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { PersistentVolumeClaim, Pod, ResourceQuota, Service } from "#api/generated/types/core-v1.ts";
import type { KubeObject } from "#api/meta/object.ts";
import { configMaps, persistentVolumeClaims, pods, resourceQuotas, services } from "#api/resources.ts";
import { silentLogger } from "#base/log.ts";
import { systemClock } from "#base/clock.ts";
import { systemRandom } from "#base/random.ts";
import { createInformerFactory } from "#client/cache/factory.ts";
import type { Client } from "#client/client.ts";
import { createClient } from "#client/rest.ts";
import { startTestApiserver } from "#testing/cluster.ts";
import type { Admission } from "../admission.ts";
import { AdmissionChain } from "../chain.ts";
import { unmeasured } from "../testing/unmeasured.ts";
import { attributesOf, faultOf, type Write } from "../testing/attributes.ts";
import type { LimitedResource } from "./quota-check.ts";
import { ResourceQuotaPlugin } from "./resource-quota.ts";

interface World extends AsyncDisposable {
  readonly client: Client;
  readonly plugin: ResourceQuotaPlugin;
  used(name: string): Promise<Record<string, string> | undefined>;
}

/** A whole apiserver with no other plugin than this. */
async function world(
  quotas: readonly ResourceQuota[],
  limitedResources: LimitedResource[] = [],
): Promise<World> {
  let chain: Admission = new AdmissionChain([], unmeasured());
  const admission: Admission = {
    admit: (attributes) => chain.admit(attributes),
    validate: (attributes) => chain.validate(attributes),
  };
  const server = await startTestApiserver({ admission });
  const client = createClient(server.transport());
  for (const { metadata, spec, status } of quotas) {
    const made = await client.resource(resourceQuotas, "ns").create({ metadata, spec });
    if (status !== undefined) await client.resource(resourceQuotas, "ns").updateStatus({ ...made, status });
  }
  const stop = new AbortController();
  const deps = { client, clock: systemClock, random: systemRandom, log: silentLogger };
  const informers = createInformerFactory(deps);
  const plugin = new ResourceQuotaPlugin({ ...deps, informers }, { limitedResources });
  informers.start(stop.signal);
  await informers.waitForSync(stop.signal);
  chain = new AdmissionChain([plugin], unmeasured());
  return {
    client,
    plugin,
    used: async (name) => (await client.resource(resourceQuotas, "ns").get(name)).status?.used,
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await server.close();
    },
  };
}

const quota = (
  hard: Record<string, string>,
  used: Record<string, string> | undefined,
  spec: Partial<NonNullable<ResourceQuota["spec"]>> = {},
): ResourceQuota => ({
  metadata: { name: "q", namespace: "ns" },
  spec: { hard, ...spec },
  ...(used === undefined ? {} : { status: { hard, used } }),
});

const pod = (name: string, requests: Record<string, string> = {}): Pod => ({
  metadata: { name, namespace: "ns" },
  spec: { containers: [{ name: "c", image: "x", resources: { requests } }] },
});

suite("a write and its quotas", () => {
  type Ref = Parameters<typeof attributesOf>[0];
  const old: KubeObject = { metadata: { name: "s", namespace: "ns", resourceVersion: "1" } };
  const service = (type: string): Service => ({ ...old, spec: { type, ports: [{ port: 1 }] } });
  const claim = (storage: string): PersistentVolumeClaim => ({
    ...old,
    spec: { resources: { requests: { storage } } },
  });
  const cases: [
    string,
    ResourceQuota[],
    Ref,
    Write,
    string | undefined,
    Record<string, string> | undefined,
  ][] = [
    ["fits", [quota({ pods: "2" }, { pods: "1" })], pods, { object: pod("p") }, undefined, { pods: "2" }],
    [
      "doesn't fit",
      [quota({ pods: "2", "requests.cpu": "1" }, { pods: "2", "requests.cpu": "500m" })],
      pods,
      { object: pod("p", { cpu: "600m" }) },
      'pods "p" is forbidden: exceeded quota: q, requested: pods=1,requests.cpu=600m, used: pods=2,requests.cpu=500m, limited: pods=2,requests.cpu=1',
      { pods: "2", "requests.cpu": "500m" },
    ],
    [
      "says too little",
      [quota({ "limits.cpu": "2" }, { "limits.cpu": "0" })],
      pods,
      { object: pod("p") },
      'pods "p" is forbidden: failed quota: q: must specify limits.cpu for: c',
      { "limits.cpu": "0" },
    ],
    [
      "nobody has counted yet",
      [{ ...quota({ pods: "2" }, {}), status: { hard: { pods: "2" }, used: {} } }],
      pods,
      { object: pod("p") },
      'pods "p" is forbidden: status unknown for quota: q, resources: pods',
      undefined,
    ],
    [
      "of another scope",
      [quota({ pods: "0" }, { pods: "0" }, { scopes: ["Terminating"] })],
      pods,
      { object: pod("p") },
      undefined,
      { pods: "0" },
    ],
    [
      "a dry run takes nothing",
      [quota({ pods: "2" }, { pods: "1" })],
      pods,
      { object: pod("p"), dryRun: true },
      undefined,
      { pods: "1" },
    ],
    [
      "a dry run is refused, too",
      [quota({ pods: "1" }, { pods: "1" })],
      pods,
      { object: pod("p"), dryRun: true },
      'pods "p" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1',
      { pods: "1" },
    ],
    [
      "a status is no pod",
      [quota({ pods: "1" }, { pods: "1" })],
      pods,
      { object: pod("p"), subresource: "status" },
      undefined,
      { pods: "1" },
    ],
    [
      "a service that becomes more",
      [
        quota(
          { services: "1", "services.loadbalancers": "1" },
          { services: "1", "services.loadbalancers": "0" },
        ),
      ],
      services,
      { operation: "UPDATE", oldObject: service("ClusterIP"), object: service("LoadBalancer") },
      undefined,
      { services: "1", "services.loadbalancers": "1" },
    ],
    [
      "a claim that grows too much",
      [quota({ "requests.storage": "10Gi" }, { "requests.storage": "9Gi" })],
      persistentVolumeClaims,
      { operation: "UPDATE", oldObject: claim("1Gi"), object: claim("3Gi") },
      'persistentvolumeclaims "s" is forbidden: exceeded quota: q, requested: requests.storage=2Gi, used: requests.storage=9Gi, limited: requests.storage=10Gi',
      { "requests.storage": "9Gi" },
    ],
    [
      "what shrinks is left to the controller",
      [quota({ "requests.storage": "1Gi" }, { "requests.storage": "9Gi" })],
      persistentVolumeClaims,
      { operation: "UPDATE", oldObject: claim("3Gi"), object: claim("1Gi") },
      undefined,
      { "requests.storage": "9Gi" },
    ],
    [
      "objects by count",
      [quota({ "count/configmaps": "1" }, { "count/configmaps": "1" })],
      configMaps,
      { object: old },
      'configmaps "s" is forbidden: exceeded quota: q, requested: count/configmaps=1, used: count/configmaps=1, limited: count/configmaps=1',
      { "count/configmaps": "1" },
    ],
  ];
  for (const [name, quotas, ref, write, fault, used] of cases) {
    test(name, async () => {
      await using own = await world(quotas);
      assert.equal(await faultOf(own.plugin, attributesOf(ref, write)), fault);
      assert.deepEqual(await own.used("q"), used);
    });
  }

  test("what is limited by configuration needs a quota", async () => {
    const limited = [{ resource: "pods", matchContains: ["requests.cpu"] }];
    await using bare = await world([], limited);
    const attributes = attributesOf(pods, { object: pod("p", { cpu: "1" }) });
    assert.equal(
      await faultOf(bare.plugin, attributes),
      'pods "p" is forbidden: insufficient quota to consume: requests.cpu',
    );
    await using covered = await world([quota({ "requests.cpu": "1" }, { "requests.cpu": "0" })], limited);
    assert.equal(await faultOf(covered.plugin, attributes), undefined);
  });
});

suite("many at once", () => {
  test("never get more than there is, and all that there is", async () => {
    await using own = await world([quota({ pods: "5" }, { pods: "0" })]);
    const writes = Array.from({ length: 20 }, (_, index) =>
      own.client.resource(pods, "ns").create(pod(`p${index}`)),
    );
    const results = await Promise.allSettled(writes);
    assert.equal(results.filter(({ status }) => status === "fulfilled").length, 5);
    assert.deepEqual(await own.used("q"), { pods: "5" });
  });

  test("also when somebody else writes the status in between", async () => {
    await using own = await world([quota({ pods: "30" }, { pods: "0" })]);
    const quotas = own.client.resource(resourceQuotas, "ns");
    const disturbing = (async () => {
      for (let round = 0; round < 20; round++) {
        const now = await quotas.get("q");
        // Whoever loses the race looks again.
        await quotas.updateStatus({ ...now, metadata: { ...now.metadata } }).catch(() => undefined);
        await quotas.patch("q", "merge", { metadata: { labels: { round: String(round) } } });
      }
    })();
    const writes = Array.from({ length: 20 }, (_, index) =>
      own.client.resource(pods, "ns").create(pod(`p${index}`)),
    );
    const results = await Promise.allSettled(writes);
    await disturbing;
    const made = results.filter(({ status }) => status === "fulfilled").length;
    assert.deepEqual(await own.used("q"), { pods: String(made) });
    assert.ok(made > 0);
  });
});
