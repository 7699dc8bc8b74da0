/** What upstream's conformance demands of accounts, reviews, certificates, events, and of operations on kinds. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { startBareServer, type BareServer } from "../bare-server.ts";
import { eventually } from "../wait.ts";
import { ApiClient, at, textAt, type Json } from "./api-client.ts";
import { makeNamespace } from "./core-objects.ts";
import { certificateRequest } from "./kinds.ts";

const waitMs = 15_000;
let server: BareServer;
let api: ApiClient;

function operations(): void {
  before(() => makeNamespace(api, "operations"));

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
      const path = `${await makeNamespace(api, `immutable-${kind}`)}/${kind}`;
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

function accounts(): void {
  test("a ServiceAccount goes through its life", async () => {
    const path = `${await makeNamespace(api, "account-life")}/serviceaccounts`;
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
    const path = `${await makeNamespace(api, "root-ca")}/configmaps/kube-root-ca.crt`;
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
    const core = await makeNamespace(api, "tokens");
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
    const core = await makeNamespace(api, "discovered");
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
    const core = await makeNamespace(api, "subject-reviews");
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
  suite("service accounts", accounts);
  suite("reviews", reviews);
});
