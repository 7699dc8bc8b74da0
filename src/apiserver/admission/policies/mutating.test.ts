/** Cases re-expressed from apiserver/pkg/admission/plugin/policy/mutating/{compilation,dispatcher,plugin}_test.go and patch/{json_patch,smd}_test.go. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Registry } from "prom-client";
import type { Mutation } from "#api/generated/types/admissionregistration-v1beta1.ts";
import { MemoryApi } from "#apiserver/authz/testing/memory-api.ts";
import { unmeasured } from "../testing/unmeasured.ts";
import { MutatingPolicies } from "./mutating.ts";
import {
  types,
  policies,
  bindings,
  apply,
  patch,
  read,
  authorizer,
  admitted,
  refusalOf,
  template,
  containers,
  labels,
  replicas,
  a,
  b,
  c,
} from "./testing/mutating-world.ts";

type Case = readonly [name: string, mutation: Mutation, before: object, after: object];

const cases: readonly Case[] = [
  [
    "a test that fails leaves all as it is",
    patch(
      '[JSONPatch{op: "test", path: "/spec/replicas", value: 100}, JSONPatch{op: "replace", path: "/spec/replicas", value: 3}]',
    ),
    replicas(1),
    replicas(1),
  ],
  [
    "a test that holds",
    patch(
      '[JSONPatch{op: "test", path: "/spec/replicas", value: 1}, JSONPatch{op: "replace", path: "/spec/replicas", value: 3}]',
    ),
    replicas(1),
    replicas(3),
  ],
  ["remove a field", patch('[JSONPatch{op: "remove", path: "/spec/replicas"}]'), replicas(5), {}],
  [
    "add to what nobody set",
    patch(
      `[JSONPatch{op: "test", path: "/spec/template/spec/containers/0/resources", value: {}},
        JSONPatch{op: "add", path: "/spec/template/spec/containers/0/resources/claims", value: [{"name": "gpu"}]}]`,
    ),
    containers(a),
    containers({ ...a, resources: { claims: [{ name: "gpu" }] } }),
  ],
  [
    "ask for what nobody set",
    patch(
      'has(object.spec.template.spec.containers[0].resources.limits) ? [JSONPatch{op: "remove", path: "/spec"}] : [JSONPatch{op: "add", path: "/metadata/labels", value: {"x": "1"}}]',
    ),
    containers(a),
    labels({ x: "1" }, containers(a)),
  ],
  [
    "remove an entry",
    patch('[JSONPatch{op: "remove", path: "/metadata/labels/y"}]'),
    labels({ x: "1", y: "1" }),
    labels({ x: "1" }),
  ],
  [
    "remove an item",
    patch('[JSONPatch{op: "remove", path: "/spec/template/spec/containers/1"}]'),
    containers(a, b, c),
    containers(a, c),
  ],
  [
    "copy an entry",
    patch('[JSONPatch{op: "copy", from: "/metadata/labels/x", path: "/metadata/labels/y"}]'),
    labels({ x: "1" }),
    labels({ x: "1", y: "1" }),
  ],
  [
    "copy an item to the end",
    patch(
      '[JSONPatch{op: "copy", from: "/spec/template/spec/containers/0", path: "/spec/template/spec/containers/-"}]',
    ),
    containers(a, b),
    containers(a, b, a),
  ],
  [
    "move an entry",
    patch('[JSONPatch{op: "move", from: "/metadata/labels/x", path: "/metadata/labels/y"}]'),
    labels({ x: "1" }),
    labels({ y: "1" }),
  ],
  [
    "move an item to the end",
    patch(
      '[JSONPatch{op: "move", from: "/spec/template/spec/containers/0", path: "/spec/template/spec/containers/-"}]',
    ),
    containers(a, b, c),
    containers(b, c, a),
  ],
  [
    "add a map where there is one",
    patch('[JSONPatch{op: "add", path: "/metadata/labels", value: {"y": "2"}}]'),
    labels({ x: "1" }),
    labels({ y: "2" }),
  ],
  [
    "add to the start of a list",
    patch('[JSONPatch{op: "add", path: "/spec/template/spec/containers/0", value: {"name": "b"}}]'),
    containers(a),
    containers(b, a),
  ],
  [
    "replace a key that isn't there",
    patch('[JSONPatch{op: "replace", path: "/metadata/labels/x", value: "2"}]'),
    labels({ y: "1" }),
    labels({ y: "1", x: "2" }),
  ],
  [
    "replace a map that isn't there",
    patch('[JSONPatch{op: "replace", path: "/metadata/labels", value: {"y": "2"}}]'),
    {},
    labels({ y: "2" }),
  ],
  [
    "an object as a value",
    patch(`[JSONPatch{op: "add", path: "/spec/template/spec/containers/-", value: Object.spec.template.spec.containers{
      name: "b", ports: [Object.spec.template.spec.containers.ports{containerPort: 8080}]}}]`),
    containers(a),
    containers(a, { ...b, ports: [{ containerPort: 8080 }] }),
  ],
  [
    "fields of a patch are read",
    patch(`[JSONPatch{op: "add", path: "/metadata/labels", value: {
      "op": JSONPatch{op: "o"}.op, "path": JSONPatch{path: "p"}.path, "from": JSONPatch{from: "f"}.from,
      "value": string(JSONPatch{value: "v"}.value)}}]`),
    {},
    labels({ op: "o", path: "p", from: "f", value: "v" }),
  ],
  [
    "fields of a patch are asked for",
    patch(`[JSONPatch{op: "add", path: "/metadata/labels", value: {
      "op": string(has(JSONPatch{op: "o"}.op)), "unset": string(has(JSONPatch{}.value))}}]`),
    {},
    labels({ op: "true", unset: "false" }),
  ],
  [
    "patches are compared",
    patch(`[JSONPatch{op: "add", path: "/metadata/labels", value: {
      "empty": string(JSONPatch{} == JSONPatch{}),
      "same": string(JSONPatch{op: "add", path: "p", value: 1} == JSONPatch{op: "add", path: "p", value: 1}),
      "other": string(JSONPatch{op: "add", value: "1"} == JSONPatch{op: "add", value: 1})}}]`),
    {},
    labels({ empty: "true", same: "true", other: "false" }),
  ],
  [
    "keys are escaped",
    patch(`[JSONPatch{op: "add", path: "/metadata/labels", value: {}},
      JSONPatch{op: "add", path: "/metadata/labels/" + jsonpatch.escapeKey("k8s.io/x~y"), value: "true"}]`),
    {},
    labels({ "k8s.io/x~y": "true" }),
  ],
  [
    "add to a list by its key",
    apply(
      'Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{volumes: [Object.spec.template.spec.volumes{name: "y"}]}}}}',
    ),
    template({ volumes: [{ name: "x", emptyDir: {} }] }),
    template({ volumes: [{ name: "x", emptyDir: {} }, { name: "y" }] }),
  ],
  [
    "change an item of a list",
    apply(
      'Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{volumes: [Object.spec.template.spec.volumes{name: "y", hostPath: Object.spec.template.spec.volumes.hostPath{path: "a"}}]}}}}',
    ),
    template({
      volumes: [
        { name: "x", emptyDir: {} },
        { name: "y", hostPath: { path: "b" } },
      ],
    }),
    template({
      volumes: [
        { name: "x", emptyDir: {} },
        { name: "y", hostPath: { path: "a" } },
      ],
    }),
  ],
  [
    "by what the object has",
    apply(
      "Object{spec: Object.spec{replicas: object.spec.replicas % 2 == 0 ? object.spec.replicas + 1 : object.spec.replicas}}",
    ),
    replicas(2),
    replicas(3),
  ],
  [
    "optional fields that have no value are left out",
    apply("Object{spec: Object.spec{?replicas: object.spec.?missing, ?minReadySeconds: optional.of(4)}}"),
    replicas(2),
    { spec: { replicas: 2, minReadySeconds: 4 } },
  ],
  [
    "of what was written before nothing is lost",
    apply('Object{metadata: Object.metadata{labels: {"a": "b"}}}'),
    labels({ x: "1" }, replicas(3)),
    labels({ x: "1", a: "b" }, replicas(3)),
  ],
  [
    "items that can't be told apart are no hindrance",
    apply("Object{spec: Object.spec{replicas: 3}}"),
    containers({
      ...a,
      env: [
        { name: "t", value: "1" },
        { name: "t", value: "2" },
      ],
    }),
    {
      spec: {
        replicas: 3,
        template: {
          spec: {
            containers: [
              {
                ...a,
                env: [
                  { name: "t", value: "1" },
                  { name: "t", value: "2" },
                ],
              },
            ],
          },
        },
      },
    },
  ],
];

const add = (text: string): Mutation =>
  apply(
    `Object{metadata: Object.metadata{labels: {"l": object.metadata.?labels.l.orValue("") + "${text}"}}}`,
  );

suite("what a mutation makes", () => {
  for (const [name, mutation, before, after] of cases) {
    test(name, async () => {
      const result = await admitted({ specs: [{ mutations: [mutation] }], object: before });
      assert.deepEqual(result, read(after));
    });
  }

  test("of an update it sees both sides", async () => {
    const mutations = [apply("Object{spec: Object.spec{replicas: oldObject.spec.replicas + 1}}")];
    const write = { operation: "UPDATE" as const, oldObject: read(replicas(2)) };
    assert.deepEqual(
      await admitted({ specs: [{ mutations }], object: replicas(9), write }),
      read(replicas(3)),
    );
  });

  test("variables, parameters, the request and its namespace are there", async () => {
    const result = await admitted({
      specs: [
        {
          paramKind: { apiVersion: "v1", kind: "ConfigMap" },
          binding: { paramRef: { name: "settings", parameterNotFoundAction: "Deny" } },
          variables: [{ name: "env", expression: "namespaceObject.metadata.labels.env" }],
          matchConditions: [{ name: "env", expression: 'variables.env == "test"' }],
          mutations: [
            apply(`Object{metadata: Object.metadata{labels: {
              "env": variables.env, "size": string(params.data.size), "by": request.userInfo.username,
              "may": string(authorizer.requestResource.check("get").allowed())}}}`),
          ],
        },
      ],
      params: [{ metadata: { name: "settings", namespace: "ns" }, data: { size: "9" } }],
    });
    assert.deepEqual(result.metadata?.labels, { env: "test", size: "9", by: "alice", may: "true" });
  });

  test("mutations follow each other, policies by their names", async () => {
    const specs = [
      { name: "b", mutations: [add("3")] },
      { name: "a", mutations: [add("1"), add("2")] },
    ];
    assert.deepEqual((await admitted({ specs })).metadata?.labels, { l: "123" });
  });

  test("each object of parameters counts", async () => {
    const result = await admitted({
      specs: [
        {
          paramKind: { apiVersion: "v1", kind: "ConfigMap" },
          binding: { paramRef: { selector: {}, parameterNotFoundAction: "Deny" } },
          mutations: [apply('Object{metadata: Object.metadata{labels: {params.metadata.name: "x"}}}')],
        },
      ],
      params: ["a", "b"].map((name) => ({ metadata: { name, namespace: "ns" } })),
    });
    assert.deepEqual(result.metadata?.labels, { a: "x", b: "x" });
  });
});

test("without policies nothing is loaded, and no one is asked", () => {
  const api = new MemoryApi();
  const plugin = new MutatingPolicies(
    { policies, bindings },
    {
      client: api,
      informers: api,
      ...unmeasured(),
      authorizer,
      loadExpressions: () => assert.fail("loaded"),
      types,
    },
  );
  assert.equal(plugin.handles(), false);
});

test("each mutation is counted, by how it went", async () => {
  const registry = new Registry();
  const good = patch('[JSONPatch{op: "replace", path: "/spec/replicas", value: 3}]');
  const bad = patch('[JSONPatch{op: "replace", path: object.none, value: 3}]');
  await refusalOf({ registry, specs: [{ mutations: [good, bad] }], object: replicas(1) });
  const text = await registry.metrics();
  const shown = 'policy="p",policy_binding="p-binding",error_type=';
  const name = "apiserver_mutating_admission_policy_check";
  for (const error of ["no_error", "invalid_error"]) {
    assert.ok(text.includes(`${name}_total{${shown}"${error}"} 1\n`), error);
    assert.ok(text.includes(`${name}_duration_seconds_count{${shown}"${error}"} 1\n`), error);
  }
});
