/** What `mini-k8s snapshot` does: on files where files are enough, through the running server where there is one. */
import { mkdir, open, rm } from "node:fs/promises";
import { hostname } from "node:os";
import type { Clock } from "#base/clock.ts";
import { readTextIfExists } from "#base/files.ts";
import { silentLogger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import type { Transport } from "#client/client.ts";
import { loadKubeconfig } from "#client/kubeconfig.ts";
import { createTlsTransport } from "#client/transport.ts";
import { parseJoinToken } from "#pki/join-token.ts";
import { SnapshotContents } from "#store/snapshot/contents.ts";
import { SnapshotError, verifySnapshot, type SnapshotInfo } from "#store/snapshot/format.ts";
import { openSqliteStore } from "#store/sqlite/store.ts";
import type { Assets } from "../host.ts";
import { lockDirectory, lockHolder } from "../lock.ts";
import { serverPaths } from "../paths.ts";
import { differences, diffText } from "./diff.ts";
import { deleteSnapshot, listSnapshots, snapshotPath } from "./directory.ts";
import { hasIdentity, sealIdentity } from "./identity.ts";
import { presentPath, snapshotsPath } from "./routes.ts";
import { SnapshotService } from "./service.ts";

export interface ActionOptions {
  readonly dataDir: string;
  readonly directory: string;
  /** A server that isn't the one of the data directory. */
  readonly kubeconfig: string | undefined;
}

export interface ActionDeps {
  readonly clock: Clock;
  readonly assets: Pick<Assets, "sqliteAddon" | "spawnStoreWorker">;
  readonly version: string;
  readonly signal: AbortSignal;
  readonly say: (text: string) => void;
}

type SavedInfo = Pick<SnapshotInfo, "name" | "objects"> & { readonly revision: bigint | string };

export async function saveAction(
  name: string | undefined,
  options: ActionOptions,
  deps: ActionDeps,
): Promise<void> {
  const begun = deps.clock.monotonic();
  const info = await withServer(
    options,
    deps,
    async (transport) => {
      const request = { method: "POST", path: snapshotsPath, query: { name }, signal: deps.signal } as const;
      return (await transport.request(request)).body as SavedInfo;
    },
    (service): Promise<SavedInfo> => service.save(name),
  );
  const ms = Math.round(deps.clock.monotonic() - begun);
  deps.say(
    `snapshot ${info.name} saved: ${info.objects} objects at revision ${info.revision}, in ${ms} ms\n`,
  );
}

export async function listAction(options: ActionOptions, deps: ActionDeps): Promise<void> {
  const { snapshots, faults } = await listSnapshots(options.directory);
  const rows = [
    ["NAME", "REVISION", "OBJECTS", "SIZE", "CREATED", "BY", "CLUSTER"],
    ...snapshots.map(({ name, revision, objects, bytes, time, isScheduled, cluster }) => [
      name,
      `${revision}`,
      `${objects}`,
      `${bytes}`,
      time,
      isScheduled ? "schedule" : "hand",
      cluster,
    ]),
  ];
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  for (const row of rows) {
    deps.say(
      `${row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("   ")
        .trimEnd()}\n`,
    );
  }
  for (const fault of faults) deps.say(`${fault}\n`);
}

export async function deleteAction(
  names: readonly string[],
  options: ActionOptions,
  deps: ActionDeps,
): Promise<void> {
  for (const name of names) {
    await deleteSnapshot(options.directory, name);
    deps.say(`snapshot ${name} deleted\n`);
  }
}

/** A snapshot, or the present database. Throws SnapshotError when it isn't sound. */
export async function checkAction(
  name: string | undefined,
  options: ActionOptions,
  deps: ActionDeps,
): Promise<void> {
  await using file = name === undefined ? await presentFile(options, deps) : namedFile(options, name);
  const info = await verifySnapshot(file.path);
  using contents = contentsOf(file.path, deps);
  const faults = contents.faults();
  const what = name === undefined ? `the database of ${options.dataDir}` : `the snapshot ${name}`;
  if (faults.length > 0) {
    const advice = name === undefined ? "restore a snapshot" : "use another one";
    throw new SnapshotError("damaged", `${what} is damaged: ${faults.join("; ")}; ${advice}`);
  }
  deps.say(`${what} is sound: ${info.objects} objects at revision ${info.revision}\n`);
}

export async function diffAction(
  [from, to]: readonly [string, string],
  options: ActionOptions & { readonly showsAll: boolean },
  deps: ActionDeps,
): Promise<void> {
  const fileOf = (name: string): Promise<SnapshotFile> =>
    name === "now" ? presentFile(options, deps) : Promise.resolve(namedFile(options, name));
  await using before = await fileOf(from);
  await using after = await fileOf(to);
  const infos = [await verifySnapshot(before.path), await verifySnapshot(after.path)] as const;
  using a = contentsOf(before.path, deps);
  using b = contentsOf(after.path, deps);
  deps.say(`--- ${from} at revision ${infos[0].revision}\n+++ ${to} at revision ${infos[1].revision}\n`);
  const { lines, hidden } = diffText(differences(a.state(), b.state()), options);
  for (const line of lines) deps.say(`${line}\n`);
  if (hidden > 0) deps.say(`(${hidden} Leases and Events differ, too: --all shows them)\n`);
}

interface SnapshotFile extends AsyncDisposable {
  readonly path: string;
}

const namedFile = (options: ActionOptions, name: string): SnapshotFile => ({
  path: snapshotPath(options.directory, name),
  [Symbol.asyncDispose]: () => Promise.resolve(),
});

const contentsOf = (path: string, { assets }: ActionDeps): SnapshotContents =>
  new SnapshotContents({ path, nativeBinding: assets.sqliteAddon });

/** The present state as a snapshot that is gone when it is let go of. */
async function presentFile(options: ActionOptions, deps: ActionDeps): Promise<SnapshotFile> {
  const path = `${snapshotPath(options.directory, "now")}.tmp-${process.pid}`;
  // The file first: an answer that is complete before anybody reads it is thrown away by HTTP/2.
  const write = async (begin: () => Promise<AsyncIterable<Uint8Array>>): Promise<void> => {
    await mkdir(options.directory, { recursive: true, mode: 0o700 });
    await using file = await open(path, "wx", 0o600);
    for await (const chunk of await begin()) await file.writeFile(chunk);
  };
  const request = { method: "GET", path: presentPath, signal: deps.signal } as const;
  await withServer(
    options,
    deps,
    (transport) => write(() => transport.stream(request)),
    (service) => write(() => service.stream()),
  );
  return { path, [Symbol.asyncDispose]: () => rm(path, { force: true }) };
}

/** The running server, or, when there is none, the database itself. */
async function withServer<T>(
  options: ActionOptions,
  deps: ActionDeps,
  online: (transport: Transport) => Promise<T>,
  offline: (service: SnapshotService) => Promise<T>,
): Promise<T> {
  const paths = serverPaths(options.dataDir);
  const isRunning = (await lockHolder(paths.lock)) !== undefined;
  const kubeconfig = options.kubeconfig ?? (isRunning ? paths.adminKubeconfig : undefined);
  await using stack = new AsyncDisposableStack();
  if (kubeconfig !== undefined) {
    const access = await loadKubeconfig(kubeconfig, deps.clock);
    const transportDeps = { clock: deps.clock, log: silentLogger, identity: access.identity };
    const transport = createTlsTransport(access.options, transportDeps);
    stack.defer(() => transport.close());
    return await online(transport);
  }
  return await offline(await stoppedService(options, deps, stack));
}

async function stoppedService(
  options: ActionOptions,
  { clock, assets, version }: ActionDeps,
  stack: AsyncDisposableStack,
): Promise<SnapshotService> {
  const paths = serverPaths(options.dataDir);
  const token = await readTextIfExists(paths.token);
  if (token === undefined) throw new SnapshotError("missing", `there is no server in ${options.dataDir}`);
  stack.use(await lockDirectory(paths.lock));
  const { sqliteAddon: nativeBinding, spawnStoreWorker: spawnWorker } = assets;
  const storeDeps = { clock, log: silentLogger, spawnWorker };
  const store = stack.adopt(
    await openSqliteStore({ path: paths.database, nativeBinding }, storeDeps),
    (each) => each.close(),
  );
  const { password } = parseJoinToken(token, "server");
  return new SnapshotService(
    { directory: options.directory, name: "", retention: 0, node: hostname().toLowerCase(), version },
    {
      store,
      clock,
      log: silentLogger,
      identity: async () =>
        (await hasIdentity(paths.tls)) ? sealIdentity(paths, password, systemRandom) : undefined,
    },
  );
}
