/** What upstream's conformance demands of quotas, accounts, reviews, certificates, events, and of operations on kinds. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { startBareServer, type BareServer } from "../bare-server.ts";
import { eventually } from "../wait.ts";
import { ApiClient, at, textAt, type Json } from "./api-client.ts";
import { certificateRequest } from "./kinds.ts";

const waitMs = 15_000;
let server: BareServer;
let api: ApiClient;

async function namespace(name: string): Promise<string> {
  await api.create("/api/v1/namespaces", { metadata: { name } });
  const path = `/api/v1/namespaces/${name}`;
  await eventually("the default account", waitMs, async () => {
    const { code } = await api.call("GET", `${path}/serviceaccounts/default`);
    return code === 200;
  });
  return path;
}

const podSpec = { containers: [{ name: "c", image: "busybox" }] };

function operations(): void {
  before(() => namespace("operations"));

  test("an event of one API is the other's, too", async () => {
    const core = "/api/v1/namespaces/operations/events";
    await api.create(core, {
      metadata: { name: "both" },
      involvedObject: { kind: "Pod", name: "p", namespace: "operations" },
      message: "said",
      source: { component: "c" },
      reason: "R",
      type: "Normal",
      count: 3,
    });
    const other = await api.get("/apis/events.k8s.io/v1/namespaces/operations/events/both");
    assert.deepEqual(
      [
        at(other, "note"),
        at(other, "regarding.name"),
        at(other, "deprecatedCount"),
        at(other, "deprecatedSource.component"),
      ],
      ["said", "p", 3, "c"],
    );
    const selected = await api.get(`${core}?fieldSelector=involvedObject.name%3Dp,reason%3DR`);
    assert.equal((selected["items"] as unknown[]).length, 1);
    const all = await api.get("/apis/events.k8s.io/v1/events?fieldSelector=regarding.name%3Dp");
    assert.equal((all["items"] as unknown[]).length, 1);
  });

  test("an approved request for a client certificate is signed", async () => {
    const path = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
    const signerName = "kubernetes.io/kube-apiserver-client";
    const spec = { signerName, usages: ["client auth"], request: certificateRequest };
    const made = await api.create(path, { metadata: { name: "signed" }, spec });
    const approved = { type: "Approved", status: "True", reason: "E2E", message: "by a test" };
    const body = { ...made, status: { conditions: [approved] } };
    await api.must("PUT", `${path}/signed/approval`, { body });
    await eventually("there is a certificate", waitMs, async () => {
      const pem = Buffer.from(textAt(await api.get(`${path}/signed`), "status.certificate"), "base64");
      return pem.toString().startsWith("-----BEGIN CERTIFICATE-----");
    });
  });

  test("a request for a certificate is approved, and gets its certificate by status", async () => {
    const path = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
    const spec = { signerName: "example.com/own", usages: ["client auth"], request: certificateRequest };
    const made = await api.create(path, { metadata: { name: "approved" }, spec });
    assert.equal(at(made, "spec.username"), "system:admin");
    const approved = { type: "Approved", status: "True", reason: "E2E", message: "by a test" };
    await api.must("PUT", `${path}/approved/approval`, {
      body: { ...made, status: { conditions: [approved] } },
    });
    const found = await api.get(`${path}/approved`);
    assert.equal((at(found, "status.conditions") as Json[])[0]?.["type"], "Approved");
    const kept = await api.merge(`${path}/approved`, { status: { conditions: [] } });
    assert.equal((at(kept, "status.conditions") as Json[]).length, 1);
    const selected = await api.get(`${path}?fieldSelector=spec.signerName%3Dexample.com/own`);
    assert.equal((selected["items"] as unknown[]).length, 1);
  });
}

function immutable(): void {
  for (const [kind, key] of [
    ["configmaps", "data"],
    ["secrets", "stringData"],
  ] as const) {
    test(`${kind} are immutable if they say so`, async () => {
      const path = `${await namespace(`immutable-${kind}`)}/${kind}`;
      await api.create(path, { metadata: { name: "x" }, [key]: { a: "b" } });
      await api.merge(`${path}/x`, { [key]: { a: "c" } });
      await api.merge(`${path}/x`, { immutable: true });
      for (const change of [{ [key]: { a: "d" } }, { immutable: false }]) {
        const { code, text } = await api.call("PATCH", `${path}/x`, {
          body: change,
          type: "application/merge-patch+json",
        });
        assert.equal(code, 422);
        assert.match(text, /field is immutable when `immutable` is set/);
      }
      await api.merge(`${path}/x`, { metadata: { labels: { still: "possible" } } });
      await api.must("DELETE", `${path}/x`);
    });
  }
}

/** Waits until a quota's use is that. */
function used(quota: string, wanted: Json): Promise<unknown> {
  return eventually(`${quota} has ${JSON.stringify(wanted)}`, waitMs, async () => {
    const all = at(await api.get(quota), "status.used") as Json | undefined;
    return Object.entries(wanted).every(([resource, amount]) => all?.[resource] === amount);
  });
}

interface Counted {
  readonly name: string;
  readonly hard: Json;
  readonly path: (core: string) => string;
  readonly object: Json;
  readonly before: Json;
  readonly after: Json;
  /** One more of this is refused. */
  readonly tooMuch?: Json;
}

const apps = (core: string): string => core.replace("/api/v1", "/apis/apps/v1");

const counted: readonly Counted[] = [
  {
    name: "a configMap",
    hard: { configmaps: "2" },
    path: (core) => `${core}/configmaps`,
    object: { data: { a: "b" } },
    before: { configmaps: "1" },
    after: { configmaps: "2" },
    tooMuch: {},
  },
  {
    name: "a secret",
    hard: { secrets: "1" },
    path: (core) => `${core}/secrets`,
    object: { stringData: { a: "b" } },
    before: { secrets: "0" },
    after: { secrets: "1" },
    tooMuch: {},
  },
  {
    name: "a service",
    hard: { services: "2", "services.nodeports": "1", "services.loadbalancers": "0" },
    path: (core) => `${core}/services`,
    object: { spec: { type: "NodePort", ports: [{ port: 80 }] } },
    before: { services: "0", "services.nodeports": "0" },
    after: { services: "1", "services.nodeports": "1" },
    tooMuch: { spec: { type: "NodePort", ports: [{ port: 80 }] } },
  },
  {
    name: "a pod",
    hard: { pods: "2", "requests.cpu": "1", "requests.memory": "500Mi", "requests.example.com/dongle": "3" },
    path: (core) => `${core}/pods`,
    object: {
      spec: {
        containers: [
          {
            name: "c",
            image: "busybox",
            resources: {
              requests: { cpu: "500m", memory: "252Mi", "example.com/dongle": "2" },
              limits: { "example.com/dongle": "2" },
            },
          },
        ],
      },
    },
    before: { pods: "0", "requests.cpu": "0" },
    after: {
      pods: "1",
      "requests.cpu": "500m",
      "requests.memory": "252Mi",
      "requests.example.com/dongle": "2",
    },
    tooMuch: {
      spec: {
        containers: [{ name: "c", image: "i", resources: { requests: { cpu: "600m", memory: "1Mi" } } }],
      },
    },
  },
  {
    name: "a replica set",
    hard: { "count/replicasets.apps": "1" },
    path: (core) => `${apps(core)}/replicasets`,
    object: {
      spec: {
        replicas: 0,
        selector: { matchLabels: { a: "b" } },
        template: { metadata: { labels: { a: "b" } }, spec: podSpec },
      },
    },
    before: { "count/replicasets.apps": "0" },
    after: { "count/replicasets.apps": "1" },
  },
  {
    name: "a replication controller",
    hard: { replicationcontrollers: "1" },
    path: (core) => `${core}/replicationcontrollers`,
    object: {
      spec: {
        replicas: 0,
        selector: { a: "b" },
        template: { metadata: { labels: { a: "b" } }, spec: podSpec },
      },
    },
    before: { replicationcontrollers: "0" },
    after: { replicationcontrollers: "1" },
  },
];

function quotas(): void {
  for (const { name, hard, path, object, before: earlier, after: later, tooMuch } of counted) {
    test(`a quota captures the life of ${name}`, async () => {
      const core = await namespace(`quota-${name.replaceAll(" ", "-").toLowerCase()}`);
      const quota = `${core}/resourcequotas/q`;
      if (name === "a configMap") {
        await eventually("the root CA", waitMs, async () => {
          const { code } = await api.call("GET", `${core}/configmaps/kube-root-ca.crt`);
          return code === 200;
        });
      }
      await api.create(`${core}/resourcequotas`, { metadata: { name: "q" }, spec: { hard } });
      await used(quota, earlier);
      await api.create(path(core), { ...object, metadata: { name: "x" } });
      await used(quota, later);
      if (tooMuch !== undefined) {
        const { code, body } = await api.call("POST", path(core), {
          body: { ...tooMuch, metadata: { name: "much" } },
        });
        assert.equal(code, 403);
        assert.match(String(body["message"]), /exceeded quota: q, requested: /);
        await used(quota, later);
      }
      await api.must("DELETE", `${path(core)}/x`);
      await used(quota, earlier);
    });
  }

  test("a quota's status is promptly calculated; it is updated and deleted", async () => {
    const core = await namespace("quota-life");
    const quota = `${core}/resourcequotas/q`;
    await api.create(`${core}/resourcequotas`, { metadata: { name: "q" }, spec: { hard: { pods: "5" } } });
    await used(quota, { pods: "0" });
    await api.merge(quota, { spec: { hard: { pods: "6", secrets: "3" } } });
    await used(quota, { pods: "0", secrets: "0" });
    assert.deepEqual(at(await api.get(quota), "status.hard"), { pods: "6", secrets: "3" });
    await api.must("DELETE", quota);
    assert.equal((await api.call("GET", quota)).code, 404);
  });

  test("a quota's status is changed, and put right with its spec", async () => {
    const core = await namespace("quota-status");
    const quota = `${core}/resourcequotas/q`;
    await api.create(`${core}/resourcequotas`, { metadata: { name: "q" }, spec: { hard: { pods: "5" } } });
    await used(quota, { pods: "0" });
    const patched = await api.merge(`${quota}/status`, { status: { hard: { pods: "9" } } });
    assert.deepEqual(at(patched, "status.hard"), { pods: "9" });
    assert.deepEqual(at(await api.get(quota), "spec.hard"), { pods: "5" });
    await api.merge(quota, { spec: { hard: { pods: "4" } } });
    await eventually("the controller has put it right", waitMs, async () => {
      return at(await api.get(quota), "status.hard.pods") === "4";
    });
  });

  test("quotas with scopes count those in their scope: best effort, terminating", async () => {
    const core = await namespace("quota-scopes");
    for (const scope of ["BestEffort", "NotBestEffort", "Terminating", "NotTerminating"]) {
      const spec = { hard: { pods: "5" }, scopes: [scope] };
      await api.create(`${core}/resourcequotas`, { metadata: { name: scope.toLowerCase() }, spec });
      await used(`${core}/resourcequotas/${scope.toLowerCase()}`, { pods: "0" });
    }
    const resources = { requests: { cpu: "100m" } };
    const burstable = {
      containers: [{ name: "c", image: "busybox", resources }],
      activeDeadlineSeconds: 3600,
    };
    await api.create(`${core}/pods`, { metadata: { name: "best" }, spec: podSpec });
    const counts = async (best: string, not: string, ends: string, stays: string): Promise<void> => {
      await used(`${core}/resourcequotas/besteffort`, { pods: best });
      await used(`${core}/resourcequotas/notbesteffort`, { pods: not });
      await used(`${core}/resourcequotas/terminating`, { pods: ends });
      await used(`${core}/resourcequotas/notterminating`, { pods: stays });
    };
    await counts("1", "0", "0", "1");
    await api.create(`${core}/pods`, { metadata: { name: "burstable" }, spec: burstable });
    await counts("1", "1", "1", "1");
    await api.must("DELETE", `${core}/pods/best`);
    await api.must("DELETE", `${core}/pods/burstable`);
    await counts("0", "0", "0", "0");
  });
}

function accounts(): void {
  test("a ServiceAccount goes through its life", async () => {
    const path = `${await namespace("account-life")}/serviceaccounts`;
    await api.create(path, { metadata: { name: "a", labels: { e2e: "yes" } } });
    await api.merge(`${path}/a`, { automountServiceAccountToken: false });
    const listed = await api.get("/api/v1/serviceaccounts?labelSelector=e2e%3Dyes");
    assert.equal((listed["items"] as Json[])[0]?.["automountServiceAccountToken"], false);
    const updated = { ...(await api.get(`${path}/a`)), automountServiceAccountToken: true };
    assert.equal(
      (await api.must("PUT", `${path}/a`, { body: updated }))["automountServiceAccountToken"],
      true,
    );
    await api.must("DELETE", `${path}?labelSelector=e2e%3Dyes`);
    assert.equal((await api.call("GET", `${path}/a`)).code, 404);
  });

  test("kube-root-ca.crt exists in any namespace, and comes back", async () => {
    const path = `${await namespace("root-ca")}/configmaps/kube-root-ca.crt`;
    const published = async (): Promise<boolean> => {
      const { code, body } = await api.call("GET", path);
      const pem = at(body, "data");
      return (
        code === 200 &&
        String((pem as Json | undefined)?.["ca.crt"]).startsWith("-----BEGIN CERTIFICATE-----")
      );
    };
    await eventually("it is published", waitMs, published);
    await api.must("DELETE", path);
    await eventually("it is published again", waitMs, published);
    await api.merge(path, { data: { "ca.crt": "" } });
    await eventually("it is put right", waitMs, published);
  });

  test("a token is made for an account, and a review says whose it is", async () => {
    const core = await namespace("tokens");
    await api.create(`${core}/serviceaccounts`, { metadata: { name: "a" } });
    const asked = { spec: { audiences: ["https://own.example"], expirationSeconds: 600 } };
    const made = await api.create(`${core}/serviceaccounts/a/token`, asked);
    const token = textAt(made, "status.token");
    const review = async (audiences: string[]): Promise<Json> => {
      const answer = await api.create("/apis/authentication.k8s.io/v1/tokenreviews", {
        spec: { token, audiences },
      });
      return answer["status"] as Json;
    };
    const good = await review(["https://own.example"]);
    assert.deepEqual(
      [good["authenticated"], at(good, "user.username"), good["audiences"]],
      [true, "system:serviceaccount:tokens:a", ["https://own.example"]],
    );
    assert.notEqual((await review(["https://other.example"]))["authenticated"], true);
    await api.must("DELETE", `${core}/serviceaccounts/a`);
    await eventually(
      "the token is worth nothing",
      waitMs,
      async () => (await review(["https://own.example"]))["authenticated"] !== true,
    );
  });

  test("the issuer of service accounts is discovered by an account", async () => {
    const core = await namespace("discovered");
    const token = String(
      at(await api.create(`${core}/serviceaccounts/default/token`, { spec: {} }), "status.token"),
    );
    const account = api.withToken(token);
    const document = await account.get("/.well-known/openid-configuration");
    const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as Json;
    assert.equal(document["issuer"], claims["iss"]);
    assert.match(String(document["jwks_uri"]), /\/openid\/v1\/jwks$/);
    const { code, text } = await account.call("GET", "/openid/v1/jwks");
    assert.equal(code, 200);
    const header = JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString()) as Json;
    const { keys } = JSON.parse(text) as { keys: Json[] };
    assert.ok(keys.some(({ kid }) => kid === header["kid"]));
  });
}

function reviews(): void {
  test("SubjectReview: of oneself, of others, in a namespace", async () => {
    const core = await namespace("subject-reviews");
    const group = "/apis/authorization.k8s.io/v1";
    const user = "system:serviceaccount:subject-reviews:default";
    const resourceAttributes = { verb: "list", resource: "configmaps", namespace: "subject-reviews" };
    const allowed = async (path: string, spec: Json): Promise<unknown> =>
      at(await api.create(path, { spec }), "status.allowed");
    const local = `${group}/namespaces/subject-reviews/localsubjectaccessreviews`;
    assert.equal(await allowed(`${group}/subjectaccessreviews`, { user, resourceAttributes }), false);
    const withNamespace = { metadata: { namespace: "subject-reviews" }, spec: { user, resourceAttributes } };
    assert.equal(at(await api.create(local, withNamespace), "status.allowed"), false);
    await api.create(core.replace("/api/v1", "/apis/rbac.authorization.k8s.io/v1") + "/rolebindings", {
      metadata: { name: "view" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" },
      subjects: [{ kind: "ServiceAccount", name: "default", namespace: "subject-reviews" }],
    });
    await eventually("the binding counts", waitMs, async () => {
      return (await allowed(`${group}/subjectaccessreviews`, { user, resourceAttributes })) === true;
    });
    assert.equal(at(await api.create(local, withNamespace), "status.allowed"), true);
    assert.equal(await allowed(`${group}/selfsubjectaccessreviews`, { resourceAttributes }), true);
    const self = await api.create("/apis/authentication.k8s.io/v1/selfsubjectreviews", {});
    assert.equal(at(self, "status.userInfo.username"), "system:admin");
  });
}

suite("conformance: objects", { timeout: 240_000 }, () => {
  before(async () => {
    server = await startBareServer();
    api = await ApiClient.of(server.kubeconfig);
  });
  after(() => server[Symbol.asyncDispose]());

  suite("API operations", operations);
  suite("immutable", immutable);
  suite("resource quota", quotas);
  suite("service accounts", accounts);
  suite("reviews", reviews);
});
