import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import { openMemoryStore } from "#store/memory.ts";
import type { Store } from "#store/store.ts";
import { KeyFiles, type SharedKeys } from "../certificates.ts";
import { serverPaths, type ServerPaths } from "../paths.ts";
import { shareBootstrapData } from "./bootstrap-data.ts";

const basis = { clock: systemClock, random: systemRandom, log: silentLogger };

function openStore(): Store {
  return openMemoryStore(basis);
}

function newServer(t: TestContext): ServerPaths {
  const directory = mkdtempSync(join(tmpdir(), "mini-k8s-bootstrap-"));
  t.after(() => {
    rmSync(directory, { recursive: true });
  });
  return serverPaths(directory);
}

const share = (store: Store, paths: ServerPaths, token: string | undefined): Promise<string> =>
  shareBootstrapData({ token, paths, datastore: "etcd-1" }, { ...basis, store });

const keysOf = (paths: ServerPaths): Promise<SharedKeys | undefined> =>
  new KeyFiles(paths.tls, basis).shared();

test("servers that start at the same time have the same keys", async (t) => {
  const store = openStore();
  const servers = [newServer(t), newServer(t), newServer(t)];
  await Promise.all(servers.map((paths) => share(store, paths, "sesam")));
  const [first, ...others] = await Promise.all(servers.map(keysOf));
  assert.ok(first !== undefined);
  for (const keys of others) assert.deepEqual(keys, first);
  // And so it stays.
  await share(store, servers[0] as ServerPaths, "sesam");
  assert.deepEqual(await keysOf(servers[0] as ServerPaths), first);
});

test("what is in the datastore tells neither keys nor password", async (t) => {
  const store = openStore();
  const paths = newServer(t);
  await share(store, paths, "sesam-open");
  const keys = await keysOf(paths);
  const kept = (await store.list("")).entries.map(({ value }) => value.toString("latin1")).join();
  assert.doesNotMatch(kept, /sesam|PRIVATE|CERTIFICATE/);
  assert.equal(kept.includes(keys?.serviceAccountKeyPem.slice(40, 80) ?? ""), false);
});

test("another token, none at all, and another CA's token are refused", async (t) => {
  const store = openStore();
  await share(store, newServer(t), "sesam");
  await assert.rejects(share(store, newServer(t), "simsim"), /--token is not the one that the cluster/);
  await assert.rejects(
    share(store, newServer(t), undefined),
    /--token is missing: the datastore etcd-1 holds/,
  );
  const foreign = `K10${"0".repeat(64)}::server:sesam`;
  await assert.rejects(share(store, newServer(t), foreign), /this is another cluster/);
});

test("a server with the keys of another cluster keeps them, and is told", async (t) => {
  const [one, two] = [openStore(), openStore()];
  const paths = newServer(t);
  await share(one, paths, "sesam");
  const before = await keysOf(paths);
  await share(two, newServer(t), "sesam");
  await assert.rejects(share(two, paths, "sesam"), /holds the keys of another cluster/);
  assert.deepEqual(await keysOf(paths), before);
});

test("a damaged or foreign entry is refused", async (t) => {
  const store = openStore();
  await store.create("/bootstrap/mini-k8s", Buffer.from([9, 1, 2]));
  await assert.rejects(share(store, newServer(t), "sesam"), /set up by another version/);
});

test("without a token the first server makes one", async (t) => {
  const store = openStore();
  const password = await share(store, newServer(t), undefined);
  assert.match(password, /^[0-9a-f]{32}$/);
  assert.equal(await share(store, newServer(t), password), password);
});
