/** Which certificate a client sees who asks for a name, and when its files change. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { get } from "node:https";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { connect } from "node:tls";
import { systemClock } from "#base/clock.ts";
import { systemRandom } from "#base/random.ts";
import { createCa, issueCertificate } from "#pki/ca.ts";
import { startTestServer } from "#testing/server.ts";
import { defaultServing } from "./serving-options.ts";
import type { SniCertificate } from "./sni-certificates.ts";

const directory = await mkdtemp(join(tmpdir(), "mini-k8s-sni-"));
after(() => rm(directory, { recursive: true }));
const ca = createCa({ commonName: "sni", days: 1, clock: systemClock, random: systemRandom });

/** Files of a certificate that bears `commonName`, and these names. */
async function pairOf(
  file: string,
  commonName: string,
  dnsNames: readonly string[] = [],
): Promise<SniCertificate> {
  const pair = issueCertificate(ca, { commonName, dnsNames, usage: "server", days: 1 });
  const [certFile, keyFile] = [join(directory, `${file}.crt`), join(directory, `${file}.key`)];
  await writeFile(keyFile, pair.keyPem);
  await writeFile(certFile, pair.certificatePem);
  return { certFile, keyFile, names: [] };
}

/** Whose certificate is shown. */
function shown(port: number, servername: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, servername, rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.once("error", reject);
  });
}

const start = (sniCertificates: readonly SniCertificate[]): ReturnType<typeof startTestServer> =>
  startTestServer({}, { serving: { ...defaultServing, sniCertificates } });

test("names that are given count before those that certificates bear, whole ones before stars, the first before the last", async () => {
  const own = await pairOf("own", "own.example.com", ["other.example.com", "*.wide.example.com"]);
  const given = { ...(await pairOf("given", "given")), names: ["own.example.com", "*.deep.example.com"] };
  const last = await pairOf("last", "last.example.com", ["other.example.com", "a.wide.example.com"]);
  await using server = await start([own, given, last]);
  for (const [name, expected] of [
    ["own.example.com", "given"],
    ["OTHER.example.com", "own.example.com"],
    ["a.wide.example.com", "last.example.com"],
    ["b.wide.example.com", "own.example.com"],
    ["x.deep.example.com", "given"],
    ["x.y.deep.example.com", "kube-apiserver"],
    ["localhost", "kube-apiserver"],
  ] as const) {
    assert.equal(await shown(server.port, name), expected, name);
  }
});

/** Whose certificate is shown to who asks for no name. */
function shownAt(port: number, host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.once("error", reject);
  });
}

test("who asks for no name is shown the certificate of the address that he came to", async () => {
  const at = { ...(await pairOf("at", "at")), names: ["127.0.0.1", "named.example.com"] };
  const bears = await pairOf("bears", "127.0.0.2");
  await using server = await startTestServer(
    {},
    { bindAddress: "0.0.0.0", serving: { ...defaultServing, sniCertificates: [at, bears] } },
  );
  const { port } = server;
  assert.equal(await shownAt(port, "127.0.0.1"), "at");
  // Addresses that a certificate bears don't count, only those that are given.
  assert.equal(await shownAt(port, "127.0.0.2"), "kube-apiserver");
  // Who asks for a name has come to the same address.
  assert.equal(await shown(port, "named.example.com"), "at");
  assert.equal(await shown(port, "other.example.com"), "kube-apiserver");
  const admin = server.certificate("admin", ["system:masters"]);
  const tls = { cert: admin.certificatePem, key: admin.keyPem, rejectUnauthorized: false };
  const session = connectHttp2(`https://127.0.0.1:${port}`, tls);
  const asked = session.request({ ":path": "/version" });
  const [head] = (await once(asked, "response")) as [Record<string, unknown>];
  assert.equal(head[":status"], 200);
  asked.resume();
  session.close();
  const got = await new Promise<number>((resolve, reject) => {
    get({ host: "127.0.0.1", port, path: "/version", ...tls }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    }).once("error", reject);
  });
  assert.equal(got, 200);
});

test("a pair that is none stops the start", async () => {
  const one = await pairOf("one", "one.example.com");
  const two = await pairOf("two", "two.example.com");
  const mixed = { ...one, keyFile: two.keyFile };
  await assert.rejects(
    start([mixed]),
    /invalid SNI cert keypair \[0\/"sni-serving-cert::.*one\.crt::.*two\.key"\]/,
  );
});

test("new files count for new connections", { timeout: 20_000 }, async () => {
  const renewed = await pairOf("renewed", "before", ["renewed.example.com"]);
  await using server = await start([renewed]);
  assert.equal(await shown(server.port, "renewed.example.com"), "before");
  await pairOf("renewed", "after", ["renewed.example.com"]);
  while ((await shown(server.port, "renewed.example.com")) !== "after");
});
