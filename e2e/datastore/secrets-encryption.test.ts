/** --secrets-encryption of two servers on one etcd: the same keys, changed while both serve; etcd sees ciphertext only. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { after, before, suite, test } from "node:test";
import { promisify } from "node:util";
import { type EtcdMember, startEtcd } from "./etcd.ts";
import { MiniServer } from "./server.ts";

const run = promisify(execFile);
const program = resolve(import.meta.dirname, "../../bin/mini-k8s.js");
const plainText = "nobody-may-see-this";

let etcd: EtcdMember;
let servers: MiniServer[] = [];
let argsOf: (more: readonly string[]) => readonly string[];

/** What lies in etcd below a key, as its own client shows it. */
async function inEtcd(prefix: string): Promise<string> {
  const env = { ...process.env, ETCDCTL_API: "3" };
  const args = ["--endpoints", etcd.address, "get", "--prefix", prefix];
  const { stdout } = await run("etcdctl", args, { env, encoding: "latin1", maxBuffer: 2 ** 26 });
  return stdout;
}

/** What a sealed value begins with. A key's name holds colons, and the sealed bytes after it may be anything. */
const seal = /^k8s:enc:aescbc:v1:(aescbckey(?:-\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)?):/;

/** The key each Secret is sealed with; "plain" for none. */
async function sealedWith(): Promise<string[]> {
  const values = (await inEtcd("/registry/secrets/")).split(/^\/registry\/secrets\/\S+\n/m).slice(1);
  return [...new Set(values.map((value) => seal.exec(value)?.[1] ?? "plain"))];
}

async function encrypt(server: MiniServer, ...step: string[]): Promise<string> {
  const args = [program, "secrets-encrypt", ...step, "--kubeconfig", server.kubeconfig];
  return (await run(process.execPath, args)).stdout;
}

const put = (server: MiniServer, name: string): Promise<string> =>
  server.kubectl(["create", "secret", "generic", name, `--from-literal=text=${plainText}-${name}`]);

async function read(server: MiniServer, name: string): Promise<string> {
  const data = await server.kubectl(["get", "secret", name, "-o", "jsonpath={.data.text}"]);
  return Buffer.from(data, "base64").toString();
}

suite("secrets encryption of two servers on one etcd", () => {
  before(async () => {
    etcd = await startEtcd();
    const endpoint = ["--datastore-endpoint", `http://${etcd.address}`];
    argsOf = (more) => ["--token", "open-sesame", ...endpoint, ...more];
    // The flag of the first one decides; the second has none.
    const alpha = new MiniServer("alpha", argsOf(["--secrets-encryption"]));
    servers = [alpha];
    await alpha.start();
    const beta = new MiniServer("beta", argsOf([]));
    servers.push(beta);
    await beta.start();
  });

  after(async () => {
    for (const server of servers) await server.remove();
    await etcd.remove();
  });

  test("what one writes the other reads, and etcd sees neither values nor keys", async () => {
    const [alpha, beta] = servers as [MiniServer, MiniServer];
    await put(alpha, "by-alpha");
    await put(beta, "by-beta");
    assert.equal(await read(beta, "by-alpha"), `${plainText}-by-alpha`);
    assert.equal(await read(alpha, "by-beta"), `${plainText}-by-beta`);
    assert.deepEqual(await sealedWith(), ["aescbckey"]);
    assert.doesNotMatch(
      await inEtcd(""),
      new RegExp(`${plainText}|${Buffer.from(plainText).toString("base64").slice(0, -4)}`),
    );
    assert.doesNotMatch(await inEtcd("/bootstrap"), /aescbc/);
    const status = await encrypt(beta, "status");
    assert.match(status, /Encryption Status: Enabled\nCurrent Rotation Stage: start\n.*All hashes match/);
  });

  test("keys are rotated through either server while both write; each reads everything at all times", async () => {
    const [alpha, beta] = servers as [MiniServer, MiniServer];
    const over = new AbortController();
    let count = 0;
    const writing = servers.map(async (server, at) => {
      const other = servers[1 - at] as MiniServer;
      for (let round = 0; !over.signal.aborted; round++) {
        const name = `during-${server.name}-${round}`;
        await put(server, name);
        assert.equal(await read(other, name), `${plainText}-${name}`);
        count += 1;
      }
    });
    const steps = (async () => {
      assert.equal(await encrypt(alpha, "prepare"), "prepare completed successfully\n");
      await assert.rejects(encrypt(beta, "prepare"), /the rotation stage is prepare, must be start/);
      assert.equal(await encrypt(beta, "rotate"), "rotate completed successfully\n");
      assert.match(await encrypt(alpha, "reencrypt"), /^reencrypted \d+ secrets\n$/);
      assert.match(await encrypt(beta, "rotate-keys"), /keys rotated, reencryption finished\n$/);
    })().finally(() => {
      over.abort();
    });
    await Promise.all([steps, ...writing]);
    assert.ok(count > 0);
    const keys = await sealedWith();
    assert.equal(keys.length, 1, keys.join());
    assert.match(keys[0] ?? "", /^aescbckey-/);
    for (const server of servers) {
      assert.equal(await read(server, "by-alpha"), `${plainText}-by-alpha`);
      assert.match(await encrypt(server, "status"), /reencrypt_finished\n.*All hashes match/);
      assert.doesNotMatch(server.output, /can't be decrypted/);
    }
  });

  test("one that comes later has the keys of now; a dead one holds nobody up", async () => {
    const [alpha, beta] = servers as [MiniServer, MiniServer];
    const gamma = new MiniServer("gamma", argsOf(["--secrets-encryption"]));
    servers.push(gamma);
    await gamma.start();
    assert.equal(await read(gamma, "by-beta"), `${plainText}-by-beta`);
    await beta.kill();
    // Until it is noticed that beta is gone, the step waits for it.
    assert.equal(await encrypt(gamma, "prepare"), "prepare completed successfully\n");
    assert.equal(await encrypt(alpha, "rotate"), "rotate completed successfully\n");
    await put(alpha, "while-away");
    assert.match(await encrypt(alpha, "reencrypt"), /^reencrypted/);
    await beta.start();
    assert.equal(await read(beta, "while-away"), `${plainText}-while-away`);
  });

  test("disabled, everything is plain after reencrypting; enabled again, nothing is", async () => {
    const [alpha, beta] = servers as [MiniServer, MiniServer];
    await encrypt(alpha, "disable");
    await encrypt(beta, "reencrypt", "--force");
    assert.deepEqual(await sealedWith(), ["plain"]);
    assert.equal(await read(beta, "by-alpha"), `${plainText}-by-alpha`);
    await encrypt(beta, "enable");
    await encrypt(alpha, "reencrypt", "--force");
    assert.equal((await sealedWith()).length, 1);
    assert.notDeepEqual(await sealedWith(), ["plain"]);
  });
});
