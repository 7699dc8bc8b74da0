/** Webhooks are taken by the alternative names of their certificates alone, as by Go. */
// oxlint-disable-next-line import/no-unassigned-import -- the other library wants it loaded first
import "reflect-metadata";
import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import * as x509 from "@peculiar/x509";
import { Registry } from "prom-client";
import { startHookServer } from "#apiserver/admission/testing/hook-server.ts";
import { fixedIdentity } from "#client/identity.ts";
import { KubeconfigHook } from "#apiserver/connect/kubeconfig-hook.ts";
import { HookCallError } from "#apiserver/connect/hook-answer.ts";
import { HookClient } from "#apiserver/connect/hook-client.ts";
import { systemClock } from "#base/clock.ts";
import { certificateFaults } from "./certificate-metrics.ts";
import { metricsText } from "./exposition.ts";
import { valueIn } from "./testing/measured-server.ts";

const missing = "apiserver_webhooks_x509_missing_san_total";
const sha1 = "apiserver_webhooks_x509_insecure_sha1_total";

class Asking {
  readonly registry = new Registry();
  readonly client = new HookClient({
    clock: systemClock,
    faults: certificateFaults("webhooks", this.registry),
    resolver: { resolve: () => Promise.reject(new Error("no services here")) },
  });

  async value(name: string): Promise<number> {
    return valueIn(await metricsText(this.registry), name);
  }

  ask(url: string, caBundle: string): Promise<unknown> {
    return this.client.call({ config: { url, caBundle }, body: { request: {} }, timeoutSeconds: 5 });
  }
}

test("a webhook whose certificate has only a common name isn't asked, and counted", async () => {
  const asking = new Asking();
  await using named = await startHookServer({}, { dnsNames: ["webhook"], ipAddresses: [] });
  await using unnamed = await startHookServer({}, { ipAddresses: [] });
  await assert.rejects(
    asking.ask(`https://localhost:${named.port}/`, named.caBundle),
    /x509: certificate is valid for webhook, not localhost$/,
  );
  assert.equal(await asking.value(missing), 0);
  await assert.rejects(asking.ask(`https://localhost:${unnamed.port}/`, unnamed.caBundle), {
    message: `Post "https://localhost:${unnamed.port}/?timeout=5s": tls: failed to verify certificate: x509: certificate relies on legacy Common Name field, use SANs instead`,
  });
  assert.equal(await asking.value(missing), 1);
  assert.equal(await asking.value(sha1), 0);
});

test("a webhook whose certificate is signed by SHA-1 isn't asked, and counted", async () => {
  const asking = new Asking();
  const { caPem, certificatePem, keyPem } = await signedBySha1();
  const server = createServer({ cert: certificatePem, key: keyPem }, (_, response) => {
    response.end("{}");
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  const caBundle = Buffer.from(caPem, "utf8").toString("base64");
  await assert.rejects(asking.ask(`https://127.0.0.1:${port}/`, caBundle), HookCallError);
  server.close();
  assert.equal(await asking.value(sha1), 1);
  assert.equal(await asking.value(missing), 0);
});

test("so it is with webhooks that a kubeconfig names", async () => {
  const registry = new Registry();
  await using unnamed = await startHookServer({}, { ipAddresses: [] });
  const access = {
    options: {
      server: `https://localhost:${unnamed.port}/`,
      certificateAuthority: Buffer.from(unnamed.caBundle, "base64").toString("utf8"),
    },
    identity: fixedIdentity({}),
    namespace: "default",
  };
  const hook = new KubeconfigHook(access, systemClock);
  hook.countFaults(certificateFaults("webhooks", registry));
  await assert.rejects(hook.post({}, 5000), {
    message: `Post "https://localhost:${unnamed.port}/?timeout=5s": tls: failed to verify certificate: x509: certificate relies on legacy Common Name field, use SANs instead`,
  });
  hook.close();
  assert.equal(valueIn(await metricsText(registry), missing), 1);
});

interface Signed {
  readonly caPem: string;
  readonly certificatePem: string;
  readonly keyPem: string;
}

async function signedBySha1(): Promise<Signed> {
  const curve = { name: "ECDSA", namedCurve: "P-256" };
  const make = (): Promise<webcrypto.CryptoKeyPair> =>
    webcrypto.subtle.generateKey(curve, true, ["sign", "verify"]);
  const [caKeys, keys] = await Promise.all([make(), make()]);
  const [notBefore, notAfter] = [-60_000, 3_600_000].map((ms) => new Date(systemClock.now() + ms));
  const validity = { notBefore, notAfter } as { notBefore: Date; notAfter: Date };
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity,
    name: "CN=old-ca",
    keys: caKeys,
    signingAlgorithm: { ...curve, hash: "SHA-256" },
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  const leaf = await x509.X509CertificateGenerator.create({
    ...validity,
    subject: "CN=old",
    issuer: ca.subject,
    publicKey: keys.publicKey,
    signingKey: caKeys.privateKey,
    signingAlgorithm: { ...curve, hash: "SHA-1" },
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: "ip", value: "127.0.0.1" }])],
  });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey));
  const lines = pkcs8.toString("base64").match(/.{1,64}/g) ?? [];
  const keyPem = ["-----BEGIN PRIVATE KEY-----", ...lines, "-----END PRIVATE KEY-----", ""].join("\n");
  return { caPem: ca.toString("pem"), certificatePem: leaf.toString("pem"), keyPem };
}
