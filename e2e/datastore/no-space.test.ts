/**
 * Datastores without space: an etcd at its quota, a PostgreSQL whose tables' disk is full. Writes are refused in their
 * words, reads and deletions go on, /readyz tells, and space brings writes back without a restart.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { promisify } from "node:util";
import { exec } from "#base/exec.ts";
import { eventually } from "../wait.ts";
import { type EtcdMember, startEtcd } from "./etcd.ts";
import { startPostgres } from "./postgres.ts";
import { MiniServer } from "./server.ts";

const run = promisify(execFile);
const configMaps = "/api/v1/namespaces/default/configmaps";
const quotaBytes = 4 * 2 ** 20;
const diskBytes = 96 * 2 ** 20;
const objectBytes = 200_000;
const regainMaxMs = 60_000;

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Each its own text: PostgreSQL compresses what repeats. */
const object = (name: string): object => ({
  metadata: { name },
  data: {
    text: Array.from({ length: objectBytes / 10 }, () => Math.random().toString(36).slice(2, 12)).join(""),
  },
});

const create = (server: MiniServer, name: string): Promise<Answer> =>
  server.call("POST", configMaps, object(name));

/** Creates until one is refused. */
async function fill(server: MiniServer): Promise<{ created: string[]; refusal: Answer }> {
  const created: string[] = [];
  for (let at = 0; at < 500; at++) {
    const answer = await create(server, `large-${at}`);
    if (answer.status !== 201) return { created, refusal: answer };
    created.push(`large-${at}`);
  }
  throw new Error("500 objects were created, none was refused");
}

async function namesIn(server: MiniServer): Promise<string[]> {
  const { status, text } = await server.call("GET", configMaps);
  assert.equal(status, 200, text);
  const { items } = JSON.parse(text) as { items: { metadata: { name: string } }[] };
  return items.map(({ metadata }) => metadata.name).filter((name) => name.startsWith("large-"));
}

/** Everything that must hold without space; returns what is there. */
async function holdsWithout(
  server: MiniServer,
  wording: RegExp,
  { refusesTooLate = false } = {},
): Promise<string[]> {
  const { created, refusal } = await fill(server);
  assert.ok(created.length > 0);
  assert.equal(refusal.status, 500, refusal.text);
  const { message, ...rest } = JSON.parse(refusal.text) as Record<string, string>;
  assert.deepEqual(rest, { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", code: 500 });
  assert.match(message ?? "", wording);
  const there = await namesIn(server);
  const refused = `large-${created.length}`;
  const withRefused = refusesTooLate && there.includes(refused) ? [refused] : [];
  assert.deepEqual(there.toSorted(), [...created, ...withRefused].toSorted());
  await assert.rejects(
    server.kubectl(
      ["create", "-f", "-"],
      JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", ...object("refused") }),
    ),
    wording,
  );
  // What needs no room (a lease that is renewed) still succeeds now and then, and says that all is well.
  await eventually("a refused write shows", regainMaxMs, async () => {
    assert.equal((await create(server, `refused-${Date.now()}`)).status, 500);
    const ready = await server.call("GET", "/readyz?verbose");
    return ready.status === 500 && ready.text.includes("[-]etcd-writes failed");
  });
  assert.equal((await server.call("GET", "/livez")).status, 200);
  return there;
}

async function worksAgain(server: MiniServer, kept: readonly string[]): Promise<void> {
  await eventually("writes are taken again", regainMaxMs, async () => {
    return (await create(server, `after-${Date.now()}`)).status === 201;
  });
  await eventually("the server is ready again", regainMaxMs, async () => {
    return (await server.call("GET", "/readyz")).status === 200;
  });
  assert.deepEqual((await namesIn(server)).toSorted(), kept.toSorted());
  assert.equal(server.exitCode, null, server.output.slice(-3000));
}

suite("an etcd at its quota", () => {
  const stack = new AsyncDisposableStack();
  let etcd: EtcdMember;
  let server: MiniServer;
  const etcdctl = async (...args: string[]): Promise<string> => {
    const env = { ...process.env, ETCDCTL_API: "3" };
    return (await run("etcdctl", ["--endpoints", etcd.address, ...args], { env })).stdout;
  };
  before(async () => {
    etcd = await startEtcd([`--quota-backend-bytes=${quotaBytes}`]);
    stack.defer(() => etcd.remove());
    server = new MiniServer("zeta", [
      "--token",
      "open-sesame",
      "--datastore-endpoint",
      `http://${etcd.address}`,
    ]);
    stack.defer(() => server.remove());
    await server.start();
  });
  after(() => stack.disposeAsync());

  test("writes are refused in its words, reads and deletions go on, and all is well once it is disarmed", async () => {
    // etcd may say that there is no space for a write that it has made: only what comes after it is refused before.
    const wording = /etcdserver: mvcc: database space exceeded$/m;
    const created = await holdsWithout(server, wording, { refusesTooLate: true });
    assert.match(await etcdctl("alarm", "list"), /NOSPACE/);
    for (const name of created) {
      const { status, text } = await server.call("DELETE", `${configMaps}/${name}`);
      assert.equal(status, 200, text);
    }
    assert.deepEqual(await namesIn(server), []);
    // As etcd's documentation has it: maintenance, space quota.
    const [, revision = ""] =
      /"revision":(\d+)/.exec(await etcdctl("endpoint", "status", "-w", "json")) ?? [];
    await etcdctl("compact", revision, "--physical");
    await etcdctl("defrag");
    await etcdctl("alarm", "disarm");
    await worksAgain(server, []);
  });
});

suite("a PostgreSQL whose disk is full", () => {
  const disk = mkdtempSync(join(tmpdir(), "mini-k8s-postgres-disk-"));
  const stack = new AsyncDisposableStack();
  stack.defer(() => {
    rmSync(disk, { recursive: true });
  });
  let server: MiniServer;
  before(async () => {
    await exec("mount", ["-t", "tmpfs", "-o", `size=${diskBytes}`, "tmpfs", disk]);
    stack.defer(async () => {
      await exec("umount", [disk]);
    });
    const postgres = await startPostgres({ tables: disk });
    stack.defer(() => postgres.remove());
    server = new MiniServer("eta", [
      "--token",
      "open-sesame",
      "--datastore-endpoint",
      postgres.url("kubernetes"),
    ]);
    stack.defer(() => server.remove());
    await server.start();
  });
  after(() => stack.disposeAsync());

  test("writes are refused in its words, reads go on, and all is well once there is space", async () => {
    const ballast = join(disk, "ballast");
    const { bavail, bsize } = statfsSync(disk);
    writeFileSync(ballast, Buffer.alloc(bavail * bsize - 4 * 2 ** 20));
    const created = await holdsWithout(server, /could not extend file .*No space left on device/);
    rmSync(ballast);
    await worksAgain(server, created);
  });
});
