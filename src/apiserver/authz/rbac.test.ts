import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { PolicyRule } from "#api/generated/types/rbac-v1.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import type { Attributes } from "./authorizer.ts";
import { forbidden } from "./forbidden.ts";
import { RbacAuthorizer } from "./rbac.ts";
import { MemoryRoleReader } from "./role-reader.ts";
import { ruleAllows } from "./rules.ts";
import { PrivilegedGroupAuthorizer, UnionAuthorizer } from "./union.ts";

const alice: UserInfo = { name: "alice", groups: ["dev", "system:authenticated"] };

function attributes(verb: string, target: string, more: Partial<Attributes> = {}): Attributes {
  const [path = "", subresource = ""] = target.split("/");
  const [resource = "", ...group] = path.split(".");
  return {
    user: alice,
    verb,
    isResourceRequest: true,
    path: "",
    group: group.join("."),
    version: "v1",
    resource,
    subresource,
    namespace: "",
    name: "",
    ...more,
  };
}

const url = (verb: string, path: string): Attributes =>
  attributes(verb, "", { isResourceRequest: false, path });

suite("what a rule allows", () => {
  const podReader: PolicyRule = { verbs: ["get", "list"], apiGroups: [""], resources: ["pods", "pods/log"] };
  const cases: [string, PolicyRule, Attributes, boolean][] = [
    ["its verb and resource", podReader, attributes("get", "pods"), true],
    ["no other verb", podReader, attributes("watch", "pods"), false],
    ["no other group", podReader, attributes("get", "pods.apps"), false],
    ["its subresource", podReader, attributes("get", "pods/log"), true],
    ["no other subresource", podReader, attributes("get", "pods/exec"), false],
    [
      "everything by stars",
      { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
      attributes("x", "a.b/c"),
      true,
    ],
    [
      "a subresource of all resources",
      { verbs: ["update"], apiGroups: ["*"], resources: ["*/scale"] },
      attributes("update", "deployments.apps/scale"),
      true,
    ],
    [
      "not the resource by the star of its subresource",
      { verbs: ["update"], apiGroups: ["*"], resources: ["*/scale"] },
      attributes("update", "deployments.apps"),
      false,
    ],
    [
      "no subresources by pods/*, which is no pattern",
      { verbs: ["get"], apiGroups: [""], resources: ["pods/*"] },
      attributes("get", "pods/log"),
      false,
    ],
    [
      "only named objects",
      { verbs: ["get"], apiGroups: [""], resources: ["pods"], resourceNames: ["a"] },
      attributes("get", "pods", { name: "b" }),
      false,
    ],
    [
      "a named object",
      { verbs: ["get"], apiGroups: [""], resources: ["pods"], resourceNames: ["a"] },
      attributes("get", "pods", { name: "a" }),
      true,
    ],
    [
      "no list by names",
      { verbs: ["list"], apiGroups: [""], resources: ["pods"], resourceNames: ["a"] },
      attributes("list", "pods"),
      false,
    ],
    ["an exact URL", { verbs: ["get"], nonResourceURLs: ["/healthz"] }, url("get", "/healthz"), true],
    ["no URL below", { verbs: ["get"], nonResourceURLs: ["/healthz"] }, url("get", "/healthz/etcd"), false],
    [
      "URLs by a trailing star",
      { verbs: ["get"], nonResourceURLs: ["/apis/*"] },
      url("get", "/apis/apps"),
      true,
    ],
    ["no URL above the star", { verbs: ["get"], nonResourceURLs: ["/apis/*"] }, url("get", "/apis"), false],
    ["no URL by resources", { verbs: ["*"], apiGroups: ["*"], resources: ["*"] }, url("get", "/x"), false],
    ["no resource by URLs", { verbs: ["*"], nonResourceURLs: ["*"] }, attributes("get", "pods"), false],
  ];
  for (const [name, rule, asked, expected] of cases) {
    test(name, () => {
      assert.equal(ruleAllows(rule, asked), expected);
    });
  }
});

const robot = (namespace: string): UserInfo => ({
  name: `system:serviceaccount:${namespace}:robot`,
  groups: [],
});

suite("RBAC", () => {
  const view: PolicyRule = { verbs: ["get"], apiGroups: [""], resources: ["pods"] };
  const reader = new MemoryRoleReader({
    clusterRoles: [
      { metadata: { name: "nodes" }, rules: [{ verbs: ["get"], apiGroups: [""], resources: ["nodes"] }] },
      { metadata: { name: "view" }, rules: [view] },
    ],
    roles: [
      {
        metadata: { namespace: "a", name: "secrets" },
        rules: [{ verbs: ["get"], apiGroups: [""], resources: ["secrets"] }],
      },
    ],
    clusterRoleBindings: [
      {
        metadata: { name: "devs" },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "nodes" },
        subjects: [{ kind: "Group", name: "dev" }],
      },
    ],
    roleBindings: [
      {
        metadata: { namespace: "a", name: "viewers" },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" },
        subjects: [
          { kind: "User", name: "alice" },
          { kind: "ServiceAccount", name: "robot" },
        ],
      },
      {
        metadata: { namespace: "a", name: "secrets" },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "secrets" },
        subjects: [{ kind: "ServiceAccount", name: "robot", namespace: "b" }],
      },
      {
        metadata: { namespace: "c", name: "dangling" },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "gone" },
        subjects: [{ kind: "User", name: "alice" }],
      },
    ],
  });
  const rbac = new RbacAuthorizer(reader);

  const cases: [string, Attributes, boolean, string][] = [
    [
      "a group's cluster binding",
      attributes("get", "nodes"),
      true,
      'RBAC: allowed by ClusterRoleBinding "devs" of ClusterRole "nodes" to Group "dev"',
    ],
    [
      "a user's binding in its namespace",
      attributes("get", "pods", { namespace: "a" }),
      true,
      'RBAC: allowed by RoleBinding "viewers/a" of ClusterRole "view" to User "alice"',
    ],
    ["nothing in another namespace", attributes("get", "pods", { namespace: "b" }), false, ""],
    ["nothing at the cluster scope", attributes("get", "pods"), false, ""],
    [
      "an account of the binding's own namespace",
      attributes("get", "pods", { namespace: "a", user: robot("a") }),
      true,
      'RBAC: allowed by RoleBinding "viewers/a" of ClusterRole "view" to ServiceAccount "robot/a"',
    ],
    [
      "an account of another namespace",
      attributes("get", "secrets", { namespace: "a", user: robot("b") }),
      true,
      'RBAC: allowed by RoleBinding "secrets/a" of Role "secrets" to ServiceAccount "robot/b"',
    ],
    [
      "a role that is gone is said",
      attributes("get", "pods", { namespace: "c" }),
      false,
      'RBAC: role.rbac.authorization.k8s.io "gone" not found',
    ],
    [
      "a name with line feeds is nobody else",
      attributes("get", "nodes", { user: { name: "alice\ndev", groups: [] } }),
      false,
      "",
    ],
  ];
  for (const [name, asked, allowed, reason] of cases) {
    test(name, () => {
      assert.deepEqual(rbac.authorize(asked), { allowed, denied: false, reason });
    });
  }

  test("rulesFor tells all rules of a user, and what is missing", async () => {
    assert.deepEqual(await rbac.rulesFor(alice, "c"), {
      resourceRules: [{ verbs: ["get"], apiGroups: [""], resources: ["nodes"] }],
      nonResourceRules: [],
      incomplete: true,
      evaluationError: 'role.rbac.authorization.k8s.io "gone" not found',
    });
  });

  test("a change of roles counts at once", () => {
    const changing = new MemoryRoleReader({});
    const authorizer = new RbacAuthorizer(changing);
    assert.equal(authorizer.authorize(attributes("get", "nodes")).allowed, false);
    changing.replace({
      clusterRoles: reader.clusterRoles(),
      clusterRoleBindings: reader.clusterRoleBindings(),
    });
    assert.equal(authorizer.authorize(attributes("get", "nodes")).allowed, true);
  });
});

suite("the union of authorizers", () => {
  const late = {
    authorize: () => Promise.resolve({ allowed: false, denied: false, reason: "late" }),
    rulesFor: () =>
      Promise.resolve({ resourceRules: [], nonResourceRules: [], incomplete: true, evaluationError: "x" }),
  };
  const denying = {
    authorize: () => ({ allowed: false, denied: true, reason: "no" }),
    rulesFor: late.rulesFor,
  };
  const masters = new PrivilegedGroupAuthorizer();

  test("masters may do everything", () => {
    const union = new UnionAuthorizer([masters, denying]);
    const user = { name: "root", groups: ["system:masters"] };
    assert.deepEqual(union.authorize(attributes("x", "y", { user })), {
      allowed: true,
      denied: false,
      reason: "",
    });
  });

  test("reasons without an opinion add up, a denial ends the asking", async () => {
    const asked = attributes("x", "y");
    const first = await new UnionAuthorizer([masters, late, late]).authorize(asked);
    assert.deepEqual(first, { allowed: false, denied: false, reason: "late\nlate" });
    const second = await new UnionAuthorizer([late, denying, masters]).authorize(asked);
    assert.deepEqual(second, { allowed: false, denied: true, reason: "no" });
  });

  test("rules are put together", async () => {
    const rules = await new UnionAuthorizer([masters, late]).rulesFor(alice, "a");
    assert.deepEqual(rules, {
      resourceRules: [],
      nonResourceRules: [],
      incomplete: true,
      evaluationError: "x",
    });
  });
});

suite("the wording of refusals", () => {
  const cases: [string, Attributes, string, string][] = [
    [
      "in a namespace",
      attributes("list", "pods", { namespace: "y" }),
      "",
      'pods is forbidden: User "alice" cannot list resource "pods" in API group "" in the namespace "y"',
    ],
    [
      "of a named object's subresource in a group",
      attributes("update", "deployments.apps/scale", { namespace: "y", name: "web" }),
      "",
      'deployments.apps "web" is forbidden: User "alice" cannot update resource "deployments/scale" in API group "apps" in the namespace "y"',
    ],
    [
      "at the cluster scope, with a reason",
      attributes("get", "nodes", { name: "n1" }),
      "because",
      'nodes "n1" is forbidden: User "alice" cannot get resource "nodes" in API group "" at the cluster scope: because',
    ],
    ["of a path", url("get", "/metrics"), "", 'forbidden: User "alice" cannot get path "/metrics"'],
  ];
  for (const [name, asked, reason, message] of cases) {
    test(name, () => {
      const { status } = forbidden(asked, reason);
      assert.equal(status.message, message);
      assert.equal(status.code, 403);
      assert.equal(status.reason, "Forbidden");
    });
  }
});

test("what is allowed in namespaces of any length isn't remembered", () => {
  let reads = 0;
  const reader = new MemoryRoleReader({});
  const counting = new Proxy(reader, {
    get: (target, key): unknown => {
      if (key === "clusterRoleBindings") reads += 1;
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const rbac = new RbacAuthorizer(counting);
  for (const [length, wanted] of [
    [10, 1],
    [100_000, 2],
  ] as const) {
    reads = 0;
    const namespace = "n".repeat(length);
    for (let time = 0; time < 2; time += 1) rbac.authorize(attributes("get", "pods", { namespace }));
    assert.equal(reads, wanted);
  }
});
