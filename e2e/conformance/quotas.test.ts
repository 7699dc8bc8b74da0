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
    await used(quota, { [counter]: String(others + 1) });
    await isRefused(path, { metadata: { name: "another" }, ...object });
    await api.must("DELETE", `${path}/one`);
    await used(quota, { [counter]: String(others) });
  });
};

function lives(): void {
  test("a quota captures the life of a service", async () => {
    const { core, quota } = await counted("service");
    const services = `${core}/services`;
    await api.create(services, serviceOf("test-service", "ClusterIP"));
    await api.create(services, serviceOf("test-service-np", "NodePort"));
    await isRefused(services, serviceOf("test-service-lb", "LoadBalancer"));
    await used(quota, { services: "2", "services.nodeports": "1", "services.loadbalancers": "0" });
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

function itself(): void {
  test("a quota's status is promptly calculated; it is updated and deleted", async () => {
    const core = await makeNamespace(api, "quota-life");
    const quota = `${core}/resourcequotas/q`;
    await api.create(`${core}/resourcequotas`, { metadata: { name: "q" }, spec: { hard: { pods: "5" } } });
    await used(quota, { pods: "0" });
    await api.merge(quota, { spec: { hard: { pods: "6", secrets: "3" } } });
    await used(quota, { pods: "0", secrets: "0" });
    assert.deepEqual(at(await api.get(quota), "status.hard"), { pods: "6", secrets: "3" });
    await api.must("DELETE", quota);
    assert.equal((await api.call("GET", quota)).code, 404);
  });

  test("a quota's status is changed, and put right with its spec", async () => {
    const core = await makeNamespace(api, "quota-status");
    const quota = `${core}/resourcequotas/q`;
    await api.create(`${core}/resourcequotas`, { metadata: { name: "q" }, spec: { hard: { pods: "5" } } });
    await used(quota, { pods: "0" });
    const patched = await api.merge(`${quota}/status`, { status: { hard: { pods: "9" } } });
    assert.deepEqual(at(patched, "status.hard"), { pods: "9" });
    assert.deepEqual(at(await api.get(quota), "spec.hard"), { pods: "5" });
    await api.merge(quota, { spec: { hard: { pods: "4" } } });
    await eventually("the controller has put it right", waitMs, async () => {
      return at(await api.get(quota), "status.hard.pods") === "4";
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
