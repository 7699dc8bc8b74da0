/** A data directory's snapshots without a server: names, retention, differences, restore into old and new places. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { ManualClock, systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { openSqliteStore } from "#store/sqlite/store.ts";
import type { Store } from "#store/store.ts";
import { lockDirectory } from "../lock.ts";
import { serverPaths } from "../paths.ts";
import {
  checkAction,
  diffAction,
  listAction,
  saveAction,
  type ActionDeps,
  type ActionOptions,
} from "./actions.ts";
import { listSnapshots, snapshotPath, SnapshotNameError } from "./directory.ts";
import { hasIdentity } from "./identity.ts";
import { forkDataDir, restoreDataDir } from "./restore.ts";
import { SnapshotService } from "./service.ts";

const root = await mkdtemp(join(tmpdir(), "mini-k8s-snapshots-"));
after(() => rm(root, { recursive: true }));

const said: string[] = [];
const deps: ActionDeps = {
  clock: systemClock,
  assets: { sqliteAddon: undefined, spawnStoreWorker: undefined },
  version: "0.0.0",
  signal: new AbortController().signal,
  say: (text) => said.push(text),
};
const takeSaid = (): string => said.splice(0).join("");

const optionsOf = (dataDir: string): ActionOptions => ({
  dataDir,
  directory: serverPaths(dataDir).snapshots,
  kubeconfig: undefined,
});

const openStore = (dataDir: string): Promise<Store> =>
  openSqliteStore({ path: serverPaths(dataDir).database }, { clock: systemClock, log: silentLogger });

const bytesOf = (object: unknown): Buffer => Buffer.from(JSON.stringify(object));

const configMap = (name: string, data: Record<string, string>): unknown => ({
  kind: "ConfigMap",
  apiVersion: "v1",
  metadata: { name, namespace: "default" },
  data,
});

async function withStore<T>(dataDir: string, run: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore(dataDir);
  try {
    return await run(store);
  } finally {
    await store.close();
  }
}

/** What a stopped server leaves: a database, certificates, a token. */
async function cluster(name: string, uid = name): Promise<string> {
  const dataDir = join(root, name);
  const paths = serverPaths(dataDir);
  await mkdir(paths.tls, { recursive: true });
  for (const file of ["server-ca.crt", "server-ca.key", "client-ca.crt", "client-ca.key", "service.key"]) {
    await writeFile(join(paths.tls, file), `${file} of ${name}`);
  }
  await writeFile(paths.token, `password-of-${name}\n`);
  await withStore(dataDir, async (store) => {
    const namespace = { kind: "Namespace", metadata: { name: "kube-system", uid } };
    await store.create("/registry/namespaces/kube-system", bytesOf(namespace));
    await store.create("/registry/configmaps/default/a", bytesOf(configMap("a", { x: "1" })));
    await store.create("/registry/leases/kube-system/l", bytesOf({ kind: "Lease", metadata: { name: "l" } }));
    const secret = "/registry/secrets/kube-system/n1.node-password.mini-k8s";
    await store.create(secret, bytesOf({ kind: "Secret", metadata: { name: "n1" } }));
  });
  return dataDir;
}

const keysOf = (dataDir: string): Promise<string[]> =>
  withStore(dataDir, async (store) => (await store.list("/registry/")).entries.map(({ key }) => key));

test("save, change, diff, check, list, restore: without a server", async () => {
  const dataDir = await cluster("whole");
  const options = optionsOf(dataDir);
  await saveAction("s1", options, deps);
  assert.match(takeSaid(), /^snapshot s1 saved: 4 objects at revision 5, in \d+ ms\n$/);
  const revision = await withStore(dataDir, async (store) => {
    const { entry } = await store.get("/registry/configmaps/default/a");
    await store.update(
      "/registry/configmaps/default/a",
      bytesOf(configMap("a", { x: "2" })),
      entry?.modRevision ?? 0n,
    );
    await store.create("/registry/configmaps/default/b", bytesOf(configMap("b", {})));
    await store.delete("/registry/leases/kube-system/l");
    return store.revision;
  });
  await diffAction(["s1", "now"], { ...options, showsAll: false }, deps);
  assert.equal(
    takeSaid(),
    '--- s1 at revision 5\n+++ now at revision 8\n~ ConfigMap default/a\n    .data.x: "1" → "2"\n+ ConfigMap default/b\n(1 Leases and Events differ, too: --all shows them)\n',
  );
  await diffAction(["now", "s1"], { ...options, showsAll: true }, deps);
  assert.match(takeSaid(), /^- ConfigMap default\/b\n\+ Lease l$/m);
  await checkAction("s1", options, deps);
  await checkAction(undefined, options, deps);
  assert.match(takeSaid(), /snapshot s1 is sound: 4 .*\n.*whole is sound: 4 objects at revision 8\n/);
  await listAction(options, deps);
  assert.match(takeSaid(), /^NAME +REVISION .*\ns1 +5 +4 +\d+ +\S+Z +hand +whole\n$/);

  const restore = {
    dataDir,
    snapshot: snapshotPath(options.directory, "s1"),
    token: undefined,
    bump: 1000n,
    isForced: false,
  };
  await restoreDataDir(restore, deps);
  assert.match(takeSaid(), /^the database before is kept as .*state\.db\.before-restore-\d+\n$/);
  await withStore(dataDir, async (store) => {
    // Above everything that was ever given, not only above what the snapshot knew; one write took the node's password.
    assert.equal(store.revision, revision + 1001n);
    assert.match(String((await store.get("/registry/configmaps/default/a")).entry?.value), /"x":"1"/);
  });
  assert.ok(!(await keysOf(dataDir)).some((key) => key.includes("node-password")));
  // Twice, and after a crash in the middle.
  await writeFile(`${serverPaths(dataDir).database}.restored`, "half");
  await restoreDataDir(restore, deps);
  await withStore(dataDir, (store) => Promise.resolve(assert.equal(store.revision, revision + 2002n)));
});

test("restore refuses a running server and another cluster, and takes a damaged database's place", async () => {
  const [one, other] = [await cluster("one"), await cluster("other")];
  await saveAction("s", optionsOf(one), deps);
  const snapshot = snapshotPath(optionsOf(one).directory, "s");
  const restore = { dataDir: other, snapshot, token: undefined, bump: 10n, isForced: false };
  await assert.rejects(
    restoreDataDir(restore, deps),
    /other is cluster other, the snapshot is of cluster one: .*--force/,
  );
  {
    await using stack = new AsyncDisposableStack();
    stack.use(await lockDirectory(serverPaths(one).lock));
    await assert.rejects(restoreDataDir({ ...restore, dataDir: one }, deps), /in use by process \d+/);
  }
  await writeFile(serverPaths(one).database, "x".repeat(10_000));
  takeSaid();
  await restoreDataDir({ ...restore, dataDir: one }, deps);
  assert.match(takeSaid(), /can't be read: the database .* is damaged .*\nthe database before is kept as/);
  assert.equal((await keysOf(one)).length, 3);
  await restoreDataDir({ ...restore, isForced: true }, deps);
});

test("into a new data directory the cluster's keys come along, for who knows its token", async () => {
  const origin = await cluster("keys");
  await saveAction("s", optionsOf(origin), deps);
  const dataDir = join(root, "elsewhere");
  const snapshot = snapshotPath(optionsOf(origin).directory, "s");
  const restore = { dataDir, snapshot, bump: 1n, isForced: false };
  await assert.rejects(
    restoreDataDir({ ...restore, token: undefined }, deps),
    /give the token of its cluster/,
  );
  await assert.rejects(restoreDataDir({ ...restore, token: "wrong" }, deps), /token isn't the one/);
  await assert.rejects(stat(serverPaths(dataDir).database), /ENOENT/);
  await restoreDataDir({ ...restore, token: "password-of-keys" }, deps);
  const { tls, token } = serverPaths(dataDir);
  assert.equal(await readFile(join(tls, "server-ca.key"), "utf8"), "server-ca.key of keys");
  assert.equal((await stat(join(tls, "service.key"))).mode & 0o777, 0o600);
  assert.equal(await readFile(token, "utf8"), "password-of-keys\n");
  assert.ok(
    !(await readFile(snapshot)).includes("server-ca.key of keys"),
    "the keys lie open in the snapshot",
  );
});

test("a fork has the objects, but neither the keys nor who led", async () => {
  const origin = await cluster("origin");
  await saveAction("s", optionsOf(origin), deps);
  const dataDir = join(root, "fork");
  const snapshot = snapshotPath(optionsOf(origin).directory, "s");
  await forkDataDir({ dataDir, snapshot, originDataDir: origin }, deps);
  assert.deepEqual(await keysOf(dataDir), [
    "/registry/configmaps/default/a",
    "/registry/namespaces/kube-system",
  ]);
  assert.equal(await hasIdentity(serverPaths(dataDir).tls), false);
  await assert.rejects(
    forkDataDir({ dataDir, snapshot, originDataDir: origin }, deps),
    /is a data directory already/,
  );
});

test("scheduled snapshots: the newest few of this name and node stay, those by hand all do", async () => {
  const dataDir = await cluster("schedule");
  const clock = new ManualClock();
  await withStore(dataDir, async (store) => {
    const directory = serverPaths(dataDir).snapshots;
    const service = new SnapshotService(
      { directory, name: "etcd-snapshot", retention: 2, node: "n1", version: "0" },
      { store, clock, log: silentLogger, identity: () => Promise.resolve(undefined) },
    );
    await service.save("mine");
    for (let hour = 0; hour < 4; hour++) {
      await service.saveScheduled();
      await clock.advance(3_600_000);
    }
    const { snapshots } = await listSnapshots(directory);
    assert.deepEqual(
      snapshots.map(({ name }) => name),
      ["mine", "etcd-snapshot-n1-1767232800", "etcd-snapshot-n1-1767236400"],
    );
    await writeFile(join(directory, "stranger"), "text");
    assert.match((await listSnapshots(directory)).faults.join(), /stranger is no snapshot/);
    assert.ok((await readdir(directory)).includes("stranger"));
  });
});

test("names that would leave the folder are refused", () => {
  for (const name of ["", "..", "../x", "a/b", ".hidden", "x".repeat(201), "a.tmp-1"]) {
    assert.throws(() => snapshotPath("/d", name), SnapshotNameError, name);
  }
});
