/** What upstream's conformance demands of events, of what can't be changed, and of a client by certificate. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { startBareServer, type BareServer } from "../bare-server.ts";
import { eventually } from "../wait.ts";
import { ApiClient, at, textAt } from "./api-client.ts";
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

suite("conformance: objects", { timeout: 240_000 }, () => {
  before(async () => {
    server = await startBareServer();
    api = await ApiClient.of(server.kubeconfig);
  });
  after(() => server[Symbol.asyncDispose]());

  suite("API operations", operations);
  suite("immutable", immutable);
});
