/** Cases re-expressed from apiserver/pkg/admission/plugin/policy/generic/policy_test_context.go and its users. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { ParamKind, ParamRef } from "#api/generated/types/admissionregistration-v1.ts";
import { configMaps, nodes } from "#api/resources.ts";
import { MemoryApi } from "#apiserver/authz/testing/memory-api.ts";
import { ConfigurationError, ParamReader } from "./params.ts";

const types = {
  resourceOf: ({ kind }: { readonly kind: string }) =>
    kind === "ConfigMap"
      ? { resource: "configmaps", namespaced: true }
      : kind === "Node"
        ? { resource: "nodes", namespaced: false }
        : undefined,
};

async function collected(
  kind: ParamKind | undefined,
  ref: ParamRef | undefined,
  namespace: string,
): Promise<readonly string[] | string> {
  const api = new MemoryApi();
  for (const [name, tier] of [
    ["one", "a"],
    ["two", "a"],
    ["three", "b"],
  ] as const) {
    api.seed(configMaps, { metadata: { name, namespace: "ns", labels: { tier } } });
  }
  api.seed(configMaps, { metadata: { name: "far", namespace: "other" } });
  api.seed(nodes, { metadata: { name: "n" } });
  try {
    const found = await new ParamReader(api, types).collect(kind, ref, namespace);
    return found.map((object) =>
      object === undefined ? "none" : `${object.apiVersion} ${object.kind} ${object.metadata?.name}`,
    );
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message;
    throw error;
  }
}

suite("parameters of a policy", () => {
  const maps = { apiVersion: "v1", kind: "ConfigMap" };
  const node = { apiVersion: "v1", kind: "Node" };
  const cases: readonly (readonly [
    name: string,
    kind: ParamKind | undefined,
    ref: ParamRef | undefined,
    namespace: string,
    found: readonly string[] | string,
  ])[] = [
    ["a policy without a kind", undefined, { name: "one" }, "ns", ["none"]],
    ["a binding without a reference", maps, undefined, "ns", ["none"]],
    ["by name, in the request's namespace", maps, { name: "one" }, "ns", ["v1 ConfigMap one"]],
    ["in another namespace", maps, { name: "far", namespace: "other" }, "ns", ["v1 ConfigMap far"]],
    ["of the cluster", node, { name: "n" }, "ns", ["v1 Node n"]],
    [
      "by labels",
      maps,
      { selector: { matchLabels: { tier: "a" } } },
      "ns",
      ["v1 ConfigMap one", "v1 ConfigMap two"],
    ],
    ["missing, which is no matter", maps, { name: "gone", parameterNotFoundAction: "Allow" }, "ns", []],
    [
      "missing, which denies",
      maps,
      { name: "gone", parameterNotFoundAction: "Deny" },
      "ns",
      "no params found for policy binding with `Deny` parameterNotFoundAction",
    ],
    [
      "of a namespace, for what has none",
      maps,
      { name: "one" },
      "",
      "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources",
    ],
    [
      "of the cluster, in a namespace",
      node,
      { name: "n", namespace: "ns" },
      "ns",
      "paramRef.namespace must not be provided for a cluster-scoped `paramKind`",
    ],
    [
      "of a kind that nobody serves",
      { apiVersion: "example.com/v1", kind: "Widget" },
      { name: "one" },
      "ns",
      "failed to find resource referenced by paramKind: 'example.com/v1, Kind=Widget'",
    ],
  ];
  for (const [name, kind, ref, namespace, found] of cases) {
    test(name, async () => {
      assert.deepEqual(await collected(kind, ref, namespace), found);
    });
  }
});
