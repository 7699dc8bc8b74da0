import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { PolicyRule } from "#api/generated/types/rbac-v1.ts";
import { describeRules, missingRules } from "./covers.ts";
import { EscalationGuard, type PolicyObject } from "./escalation.ts";
import { RbacAuthorizer } from "./rbac.ts";
import { MemoryRoleReader } from "./role-reader.ts";
import { refusal } from "./testing/memory-api.ts";

const rule = (verbs: string, groups: string, resources: string, names?: string): PolicyRule => ({
  verbs: verbs.split(" "),
  apiGroups: groups.split(" "),
  resources: resources.split(" "),
  ...(names === undefined ? {} : { resourceNames: names.split(" ") }),
});

suite("rules held cover rules asked for", () => {
  const cases: [string, PolicyRule[], PolicyRule, string[]][] = [
    ["the same", [rule("get list", "", "pods")], rule("get", "", "pods"), []],
    ["by stars", [rule("*", "*", "*")], rule("get", "apps", "deployments/scale", "x"), []],
    [
      "put together from several",
      [rule("get", "", "pods"), rule("list", "", "pods")],
      rule("get list", "", "pods"),
      [],
    ],
    ["a subresource by star", [rule("get", "*", "*/scale")], rule("get", "apps", "deployments/scale"), []],
    ["a name by all", [rule("get", "", "pods")], rule("get", "", "pods", "a"), []],
    [
      "all not by a name",
      [rule("get", "", "pods", "a")],
      rule("get", "", "pods"),
      ['{APIGroups:[""], Resources:["pods"], Verbs:["get"]}'],
    ],
    [
      "another name not",
      [rule("get", "", "pods", "a")],
      rule("get", "", "pods", "a b"),
      ['{APIGroups:[""], Resources:["pods"], ResourceNames:["b"], Verbs:["get"]}'],
    ],
    [
      "several verbs missing are told together, resources apart",
      [rule("get", "", "pods")],
      rule("get list watch", "", "secrets pods"),
      [
        '{APIGroups:[""], Resources:["pods"], Verbs:["list" "watch"]}',
        '{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list" "watch"]}',
      ],
    ],
    [
      "a verb asked for twice is told twice",
      [],
      rule("get list get", "", "pods"),
      ['{APIGroups:[""], Resources:["pods"], Verbs:["get" "list" "get"]}'],
    ],
    [
      "URLs",
      [{ verbs: ["get"], nonResourceURLs: ["/apis/*"] }],
      { verbs: ["get"], nonResourceURLs: ["/apis/apps", "/metrics"] },
      ['{NonResourceURLs:["/metrics"], Verbs:["get"]}'],
    ],
  ];
  for (const [name, held, asked, missing] of cases) {
    test(name, () => {
      assert.deepEqual(describeRules(missingRules(held, [asked])), missing);
    });
  }
});

const user = (name: string, ...groups: string[]): { name: string; groups: string[] } => ({ name, groups });

suite("escalation", () => {
  const reader = new MemoryRoleReader({
    clusterRoles: [
      { metadata: { name: "pods" }, rules: [rule("get", "", "pods")] },
      { metadata: { name: "secrets" }, rules: [rule("get", "", "secrets")] },
      { metadata: { name: "escalator" }, rules: [rule("escalate", "rbac.authorization.k8s.io", "roles")] },
      {
        metadata: { name: "binder" },
        rules: [rule("bind", "rbac.authorization.k8s.io", "clusterroles", "secrets")],
      },
    ],
    clusterRoleBindings: ["pods", "escalator", "binder"].map((name) => ({
      metadata: { name },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name },
      subjects: [{ kind: "User", name: name === "pods" ? "alice" : name }],
    })),
  });
  const guard = new EscalationGuard({ reader, authorizer: new RbacAuthorizer(reader) });
  const role: PolicyObject = { resource: "roles", namespace: "a", name: "new" };
  const binding: PolicyObject = { resource: "rolebindings", namespace: "a", name: "new" };
  const missing =
    'user "alice" (groups=["dev" "ops"]) is attempting to grant RBAC permissions not currently held:\n' +
    '{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}';

  test("what one holds may be put into a role, what one lacks may not", async () => {
    const alice = user("alice", "dev", "ops");
    assert.equal(await guard.checkRole(alice, role, [rule("get", "", "pods")], false), undefined);
    assert.equal(await guard.checkRole(alice, role, [rule("get", "", "secrets")], false), missing);
  });

  test("masters and who may escalate put in anything", async () => {
    for (const who of [user("x", "system:masters"), user("escalator")]) {
      assert.equal(await guard.checkRole(who, role, [rule("get", "", "secrets")], true), undefined);
    }
  });

  test("an aggregating role needs all powers", async () => {
    const fault = await guard.checkRole(user("alice"), { ...role, resource: "clusterroles" }, [], true);
    assert.equal(fault, "must have cluster-admin privileges to use the aggregationRule");
  });

  test("binding needs the role's rules, or the verb bind", async () => {
    const ref = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "secrets" };
    assert.equal(await guard.checkBinding(user("alice", "dev", "ops"), binding, ref), missing);
    assert.equal(await guard.checkBinding(user("binder"), binding, ref), undefined);
    assert.equal(
      await guard.checkBinding(user("alice"), binding, {
        apiGroup: "rbac.authorization.k8s.io",
        kind: "ClusterRole",
        name: "pods",
      }),
      undefined,
    );
  });

  test("a role that isn't there can't be bound", async () => {
    const { code, message } = await refusal(() =>
      guard.checkBinding(user("alice"), binding, {
        apiGroup: "rbac.authorization.k8s.io",
        kind: "Role",
        name: "gone",
      }),
    );
    assert.deepEqual([code, message], [404, 'role.rbac.authorization.k8s.io "gone" not found']);
  });
});

const many = (letter: string): string[] => Array.from({ length: 1000 }, (_, index) => `${letter}${index}`);

test("rules that together have more parts than memory are held as wholes or not at all", () => {
  const asked = Array.from({ length: 3000 }, (_, at) => ({
    apiGroups: many("g").slice(0, 46),
    resources: [`x${at}`, ...many("r").slice(0, 45)],
    verbs: many("v").slice(0, 46),
  }));
  assert.deepEqual(missingRules([rule("*", "*", "*")], asked), []);
  const missing = missingRules([], asked);
  assert.equal(missing.length, 46 ** 3 + 2999);
  assert.deepEqual(missing.at(-1), asked.at(-1));
});

test("a rule with more parts than memory is held as a whole or not at all", () => {
  const asked = { apiGroups: many("g"), resources: many("r"), verbs: many("v") };
  assert.deepEqual(missingRules([rule("*", "*", "*")], [asked]), []);
  assert.deepEqual(missingRules([{ ...asked, verbs: many("v").slice(1) }], [asked]), [asked]);
});
