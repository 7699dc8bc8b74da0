/** Default policy, roles, admission and tokens together, in a whole server. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { json } from "node:stream/consumers";
import { suite, test, type TestContext } from "node:test";
import type { TokenRequest } from "#api/generated/types/authentication-v1.ts";
import {
  clusterRoles,
  configMaps,
  namespaces,
  nodes,
  pods,
  roleBindings,
  roles,
  serviceAccounts,
} from "#api/resources.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import { refusal } from "#apiserver/authz/testing/memory-api.ts";
import type { Client } from "#client/client.ts";
import { startTestServer, type TestServer } from "#testing/server.ts";

interface World {
  readonly server: TestServer;
  readonly as: (user: UserInfo) => Client;
  readonly root: Client;
}

async function world(t: TestContext): Promise<World> {
  const server = await startTestServer();
  t.after(() => server.close());
  const root = server.client({ name: "root", groups: ["system:masters", "system:authenticated"] });
  return { server, as: (user) => server.client(user), root };
}

interface Who {
  readonly username: string;
  readonly groups: readonly string[];
}

async function whoIs({ port, caPem }: TestServer, token: string): Promise<Who> {
  const asked = request({
    host: "127.0.0.1",
    port,
    ca: caPem,
    agent: false,
    method: "POST",
    path: "/apis/authentication.k8s.io/v1/selfsubjectreviews",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
  });
  asked.end("{}");
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  const { status } = (await json(response)) as { status: { userInfo: Who } };
  return status.userInfo;
}

suite("access to a whole server", () => {
  test("default policy is in effect when it is ready", async (t) => {
    const { as } = await world(t);
    const alice = { name: "alice", groups: ["system:authenticated"] };
    assert.deepEqual(await refusal(() => as(alice).resource(pods, "default").list()), {
      code: 403,
      message:
        'pods is forbidden: User "alice" cannot list resource "pods" in API group "" in the namespace "default"',
    });
    const scheduler = { name: "system:kube-scheduler", groups: ["system:authenticated"] };
    assert.deepEqual((await as(scheduler).resource(pods).list()).items, []);
  });

  test("a role given by binding counts, and can't be used to get more", async (t) => {
    const { root, as } = await world(t);
    await root.resource(roleBindings, "default").create({
      metadata: { name: "admins" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "admin" },
      subjects: [{ kind: "User", name: "bob", apiGroup: "rbac.authorization.k8s.io" }],
    });
    const bob = as({ name: "bob", groups: ["system:authenticated"] });
    await bob.resource(configMaps, "default").create({ metadata: { name: "x" } });
    const { code, message } = await refusal(() =>
      bob.resource(roles, "default").create({
        metadata: { name: "more" },
        rules: [{ verbs: ["get"], apiGroups: [""], resources: ["nodes"] }],
      }),
    );
    assert.equal(code, 403);
    assert.match(
      message,
      /^roles\.rbac\.authorization\.k8s\.io "more" is forbidden: user "bob" \(groups=\["system:authenticated"\]\) is attempting to grant/,
    );
  });

  test("aggregated roles follow their parts", async (t) => {
    const { root } = await world(t);
    await root.resource(clusterRoles).create({
      metadata: { name: "widgets", labels: { "rbac.authorization.k8s.io/aggregate-to-view": "true" } },
      rules: [{ verbs: ["get"], apiGroups: ["example.com"], resources: ["widgets"] }],
    });
    const has = async (name: string): Promise<boolean> =>
      (await root.resource(clusterRoles).get(name)).rules?.some((rule) =>
        rule.resources?.includes("widgets"),
      ) === true;
    const deadline = AbortSignal.timeout(5000);
    for await (const { object } of root
      .resource(clusterRoles)
      .watch({ fieldSelector: "metadata.name=admin" }, deadline)) {
      if (object.rules?.some((rule) => rule.resources?.includes("widgets")) === true) break;
    }
    assert.deepEqual([await has("view"), await has("edit"), await has("admin")], [true, true, true]);
  });

  test("a pod gets account, token, priority and tolerations; other nodes do not see it, and a token bound to it works", async (t) => {
    const { server, root, as } = await world(t);
    await root.resource(serviceAccounts, "default").create({ metadata: { name: "default" } });
    await root.resource(nodes).create({ metadata: { name: "n1" } });
    const made = await root.resource(pods, "default").create({
      metadata: { name: "web" },
      spec: { nodeName: "n1", containers: [{ name: "c", image: "x" }] },
    });
    assert.equal(made.spec?.serviceAccountName, "default");
    assert.equal(made.spec.priority, 0);
    assert.equal(made.spec.tolerations?.length, 2);
    assert.match(made.spec.volumes?.[0]?.name ?? "", /^kube-api-access-/);
    assert.equal(
      (await root.resource(nodes).get("n1")).spec?.taints?.[0]?.key,
      "node.kubernetes.io/not-ready",
    );

    const n2 = as({ name: "system:node:n2", groups: ["system:nodes", "system:authenticated"] });
    assert.equal((await refusal(() => n2.resource(pods, "default").get("web"))).code, 403);
    const { status } = await root
      .resource(serviceAccounts, "default")
      .subresource<TokenRequest>("default", "token")
      .create({ spec: { audiences: [], boundObjectRef: { apiVersion: "v1", kind: "Pod", name: "web" } } });
    const { username, groups } = await whoIs(server, status?.token ?? "");
    assert.equal(username, "system:serviceaccount:default:default");
    assert.deepEqual(groups, [
      "system:serviceaccounts",
      "system:serviceaccounts:default",
      "system:authenticated",
    ]);
  });

  test("system namespaces stay, unknown ones take nothing", async (t) => {
    const { root } = await world(t);
    assert.equal((await refusal(() => root.resource(namespaces).delete("kube-system"))).code, 403);
    assert.deepEqual(
      await refusal(() => root.resource(configMaps, "gone").create({ metadata: { name: "x" } })),
      {
        code: 404,
        message: 'namespaces "gone" not found',
      },
    );
  });
});
