import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import { openState } from "./open-state.ts";
import { serverPaths } from "./paths.ts";

test("keys that can't be read leave no store open, whose worker would keep the process", async () => {
  await using stack = new AsyncDisposableStack();
  const dataDir = await mkdtemp(join(tmpdir(), "mini-k8s-state-"));
  stack.defer(() => rm(dataDir, { recursive: true }));
  const { tls: directory } = serverPaths(dataDir);
  await mkdir(directory, { recursive: true });
  for (const name of ["server-ca.crt", "server-ca.key"]) await writeFile(join(directory, name), "no PEM");
  const worker = new Worker(new URL("../store/sqlite/worker.ts", import.meta.url));
  stack.defer(async () => {
    await worker.terminate();
  });
  const assets = {
    sqliteAddon: undefined,
    spawnStoreWorker: () => worker,
    runc: undefined,
    descriptions: undefined,
  };
  const opening = openState(
    { dataDir, datastore: { kind: "sqlite" }, token: undefined, tokenFile: undefined },
    { directory, dnsNames: [], ipAddresses: [] },
    {
      clock: systemClock,
      random: systemRandom,
      log: silentLogger,
      assets,
      openDatastore: () => assert.fail("there is none"),
    },
  );
  await assert.rejects(opening, /no CERTIFICATE block/);
  // A thread that has ended has no number.
  assert.equal(worker.threadId, -1);
});
