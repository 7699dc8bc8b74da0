import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Pod } from "#api/generated/types/core-v1.ts";
import { namespaces, pods } from "#api/resources.ts";
import { MemoryApi } from "#apiserver/authz/testing/memory-api.ts";
import { attributesOf, faultOf } from "../testing/attributes.ts";
import { PodNodeSelector, type NodeSelectors } from "./pod-node-selector.ts";

const annotation = "scheduler.alpha.kubernetes.io/node-selector";

function pluginOf(annotated: string | undefined, selectors: NodeSelectors = {}): PodNodeSelector {
  const api = new MemoryApi();
  api.seed(namespaces, {
    metadata: { name: "ns", annotations: annotated === undefined ? {} : { [annotation]: annotated } },
  });
  return new PodNodeSelector(selectors, { informers: api, client: api });
}

const podOf = (nodeSelector?: Record<string, string>): Pod => ({
  metadata: { name: "web", namespace: "ns" },
  spec: { containers: [], ...(nodeSelector === undefined ? {} : { nodeSelector }) },
});

const conflict =
  'pods "web" is forbidden: pod node label selector conflicts with its namespace node label selector';

suite("PodNodeSelector", () => {
  const cases: [string, PodNodeSelector, Pod, Record<string, string> | undefined][] = [
    ["nobody says anything", pluginOf(undefined), podOf(), undefined],
    ["the namespace says it", pluginOf("a=b, c=d"), podOf({ e: "f" }), { a: "b", c: "d", e: "f" }],
    ["the pod says the same", pluginOf("a=b"), podOf({ a: "b" }), { a: "b" }],
    ["the cluster says it", pluginOf(undefined, { clusterDefaultNodeSelector: "a=b" }), podOf(), { a: "b" }],
    [
      "the namespace says nothing on purpose",
      pluginOf("", { clusterDefaultNodeSelector: "a=b" }),
      podOf(),
      undefined,
    ],
    ["it is allowed", pluginOf("a=b", { ns: "a=b,c=d" }), podOf({ c: "d" }), { a: "b", c: "d" }],
  ];
  for (const [name, plugin, pod, expected] of cases) {
    test(name, async () => {
      assert.equal(await faultOf(plugin, attributesOf(pods, { object: pod })), undefined);
      assert.deepEqual(pod.spec?.nodeSelector, expected);
    });
  }

  const refusals: [string, PodNodeSelector, Pod, string][] = [
    ["the pod wants other nodes", pluginOf("a=b"), podOf({ a: "c" }), conflict],
    [
      "it isn't allowed to ask",
      pluginOf(undefined, { ns: "a=b" }),
      podOf({ c: "d" }),
      'pods "web" is forbidden: pod node label selector labels conflict with its namespace whitelist',
    ],
    ["the annotation is no selector", pluginOf("a in (b)"), podOf(), "invalid selector: [a in (b)]"],
  ];
  for (const [name, plugin, pod, expected] of refusals) {
    test(`refuses: ${name}`, async () => {
      assert.equal(await faultOf(plugin, attributesOf(pods, { object: pod })), expected);
    });
  }

  test("what was there is left alone", () => {
    assert.equal(pluginOf(undefined).handles("UPDATE"), false);
  });
});
