import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Attributes, Authorizer } from "#apiserver/authz/authorizer.ts";
import { refusal } from "#apiserver/authz/testing/memory-api.ts";
import type { HeaderValues, UserInfo } from "./authenticator.ts";
import { impersonate } from "./impersonation.ts";

const root: UserInfo = { name: "root", groups: ["system:masters"] };

function recording(allow: (attributes: Attributes) => boolean): { asked: string[]; authorizer: Authorizer } {
  const asked: string[] = [];
  return {
    asked,
    authorizer: {
      authorize: (attributes) => {
        const { group, resource, subresource, namespace, name } = attributes;
        asked.push([group, resource, subresource, namespace, name].join("|"));
        return { allowed: allow(attributes), denied: false, reason: "" };
      },
      rulesFor: () => Promise.reject(new Error("not asked")),
    },
  };
}

const latin1 = (text: string): string => Buffer.from(text, "utf8").toString("latin1");

suite("impersonation", () => {
  const cases: [string, HeaderValues, UserInfo | undefined, string[]][] = [
    ["no headers: nobody else", {}, undefined, []],
    [
      "a user",
      { "impersonate-user": "alice" },
      { name: "alice", groups: ["system:authenticated"] },
      ["|users|||alice"],
    ],
    [
      "a user with groups, uid and extra",
      {
        "impersonate-user": "alice",
        "impersonate-group": ["dev", "ops"],
        "impersonate-uid": "u1",
        "impersonate-extra-acme.com%2Fproject": ["a", "b"],
      },
      {
        name: "alice",
        uid: "u1",
        groups: ["dev", "ops", "system:authenticated"],
        extra: { "acme.com/project": ["a", "b"] },
      },
      [
        "|users|||alice",
        "|groups|||dev",
        "|groups|||ops",
        "authentication.k8s.io|userextras|acme.com/project||a",
        "authentication.k8s.io|userextras|acme.com/project||b",
        "authentication.k8s.io|uids|||u1",
      ],
    ],
    [
      "a user and a group whose names are of other letters, as they come over the wire",
      { "impersonate-user": latin1("jürgen"), "impersonate-group": latin1("größe") },
      { name: "jürgen", groups: ["größe", "system:authenticated"] },
      ["|users|||jürgen", "|groups|||größe"],
    ],
    [
      "a service account, with its groups",
      { "impersonate-user": "system:serviceaccount:ns:robot" },
      {
        name: "system:serviceaccount:ns:robot",
        groups: ["system:serviceaccounts", "system:serviceaccounts:ns", "system:authenticated"],
      },
      ["|serviceaccounts||ns|robot"],
    ],
    [
      "anonymous stays unauthenticated",
      { "impersonate-user": "system:anonymous" },
      { name: "system:anonymous", groups: ["system:unauthenticated"] },
      ["|users|||system:anonymous"],
    ],
  ];
  for (const [name, headers, user, powers] of cases) {
    test(name, async () => {
      const { asked, authorizer } = recording(() => true);
      assert.deepEqual(await impersonate(headers, root, authorizer), user);
      assert.deepEqual(asked, powers);
    });
  }

  test("each part needs its power", async () => {
    const { authorizer } = recording(({ resource }) => resource === "users");
    const headers = { "impersonate-user": "alice", "impersonate-group": "system:masters" };
    assert.deepEqual(await refusal(() => impersonate(headers, { name: "bob", groups: [] }, authorizer)), {
      code: 403,
      message:
        'groups "system:masters" is forbidden: User "bob" cannot impersonate resource "groups" in API group "" at the cluster scope',
    });
  });

  test("groups without a user are refused", async () => {
    const { authorizer } = recording(() => true);
    const { code } = await refusal(() => impersonate({ "impersonate-group": "x" }, root, authorizer));
    assert.equal(code, 500);
  });
});
