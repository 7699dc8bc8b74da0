/** What mutating policies leave alone, and what is refused because of them. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Write } from "../testing/attributes.ts";
import {
  ofReplicaSets,
  apply,
  patch,
  type Policy,
  read,
  admitted,
  refusalOf,
  containers,
  replicas,
  a,
} from "./testing/mutating-world.ts";

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
