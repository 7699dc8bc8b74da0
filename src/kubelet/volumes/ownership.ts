/** Gives a volume to the pod's fsGroup. upstream: pkg/volume/volume_linux.go */
import { chmod, chown, lchown, lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

const setgid = 0o2000;
const execMask = 0o110;

export interface Ownership {
  readonly fsGroup: number | undefined;
  /** Files that only one user reads (tokens) belong to it. */
  readonly fileOwner?: number | undefined;
  readonly readonly: boolean;
}

/** The folder and everything in it: readable (or writable) for the group, new files inherit it. */
export async function giveTo(folder: string, { fsGroup, fileOwner, readonly }: Ownership): Promise<void> {
  if (fsGroup === undefined && fileOwner === undefined) return;
  const paths = [folder, ...(await readdir(folder, { recursive: true })).map((path) => join(folder, path))];
  for (const path of paths) {
    const stats = await lstat(path);
    const owner = fileOwner !== undefined && stats.isFile() ? fileOwner : stats.uid;
    const group = fsGroup ?? stats.gid;
    if (stats.isSymbolicLink()) {
      await lchown(path, owner, group);
      continue;
    }
    await chown(path, owner, group);
    if (fsGroup === undefined) continue;
    const access = readonly ? 0o440 : 0o660;
    const extra = stats.isDirectory() ? setgid | execMask : 0;
    await chmod(path, (stats.mode & 0o7777) | access | extra);
  }
}
