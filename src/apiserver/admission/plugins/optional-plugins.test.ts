import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Pod, PodSpec, Service } from "#api/generated/types/core-v1.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { configMaps, namespaces, pods, services } from "#api/resources.ts";
import { MemoryApi } from "#apiserver/authz/testing/memory-api.ts";
import { attributesOf, faultOf, run, type Write } from "../testing/attributes.ts";
import { AlwaysAdmit, AlwaysDeny } from "./always.ts";
import { AlwaysPullImages } from "./always-pull-images.ts";
import { LimitPodHardAntiAffinityTopology } from "./anti-affinity-topology.ts";
import { DenyServiceExternalIPs } from "./deny-service-external-ips.ts";
import { ExtendedResourceToleration } from "./extended-resource-toleration.ts";
import { NamespaceAutoProvision, NamespaceExists } from "./namespace-presence.ts";

const pod = (spec: Partial<PodSpec>): Pod => ({
  metadata: { name: "p", namespace: "ns" },
  spec: { containers: [{ name: "c", image: "c" }], ...spec },
});

const service = (...externalIPs: string[]): Service => ({
  metadata: { name: "s", namespace: "ns" },
  spec: { externalIPs },
});

const configMap = (): AnyObject => ({ metadata: { name: "a", namespace: "new" } });

test("AlwaysAdmit lets everything pass, AlwaysDeny nothing", async () => {
  const attributes = attributesOf(pods, { object: pod({}) });
  assert.equal(await faultOf(new AlwaysAdmit(), attributes), undefined);
  assert.equal(
    await faultOf(new AlwaysDeny(), attributes),
    'pods "p" is forbidden: admission control is denying all modifications',
  );
});

suite("AlwaysPullImages", () => {
  const plugin = new AlwaysPullImages();

  test("every image of a new pod is pulled, those of volumes too", async () => {
    const object = pod({
      containers: [{ name: "c", image: "c", imagePullPolicy: "Never" }],
      initContainers: [{ name: "i", image: "i", imagePullPolicy: "IfNotPresent" }],
      volumes: [{ name: "v", image: { reference: "v", pullPolicy: "Never" } }],
    });
    await run(plugin, attributesOf(pods, { object }));
    assert.equal(object.spec?.containers[0]?.imagePullPolicy, "Always");
    assert.equal(object.spec.initContainers?.[0]?.imagePullPolicy, "Always");
    assert.equal(object.spec.volumes?.[0]?.image?.pullPolicy, "Always");
  });

  test("an update without new images keeps its policies", async () => {
    const old = pod({ containers: [{ name: "c", image: "c", imagePullPolicy: "Never" }] });
    const object = structuredClone(old);
    await run(plugin, attributesOf(pods, { operation: "UPDATE", object, oldObject: old }));
    assert.equal(object.spec?.containers[0]?.imagePullPolicy, "Never");
  });

  test("who sets another policy afterwards is refused", async () => {
    const object = pod({ containers: [{ name: "c", image: "c", imagePullPolicy: "Never" }] });
    await assert.rejects(plugin.validate(attributesOf(pods, { object })) ?? Promise.resolve(), {
      message:
        'pods "p" is forbidden: spec.containers[0].imagePullPolicy: Unsupported value: "Never": supported values: "Always"',
    });
  });
});

suite("DenyServiceExternalIPs", () => {
  const fault = 'services "s" is forbidden: Use of external IPs is denied by admission control';
  const cases: [string, Write, string | undefined][] = [
    ["none", { object: service() }, undefined],
    ["a new service", { object: service("1.2.3.4") }, fault],
    [
      "fewer than before",
      { operation: "UPDATE", object: service("1.2.3.4"), oldObject: service("1.2.3.4", "1.2.3.5") },
      undefined,
    ],
    [
      "another than before",
      { operation: "UPDATE", object: service("1.2.3.6"), oldObject: service("1.2.3.4") },
      fault,
    ],
  ];
  for (const [name, write, expected] of cases) {
    test(name, async () => {
      assert.equal(await faultOf(new DenyServiceExternalIPs(), attributesOf(services, write)), expected);
    });
  }
});

const away = (topologyKey: string): Promise<string | undefined> =>
  faultOf(
    new LimitPodHardAntiAffinityTopology(),
    attributesOf(pods, {
      object: pod({
        affinity: {
          podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey }] },
        },
      }),
    }),
  );

test("LimitPodHardAntiAffinityTopology: pods keep others away from nodes only", async () => {
  assert.equal(await away("kubernetes.io/hostname"), undefined);
  assert.equal(
    await away("zone"),
    'pods "p" is forbidden: affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey zone but only key kubernetes.io/hostname is allowed',
  );
});

test("ExtendedResourceToleration: a device's nodes are tolerated, once, by name", async () => {
  const requests = { cpu: "1", "b.io/gpu": "1", "a.io/nic": "1", "x.kubernetes.io/y": "1" };
  const object = pod({
    containers: [{ name: "c", image: "c", resources: { requests } }],
    tolerations: [{ key: "a.io/nic", operator: "Exists", effect: "NoSchedule" }],
  });
  await run(new ExtendedResourceToleration(), attributesOf(pods, { object }));
  assert.deepEqual(object.spec?.tolerations, [
    { key: "a.io/nic", operator: "Exists", effect: "NoSchedule" },
    { key: "b.io/gpu", operator: "Exists", effect: "NoSchedule" },
  ]);
});

suite("namespaces that are missing", () => {
  test("NamespaceAutoProvision makes one, but not for a dry run", async () => {
    const api = new MemoryApi();
    const plugin = new NamespaceAutoProvision({ informers: api, client: api });
    await run(plugin, attributesOf(configMaps, { object: configMap(), dryRun: true }));
    assert.equal(api.get(namespaces, "new"), undefined);
    await run(plugin, attributesOf(configMaps, { object: configMap() }));
    assert.equal(api.get(namespaces, "new")?.metadata?.name, "new");
  });

  test("NamespaceExists misses it", async () => {
    const api = new MemoryApi();
    const plugin = new NamespaceExists({ informers: api, client: api });
    const attributes = attributesOf(configMaps, { object: configMap() });
    assert.equal(await faultOf(plugin, attributes), 'namespaces "new" not found');
    api.seed(namespaces, { metadata: { name: "new" } });
    assert.equal(await faultOf(plugin, attributes), undefined);
  });
});
