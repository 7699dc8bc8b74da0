/** Who may write policies with parameters. Re-expressed from pkg/registry/admissionregistration/*\/authz_test.go. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { ParamRef } from "#api/generated/types/admissionregistration-v1.ts";
import type { KubeObject } from "#api/meta/object.ts";
import type { ResourceRef } from "#api/resource-ref.ts";
import { validatingAdmissionPolicies, validatingAdmissionPolicyBindings } from "#api/resources.ts";
import { parseRuntimeConfig } from "#api/runtime-config.ts";
import { createScheme } from "#api/scheme.ts";
import { MemoryApi } from "#apiserver/authz/testing/memory-api.ts";
import { attributesOf, faultOf, type Write } from "../testing/attributes.ts";
import { mutatingPolicyRefs } from "./mutating-refs.ts";
import { ParamRights } from "./param-rights.ts";

const alice = {
  name: "alice",
  groups: ["ops", "system:authenticated"],
  extra: { b: ["2"], a: ["1", "x"] },
};
const mutatingPolicies = mutatingPolicyRefs(createScheme(parseRuntimeConfig(["api/all=true"])));
const maps = { apiVersion: "v1", kind: "ConfigMap" };
const policy = (name: string, paramKind?: object): KubeObject =>
  ({ metadata: { name }, spec: { paramKind } }) as KubeObject;
const binding = (policyName: string, paramRef?: ParamRef): KubeObject =>
  ({ metadata: { name: "b" }, spec: { policyName, paramRef } }) as KubeObject;

/** "get core/configmaps far/one": what she may do. */
async function faultFor(
  ref: ResourceRef,
  kind: string,
  write: Write,
  ...rights: readonly string[]
): Promise<readonly [fault: string | undefined, asked: readonly string[]]> {
  const api = new MemoryApi();
  const stored = [policy("maps", maps), policy("gone", { apiVersion: "x.y/v1", kind: "Gone" })];
  api.seed<KubeObject>(validatingAdmissionPolicies, ...stored);
  api.seed<KubeObject>(mutatingPolicies?.policies ?? ref, ...stored);
  const asked: string[] = [];
  const plugin = new ParamRights({
    informers: api,
    client: api,
    mutatingPolicies,
    types: {
      resourceOf: (gvk) =>
        gvk.kind === "ConfigMap" ? { resource: "configmaps", namespaced: true } : undefined,
    },
    authorizer: {
      authorize: ({ verb, group, version, resource, namespace, name }) => {
        const wanted = `${verb} ${group}/${version}/${resource} ${namespace}/${name}`;
        asked.push(wanted);
        return { allowed: rights.includes(wanted), denied: false, reason: "" };
      },
    },
  });
  const attributes = { ...attributesOf(ref, { user: alice, ...write }), gvk: { ...ref, kind } };
  const fault = await faultOf(plugin, attributes);
  return [fault?.replace(/^.* is invalid: /, ""), asked];
}

type Answer = Promise<readonly [fault: string | undefined, asked: readonly string[]]>;
const policies = (write: Write, ...rights: readonly string[]): Answer =>
  faultFor(validatingAdmissionPolicies, "ValidatingAdmissionPolicy", write, ...rights);
const bindings = (write: Write, ...rights: readonly string[]): Answer =>
  faultFor(validatingAdmissionPolicyBindings, "ValidatingAdmissionPolicyBinding", write, ...rights);

const who = "user &{alice  [ops system:authenticated] map[a:[1 x] b:[2]]}";
const all = "permission for all groups, versions and resources";
const needed = `to determine minimum required permissions and ${who} does not have "get" ${all}`;

suite("parameters of policies as they are written", () => {
  const get = "get /v1/configmaps */*";
  const denied = `spec.paramKind: Forbidden: ${who} must have "get" permission on all objects of the referenced paramKind (kind=ConfigMap, apiVersion=v1)`;

  test("their kind may be named by who can read all of them", async () => {
    assert.deepEqual(await policies({ object: policy("p", maps) }), [denied, [get]]);
    assert.deepEqual(await policies({ object: policy("p", maps) }, get), [undefined, [get]]);
    assert.deepEqual(await policies({ object: policy("p") }), [undefined, []]);
    const root = { name: "root", groups: ["system:masters"] };
    assert.deepEqual(await policies({ object: policy("p", maps), user: root }), [undefined, []]);
    const [, asked] = await policies({ object: policy("p", { apiVersion: "x.y/v1", kind: "Gone" }) });
    assert.deepEqual(asked, ["get x.y/v1/* */*"]);
  });

  test("what stays isn't asked about again", async () => {
    const update = { operation: "UPDATE" as const, object: policy("p", maps) };
    assert.deepEqual(await policies({ ...update, oldObject: policy("p", maps) }), [undefined, []]);
    assert.deepEqual(await policies({ ...update, oldObject: policy("p") }), [denied, [get]]);
  });
});

suite("parameters of bindings as they are written", () => {
  const one = { name: "one", namespace: "far" };
  const onObject = "permission on the object referenced by paramRef";
  const cases: readonly (readonly [name: string, object: KubeObject, fault: string, asked: string])[] = [
    [
      "one by its name",
      binding("maps", one),
      `${who} does not have "get" ${onObject}`,
      "get /v1/configmaps far/one",
    ],
    [
      "many by their labels",
      binding("maps", { selector: {} }),
      `${who} does not have "list" ${onObject}`,
      "list /v1/configmaps /",
    ],
    [
      "of a policy that isn't there",
      binding("none", one),
      `unable to get policy none ${needed}`,
      "get */*/* far/one",
    ],
    [
      "of a kind that isn't there",
      binding("gone", one),
      `unable to resolve paramKind &{x.y/v1 Gone} ${needed}`,
      "get x.y/v1/* far/one",
    ],
  ];
  for (const [name, object, fault, asked] of cases) {
    test(name, async () => {
      assert.deepEqual(await bindings({ object }), [`spec.paramRef: Forbidden: ${fault}`, [asked]]);
      assert.deepEqual(await bindings({ object }, asked), [undefined, [asked]]);
    });
  }

  test("are asked about on every update, and never without", async () => {
    const update = { operation: "UPDATE" as const, object: binding("maps", one) };
    assert.deepEqual(await bindings({ object: binding("maps") }), [undefined, []]);
    const fault = `spec.paramRef: Forbidden: ${who} does not have "get" ${onObject}`;
    for (const policyName of ["maps", "other"]) {
      const answer = await bindings({ ...update, oldObject: binding(policyName, one) });
      assert.deepEqual(answer, [fault, ["get /v1/configmaps far/one"]]);
    }
  });

  test("of mutating policies it is said with user and verb mixed up", async () => {
    const ref: ResourceRef = mutatingPolicies?.bindings ?? validatingAdmissionPolicyBindings;
    const write = { object: binding("maps", one) };
    assert.deepEqual(await faultFor(ref, "MutatingAdmissionPolicyBinding", write), [
      `spec.paramRef: Forbidden: user get does not have "${who.slice("user ".length)}" ${onObject}`,
      ["get /v1/configmaps far/one"],
    ]);
  });
});
