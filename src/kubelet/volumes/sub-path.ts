/**
 * Mounts a path within a volume without trusting the volume: what a container wrote there (a symbolic link to "/etc")
 * must not lead out of it. Each step is opened from the one before, never following links, and the mount is made from
 * the open file, so that nothing can be swapped in between.
 * upstream: pkg/volume/util/subpath/subpath_linux.go
 */
import { constants } from "node:fs";
import { mkdir, open, realpath, type FileHandle } from "node:fs/promises";
import { relative } from "node:path";
import { errorCode } from "#base/files.ts";

/** O_PATH: a place in the file system, nothing to read. Node doesn't name it. */
const openPath = 0o10000000;
const flags = openPath | constants.O_NOFOLLOW;

/** The path inside the volume, with the links that lead to places within the volume followed. Made when it isn't there. */
export async function resolveSubPath(volumePath: string, subPath: string, mode: number): Promise<string> {
  const root = await realpath(volumePath);
  let real: string;
  try {
    real = await realpath(`${root}/${subPath}`);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
    await makeWithin(root, subPath, mode);
    real = await realpath(`${root}/${subPath}`);
  }
  if (real !== root && !real.startsWith(`${root}/`)) {
    throw new Error(`subpath ${JSON.stringify(real)} not within volume path ${root}`);
  }
  return real;
}

/** Opens `path` (as resolveSubPath returned it) step by step from the volume's root. The caller closes it. */
export async function openWithin(volumePath: string, path: string): Promise<FileHandle> {
  const root = await realpath(volumePath);
  let at = await open(root, flags | constants.O_DIRECTORY);
  for (const name of relative(root, path).split("/").filter(Boolean)) {
    if (name === "..") throw new Error(`subpath ${path} is not within ${root}`);
    let next: FileHandle;
    try {
      next = await open(`/proc/self/fd/${at.fd}/${name}`, flags);
    } finally {
      await at.close();
    }
    at = next;
    if ((await at.stat()).isSymbolicLink()) {
      await at.close();
      throw new Error(`subpath ${path}: ${name} became a symbolic link`);
    }
  }
  return at;
}

/** Makes the missing folders, one by one, each below an open parent. */
async function makeWithin(root: string, subPath: string, mode: number): Promise<void> {
  let at = await open(root, flags | constants.O_DIRECTORY);
  try {
    for (const name of subPath.split("/").filter((part) => part !== "" && part !== ".")) {
      if (name === "..") throw new Error(`subpath ${subPath} must not contain '..'`);
      const here = `/proc/self/fd/${at.fd}/${name}`;
      try {
        await mkdir(here, { mode });
      } catch (error) {
        if (errorCode(error) !== "EEXIST") throw error;
      }
      const next = await open(here, openPath | constants.O_DIRECTORY);
      await at.close();
      at = next;
      const real = await realpath(`/proc/self/fd/${at.fd}`);
      if (!real.startsWith(`${root}/`)) throw new Error(`subpath ${subPath} leads out of the volume`);
    }
  } finally {
    await at.close();
  }
}
