/** What upstream's conformance demands of accounts, their tokens, reviews of subjects, and requests for certificates. */
import assert from "node:assert/strict";
import { createPublicKey, verify, type JsonWebKey } from "node:crypto";
import { after, before, suite, test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { systemRandom } from "#base/random.ts";
import { createCa } from "#pki/ca.ts";
import { createCsr } from "#pki/csr.ts";
import { startBareServer, type BareServer } from "../bare-server.ts";
import { eventually } from "../wait.ts";
import { ApiClient, at, textAt, type Json } from "./api-client.ts";
import { gone, makeNamespace, named, podSpec } from "./core-objects.ts";

const waitMs = 15_000;
let server: BareServer;
let api: ApiClient;

suite("conformance: auth", { timeout: 240_000 }, () => {
  before(async () => {
    server = await startBareServer();
    api = await ApiClient.of(server.kubeconfig);
  });
  after(() => server[Symbol.asyncDispose]());

  suite("certificates", certificates);
  suite("service accounts", accounts);
  suite("tokens", tokens);
  suite("reviews", reviews);
});

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const itemsAt = async (path: string): Promise<Json[]> => (await api.get(path))["items"] as Json[];
const decoded = (part: string): Json => JSON.parse(Buffer.from(part, "base64url").toString()) as Json;
const condition = (type: string): Json => ({ type, status: "True", reason: "E2E", message: "by a test" });
const typesOf = (object: Json): unknown[] =>
  (at(object, "status.conditions") as Json[]).map(({ type }) => type);

function certificates(): void {
  const group = "/apis/certificates.k8s.io";
  const path = `${group}/v1/certificatesigningrequests`;

  test("requests for certificates support every operation", async () => {
    const groups = (await api.get("/apis"))["groups"] as { name: string; versions: { version: string }[] }[];
    const found = groups.find(({ name }) => name === "certificates.k8s.io");
    assert.ok(found?.versions.some(({ version }) => version === "v1"));
    const versions = (await api.get(group))["versions"] as { version: string }[];
    assert.ok(versions.some(({ version }) => version === "v1"));
    const resources = (await api.get(`${group}/v1`))["resources"] as { name: string; verbs: string[] }[];
    const verbsOf = (name: string): string[] | undefined =>
      resources.find((one) => one.name === name)?.verbs.toSorted();
    assert.ok(verbsOf("certificatesigningrequests")?.includes("deletecollection"));
    for (const sub of ["approval", "status"]) {
      assert.deepEqual(verbsOf(`certificatesigningrequests/${sub}`), ["get", "patch", "update"]);
    }

    const { csrPem } = createCsr({ commonName: "e2e.example.com", dnsNames: ["e2e.example.com"] });
    const signerName = "example.com/e2e-operations";
    const usages = ["digital signature", "key encipherment", "server auth"];
    const template = {
      metadata: { generateName: "e2e-example-csr-" },
      spec: { request: base64(csrPem), signerName, expirationSeconds: 3600, usages },
    };
    await api.create(path, template);
    await api.create(path, template);
    const made = await api.create(path, template);
    const name = textAt(made, "metadata.name");
    assert.match(name, /^e2e-example-csr-[a-z0-9]{5}$/);
    assert.equal(at(made, "spec.username"), "system:admin");
    const own = `${path}/${name}`;
    const read = await api.get(own);
    assert.equal(at(read, "metadata.uid"), at(made, "metadata.uid"));
    assert.equal(at(read, "spec.expirationSeconds"), 3600);
    const ofSigner = `${path}?fieldSelector=spec.signerName%3D${signerName}`;
    const listed = await api.get(ofSigner);
    assert.equal((listed["items"] as unknown[]).length, 3);

    const from = textAt(listed, "metadata.resourceVersion");
    const query = `watch=1&resourceVersion=${from}&fieldSelector=metadata.name%3D${name}`;
    using watching = await api.watch(`${path}?${query}`);
    const patched = await api.merge(own, { metadata: { annotations: { patched: "true" } } });
    assert.equal(at(patched, "metadata.annotations.patched"), "true");
    const annotations = { ...(at(patched, "metadata.annotations") as Json), updated: "true" };
    const updated = await api.update(own, {
      ...patched,
      metadata: { ...(patched["metadata"] as Json), annotations },
    });
    assert.equal(at(updated, "metadata.annotations.updated"), "true");
    assert.deepEqual(await watching.until(2), [`MODIFIED ${name}`, `MODIFIED ${name}`]);
    assert.deepEqual(watching.events[0]?.object, patched);
    assert.deepEqual(watching.events[1]?.object, updated);
    await approvedAndSigned(own, made);

    await api.must("DELETE", own);
    assert.equal((await api.call("GET", own)).code, 404);
    assert.equal((await itemsAt(ofSigner)).length, 2);
    await api.must("DELETE", ofSigner);
    assert.deepEqual(await itemsAt(ofSigner), []);
  });
}

const withCondition = (object: Json, type: string): Json => {
  const status = object["status"] as Json;
  const conditions = [...((status["conditions"] ?? []) as Json[]), condition(type)];
  return { ...object, status: { ...status, conditions } };
};

/** The subresources of one request: each is read, patched and updated. */
async function approvedAndSigned(own: string, made: Json): Promise<void> {
  const isIt = async (sub: string): Promise<void> => {
    const { kind, apiVersion, metadata } = await api.get(`${own}/${sub}`);
    assert.deepEqual([kind, apiVersion], ["CertificateSigningRequest", "certificates.k8s.io/v1"]);
    assert.equal(at(metadata, "uid"), at(made, "metadata.uid"));
  };
  await isIt("approval");
  const patched = await api.merge(`${own}/approval`, {
    metadata: { annotations: { patchedapproval: "true" } },
    status: { conditions: [{ type: "ApprovalPatch", status: "True", reason: "e2e" }] },
  });
  assert.deepEqual(typesOf(patched), ["ApprovalPatch"]);
  assert.equal(at(patched, "metadata.annotations.patchedapproval"), "true");
  const approved = await api.update(`${own}/approval`, withCondition(patched, "Approved"));
  assert.deepEqual(typesOf(approved), ["ApprovalPatch", "Approved"]);

  await isIt("status");
  const ca = createCa({ commonName: "e2e.example.com", days: 1, clock: systemClock, random: systemRandom });
  const certificate = base64(ca.certificatePem);
  const signed = await api.merge(`${own}/status`, {
    metadata: { annotations: { patchedstatus: "true" } },
    status: { certificate },
  });
  assert.equal(at(signed, "status.certificate"), certificate);
  assert.equal(at(signed, "metadata.annotations.patchedstatus"), "true");
  const told = await api.update(`${own}/status`, withCondition(signed, "StatusUpdate"));
  assert.deepEqual(typesOf(told), ["ApprovalPatch", "Approved", "StatusUpdate"]);
  assert.equal(at(told, "status.certificate"), certificate);
  // An update of the request itself takes nothing back.
  const kept = await api.merge(own, { status: { conditions: [] } });
  assert.deepEqual(typesOf(kept), ["ApprovalPatch", "Approved", "StatusUpdate"]);
}

function accounts(): void {
  test("a ServiceAccount goes through its life", async () => {
    const path = `${await makeNamespace(api, "account-life")}/serviceaccounts`;
    const labels = { "test-serviceaccount-static": "true" };
    const made = await api.create(path, named("testserviceaccount", { labels }));
    const found = await api.get(`${path}/testserviceaccount`);
    assert.equal(at(found, "metadata.uid"), at(made, "metadata.uid"));
    const selector = "labelSelector=test-serviceaccount-static%3Dtrue";
    using watching = await api.watch(`${path}?watch=1&${selector}`);
    assert.deepEqual(await watching.until(1), ["ADDED testserviceaccount"]);
    await api.strategic(`${path}/testserviceaccount`, { automountServiceAccountToken: false });
    const listed = await itemsAt(`/api/v1/serviceaccounts?${selector}`);
    assert.deepEqual(
      listed.map((one) => [at(one, "metadata.namespace"), one["automountServiceAccountToken"]]),
      [["account-life", false]],
    );
    await api.must("DELETE", path);
    const events = ["ADDED", "MODIFIED", "DELETED"].map((type) => `${type} testserviceaccount`);
    assert.deepEqual(await watching.until(3), events);
  });

  test("a ServiceAccount is updated", async () => {
    const path = `${await makeNamespace(api, "account-update")}/serviceaccounts`;
    const made = await api.create(path, { ...named("a"), automountServiceAccountToken: false });
    assert.equal(made["automountServiceAccountToken"], false);
    const found = await api.get(`${path}/a`);
    const updated = await api.update(`${path}/a`, { ...found, automountServiceAccountToken: true });
    assert.equal(updated["automountServiceAccountToken"], true);
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
    await api.must("DELETE", path, { body: { gracePeriodSeconds: 0 } });
    await eventually("it is published again", waitMs, published);
    await api.update(path, { metadata: { name: "kube-root-ca.crt" }, data: { "ca.crt": "" } });
    await eventually("it is put right", waitMs, published);
  });

  test("a pod's word about mounting a token counts before its account's", async () => {
    const core = await makeNamespace(api, "automount");
    for (const [name, automountServiceAccountToken] of [
      ["mount", true],
      ["nomount", false],
    ] as const) {
      await api.create(`${core}/serviceaccounts`, { ...named(name), automountServiceAccountToken });
    }
    for (const [account, ofAccount] of [
      ["default", undefined],
      ["mount", true],
      ["nomount", false],
    ] as const) {
      for (const ofPod of [undefined, true, false]) {
        const name = `of-${account}-${String(ofPod)}`;
        const own = { serviceAccountName: account, automountServiceAccountToken: ofPod };
        const spec = { ...podSpec, ...own, restartPolicy: "Never" };
        const made = await api.create(`${core}/pods`, named(name, {}, { spec }));
        const containers = at(made, "spec.containers") as { volumeMounts?: { mountPath: string }[] }[];
        const mounted = containers.flatMap(({ volumeMounts = [] }) => volumeMounts);
        const isMounted = mounted.some(
          ({ mountPath }) => mountPath === "/var/run/secrets/kubernetes.io/serviceaccount",
        );
        assert.equal(isMounted, ofPod ?? ofAccount ?? true, name);
      }
    }
  });
}

async function review(token: string, audiences?: readonly string[]): Promise<Json> {
  const spec = { token, ...(audiences === undefined ? {} : { audiences }) };
  return (await api.create("/apis/authentication.k8s.io/v1/tokenreviews", { spec }))["status"] as Json;
}

function tokens(): void {
  test("a token is made for an account, and a review says whose it is", async () => {
    const core = await makeNamespace(api, "tokens");
    await api.create(`${core}/serviceaccounts`, named("e2e-sa"));
    const token = textAt(await api.create(`${core}/serviceaccounts/e2e-sa/token`, {}), "status.token");
    assert.notEqual(token, "");
    const status = await review(token);
    assert.deepEqual([status["authenticated"], status["error"]], [true, undefined]);
    assert.equal(at(status, "user.username"), "system:serviceaccount:tokens:e2e-sa");
    assert.deepEqual((at(status, "user.groups") as string[]).toSorted(), [
      "system:authenticated",
      "system:serviceaccounts",
      "system:serviceaccounts:tokens",
    ]);
  });

  test("a token is for its audiences alone, and ends with its account", async () => {
    const core = await makeNamespace(api, "audiences");
    await api.create(`${core}/serviceaccounts`, named("a"));
    const asked = { spec: { audiences: ["https://own.example"], expirationSeconds: 600 } };
    const token = textAt(await api.create(`${core}/serviceaccounts/a/token`, asked), "status.token");
    const good = await review(token, ["https://own.example"]);
    assert.deepEqual(
      [good["authenticated"], at(good, "user.username"), good["audiences"]],
      [true, "system:serviceaccount:audiences:a", ["https://own.example"]],
    );
    assert.notEqual((await review(token, ["https://other.example"]))["authenticated"], true);
    await api.must("DELETE", `${core}/serviceaccounts/a`);
    await eventually(
      "the token is worth nothing",
      waitMs,
      async () => (await review(token, ["https://own.example"]))["authenticated"] !== true,
    );
  });

  test("the issuer of service accounts is discovered by an account, and its keys tell its tokens", async () => {
    const core = await makeNamespace(api, "discovered");
    const path = `${core}/serviceaccounts/default/token`;
    const account = api.withToken(textAt(await api.create(path, { spec: {} }), "status.token"));
    const audience = "oidc-discovery-test";
    const asked = { spec: { audiences: [audience], expirationSeconds: 600 } };
    const token = textAt(await api.create(path, asked), "status.token");
    const [head = "", payload = "", signature = ""] = token.split(".");
    const { alg, kid } = decoded(head);
    const claims = decoded(payload);
    assert.deepEqual(
      [claims["aud"], claims["sub"]],
      [[audience], "system:serviceaccount:discovered:default"],
    );

    const document = await account.get("/.well-known/openid-configuration");
    assert.equal(document["issuer"], claims["iss"]);
    assert.deepEqual(document["response_types_supported"], ["id_token"]);
    assert.deepEqual(document["subject_types_supported"], ["public"]);
    assert.ok((document["id_token_signing_alg_values_supported"] as unknown[]).includes(alg));
    const keysAt = new URL(String(document["jwks_uri"]));
    assert.equal(keysAt.pathname, "/openid/v1/jwks");
    const { code, text, headers } = await account.call("GET", keysAt.pathname);
    assert.deepEqual([code, headers["content-type"]], [200, "application/jwk-set+json"]);
    const { keys } = JSON.parse(text) as { keys: (JsonWebKey & { kid: string })[] };
    const jwk = keys.find((key) => key.kid === kid);
    assert.ok(jwk !== undefined, "the key that has signed it is published");
    const key = createPublicKey({ key: jwk, format: "jwk" });
    const signed = Buffer.from(`${head}.${payload}`);
    assert.ok(
      verify("sha256", signed, { key, dsaEncoding: "ieee-p1363" }, Buffer.from(signature, "base64url")),
    );
  });
}

function reviews(): void {
  test("SubjectReview: what is said of a subject is what it may", async () => {
    const namespace = "subject-reviews";
    const core = await makeNamespace(api, namespace);
    const uid = textAt(await api.create(`${core}/serviceaccounts`, named("e2e")), "metadata.uid");
    const user = `system:serviceaccount:${namespace}:e2e`;
    const ofAll = "system:serviceaccounts";
    const groups = ["system:authenticated", ofAll, `${ofAll}:${namespace}`];
    const impersonated = api.as({ user, uid, groups });
    const resourceAttributes = { verb: "list", resource: "configmaps", namespace, version: "v1" };
    const group = "/apis/authorization.k8s.io/v1";
    const allowed = async (path: string, body: Json): Promise<unknown> =>
      at(await api.create(`${group}/${path}`, body), "status.allowed");
    const all = async (): Promise<unknown[]> => [
      await allowed("subjectaccessreviews", { spec: { resourceAttributes, user, groups, uid } }),
      (await impersonated.call("GET", `${core}/configmaps`)).code,
      // Upstream asks for the account's bare name here: its groups are what counts.
      await allowed(`namespaces/${namespace}/localsubjectaccessreviews`, {
        metadata: { namespace },
        spec: { resourceAttributes, user: "e2e", groups, uid },
      }),
    ];
    assert.deepEqual(await all(), [false, 403, false]);
    const bindings = core.replace("/api/v1", "/apis/rbac.authorization.k8s.io/v1") + "/rolebindings";
    const apiGroup = "rbac.authorization.k8s.io";
    await api.create(bindings, {
      ...named("view"),
      roleRef: { apiGroup, kind: "ClusterRole", name: "view" },
      subjects: [{ apiGroup, kind: "Group", name: `${ofAll}:${namespace}` }],
    });
    await eventually("the binding counts", waitMs, async () => (await all())[0] === true);
    assert.deepEqual(await all(), [true, 200, true]);
    assert.equal(await allowed("selfsubjectaccessreviews", { spec: { resourceAttributes } }), true);
    await api.must("DELETE", core);
    await gone(api, core);
  });

  test("SelfSubjectReview: who one is, all that was said of him", async () => {
    const group = "/apis/authentication.k8s.io";
    const versions = (await api.get(group))["versions"] as { version: string }[];
    assert.ok(versions.some(({ version }) => version === "v1"));
    const resources = (await api.get(`${group}/v1`))["resources"] as { name: string; verbs: string[] }[];
    assert.deepEqual(resources.find(({ name }) => name === "selfsubjectreviews")?.verbs, ["create"]);
    const path = `${group}/v1/selfsubjectreviews`;
    assert.equal(at(await api.create(path, {}), "status.userInfo.username"), "system:admin");
    const jane = {
      user: "jane-doe",
      uid: "uniq-id",
      groups: ["system:authenticated", "developers"],
      extra: { "known-languages": ["python", "javascript"] },
    };
    const { user, ...rest } = jane;
    const told = await api.as(jane).create(path, {});
    assert.deepEqual(at(told, "status.userInfo"), { username: user, ...rest });
  });
}
