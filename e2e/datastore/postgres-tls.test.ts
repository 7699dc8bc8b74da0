/** Debian's PostgreSQL that demands TLS: what each sslmode checks, client certificates, a whole server on it. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import { createCa, issueCertificate, type CertificateAuthority } from "#pki/ca.ts";
import { openPostgresStore } from "#store/postgres/store.ts";
import type { PostgresTls } from "#store/postgres/tls.ts";
import { type PostgresServer, startPostgres } from "./postgres.ts";
import { MiniServer } from "./server.ts";

const deps = { clock: systemClock, random: systemRandom, log: silentLogger };
const newCa = (commonName: string): CertificateAuthority => createCa({ commonName, days: 2, ...deps });
const ca = newCa("postgres-ca");
const stranger = newCa("another-ca");

const tlsOf = (server: { readonly ip: string; readonly clientCertificates: boolean }) => ({
  caPem: ca.certificatePem,
  ...issueCertificate(ca, { commonName: "db", days: 1, usage: "server", ipAddresses: [server.ip] }),
  clientCertificates: server.clientCertificates,
});

/** PostgreSQL's user is the certificate's name. */
const clientOf = (authority: CertificateAuthority, commonName = "kubernetes"): PostgresTls => {
  const pair = issueCertificate(authority, { commonName, days: 1, usage: "client" });
  return { caPem: ca.certificatePem, certificatePem: pair.certificatePem, keyPem: pair.keyPem };
};

const onlyCa = (authority: CertificateAuthority): PostgresTls => ({
  caPem: authority.certificatePem,
  certificatePem: undefined,
  keyPem: undefined,
});

/** What a store over it reads of what it has written. */
async function tryOut(server: PostgresServer, mode: string, tls?: PostgresTls): Promise<string> {
  const url = `${server.url("kubernetes")}${mode === "" ? "" : `?sslmode=${mode}`}`;
  const store = await openPostgresStore({ url, name: "postgres-1", tls }, deps);
  try {
    const key = `/registry/tries/${systemRandom.uuid()}`;
    await store.create(key, Buffer.from("x"));
    return String((await store.get(key)).entry?.value);
  } finally {
    await store.close();
  }
}

const refused = async (opening: Promise<unknown>, reason: RegExp): Promise<void> =>
  assert.rejects(opening, (error: Error) => {
    assert.match(error.message, /^can't reach the datastore postgres-1: /);
    assert.match(error.message, reason);
    return true;
  });

suite("PostgreSQL with TLS", () => {
  /** The second one's certificate is for another address. */
  const servers: PostgresServer[] = [];
  before(async () => {
    for (const ip of ["127.0.0.1", "127.0.0.9"]) {
      servers.push(await startPostgres({ tls: tlsOf({ ip, clientCertificates: false }) }));
    }
  });
  after(async () => {
    for (const server of servers) await server.remove();
  });

  const good: readonly [mode: string, at: 0 | 1, tls: PostgresTls | undefined][] = [
    ["", 0, undefined],
    ["prefer", 0, undefined],
    ["require", 0, undefined],
    ["require", 1, onlyCa(ca)],
    ["verify-ca", 0, onlyCa(ca)],
    ["verify-ca", 1, onlyCa(ca)],
    ["verify-full", 0, onlyCa(ca)],
    ["", 0, onlyCa(ca)],
  ];
  for (const [mode, at, tls] of good) {
    test(`sslmode=${mode} ${tls === undefined ? "without files" : "with the CA"} reaches server ${at}`, async () => {
      assert.equal(await tryOut(servers[at] as PostgresServer, mode, tls), "x");
    });
  }

  const bad: readonly [mode: string, at: 0 | 1, tls: PostgresTls | undefined, reason: RegExp][] = [
    ["disable", 0, undefined, /no pg_hba\.conf entry .*no encryption/],
    ["require", 0, onlyCa(stranger), /self.signed certificate|unable to verify|unable to get/],
    ["verify-ca", 0, undefined, /self.signed certificate|unable to verify|unable to get/],
    ["verify-full", 0, undefined, /self.signed certificate|unable to verify|unable to get/],
    ["verify-full", 1, onlyCa(ca), /IP: 127\.0\.0\.1 is not in the cert's list: 127\.0\.0\.9/],
    ["", 1, onlyCa(ca), /IP: 127\.0\.0\.1 is not in the cert's list: 127\.0\.0\.9/],
  ];
  for (const [mode, at, tls, reason] of bad) {
    test(`sslmode=${mode} doesn't reach server ${at}: ${reason}`, async () => {
      await refused(tryOut(servers[at] as PostgresServer, mode, tls), reason);
    });
  }
});

suite("PostgreSQL that demands client certificates", () => {
  const directory = mkdtempSync(join(tmpdir(), "mini-k8s-postgres-tls-"));
  let server: PostgresServer;
  before(async () => {
    server = await startPostgres({ tls: tlsOf({ ip: "127.0.0.1", clientCertificates: true }) });
  });
  after(async () => {
    await server.remove();
    rmSync(directory, { recursive: true });
  });

  test("the right one is let in; another user's, another CA's and none are refused", async () => {
    assert.equal(await tryOut(server, "verify-full", clientOf(ca)), "x");
    await refused(
      tryOut(server, "verify-full", clientOf(ca, "somebody")),
      /certificate authentication failed for user "kubernetes"/,
    );
    await refused(tryOut(server, "verify-full", clientOf(stranger)), /unknown ca|certificate/);
    await refused(tryOut(server, "verify-full", onlyCa(ca)), /requires a valid client certificate/);
  });

  test("a whole server works over it, and says no secret", async () => {
    const files: Record<string, string> = {};
    const { certificatePem = "", keyPem = "" } = clientOf(ca);
    for (const [name, pem] of Object.entries({
      cafile: ca.certificatePem,
      certfile: certificatePem,
      keyfile: keyPem,
    })) {
      files[name] = join(directory, name);
      writeFileSync(files[name], pem);
    }
    const flags = Object.entries(files).flatMap(([name, path]) => [`--datastore-${name}`, path]);
    const endpoint = `${server.url("whole")}?sslmode=verify-full`;
    const mini = new MiniServer("epsilon", [
      "--token",
      "open-sesame",
      "--datastore-endpoint",
      endpoint,
      ...flags,
    ]);
    try {
      await mini.start();
      await mini.kubectl(["create", "configmap", "over-tls", "--from-literal=a=1"]);
      assert.equal(await mini.kubectl(["get", "configmap", "over-tls", "-o", "jsonpath={.data.a}"]), "1");
      assert.doesNotMatch(mini.output, /:secret@|PRIVATE KEY/);
    } finally {
      await mini.remove();
    }
  });
});
