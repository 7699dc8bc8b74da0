/** The folder of snapshots: works on files alone, so with a server and without one. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { errorCode } from "#base/files.ts";
import { readSnapshotInfo, SnapshotError, type SnapshotInfo } from "#store/snapshot/format.ts";

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/;

export class SnapshotNameError extends Error {
  override readonly name = "SnapshotNameError";
  readonly code = "SNAPSHOT_NAME";
  constructor(name: string) {
    super(`the snapshot name is ${JSON.stringify(name)}, must be 1 to 200 letters, digits, '.', '_' and '-'`);
  }
}

/** Throws SnapshotNameError. */
export function snapshotPath(directory: string, name: string): string {
  if (!namePattern.test(name) || name.includes(".tmp-")) throw new SnapshotNameError(name);
  return join(directory, name);
}

export interface Listing {
  /** The oldest first. */
  readonly snapshots: readonly SnapshotInfo[];
  /** What is wrong with the others. */
  readonly faults: readonly string[];
}

export async function listSnapshots(directory: string): Promise<Listing> {
  const snapshots: SnapshotInfo[] = [];
  const faults: string[] = [];
  for (const entry of await entriesOf(directory)) {
    if (!entry.isFile() || entry.name.includes(".tmp-")) continue;
    try {
      snapshots.push({ ...(await readSnapshotInfo(join(directory, entry.name))), name: entry.name });
    } catch (error) {
      if (!(error instanceof SnapshotError)) throw error;
      faults.push(error.message);
    }
  }
  snapshots.sort((a, b) => (a.time === b.time ? Number(a.revision - b.revision) : a.time < b.time ? -1 : 1));
  return { snapshots, faults };
}

async function entriesOf(directory: string): Promise<{ name: string; isFile(): boolean }[]> {
  try {
    return await readdir(directory, { withFileTypes: true });
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
}

/** Throws SnapshotError when there is none of that name. */
export async function deleteSnapshot(directory: string, name: string): Promise<void> {
  const path = snapshotPath(directory, name);
  try {
    await rm(path);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
    throw new SnapshotError("missing", `there is no snapshot ${path}`);
  }
}

/** Which scheduled snapshots of a name and node are too many. upstream: k3s pkg/etcd/snapshot.go, snapshotRetention */
export function surplus(
  snapshots: readonly SnapshotInfo[],
  prefix: string,
  keep: number,
): readonly SnapshotInfo[] {
  if (keep < 1) return [];
  const scheduled = snapshots.filter(({ name, isScheduled }) => isScheduled && name.startsWith(prefix));
  return scheduled.slice(0, Math.max(0, scheduled.length - keep));
}
