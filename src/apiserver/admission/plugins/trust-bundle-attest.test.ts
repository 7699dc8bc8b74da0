import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClusterTrustBundle } from "#api/generated/types/certificates-v1beta1.ts";
import { clusterTrustBundles, pods } from "#api/resources.ts";
import { RbacAuthorizer } from "#apiserver/authz/rbac.ts";
import { MemoryRoleReader } from "#apiserver/authz/role-reader.ts";
import { refusal } from "#apiserver/authz/testing/memory-api.ts";
import { clusterBinding, clusterRole, rule, user } from "#apiserver/bootstrap/policy/rule.ts";
import type { AdmissionAttributes } from "../admission.ts";
import { attributesOf, run } from "../testing/attributes.ts";
import { ClusterTrustBundleAttest } from "./trust-bundle-attest.ts";

const plugin = new ClusterTrustBundleAttest({
  authorizer: new RbacAuthorizer(
    new MemoryRoleReader({
      clusterRoles: [clusterRole("a", [rule("attest", "certificates.k8s.io", "signers", "example.com/*")])],
      clusterRoleBindings: [clusterBinding("a", [user("attestor")])],
    }),
  ),
});
const bundle = (signerName: string, trustBundle: string, metadata: object = {}): ClusterTrustBundle => ({
  metadata: { name: "b", ...metadata },
  spec: { signerName, trustBundle },
});
const create = (name: string, object: ClusterTrustBundle): AdmissionAttributes =>
  attributesOf(clusterTrustBundles, { operation: "CREATE", user: { name, groups: [] }, object });
const update = (
  name: string,
  object: ClusterTrustBundle,
  oldObject: ClusterTrustBundle,
): AdmissionAttributes =>
  attributesOf(clusterTrustBundles, { operation: "UPDATE", user: { name, groups: [] }, object, oldObject });
const signer = "example.com/own";
const refused =
  'clustertrustbundles.certificates.k8s.io "b" is forbidden: user not permitted to attest for signerName "example.com/own"';

const cases: [string, AdmissionAttributes, string][] = [
  ["with the signer's consent", create("attestor", bundle(signer, "x")), ""],
  ["not without", create("jane", bundle(signer, "x")), refused],
  ["without a signer it is anybody's", create("jane", bundle("", "x")), ""],
  ["changed without consent", update("jane", bundle(signer, "y"), bundle(signer, "x")), refused],
  [
    "a finalizer that goes",
    update("jane", bundle(signer, "x"), bundle(signer, "x", { finalizers: ["a.b/c"] })),
    "",
  ],
  [
    "a label is more than that",
    update("jane", bundle(signer, "x", { labels: { a: "b" } }), bundle(signer, "x")),
    refused,
  ],
  ["others aren't looked at", attributesOf(pods, { object: { metadata: { name: "x" } } }), ""],
];
for (const [name, attributes, message] of cases) {
  test(`trust bundles: ${name}`, async () => {
    assert.equal((await refusal(() => run(plugin, attributes))).message, message);
  });
}
