/** What upstream's conformance demands of resource quotas. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { startBareServer, type BareServer } from "../bare-server.ts";
import { eventually } from "../wait.ts";
import { ApiClient, at, type Json } from "./api-client.ts";
import { makeNamespace, podSpec } from "./core-objects.ts";

const waitMs = 15_000;
let server: BareServer;
let api: ApiClient;

/** Waits until a quota's use is that. */
function used(quota: string, wanted: Json): Promise<unknown> {
  return eventually(`${quota} has ${JSON.stringify(wanted)}`, waitMs, async () => {
    const all = at(await api.get(quota), "status.used") as Json | undefined;
    return Object.entries(wanted).every(([resource, amount]) => all?.[resource] === amount);
  });
}

const gold = "gold.storageclass.storage.k8s.io";

/** As upstream's tests have it. */
const hard: Json = {
  pods: "5",
  services: "10",
  "services.nodeports": "1",
  "services.loadbalancers": "1",
  replicationcontrollers: "10",
  resourcequotas: "1",
  cpu: "1",
  memory: "500Mi",
  "ephemeral-storage": "50Gi",
  configmaps: "10",
  secrets: "10",
  persistentvolumeclaims: "10",
  "requests.storage": "10Gi",
  [`${gold}/persistentvolumeclaims`]: "10",
  [`${gold}/requests.storage`]: "10Gi",
  "requests.example.com/dongle": "3",
  "count/replicasets.apps": "5",
};

/** A namespace with a quota that has been counted: their paths. */
async function counted(name: string, more: Json = {}): Promise<{ core: string; quota: string }> {
  const core = await makeNamespace(api, `quota-${name}`);
  const quota = `${core}/resourcequotas/test-quota`;
  const spec = { hard: { ...hard, ...more } };
  await api.create(`${core}/resourcequotas`, { metadata: { name: "test-quota" }, spec });
  await used(quota, { resourcequotas: "1" });
  return { core, quota };
}

const podOf = (name: string, resources: Json, more: Json = {}): Json => ({
  metadata: { name },
  spec: { containers: [{ name: "pause", image: "busybox", resources }], ...more },
});

async function isRefused(path: string, body: Json): Promise<void> {
  const answer = await api.call("POST", path, { body });
  assert.deepEqual([answer.code, answer.body["reason"]], [403, "Forbidden"]);
  assert.match(String(answer.body["message"]), /exceeded quota: [a-z-]+, requested: /);
}

const serviceOf = (name: string, type: string): Json => ({
  metadata: { name },
  spec: { type, ports: [{ port: 80, targetPort: 80 }] },
});

const selector = { app: "test" };
const template = { metadata: { labels: selector }, spec: podSpec };
const lifeOf = (group: string, resource: string, name: string, object: Json): void => {
  test(`a quota captures the life of ${name}`, async () => {
    const space = name.replaceAll(" ", "-").toLowerCase();
    const core = await makeNamespace(api, `quota-${space}`);
    const path = `${core.replace("/api/v1", group)}/${resource}`;
    const counter = resource === "replicasets" ? "count/replicasets.apps" : resource;
    if (resource === "configmaps") {
      await eventually("the root CA", waitMs, async () => {
        return (await api.call("GET", `${path}/kube-root-ca.crt`)).code === 200;
      });
    }
    const others = ((await api.get(path))["items"] as unknown[]).length;
    const spec = { hard: { ...hard, [counter]: String(others + 1) } };
    const quota = `${core}/resourcequotas/test-quota`;
    await api.create(`${core}/resourcequotas`, { metadata: { name: "test-quota" }, spec });
    await used(quota, { resourcequotas: "1", [counter]: String(others) });
    await api.create(path, { metadata: { name: "one" }, ...object });
    await used(quota, { resourcequotas: "1", [counter]: String(others + 1) });
    await isRefused(path, { metadata: { name: "another" }, ...object });
    await api.must("DELETE", `${path}/one`, { body: { propagationPolicy: "Background" } });
    await used(quota, { resourcequotas: "1", [counter]: String(others) });
  });
};

function lives(): void {
  test("a quota captures the life of a service", async () => {
    const { core, quota } = await counted("service");
    const services = `${core}/services`;
    await api.create(services, serviceOf("test-service", "ClusterIP"));
    await api.create(services, serviceOf("test-service-np", "NodePort"));
    await isRefused(services, serviceOf("test-service-lb", "LoadBalancer"));
    const two = { services: "2", "services.nodeports": "1", "services.loadbalancers": "0" };
    await used(quota, { resourcequotas: "1", ...two });
    for (const name of ["test-service", "test-service-np"]) await api.must("DELETE", `${services}/${name}`);
    await used(quota, { services: "0", "services.nodeports": "0" });
  });

  test("a quota captures the life of a pod", async () => {
    const { core, quota } = await counted("pod");
    const pods = `${core}/pods`;
    const dongles = { "example.com/dongle": "2" };
    const requests = { cpu: "500m", memory: "252Mi", "ephemeral-storage": "30Gi", ...dongles };
    const made = await api.create(pods, podOf("test-pod", { requests, limits: dongles }));
    const use = {
      resourcequotas: "1",
      pods: "1",
      cpu: "500m",
      memory: "252Mi",
      "ephemeral-storage": "30Gi",
      "requests.example.com/dongle": "2",
    };
    await used(quota, use);
    const tooMuch = { cpu: "600m", memory: "100Mi" };
    const without = await api.call("POST", pods, { body: podOf("fail-pod", { requests: tooMuch }) });
    assert.deepEqual([without.code, without.body["reason"]], [403, "Forbidden"]);
    await isRefused(
      pods,
      podOf("fail-pod-for-extended-resource", {
        requests: { ...requests, memory: "100Mi" },
        limits: dongles,
      }),
    );
    const spec = made["spec"] as { containers: Json[] };
    const less = { requests: { cpu: "100m", memory: "100Mi", "ephemeral-storage": "10Gi" } };
    const changed = await api.call("PATCH", `${pods}/test-pod`, {
      body: { spec: { containers: [{ ...spec.containers[0], resources: less }] } },
      type: "application/merge-patch+json",
    });
    assert.equal(changed.code, 422);
    await used(quota, use);
    await api.must("DELETE", `${pods}/test-pod`, { body: { gracePeriodSeconds: 0 } });
    await used(quota, {
      pods: "0",
      cpu: "0",
      memory: "0",
      "ephemeral-storage": "0",
      "requests.example.com/dongle": "0",
    });
  });

  lifeOf("/api/v1", "configmaps", "a configMap", { data: { a: "b" } });
  lifeOf("/api/v1", "secrets", "a secret", { stringData: { a: "b" } });
  lifeOf("/api/v1", "replicationcontrollers", "a replication controller", {
    spec: { replicas: 0, selector, template },
  });
  lifeOf("/apis/apps/v1", "replicasets", "a replica set", {
    spec: { replicas: 0, selector: { matchLabels: selector }, template },
  });
}

const requests = { cpu: "500m", memory: "200Mi" };
const limits = { cpu: "1", memory: "400Mi" };

/** What pods with these requests and limits make of a quota that counts so many of them. */
const compute = (pods: "0" | "1"): Json =>
  pods === "0"
    ? { pods, "requests.cpu": "0", "requests.memory": "0", "limits.cpu": "0", "limits.memory": "0" }
    : {
        pods,
        "requests.cpu": "500m",
        "requests.memory": "200Mi",
        "limits.cpu": "1",
        "limits.memory": "400Mi",
      };

async function scoped(core: string, scope: string, all: Json): Promise<string> {
  const name = scope.toLowerCase();
  await api.create(`${core}/resourcequotas`, { metadata: { name }, spec: { hard: all, scopes: [scope] } });
  const quota = `${core}/resourcequotas/${name}`;
  await used(quota, { pods: "0" });
  return quota;
}

function scopes(): void {
  const computeHard = {
    pods: "5",
    "requests.cpu": "1",
    "requests.memory": "500Mi",
    "limits.cpu": "2",
    "limits.memory": "1Gi",
  };

  for (const [name, [first, second], all, use, [one, other]] of [
    [
      "how long their pods run",
      ["NotTerminating", "Terminating"],
      computeHard,
      compute,
      [
        podOf("test-pod", { requests, limits }),
        podOf("terminating-pod", { requests, limits }, { activeDeadlineSeconds: 3600 }),
      ],
    ],
    [
      "what their pods ask for",
      ["BestEffort", "NotBestEffort"],
      { pods: "5" },
      (pods: "0" | "1"): Json => ({ pods }),
      [podOf("best-effort-pod", {}), podOf("burstable-pod", { requests, limits })],
    ],
  ] as const) {
    test(`quotas count by ${name}`, async () => {
      const core = await makeNamespace(api, `quota-${first.toLowerCase()}`);
      const quotas = [await scoped(core, first, all), await scoped(core, second, all)] as const;
      for (const [pod, counts, ignores] of [
        [one, quotas[0], quotas[1]],
        [other, quotas[1], quotas[0]],
      ] as const) {
        await api.create(`${core}/pods`, pod);
        await used(counts, use("1"));
        await used(ignores, use("0"));
        const path = `${core}/pods/${String(at(pod, "metadata.name"))}`;
        await api.must("DELETE", path, { body: { gracePeriodSeconds: 0 } });
        await used(counts, use("0"));
      }
    });
  }
}

const quotaOf = (name: string, cpu: string, memory: string, labels: Json = {}): Json => ({
  metadata: { name, labels },
  spec: { hard: { cpu, memory } },
});

const statusOf = (cpu: string, memory: string): Json => ({ status: { hard: { cpu, memory } } });

function itself(): void {
  test("a quota's status is promptly calculated", async () => {
    const { quota } = await counted("prompt");
    const { status } = await api.get(quota);
    assert.deepEqual(at(status, "hard"), hard);
    assert.deepEqual(Object.keys(at(status, "used") as Json).toSorted(), Object.keys(hard).toSorted());
    await api.merge(quota, { spec: { hard: { pods: "6", secrets: null, "count/pods": "7" } } });
    await used(quota, { pods: "0", "count/pods": "0", secrets: undefined });
    const { secrets: _, ...rest } = hard;
    assert.deepEqual(at(await api.get(quota), "status.hard"), { ...rest, pods: "6", "count/pods": "7" });
  });

  test("a quota is updated and deleted", async () => {
    const quotas = `${await makeNamespace(api, "quota-update")}/resourcequotas`;
    const hardOf = async (): Promise<unknown> => at(await api.get(`${quotas}/test-quota`), "spec.hard");
    await api.create(quotas, quotaOf("test-quota", "1", "500Mi"));
    assert.deepEqual(await hardOf(), { cpu: "1", memory: "500Mi" });
    // Without a resource version, as upstream's: what the controller has written in between doesn't matter.
    const updated = await api.update(`${quotas}/test-quota`, quotaOf("test-quota", "2", "1Gi"));
    assert.deepEqual(at(updated, "spec.hard"), { cpu: "2", memory: "1Gi" });
    assert.deepEqual(await hardOf(), { cpu: "2", memory: "1Gi" });
    await api.must("DELETE", `${quotas}/test-quota`);
    assert.equal((await api.call("GET", `${quotas}/test-quota`)).code, 404);
  });

  test("a quota goes through its life", async () => {
    const quotas = `${await makeNamespace(api, "quota-life")}/resourcequotas`;
    const made = await api.create(quotas, quotaOf("q", "1", "500Mi", { "e2e-rq-label": "life" }));
    const found = await api.get(`${quotas}/q`);
    assert.deepEqual(at(found, "spec.hard"), { cpu: "1", memory: "500Mi" });
    const labelled = "labelSelector=e2e-rq-label%3Dlife";
    const listed = (await api.get(`/api/v1/resourcequotas?${labelled}`))["items"] as Json[];
    assert.deepEqual(
      listed.map((one) => at(one, "metadata.uid")),
      [at(made, "metadata.uid")],
    );
    const patched = await api.strategic(`${quotas}/q`, {
      metadata: { labels: { life: "patched" } },
      spec: { hard: { memory: "750Mi" } },
    });
    assert.equal(at(patched, "metadata.labels.life"), "patched");
    assert.deepEqual(at(patched, "spec.hard"), { cpu: "1", memory: "750Mi" });
    await api.must("DELETE", `${quotas}?${labelled}`);
    assert.equal((await api.call("GET", `${quotas}/q`)).code, 404);
  });

  test("a quota's status is changed, and put right with its spec", async () => {
    const quotas = `${await makeNamespace(api, "quota-status")}/resourcequotas`;
    const quota = `${quotas}/q`;
    const from = String(at(await api.get(quotas), "metadata.resourceVersion"));
    using watching = await api.watch(`${quotas}?watch=1&resourceVersion=${from}&labelSelector=e2e%3Dstatus`);
    const isSeen = (cpu: string, memory: string): Promise<unknown> =>
      eventually(`the watch sees ${cpu}, ${memory}`, waitMs, () =>
        Promise.resolve(
          watching.events.some(({ object }) => {
            const seen = at(object, "status.hard") as Json | undefined;
            return seen?.["cpu"] === cpu && seen["memory"] === memory;
          }),
        ),
      );
    await api.create(quotas, quotaOf("q", "500m", "500Mi", { e2e: "status" }));
    await eventually("its status is updated", waitMs, async () => {
      const status = { hard: { cpu: "500m", memory: "500Mi" } };
      const { code, body } = await api.call("PUT", `${quota}/status`, {
        body: { ...(await api.get(quota)), status },
      });
      if (code === 409) return false; // the controller was there in between
      assert.deepEqual([code, body["status"]], [200, status]);
      return true;
    });
    await isSeen("500m", "500Mi");

    await api.strategic(quota, { spec: { hard: { cpu: "1", memory: "1Gi" } } });
    const patched = await api.strategic(`${quota}/status`, statusOf("1", "1Gi"));
    assert.deepEqual(at(patched, "spec.hard"), { cpu: "1", memory: "1Gi" });
    await isSeen("1", "1Gi");
    const { kind, status } = await api.get(`${quota}/status`);
    assert.deepEqual([kind, at(status, "hard")], ["ResourceQuota", { cpu: "1", memory: "1Gi" }]);

    const repatched = await api.strategic(`${quota}/status`, statusOf("2", "2Gi"));
    assert.deepEqual(at(repatched, "status.hard"), { cpu: "2", memory: "2Gi" });
    await isSeen("2", "2Gi");
    assert.deepEqual(at(await api.get(quota), "spec.hard"), { cpu: "1", memory: "1Gi" });
    await api.merge(quota, { spec: { hard: { cpu: "3" } } });
    await eventually("the controller has put it right", waitMs, async () => {
      const right = at(await api.get(quota), "status.hard") as Json;
      return right["cpu"] === "3" && right["memory"] === "1Gi";
    });
  });
}

suite("conformance: resource quota", { timeout: 120_000 }, () => {
  before(async () => {
    server = await startBareServer();
    api = await ApiClient.of(server.kubeconfig);
  });
  after(() => server[Symbol.asyncDispose]());

  suite("what it counts", lives);
  suite("scopes", scopes);
  suite("itself", itself);
});
