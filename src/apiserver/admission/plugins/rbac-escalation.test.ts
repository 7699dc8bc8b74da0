import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { ClusterRole, RoleBinding } from "#api/generated/types/rbac-v1.ts";
import type { KubeObject } from "#api/meta/object.ts";
import { clusterRoles, configMaps, roleBindings, roles } from "#api/resources.ts";
import { EscalationGuard } from "#apiserver/authz/escalation.ts";
import { RbacAuthorizer } from "#apiserver/authz/rbac.ts";
import { MemoryRoleReader } from "#apiserver/authz/role-reader.ts";
import { refusal } from "#apiserver/authz/testing/memory-api.ts";
import type { AdmissionAttributes } from "../admission.ts";
import { attributesOf, faultOf, run } from "../testing/attributes.ts";
import { RbacEscalation } from "./rbac-escalation.ts";

const reader = new MemoryRoleReader({});
const guard = new EscalationGuard({ reader, authorizer: new RbacAuthorizer(reader) });
const role: ClusterRole = {
  metadata: { namespace: "a", name: "reader" },
  rules: [{ verbs: ["get"], apiGroups: [""], resources: ["secrets"] }],
};
const aggregating: ClusterRole = {
  metadata: { name: "sum" },
  aggregationRule: { clusterRoleSelectors: [{ matchLabels: { x: "y" } }] },
};
const unbindable: KubeObject & Pick<RoleBinding, "roleRef"> = {
  metadata: { namespace: "a", name: "b" },
  roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "X", name: "x" },
};
const binding: RoleBinding = {
  metadata: { namespace: "a", name: "b" },
  roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "gone" },
};

suite("RbacEscalation", () => {
  const missing =
    'user "alice" (groups=[]) is attempting to grant RBAC permissions not currently held:\n' +
    '{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}';
  const owned = { ...role, metadata: { ...role.metadata, finalizers: ["x"] } };
  const cases: [string, AdmissionAttributes, number, string][] = [
    [
      "powers not held",
      attributesOf(roles, { object: role }),
      403,
      `roles.rbac.authorization.k8s.io "reader" is forbidden: ${missing}`,
    ],
    [
      "by masters",
      attributesOf(roles, { object: role, user: { name: "root", groups: ["system:masters"] } }),
      0,
      "",
    ],
    ["finalizers only", attributesOf(roles, { operation: "UPDATE", object: role, oldObject: owned }), 0, ""],
    [
      "no longer aggregating",
      attributesOf(clusterRoles, {
        operation: "UPDATE",
        object: { metadata: { name: "sum" } },
        oldObject: aggregating,
      }),
      403,
      'clusterroles.rbac.authorization.k8s.io "sum" is forbidden: must have cluster-admin privileges to use the aggregationRule',
    ],
    [
      "binding what isn't there",
      attributesOf(roleBindings, { object: binding }),
      404,
      'clusterrole.rbac.authorization.k8s.io "gone" not found',
    ],
    [
      "binding what can't be bound",
      attributesOf(roleBindings, { object: unbindable }),
      500,
      'unsupported role reference kind: "X"',
    ],
    [
      "powers not held, for a name that isn't made up yet",
      attributesOf(roles, { object: { ...role, metadata: { namespace: "a", generateName: "g-" } } }),
      403,
      `roles.rbac.authorization.k8s.io is forbidden: ${missing}`,
    ],
    ["anything else", attributesOf(configMaps, { object: { metadata: { name: "x" } } }), 0, ""],
  ];
  for (const [name, attributes, code, message] of cases) {
    test(name, async () => {
      assert.deepEqual(await refusal(() => run(new RbacEscalation({ guard }), attributes)), {
        code,
        message,
      });
    });
  }
});

test("who may escalate a role of one name may do so by that name only: a POST has none", async () => {
  const escalators = new MemoryRoleReader({
    clusterRoles: [
      {
        metadata: { name: "e" },
        rules: [
          {
            verbs: ["escalate"],
            apiGroups: ["rbac.authorization.k8s.io"],
            resources: ["roles"],
            resourceNames: ["reader"],
          },
        ],
      },
    ],
    clusterRoleBindings: [
      {
        metadata: { name: "e" },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "e" },
        subjects: [{ kind: "User", name: "alice" }],
      },
    ],
  });
  const own = new EscalationGuard({ reader: escalators, authorizer: new RbacAuthorizer(escalators) });
  const attributes = attributesOf(roles, { object: role });
  const plugin = new RbacEscalation({ guard: own });
  assert.match((await faultOf(plugin, { ...attributes, urlName: "" })) ?? "", /attempting to grant/);
  assert.equal(await faultOf(plugin, { ...attributes, urlName: "reader" }), undefined);
});
