/** What upstream's conformance (1.37: v1) demands of requests for pods' certificates, of 1.35's v1beta1, which is off by default. */
import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { after, before, suite, test } from "node:test";
import { systemClock, toRfc3339 } from "#base/clock.ts";
import { provenKey, testAuthority, testLeaf } from "#testing/pod-certificates.ts";
import { startBareServer, type BareServer } from "../bare-server.ts";
import { eventually } from "../wait.ts";
import { ApiClient, at, textAt, type Json } from "./api-client.ts";

const group = "/apis/certificates.k8s.io";
const path = `${group}/v1beta1/namespaces/requests/podcertificaterequests`;
let server: BareServer;
let api: ApiClient;

suite("conformance: pods' requests for certificates", { timeout: 120_000 }, () => {
  before(async () => {
    server = await startBareServer(["--runtime-config", "certificates.k8s.io/v1beta1=true"]);
    api = await ApiClient.of(server.kubeconfig);
    await api.create("/api/v1/namespaces", { metadata: { name: "requests" } });
  });
  after(() => server[Symbol.asyncDispose]());

  test("pods' requests for certificates support every operation", operations);
  test("what is answered stays, and only who may sign for the signer answers", answered);
  test("kubectl explains and prints them where they are served", printed);
});

const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
const podUID = "12345678-1234-1234-1234-123456789012";
const signerName = "example.com/e2e-requests";
const spec = {
  signerName,
  podName: "test-pod",
  podUID,
  serviceAccountName: "default",
  serviceAccountUID: "12345678-1234-1234-1234-123456789013",
  nodeName: "test-node",
  nodeUID: "12345678-1234-1234-1234-123456789014",
  maxExpirationSeconds: 86_400,
  ...provenKey(keys, podUID),
};
const template = { metadata: { generateName: "e2e-example-pcr-", labels: { e2e: "own" } }, spec };
const make = (): Promise<Json> => api.create(path, template);
const ownOf = (made: Json): string => `${path}/${textAt(made, "metadata.name")}`;
const condition = (type: string): Json => ({
  type,
  status: "True",
  reason: "E2E",
  message: "by a test",
  lastTransitionTime: toRfc3339(systemClock.now()),
});

function issued(): Json {
  const now = Math.floor(systemClock.now() / 1000) * 1000;
  const authority = testAuthority("e2e.example.com", now);
  const notBeforeMs = now - 60_000;
  return {
    certificateChain: testLeaf(authority, { publicKey: keys.publicKey, notBeforeMs, seconds: 3600 }),
    notBefore: toRfc3339(notBeforeMs),
    notAfter: toRfc3339(notBeforeMs + 3_600_000),
    beginRefreshAt: toRfc3339(notBeforeMs + 900_000),
    conditions: [condition("Issued")],
  };
}

async function discovered(): Promise<void> {
  const groups = (await api.get("/apis"))["groups"] as { name: string; versions: { version: string }[] }[];
  const found = groups.find(({ name }) => name === "certificates.k8s.io");
  assert.ok(found?.versions.some(({ version }) => version === "v1beta1"));
  const versions = (await api.get(group))["versions"] as { version: string }[];
  assert.ok(versions.some(({ version }) => version === "v1beta1"));
  const { resources } = (await api.get(`${group}/v1beta1`)) as {
    resources: { name: string; verbs: string[] }[];
  };
  const verbsOf = (name: string): string[] | undefined =>
    resources.find((one) => one.name === name)?.verbs.toSorted();
  const all = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
  assert.deepEqual(verbsOf("podcertificaterequests"), all);
  assert.deepEqual(verbsOf("podcertificaterequests/status"), ["get", "patch", "update"]);
}

const patchTypes = ["json-patch", "strategic-merge-patch", "merge-patch"];
const patched = (at_: string, type: string, body: unknown, query = ""): Promise<Json> => {
  const suffix = type.startsWith("apply") ? "yaml" : "json";
  const sent = { body: JSON.stringify(body), type: `application/${type}+${suffix}` };
  return api.must("PATCH", `${at_}${query}`, sent);
};

async function operations(): Promise<void> {
  await discovered();
  const selected = `${path}?labelSelector=e2e%3Down`;
  using watching = await api.watch(`${selected}&watch=1`);
  const made = await make();
  assert.match(textAt(made, "metadata.name"), /^e2e-example-pcr-[a-z0-9]{5}$/);
  const own = ownOf(made);
  assert.deepEqual((await api.get(own))["spec"], spec);
  for (const where of [path, `${group}/v1beta1/podcertificaterequests`]) {
    const listed = await api.get(`${where}?fieldSelector=spec.signerName%3D${signerName}`);
    assert.equal((listed["items"] as unknown[]).length, 1);
  }

  const label = "test.podcertificaterequest.example.com";
  for (const type of patchTypes) {
    const merge = { metadata: { labels: { [label]: type } } };
    const json = [{ op: "add", path: `/metadata/labels/${label}`, value: type }];
    const body = type === "json-patch" ? json : merge;
    assert.equal((at(await patched(own, type, body), "metadata.labels") as Json)[label], type);
  }
  const { apiVersion, kind } = made;
  const applied = { apiVersion, kind, metadata: { labels: { applied: "test" } } };
  const afterApply = await patched(own, "apply-patch", applied, "?fieldManager=e2e");
  assert.equal(at(afterApply, "metadata.labels.applied"), "test");
  const labels = { ...(at(afterApply, "metadata.labels") as Json), updated: "test" };
  const metadata = { ...(afterApply["metadata"] as Json), labels };
  const updated = await api.update(own, { ...afterApply, metadata });
  assert.equal(at(updated, "metadata.labels.updated"), "test");
  // The request itself stays what it was.
  const changed = await api.call("PUT", own, { body: { ...updated, spec: { ...spec, podName: "other" } } });
  assert.deepEqual([changed.code, changed.body["reason"]], [422, "Invalid"]);
  assert.match(changed.text, /spec: Invalid value: .*: field is immutable/);

  await ofStatus(apiVersion, kind);
  await api.must("DELETE", own);
  assert.equal((await api.call("GET", own)).code, 404);
  await api.must("DELETE", selected);
  assert.deepEqual((await api.get(selected))["items"], []);
  const name = textAt(made, "metadata.name");
  await eventually("the watch has seen all of it", 10_000, () =>
    Promise.resolve(watching.seen().includes(`DELETED ${name}`)),
  );
  assert.equal(watching.seen()[0], `ADDED ${name}`);
  assert.ok(watching.seen().filter((seen) => seen === `MODIFIED ${name}`).length >= 5);
}

/** A request is answered once: each way to write a status has one of its own. */
async function ofStatus(apiVersion: unknown, kind: unknown): Promise<void> {
  const status = issued();
  const isIssued = (object: Json): void => {
    const { conditions: _, ...rest } = object["status"] as Json;
    const { conditions: _wanted, ...wanted } = status;
    assert.deepEqual(rest, wanted);
    assert.equal(at(object, "status.conditions.0.type"), "Issued");
  };
  for (const type of patchTypes) {
    const json = Object.entries(status).map(([key, value]) => ({ op: "add", path: `/status/${key}`, value }));
    const own = `${ownOf(await make())}/status`;
    assert.deepEqual((await api.get(own))["status"], {});
    isIssued(await patched(own, type, type === "json-patch" ? json : { status }));
  }
  const byApply = `${ownOf(await make())}/status`;
  isIssued(await patched(byApply, "apply-patch", { apiVersion, kind, status }, "?fieldManager=e2e"));
  const made = await make();
  isIssued(await api.update(`${ownOf(made)}/status`, { ...made, status }));
  const der = new X509Certificate(String(status["certificateChain"]));
  assert.ok(der.publicKey.equals(createPublicKey(keys.privateKey)));
}

async function answered(): Promise<void> {
  const made = await make();
  const own = `${ownOf(made)}/status`;
  const denied = { ...made, status: { conditions: [condition("Denied")] } };
  await api.create("/apis/rbac.authorization.k8s.io/v1/clusterroles", {
    metadata: { name: "writer" },
    rules: [
      { apiGroups: ["certificates.k8s.io"], resources: ["podcertificaterequests/status"], verbs: ["update"] },
    ],
  });
  await api.create("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {
    metadata: { name: "writer" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "writer" },
    subjects: [{ kind: "User", apiGroup: "rbac.authorization.k8s.io", name: "jane" }],
  });
  const jane = api.as({ user: "jane" });
  let refused = await jane.call("PUT", own, { body: denied });
  await eventually("jane may write", 10_000, async () => {
    refused = await jane.call("PUT", own, { body: denied });
    return refused.code !== 403;
  });
  assert.equal(refused.code, 422, refused.text);
  assert.match(refused.text, /User \\"jane\\" is not permitted to \\"sign\\" for signer/);
  const answer = await api.update(own, denied);
  const late = await api.call("PUT", own, { body: { ...answer, status: issued() } });
  assert.equal(late.code, 422);
  assert.match(late.text, /immutable after PodCertificateRequest is issued, denied, or failed/);
  await api.must("DELETE", ownOf(made));
}

async function printed(): Promise<void> {
  const made = await make();
  const name = textAt(made, "metadata.name");
  const table = await server.run(["-n", "requests", "get", "podcertificaterequests"]);
  assert.match(table, /^NAME +PODNAME +SERVICEACCOUNTNAME +NODENAME +SIGNERNAME +STATE\n/);
  assert.match(table, new RegExp(`${name} +test-pod +default +test-node +${signerName} +Pending\\n`));
  const explained = await server.run([
    "explain",
    "podcertificaterequests.spec",
    "--api-version",
    "certificates.k8s.io/v1beta1",
  ]);
  assert.match(explained, /pkixPublicKey\s+<string> -required-/);
  // Its own signer's bundle is there at once, and readable by any account.
  const account = "--as=system:serviceaccount:requests:default";
  const bundles = await server.run([
    "get",
    "clustertrustbundles",
    account,
    "--as-group=system:serviceaccounts",
  ]);
  assert.match(
    bundles,
    /^NAME +SIGNERNAME\nkubernetes\.io:kube-apiserver-serving:[0-9a-f]{24} +kubernetes\.io\/kube-apiserver-serving\n$/,
  );
  await api.must("DELETE", ownOf(made));
}
