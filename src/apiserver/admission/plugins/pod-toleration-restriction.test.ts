import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Pod, Toleration } from "#api/generated/types/core-v1.ts";
import { namespaces, pods } from "#api/resources.ts";
import { MemoryApi } from "#apiserver/authz/testing/memory-api.ts";
import { attributesOf, faultOf } from "../testing/attributes.ts";
import { PodTolerationRestriction, type TolerationSettings } from "./pod-toleration-restriction.ts";

const prefix = "scheduler.alpha.kubernetes.io/";

interface Said {
  readonly defaults?: string;
  readonly allowed?: string;
}

function pluginOf({ defaults, allowed }: Said, settings: TolerationSettings = {}): PodTolerationRestriction {
  const api = new MemoryApi();
  const annotations = {
    ...(defaults === undefined ? {} : { [`${prefix}defaultTolerations`]: defaults }),
    ...(allowed === undefined ? {} : { [`${prefix}tolerationsWhitelist`]: allowed }),
  };
  api.seed(namespaces, { metadata: { name: "ns", annotations } });
  return new PodTolerationRestriction(settings, { informers: api, client: api });
}

const a: Toleration = { key: "a", operator: "Exists", effect: "NoSchedule" };
const b: Toleration = { key: "b", operator: "Equal", value: "c", effect: "NoSchedule" };
const pressure: Toleration = {
  key: "node.kubernetes.io/memory-pressure",
  operator: "Exists",
  effect: "NoSchedule",
};
const json = (...list: Toleration[]): string => JSON.stringify(list);

const podOf = (tolerations?: Toleration[], requests?: Record<string, string>): Pod => ({
  metadata: { name: "web", namespace: "ns" },
  spec: {
    containers: [{ name: "c", image: "x", ...(requests === undefined ? {} : { resources: { requests } }) }],
    ...(tolerations === undefined ? {} : { tolerations }),
  },
});

const conflict = (scope: string): string =>
  `pod tolerations (possibly merged with namespace default tolerations) conflict with its ${scope} whitelist`;

suite("PodTolerationRestriction", () => {
  const cases: [string, PodTolerationRestriction, Pod, Toleration[] | undefined][] = [
    ["nobody says anything", pluginOf({}), podOf(), undefined],
    ["the namespace says it", pluginOf({ defaults: json(a) }), podOf([b]), [b, a]],
    ["the cluster says it", pluginOf({}, { default: [a] }), podOf(), [a]],
    [
      "the namespace says nothing on purpose",
      pluginOf({ defaults: "" }, { default: [a] }),
      podOf(),
      undefined,
    ],
    [
      "what includes another stays alone",
      pluginOf({ defaults: json({ operator: "Exists" }) }),
      podOf([a]),
      [{ operator: "Exists" }],
    ],
    ["a pod that asks for memory", pluginOf({}), podOf(undefined, { memory: "1Mi" }), [pressure]],
    ["it is allowed", pluginOf({ allowed: json(a, b) }), podOf([b]), [b]],
    ["the cluster allows nothing in particular", pluginOf({}, { whitelist: [] }), podOf([b]), [b]],
  ];
  for (const [name, plugin, pod, expected] of cases) {
    test(name, async () => {
      assert.equal(await faultOf(plugin, attributesOf(pods, { object: pod })), undefined);
      assert.deepEqual(pod.spec?.tolerations, expected);
    });
  }

  const refusals: [string, PodTolerationRestriction, Pod, string][] = [
    ["the namespace doesn't allow it", pluginOf({ allowed: json(a) }), podOf([b]), conflict("namespace")],
    ["the cluster doesn't", pluginOf({}, { whitelist: [a] }), podOf([b]), conflict("cluster")],
  ];
  for (const [name, plugin, pod, expected] of refusals) {
    test(`refuses: ${name}`, async () => {
      assert.equal(await faultOf(plugin, attributesOf(pods, { object: pod })), expected);
    });
  }

  test("an update gets no defaults, but is judged", async () => {
    const plugin = pluginOf({ defaults: json(a), allowed: json(b) });
    const pod = podOf([b]);
    assert.equal(await faultOf(plugin, attributesOf(pods, { operation: "UPDATE", object: pod })), undefined);
    assert.deepEqual(pod.spec?.tolerations, [b]);
    const broken = pluginOf({ allowed: "{" });
    assert.match((await faultOf(broken, attributesOf(pods, { object: podOf([b]) }))) ?? "", /JSON/);
  });
});
