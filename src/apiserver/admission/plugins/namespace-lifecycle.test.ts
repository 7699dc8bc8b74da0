import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Namespace } from "#api/generated/types/core-v1.ts";
import { StatusError } from "#api/meta/status.ts";
import { configMaps, localSubjectAccessReviews, namespaces, nodes } from "#api/resources.ts";
import { MemoryApi, refusal } from "#apiserver/authz/testing/memory-api.ts";
import { ManualClock } from "#base/clock.ts";
import type { AdmissionAttributes } from "../admission.ts";
import { attributesOf, run } from "../testing/attributes.ts";
import { NamespaceLifecycle } from "./namespace-lifecycle.ts";

const namespace = (name: string, phase = "Active"): Namespace => ({ metadata: { name }, status: { phase } });

function setup(): { api: MemoryApi; clock: ManualClock; plugin: NamespaceLifecycle } {
  const api = new MemoryApi();
  const clock = new ManualClock();
  api.seed(namespaces, namespace("a"), namespace("ending", "Terminating"));
  return { api, clock, plugin: new NamespaceLifecycle({ informers: api, client: api, clock }) };
}

const map = (place: string, name = "x"): { metadata: { namespace: string; name: string } } => ({
  metadata: { namespace: place, name },
});

suite("NamespaceLifecycle", () => {
  const ending =
    'configmaps "x" is forbidden: unable to create new content in namespace ending because it is being terminated';
  const cases: [string, AdmissionAttributes, number, string][] = [
    ["creates in a namespace", attributesOf(configMaps, { object: map("a") }), 0, ""],
    [
      "not in one that isn't there",
      attributesOf(configMaps, { object: map("gone") }),
      404,
      'namespaces "gone" not found',
    ],
    [
      "nor updates there",
      attributesOf(configMaps, { operation: "UPDATE", object: map("gone"), oldObject: map("gone") }),
      404,
      'namespaces "gone" not found',
    ],
    ["nothing new in one that ends", attributesOf(configMaps, { object: map("ending") }), 403, ending],
    [
      "but updates",
      attributesOf(configMaps, { operation: "UPDATE", object: map("ending"), oldObject: map("ending") }),
      0,
      "",
    ],
    ["deletes anywhere", attributesOf(configMaps, { operation: "DELETE", oldObject: map("gone") }), 0, ""],
    ["cluster-wide objects need none", attributesOf(nodes, { object: { metadata: { name: "n" } } }), 0, ""],
    ["access may be asked about", attributesOf(localSubjectAccessReviews, { object: map("gone") }), 0, ""],
    ["namespaces are made", attributesOf(namespaces, { object: namespace("new") }), 0, ""],
    ["and deleted", attributesOf(namespaces, { operation: "DELETE", oldObject: namespace("a") }), 0, ""],
    [
      "but not these",
      attributesOf(namespaces, { operation: "DELETE", oldObject: namespace("kube-system") }),
      403,
      'namespaces "kube-system" is forbidden: this namespace may not be deleted',
    ],
  ];
  for (const [name, attributes, code, message] of cases) {
    test(name, async () => {
      assert.deepEqual(await refusal(() => run(setup().plugin, attributes)), { code, message });
    });
  }

  test("a namespace that ends is told as a cause", async () => {
    const { plugin } = setup();
    await assert.rejects(run(plugin, attributesOf(configMaps, { object: map("ending") })), (error) => {
      assert.ok(error instanceof StatusError);
      assert.deepEqual(error.status.details?.causes, [
        {
          reason: "NamespaceTerminating",
          message: "namespace ending is being terminated",
          field: "metadata.namespace",
        },
      ]);
      return true;
    });
  });

  test("after a deletion the server is asked, for a while", async () => {
    const { api, clock } = setup();
    const stale = new MemoryApi();
    stale.seed(namespaces, namespace("a"));
    const plugin = new NamespaceLifecycle({ informers: stale, client: api, clock });
    await run(plugin, attributesOf(namespaces, { operation: "DELETE", oldObject: namespace("a") }));
    api.seed(namespaces, namespace("a", "Terminating"));
    const create = attributesOf(configMaps, { object: map("a") });
    assert.equal((await refusal(() => run(plugin, create))).code, 403);
    await clock.advance(30_000);
    assert.equal((await refusal(() => run(plugin, create))).code, 0);
  });
});
