/** Cases re-expressed from apiserver/pkg/admission/plugin/policy/mutating/{compilation,dispatcher,plugin}_test.go and patch/{json_patch,smd}_test.go. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Registry } from "prom-client";
import { JsonDecoder } from "#api/codec/json.ts";
import { ProtobufCodec } from "#api/codec/protobuf.ts";
import { convert } from "#api/conversion.ts";
import { createExpressions } from "#api/expressions.ts";
import type {
  MutatingAdmissionPolicyBindingSpec,
  MutatingAdmissionPolicySpec,
  Mutation,
} from "#api/generated/types/admissionregistration-v1beta1.ts";
import type { ConfigMap } from "#api/generated/types/core-v1.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { StatusError } from "#api/meta/status.ts";
import { parseRuntimeConfig } from "#api/runtime-config.ts";
import { configMaps, deployments, namespaces } from "#api/resources.ts";
import { createTypeTable } from "#api/schema/table.ts";
import { createScheme } from "#api/scheme.ts";
import type { Authorizer } from "#apiserver/authz/authorizer.ts";
import { MemoryApi } from "#apiserver/authz/testing/memory-api.ts";
import { TableSemantics } from "#apiserver/request/type-semantics.ts";
import type { AdmissionPlugin } from "../admission.ts";
import { AdmissionChain } from "../chain.ts";
import { unmeasured } from "../testing/unmeasured.ts";
import { attributesOf, type Write } from "../testing/attributes.ts";
import { SchemeTypes } from "../webhooks/object-types.ts";
import { MutatingPolicies } from "./mutating.ts";
import { mutatingPolicyRefs } from "./mutating-refs.ts";

const engine = createExpressions();
const scheme = createScheme(parseRuntimeConfig(["api/all=true"]));
const table = createTypeTable();
const semantics = new TableSemantics({
  scheme,
  table,
  json: new JsonDecoder(table),
  protobuf: new ProtobufCodec(table, scheme),
  parseYaml: (text) => JSON.parse(text) as unknown,
});
const types = new SchemeTypes({
  scheme,
  semantics,
  convert,
  custom: () => ({ resources: [], versionsOf: () => [], typesOf: () => undefined }),
  remote: () => [],
});
const refs = mutatingPolicyRefs(scheme);
assert.ok(refs !== undefined);
const { policies, bindings } = refs;

const ofDeployments: MutatingAdmissionPolicySpec["matchConstraints"] = {
  resourceRules: [
    { apiGroups: ["apps"], apiVersions: ["v1"], operations: ["*"], resources: ["deployments"] },
  ],
};

const ofReplicaSets: MutatingAdmissionPolicySpec["matchConstraints"] = {
  resourceRules: [
    { apiGroups: ["apps"], apiVersions: ["v1"], operations: ["*"], resources: ["replicasets"] },
  ],
};

const apply = (expression: string): Mutation => ({
  patchType: "ApplyConfiguration",
  applyConfiguration: { expression },
});
const patch = (expression: string): Mutation => ({ patchType: "JSONPatch", jsonPatch: { expression } });

interface Policy extends MutatingAdmissionPolicySpec {
  readonly name?: string;
  readonly binding?: Partial<MutatingAdmissionPolicyBindingSpec>;
}

const deployment = { ...deployments, kind: "Deployment" };
const named = { metadata: { name: "web", namespace: "ns" } };

/** As it is once it was read: with its defaults, and whatever follows from these. */
const read = (object: object): AnyObject => {
  const once = types.read(structuredClone({ ...named, ...object }) as AnyObject, deployment);
  return types.read(once, deployment);
};

const authorizer: Authorizer = {
  authorize: ({ verb }) => Promise.resolve({ allowed: verb === "get", denied: false, reason: "" }),
  rulesFor: () => assert.fail("nobody asks for rules"),
};

interface Setup {
  readonly registry?: Registry;
  readonly specs: readonly Policy[];
  readonly object?: object;
  readonly write?: Write;
  readonly others?: readonly AdmissionPlugin[];
  readonly params?: readonly ConfigMap[];
}

async function admitted({
  specs,
  object = {},
  write = {},
  others = [],
  params = [],
  registry,
}: Setup): Promise<AnyObject> {
  const api = new MemoryApi();
  api.seed(namespaces, { metadata: { name: "ns", labels: { env: "test" } } });
  for (const each of params) api.seed(configMaps, each);
  for (const { name = "p", binding, ...spec } of specs) {
    api.seed(policies, {
      metadata: { name },
      spec: { failurePolicy: "Fail", reinvocationPolicy: "Never", matchConstraints: ofDeployments, ...spec },
    });
    api.seed(bindings, { metadata: { name: `${name}-binding` }, spec: { policyName: name, ...binding } });
  }
  const plugin = new MutatingPolicies(
    { policies, bindings },
    {
      client: api,
      informers: api,
      ...unmeasured(registry),
      authorizer,
      loadExpressions: () => Promise.resolve(engine),
      types,
    },
  );
  const written = read(object);
  await new AdmissionChain([...others.slice(0, 1), plugin, ...others.slice(1)], unmeasured()).admit(
    attributesOf(deployments, { object: written, ...write }),
  );
  return written;
}

async function refusalOf(setup: Setup): Promise<StatusError> {
  try {
    await admitted(setup);
  } catch (error) {
    if (error instanceof StatusError) return error;
    throw error;
  }
  return assert.fail("it was admitted");
}

const template = (spec: object, metadata: object = {}): object => ({
  spec: { template: { spec, metadata } },
});
const containers = (...all: object[]): object => template({ containers: all });
const labels = (all: Record<string, string>, more: object = {}): object => ({
  metadata: { ...named.metadata, labels: all },
  ...more,
});
const replicas = (count: number): object => ({ spec: { replicas: count } });
const [a, b, c] = ["a", "b", "c"].map((name) => ({ name }));
assert.ok(a !== undefined && b !== undefined && c !== undefined);

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

const count = (name: string): Mutation =>
  apply(`Object{metadata: Object.metadata{annotations: {
    "${name}": string(int(object.metadata.?annotations.${name}.orValue("0")) + 1)}}}`);

const once = (name: string): Mutation => apply(`Object{metadata: Object.metadata{labels: {"${name}": "x"}}}`);

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

suite("what leaves an object alone", () => {
  const mutations = [apply("Object{spec: Object.spec{replicas: 9}}")];
  const alone: readonly (readonly [name: string, policy: Policy, write?: Write])[] = [
    ["a condition", { mutations, matchConditions: [{ name: "c", expression: "object.spec.replicas > 5" }] }],
    ["another resource", { mutations, matchConstraints: ofReplicaSets }],
    [
      "the binding's namespaces",
      { mutations, binding: { matchResources: { namespaceSelector: { matchLabels: { env: "other" } } } } },
    ],
    [
      "parameters that may be missing",
      {
        mutations,
        paramKind: { apiVersion: "v1", kind: "ConfigMap" },
        binding: { paramRef: { name: "none", parameterNotFoundAction: "Allow" } },
      },
    ],
    ["nothing left", { mutations }, { operation: "DELETE", object: undefined, oldObject: read(replicas(1)) }],
    ["a fault that may be", { failurePolicy: "Ignore", mutations: [apply("Object{spec: Object.x{}}")] }],
  ];
  for (const [name, policy, write] of alone) {
    test(name, async () => {
      const setup = { specs: [policy], object: replicas(1), ...(write === undefined ? {} : { write }) };
      assert.deepEqual(await admitted(setup), read(replicas(1)));
    });
  }
});

suite("what is refused", () => {
  const denied = "policy 'p' with binding 'p-binding' denied request: ";
  const faults: readonly (readonly [name: string, policy: Policy, message: string])[] = [
    [
      "a change of what is one value",
      {
        mutations: [
          apply('Object{spec: Object.spec{selector: Object.spec.selector{matchLabels: {"l": "v"}}}}'),
        ],
      },
      `${denied}error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: .spec.selector`,
    ],
    [
      "an object at another place than it says",
      { mutations: [apply("Object{spec: Object.specx{replicas: 1}}")] },
      `${denied}type mismatch: unexpected type name "Object.specx", expected "Object.spec", which matches field name path from root Object type`,
    ],
    [
      "an unknown field",
      { mutations: [apply("Object{spec: Object.spec{replicasx: 1}}")] },
      `${denied}error applying patch: failed to convert patch object to typed object: .spec.replicasx: field not declared in schema`,
    ],
    [
      "no object",
      { mutations: [apply('"I\'m a teapot!"')] },
      `${denied}must evaluate to Object but got string`,
    ],
    [
      "a part of an object",
      { mutations: [apply("Object.spec.metadata{}")] },
      `${denied}must evaluate to Object but got Object.spec.metadata`,
    ],
    [
      "no patches",
      { mutations: [patch("{}")] },
      `${denied}must evaluate to list(JSONPatch) but got map(dyn, dyn)`,
    ],
    [
      "a place that isn't there",
      {
        mutations: [
          patch('[JSONPatch{op: "replace", path: "/spec/template/spec/containers/-", value: {"name": "x"}}]'),
        ],
      },
      `${denied}JSONPath: replace operation does not apply: doc is missing key: /spec/template/spec/containers/-: missing value`,
    ],
    [
      "an object at another place in a patch",
      {
        mutations: [
          patch(
            '[JSONPatch{op: "add", path: "/spec", value: Object.spec{template: Object.spec.templateZ{}}}]',
          ),
        ],
      },
      `${denied}type mismatch: unexpected type name "Object.spec.templateZ", expected "Object.spec.template", which matches field name path from root Object type`,
    ],
    [
      "an expression that fails",
      { mutations: [apply("Object{spec: Object.spec{replicas: object.spec.missing}}")] },
      `${denied}expression 'Object{spec: Object.spec{replicas: object.spec.missing}}' resulted in error: no such key: missing`,
    ],
    [
      "a condition that fails",
      { matchConditions: [{ name: "c", expression: "object.x.y == 1" }], mutations: [apply("Object{}")] },
      `${denied}expression 'object.x.y == 1' resulted in error: no such key: x`,
    ],
    [
      "parameters that must be there",
      {
        paramKind: { apiVersion: "v1", kind: "ConfigMap" },
        binding: { paramRef: { name: "none", parameterNotFoundAction: "Deny" } },
        mutations: [apply("Object{}")],
      },
      `${denied}failed to configure binding: no params found for policy binding with \`Deny\` parameterNotFoundAction`,
    ],
  ];
  for (const [name, policy, message] of faults) {
    test(name, async () => {
      const { status, code } = await refusalOf({ specs: [policy], object: containers(a) });
      assert.equal(status.message, message);
      assert.equal(code, 403);
      const isConfiguration = message.includes("failed to configure");
      assert.equal(status.reason, isConfiguration ? "Forbidden" : "Invalid");
      assert.deepEqual(status.details, {
        group: "apps",
        kind: "deployments",
        name: "web",
        causes: [{ message }],
      });
    });
  }

  test("an unknown field in a patch, whatever the failure policy is", async () => {
    const mutations = [patch('[JSONPatch{op: "add", path: "/spec/replicasx", value: 1}]')];
    const { status, code } = await refusalOf({ specs: [{ failurePolicy: "Ignore", mutations }] });
    assert.equal(
      status.message,
      'Internal error occurred: strict decoding error: unknown field "spec.replicasx"',
    );
    assert.equal(code, 500);
  });
});

suite("a second time", () => {
  test("who is willing is asked again when another one changed the object, once", async () => {
    const specs = [
      { name: "a", reinvocationPolicy: "IfNeeded", mutations: [count("a")] },
      { name: "b", mutations: [count("b")] },
    ];
    assert.deepEqual((await admitted({ specs })).metadata?.annotations, { a: "2", b: "1" });
  });

  test("nobody is when nothing changed after him", async () => {
    const specs = [
      { name: "a", mutations: [once("a")] },
      { name: "b", reinvocationPolicy: "IfNeeded", mutations: [count("b")] },
    ];
    assert.deepEqual((await admitted({ specs })).metadata?.annotations, { b: "1" });
  });

  test("a plugin that changes the object in the second round has all the willing asked", async () => {
    const seen: string[] = [];
    const first: AdmissionPlugin = {
      name: "First",
      handles: () => true,
      admit: ({ object }, round) => {
        seen.push(round.isSecond ? "second" : "first");
        if (round.isSecond && object?.metadata !== undefined) object.metadata.labels = { late: "x" };
        return Promise.resolve();
      },
    };
    const specs = [{ name: "a", reinvocationPolicy: "IfNeeded", mutations: [count("a")] }];
    const { metadata } = await admitted({ specs, others: [first] });
    assert.deepEqual(seen, ["first", "second"]);
    assert.deepEqual(metadata?.annotations, { a: "2" });
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
