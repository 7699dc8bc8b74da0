import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnyObject, KubeObject } from "#api/meta/object.ts";
import { failure } from "#api/meta/status.ts";
import { customResourceDefinitions } from "#api/resources.ts";
import { ManualClock, settle } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { SeededRandom } from "#base/random.ts";
import { createInformerFactory } from "#client/cache/factory.ts";
import { createFakeClient } from "#client/testing/fake-transport.ts";
import { discoverResources } from "../discovery/resources.ts";
import { complete } from "../options.ts";
import { garbageCollectorController } from "./controller.ts";

const verbs = ["delete", "get", "list", "patch", "watch"];
const listOf = (groupVersion: string, name: string, kind: string, namespaced: boolean): AnyObject => ({
  kind: "APIResourceList",
  groupVersion,
  resources: [
    { name, kind, namespaced, verbs },
    { name: `${name}/status`, kind, namespaced, verbs: ["get"] },
  ],
});
const groupOf = (name: string, ...versions: string[]) => ({
  name,
  versions: versions.map((version) => ({ version, groupVersion: `${name}/${version}` })),
  preferredVersion: { version: versions[0] ?? "", groupVersion: `${name}/${versions[0] ?? ""}` },
});

/** A server that knows the older form of discovery only. */
function legacyDiscovery(): Map<string, KubeObject | Error> {
  return new Map<string, KubeObject | Error>([
    ["/api", { kind: "APIVersions", versions: ["v1"] } as KubeObject],
    ["/api/v1", listOf("v1", "configmaps", "ConfigMap", true)],
    ["/apis", { kind: "APIGroupList", groups: [groupOf("apiextensions.k8s.io", "v1")] } as KubeObject],
    [
      "/apis/apiextensions.k8s.io/v1",
      listOf("apiextensions.k8s.io/v1", "customresourcedefinitions", "CustomResourceDefinition", false),
    ],
  ]);
}

async function calm(): Promise<void> {
  for (let i = 0; i < 30; i++) await settle();
}

test("a new kind of objects is collected as soon as its definition is there", async () => {
  const clock = new ManualClock();
  const widget = {
    apiVersion: "example.com/v1",
    kind: "Widget",
    metadata: {
      name: "lost",
      namespace: "default",
      uid: "w",
      ownerReferences: [{ apiVersion: "v1", kind: "ConfigMap", name: "nobody", uid: "n" }],
    },
  };
  const { client, api } = createFakeClient({ objects: [widget], clock });
  const served = legacyDiscovery();
  api.intercept(({ path }) => served.get(path));
  const stop = new AbortController();
  const deps = { client, clock, random: new SeededRandom(1), log: silentLogger };
  const running = garbageCollectorController({
    ...deps,
    name: "garbagecollector",
    options: complete({
      disable: new Set(),
      clusterCidr: "10.42.0.0/16",
      serviceCidr: "",
      rootCaPem: "x",
    }),
    informers: createInformerFactory(deps),
    events: { event: () => undefined },
    loadExpressions: () => assert.fail("no expressions here"),
  }).run(stop.signal);
  await calm();
  await clock.advance(60_000);
  const widgets = client.resource(
    { group: "example.com", version: "v1", resource: "widgets", kind: "Widget", namespaced: true },
    "default",
  );
  assert.equal((await widgets.list()).items.length, 1);
  const asked = api.requests.length;
  await clock.advance(250_000);
  assert.equal(api.requests.length, asked, "idle means idle");

  served.set("/apis", {
    kind: "APIGroupList",
    groups: [groupOf("apiextensions.k8s.io", "v1"), groupOf("example.com", "v1")],
  } as KubeObject);
  served.set("/apis/example.com/v1", listOf("example.com/v1", "widgets", "Widget", true));
  const definition = { metadata: { name: "widgets.example.com" } };
  await client.resource<KubeObject>(customResourceDefinitions).create(definition);
  await calm();
  await clock.advance(600);
  await calm();
  assert.equal((await widgets.list()).items.length, 0);
  stop.abort(new Error("test over"));
  await running;
});

test("discovery takes the preferred version of each resource and names what didn't answer", async () => {
  const { client, api } = createFakeClient();
  const served = legacyDiscovery();
  served.set("/apis", {
    kind: "APIGroupList",
    groups: [groupOf("a.io", "v2", "v1"), groupOf("b.io", "v1")],
  } as KubeObject);
  served.set("/apis/a.io/v1", listOf("a.io/v1", "things", "Thing", true));
  served.set("/apis/a.io/v2", listOf("a.io/v2", "things", "Thing", true));
  served.set("/apis/b.io/v1", failure({ code: 503, reason: "ServiceUnavailable", message: "not now" }));
  api.intercept(({ path }) => served.get(path));
  const { resources, failures } = await discoverResources(client.transport);
  assert.deepEqual(
    resources.map(({ group, version, resource }) => `${group}/${version}/${resource}`),
    ["/v1/configmaps", "a.io/v2/things"],
  );
  assert.deepEqual([...failures], [["b.io/v1", "not now"]]);
});
