/** A data directory out of a snapshot: the cluster's own one, an empty one, or a fork's. No server may run on it. */
import { link, mkdir, readdir, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { Clock } from "#base/clock.ts";
import { errorCode, readTextIfExists, writeFileAtomic } from "#base/files.ts";
import { errorText, silentLogger } from "#base/log.ts";
import { parseJoinToken } from "#pki/join-token.ts";
import { readSnapshotInfo, type SnapshotInfo } from "#store/snapshot/format.ts";
import { restoreDatabase } from "#store/snapshot/restore.ts";
import { openSqliteStore } from "#store/sqlite/store.ts";
import type { Store } from "#store/store.ts";
import type { Assets } from "../host.ts";
import { lockDirectory } from "../lock.ts";
import { agentPaths, serverPaths } from "../paths.ts";
import { hasIdentity, IdentityError, unsealIdentity } from "./identity.ts";
import { clusterOf } from "./service.ts";

export interface RestoreInput {
  readonly dataDir: string;
  /** The file. */
  readonly snapshot: string;
  readonly token: string | undefined;
  /** How far above every known revision the restored cluster goes on. */
  readonly bump: bigint;
  /** Replace the database of another cluster. */
  readonly isForced: boolean;
}

export interface RestoreDeps {
  readonly clock: Clock;
  readonly assets: Pick<Assets, "sqliteAddon" | "spawnStoreWorker">;
  readonly say: (text: string) => void;
}

export class RestoreError extends Error {
  override readonly name = "RestoreError";
  readonly code = "RESTORE";
}

export async function restoreDataDir(input: RestoreInput, deps: RestoreDeps): Promise<SnapshotInfo> {
  const paths = serverPaths(input.dataDir);
  const facts = await readSnapshotInfo(input.snapshot);
  await using stack = new AsyncDisposableStack();
  stack.use(await lockDirectory(paths.lock));
  const before = await previousState(paths.database, deps);
  if (before.cluster !== "" && facts.cluster !== "" && before.cluster !== facts.cluster && !input.isForced) {
    throw new RestoreError(
      `${input.dataDir} is cluster ${before.cluster}, the snapshot is of cluster ${facts.cluster}: choose another --data-dir, or replace it with --force`,
    );
  }
  await restoreIdentity(input, facts, paths);
  const fresh = `${paths.database}.restored`;
  await rm(fresh, { force: true });
  const info = await restoreDatabase({
    snapshot: input.snapshot,
    path: fresh,
    nativeBinding: deps.assets.sqliteAddon,
    revision: ({ revision }) => (revision > before.revision ? revision : before.revision) + input.bump,
  });
  if ((await readTextIfExists(agentPaths(input.dataDir).nodePassword)) === undefined) {
    await forget(fresh, isNodePassword, deps);
  }
  await swap(paths.database, fresh, deps);
  return info;
}

/** A new data directory that is a cluster of its own: new authorities, new token; its nodes may have any name. */
export async function forkDataDir(
  input: Pick<RestoreInput, "dataDir" | "snapshot"> & { readonly originDataDir: string },
  deps: RestoreDeps,
): Promise<SnapshotInfo> {
  const paths = serverPaths(input.dataDir);
  const found: string[] = await readdir(dirname(paths.database)).catch(() => []);
  if (found.length > 0) {
    throw new RestoreError(
      `${input.dataDir} is a data directory already: start it with \`mini-k8s server\`, or choose another`,
    );
  }
  await using stack = new AsyncDisposableStack();
  stack.use(await lockDirectory(paths.lock));
  const fresh = `${paths.database}.restored`;
  const info = await restoreDatabase({
    snapshot: input.snapshot,
    path: fresh,
    nativeBinding: deps.assets.sqliteAddon,
    revision: ({ revision }) => revision,
  });
  // Who led, and which machines were alive, is no longer true; waiting for those leases to end would hold up the start.
  await forget(fresh, (key) => isNodePassword(key) || key.startsWith("/registry/leases/"), deps);
  // Without the keys its Secrets can't be read.
  const encryption = await readTextIfExists(serverPaths(input.originDataDir).encryption);
  if (encryption !== undefined) await writeFileAtomic(paths.encryption, encryption, 0o600);
  await rename(fresh, paths.database);
  return info;
}

const isNodePassword = (key: string): boolean =>
  key.startsWith("/registry/secrets/kube-system/") && key.endsWith(".node-password.mini-k8s");

interface Previous {
  readonly revision: bigint;
  readonly cluster: string;
}

/** Of a database that is to be replaced. One that can't be read is a reason to restore, not to refuse it. */
async function previousState(path: string, deps: RestoreDeps): Promise<Previous> {
  const files: string[] = await readdir(dirname(path)).catch(() => []);
  if (!files.includes("state.db")) return { revision: 0n, cluster: "" };
  try {
    await using stack = new AsyncDisposableStack();
    const store = stack.adopt(await open(path, deps), (each) => each.close());
    return { revision: store.revision, cluster: await clusterOf(store) };
  } catch (error) {
    deps.say(`the present database can't be read: ${errorText(error)}\n`);
    return { revision: 0n, cluster: "" };
  }
}

function open(path: string, { clock, assets }: RestoreDeps): Promise<Store> {
  const { sqliteAddon: nativeBinding, spawnStoreWorker: spawnWorker } = assets;
  return openSqliteStore({ path, nativeBinding }, { clock, log: silentLogger, spawnWorker });
}

async function restoreIdentity(
  input: RestoreInput,
  facts: SnapshotInfo,
  paths: ReturnType<typeof serverPaths>,
): Promise<void> {
  if (facts.identity === undefined || (await hasIdentity(paths.tls))) return;
  const token = input.token ?? (await readTextIfExists(paths.token))?.trim();
  if (token === undefined) {
    throw new IdentityError(
      `${input.dataDir} has no certificates, and those in the snapshot are sealed: give the token of its cluster with --token`,
    );
  }
  await mkdir(paths.tls, { recursive: true, mode: 0o700 });
  await unsealIdentity(facts.identity, parseJoinToken(token, "server").password, paths);
  // The next start makes a full one of it.
  await writeFileAtomic(paths.token, `${token}\n`, 0o600);
}

/** As writes of the restored store: they get revisions of their own. */
async function forget(path: string, isMeant: (key: string) => boolean, deps: RestoreDeps): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const store = stack.adopt(await open(path, deps), (each) => each.close());
  for (const { key } of (await store.list("/registry/")).entries) if (isMeant(key)) await store.delete(key);
}

/** There is a whole database at `path` at every moment. The one before stays beside it. */
async function swap(path: string, fresh: string, { clock, say }: RestoreDeps): Promise<void> {
  const aside = `${path}.before-restore-${clock.now()}`;
  for (const suffix of ["-wal", ""]) {
    try {
      await link(`${path}${suffix}`, `${aside}${suffix}`);
      if (suffix === "") say(`the database before is kept as ${aside}\n`);
      else await rm(`${path}${suffix}`);
    } catch (error) {
      if (errorCode(error) !== "ENOENT") throw error;
    }
  }
  await rename(fresh, path);
}
