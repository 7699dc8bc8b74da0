import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { AnyObject, OwnerReference } from "#api/meta/object.ts";
import { configMaps, pods } from "#api/resources.ts";
import type { Attributes, Decision } from "#apiserver/authz/authorizer.ts";
import { attributesOf, faultOf, type Write } from "../testing/attributes.ts";
import { OwnerReferencesPermissionEnforcement } from "./owner-references.ts";

const owner = (kind: string, blockOwnerDeletion?: boolean): OwnerReference => ({
  apiVersion: "v1",
  kind,
  name: "o",
  uid: "u",
  ...(blockOwnerDeletion === undefined ? {} : { blockOwnerDeletion }),
});
const owned = (...ownerReferences: OwnerReference[]): AnyObject => ({
  metadata: { name: "p", namespace: "ns", ownerReferences },
});
const served = new Map<string, { readonly resource: string; readonly namespaced: boolean }>([
  ["Pod", { resource: "pods", namespaced: true }],
  ["Node", { resource: "nodes", namespaced: false }],
]);
/** Allows what is named, and keeps what it was asked. */
const fault = async (
  write: Write,
  allowed: readonly string[],
  asked: string[] = [],
): Promise<string | undefined> => {
  const authorize = ({ verb, resource, subresource, namespace, name }: Attributes): Decision => {
    const text = `${verb} ${resource}/${subresource} ${namespace}/${name}`;
    asked.push(text);
    return { allowed: allowed.includes(text), denied: false, reason: "" };
  };
  const plugin = new OwnerReferencesPermissionEnforcement({
    authorizer: { authorize, rulesFor: () => Promise.reject(new Error("not asked")) },
    types: { resourceOf: ({ kind }) => served.get(kind) },
  });
  return faultOf(plugin, attributesOf(configMaps, write));
};
suite("OwnerReferencesPermissionEnforcement", () => {
  const cantDelete =
    'configmaps "p" is forbidden: cannot set an ownerRef on a resource you can\'t delete: , <nil>';
  const cantBlock =
    'configmaps "p" is forbidden: cannot set blockOwnerDeletion if an ownerReference refers to a resource you can\'t set finalizers on: , <nil>';

  const cases: [string, Write, readonly string[], string | undefined][] = [
    ["a new object may name owners", { object: owned(owner("Pod")) }, [], undefined],
    ["but not hold them up", { object: owned(owner("Pod", true)) }, [], cantBlock],
    [
      "unless it may write their finalizers",
      { object: owned(owner("Pod", true)) },
      ["update pods/finalizers ns/o"],
      undefined,
    ],
    [
      "which have no namespace when they have none",
      { object: owned(owner("Node", true)) },
      ["update nodes/finalizers /o"],
      undefined,
    ],
    [
      "a kind that isn't served",
      { object: owned(owner("Foo", true)) },
      [],
      'configmaps "p" is forbidden: cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion v1 Kind Foo: no matches for kind "Foo" in version "v1"',
    ],
    [
      "another owner of an old object",
      { operation: "UPDATE", object: owned(owner("Pod")), oldObject: owned() },
      [],
      cantDelete,
    ],
    [
      "the same owners",
      { operation: "UPDATE", object: owned(owner("Pod", true)), oldObject: owned(owner("Pod", true)) },
      [],
      undefined,
    ],
    [
      "an owner that is held up from now on",
      { operation: "UPDATE", object: owned(owner("Pod", true)), oldObject: owned(owner("Pod")) },
      ["delete configmaps/ ns/p"],
      cantBlock,
    ],
  ];
  for (const [name, write, allowed, expected] of cases) {
    test(name, async () => {
      assert.equal(await fault(write, allowed), expected);
    });
  }

  test("a pod's status isn't asked about", async () => {
    const plugin = new OwnerReferencesPermissionEnforcement({
      authorizer: {
        authorize: () => ({ allowed: false, denied: true, reason: "" }),
        rulesFor: () => Promise.reject(new Error("not asked")),
      },
      types: { resourceOf: () => undefined },
    });
    const write: Write = {
      operation: "UPDATE",
      subresource: "status",
      object: owned(),
      oldObject: owned(owner("Pod")),
    };
    assert.equal(await faultOf(plugin, attributesOf(pods, write)), undefined);
  });
});
