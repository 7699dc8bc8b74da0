/** https with client certificates, as the real etcdctl sees it: by a real etcd and by our server, the same. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { once } from "node:events";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import { createCa, issueCertificate } from "#pki/ca.ts";
import { openMemoryStore } from "#store/memory.ts";
import { listenAsEtcd } from "#supervisor/etcd-listen/serve.ts";
import { EtcdMember } from "../datastore/etcd.ts";
import { freePorts } from "../free-ports.ts";

const folder = mkdtempSync(join(tmpdir(), "mini-k8s-etcd-tls-"));
const path = (name: string): string => join(folder, name);

interface Target {
  readonly name: string;
  readonly address: string;
  readonly stop: () => Promise<void>;
}
const targets: Target[] = [];

/** Two authorities: the servers', which clients' certificates must be of, and a stranger's. */
function writeCertificates(): void {
  for (const authority of ["known", "strange"]) {
    const ca = createCa({ commonName: authority, days: 2, clock: systemClock, random: systemRandom });
    writeFileSync(path(`${authority}-ca.crt`), ca.certificatePem);
    for (const usage of ["server", "client"] as const) {
      const options = { commonName: usage, days: 1, usage, ipAddresses: ["127.0.0.1"], dnsNames: [] };
      const { certificatePem, keyPem } = issueCertificate(ca, options);
      writeFileSync(path(`${authority}-${usage}.crt`), certificatePem);
      writeFileSync(path(`${authority}-${usage}.key`), keyPem);
    }
  }
}

async function startReal(): Promise<Target> {
  const [client = 0, peer = 0] = await freePorts(2);
  const address = `127.0.0.1:${client}`;
  const peerUrl = `http://127.0.0.1:${peer}`;
  const member = new EtcdMember(address, [
    "--name=one",
    `--listen-client-urls=https://${address}`,
    `--advertise-client-urls=https://${address}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=one=${peerUrl}`,
    "--client-cert-auth",
    `--trusted-ca-file=${path("known-ca.crt")}`,
    `--cert-file=${path("known-server.crt")}`,
    `--key-file=${path("known-server.key")}`,
  ]);
  await member.start();
  return { name: "a real etcd", address, stop: () => member.remove() };
}

async function startOurs(): Promise<Target> {
  const deps = { clock: systemClock, random: systemRandom, log: silentLogger };
  const store = openMemoryStore(deps);
  const server = await listenAsEtcd(
    {
      urls: ["https://127.0.0.1:0"],
      certFile: path("known-server.crt"),
      keyFile: path("known-server.key"),
      trustedCaFile: path("known-ca.crt"),
      quotaBytes: undefined,
    },
    { store: store.keyValues, name: "one", clusterSeed: "tls", spoolFolder: folder },
    deps,
  );
  return {
    name: "ours",
    address: new URL(server.urls[0] ?? "").host,
    stop: async () => {
      await server.close();
      await store.close();
    },
  };
}

before(async () => {
  writeCertificates();
  for (const start of [startReal, startOurs]) targets.push(await start());
});
after(async () => {
  await Promise.all(targets.map((target) => target.stop()));
  rmSync(folder, { recursive: true });
});

interface Outcome {
  readonly out: string;
  readonly err: string;
  readonly code: number | null;
}

async function run(command: string, args: readonly string[]): Promise<Outcome> {
  const child = spawn(command, args, {
    env: { ...process.env, ETCDCTL_API: "3" },
  });
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
  const [code] = (await once(child, "close")) as [number | null];
  return { out, err, code };
}

function etcdctl(args: readonly string[]): Promise<Outcome> {
  return run("etcdctl", args);
}

const trusts = (authority: string): string => `--cacert=${path(`${authority}-ca.crt`)}`;
const shows = (authority: string): string[] => [
  `--cert=${path(`${authority}-client.crt`)}`,
  `--key=${path(`${authority}-client.key`)}`,
];

const refused: readonly (readonly [title: string, scheme: string, args: readonly string[]])[] = [
  ["no certificate", "https", [trusts("known")]],
  ["a stranger's certificate", "https", [trusts("known"), ...shows("strange")]],
  ["a server that the client doesn't trust", "https", [trusts("strange"), ...shows("known")]],
  ["no TLS", "http", []],
];

test("etcdctl with the right certificate: writes, reads, is healthy", async () => {
  for (const { name, address } of targets) {
    const args = [`--endpoints=https://${address}`, trusts("known"), ...shows("known")];
    assert.deepEqual(await etcdctl([...args, "put", "a", "1"]), { out: "OK\n", err: "", code: 0 }, name);
    assert.deepEqual(await etcdctl([...args, "get", "a"]), { out: "a\n1\n", err: "", code: 0 }, name);
    assert.equal((await etcdctl([...args, "endpoint", "health"])).code, 0, name);
    const { out } = await etcdctl([...args, "member", "list"]);
    assert.ok(out.includes(`https://${address}`), `${name}: ${out}`);
  }
});

for (const [title, scheme, args] of refused) {
  test(`etcdctl is refused: ${title}`, async () => {
    const outcomes = await Promise.all(
      targets.map(({ address }) =>
        // It tries until its time is over.
        etcdctl([`--endpoints=${scheme}://${address}`, "--command-timeout=1s", ...args, "get", "a"]),
      ),
    );
    for (const { out, code } of outcomes) assert.deepEqual([out, code], ["", 1]);
    const [real, ours] = outcomes.map(({ err }) => err.split("\n").find((line) => line.startsWith("Error:")));
    assert.match(real ?? "", /^Error: /);
    assert.equal(ours, real);
  });
}
