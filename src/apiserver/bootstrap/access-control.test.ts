/** Everything together, in a whole apiserver over a store in memory. */
import assert from "node:assert/strict";
import { suite, test, type TestContext } from "node:test";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import { refusal } from "#apiserver/authz/testing/memory-api.ts";
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
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import { createInformerFactory } from "#client/cache/factory.ts";
import type { Client } from "#client/client.ts";
import { createClient } from "#client/rest.ts";
import { createCa, issueCertificate } from "#pki/ca.ts";
import { generateSigningKeyPem, parseSigningKey } from "#pki/jwt.ts";
import { fromPem } from "#pki/pem.ts";
import { startTestApiserver } from "#testing/cluster.ts";
import { HookClient } from "#apiserver/connect/hook-client.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { AccessControl, loopbackUser } from "./access-control.ts";
import { OwnDoor } from "./own-door.ts";

const ca = createCa({ commonName: "ca", days: 1, clock: systemClock, random: systemRandom });
const issuer = "https://kubernetes.default.svc.cluster.local";

interface World {
  readonly access: AccessControl;
  readonly as: (user: UserInfo) => Client;
  readonly root: Client;
}

/** There are none here, so nobody calls them. */
const noWebhooks = {
  loadExpressions: () => assert.fail("there are no expressions here"),
  hookClient: new HookClient({
    clock: systemClock,
    resolver: { resolve: () => Promise.reject(new Error("no webhook is called here")) },
  }),
  types: {
    equivalents: () => [],
    resourceOf: () => undefined,
    convert: (object: AnyObject) => Promise.resolve(object),
    read: (value: AnyObject) => value,
    applyType: () => undefined,
  },
};

async function world(t: TestContext): Promise<World> {
  const door = new OwnDoor();
  const client = createClient(door);
  const base = { clock: systemClock, random: systemRandom, log: silentLogger };
  const informers = createInformerFactory({ ...base, client, freeze: true });
  const access = new AccessControl(
    {
      clientCaPem: ca.certificatePem,
      allowAnonymous: true,
      serviceAccountIssuers: [issuer],
      serviceAccountKey: parseSigningKey(generateSigningKeyPem()),
      formerServiceAccountKeys: [],
      extendTokenExpiration: true,
      jwksUri: "https://localhost/openid/v1/jwks",
      staticTokens: new Map([["secret", { name: "static", groups: [] }]]),
      joinAccounts: [{ user: "node", password: "pw", groups: [] }],
    },
    { ...base, client, informers, ...noWebhooks },
  );
  const { authorizer, admission } = access;
  const server = await startTestApiserver({ authorizer, admission });
  const stop = new AbortController();
  door.open(server.transport(loopbackUser));
  informers.start(stop.signal);
  const ready = Promise.withResolvers<void>();
  const running = access.run(stop.signal, ready.resolve);
  await Promise.race([ready.promise, running]);
  t.after(async () => {
    stop.abort();
    await running;
    await server.close();
  });
  return { access, as: (user) => server.client(user), root: server.client(loopbackUser) };
}

suite("access control in a whole server", () => {
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

  test("a pod gets account, token, priority and tolerations; its node may ask for the token, which then works", async (t) => {
    const { access, root, as } = await world(t);
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
    const account = await root.resource(serviceAccounts, "default").get("default");
    const { status } = await access.issuer.issue(account, {
      spec: { audiences: [], boundObjectRef: { apiVersion: "v1", kind: "Pod", name: "web" } },
    });
    const user = await access.authenticator.authenticate({
      bearerToken: status?.token,
      clientCertificate: undefined,
    });
    assert.equal(user?.name, "system:serviceaccount:default:default");
    assert.deepEqual(user.groups, [
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

  test("users are known by certificate, token file and join token", async (t) => {
    const { access } = await world(t);
    const { certificatePem } = issueCertificate(ca, { commonName: "carol", usage: "client", days: 1 });
    const names = await Promise.all(
      [
        { bearerToken: undefined, clientCertificate: fromPem("CERTIFICATE", certificatePem) },
        { bearerToken: "secret", clientCertificate: undefined },
        { bearerToken: "node:pw", clientCertificate: undefined },
        { bearerToken: undefined, clientCertificate: undefined },
      ].map(async (credentials) => (await access.authenticator.authenticate(credentials))?.name),
    );
    assert.equal(access.discovery("/.well-known/openid-configuration")?.body["issuer"], issuer);
    assert.deepEqual(names, ["carol", "static", "system:bootstrap:node", "system:anonymous"]);
  });
});
