/**
 * Puts files into a volume so that a reader sees all of the old or all of the new.
 *
 *   ..2026_01_02_03_04_05.123456789/   the files of one version
 *   ..data -> that folder               swapped by a rename
 *   name -> ..data/name                 what containers open
 * upstream: pkg/volume/util/atomic_writer.go
 */
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { dirname, join, normalize } from "node:path";
import { errorCode } from "#base/files.ts";
import { toRfc3339 } from "#base/clock.ts";

export interface VolumeFile {
  readonly data: Buffer;
  /** Permission bits. */
  readonly mode: number;
}

/** By path within the volume. */
export type Payload = ReadonlyMap<string, VolumeFile>;

const dataLink = "..data";
const dataLinkNew = "..data_tmp";
const pathBytesMax = 4096;

/** Undefined: the path may be used. */
export function pathFault(path: string): string | undefined {
  if (path === "") return "invalid path: must not be empty";
  if (path.startsWith("/")) return `invalid path: must be relative path: ${path}`;
  if (Buffer.byteLength(path) > pathBytesMax) {
    return `invalid path: must be less than or equal to ${pathBytesMax} characters`;
  }
  const parts = path.split("/");
  if (parts.includes("..")) return `invalid path: must not contain '..': ${path}`;
  return parts[0]?.startsWith("..") === true ? `invalid path: must not start with '..': ${path}` : undefined;
}

/**
 * Resolves with true when the volume changed. `own` is called on the new version's folder before anybody sees it.
 * Paths must have been checked with pathFault.
 */
export async function writeAtomically(
  folder: string,
  payload: Payload,
  nowMs: number,
  own: (versionFolder: string) => Promise<void>,
): Promise<boolean> {
  const files = new Map([...payload].map(([path, file]) => [normalize(path), file]));
  const old = await readLinkIfExists(join(folder, dataLink));
  if (old !== undefined && (await holdsExactly(join(folder, old), files))) return false;
  const version = await writeVersion(folder, files, nowMs);
  await own(version);
  const temporary = join(folder, dataLinkNew);
  await rm(temporary, { force: true });
  await symlink(version.slice(folder.length + 1), temporary);
  await rename(temporary, join(folder, dataLink));
  await linkNames(folder, new Set([...files.keys()].map((path) => path.split("/")[0] ?? path)));
  if (old !== undefined) await rm(join(folder, old), { recursive: true, force: true });
  return true;
}

async function writeVersion(folder: string, files: Payload, nowMs: number): Promise<string> {
  const stamp = toRfc3339(nowMs).replace("Z", "").replaceAll(/[-T:]/g, "_");
  const version = await mkdtemp(join(folder, `..${stamp}.`));
  await chmod(version, 0o755);
  for (const [path, { data, mode }] of files) {
    const target = join(version, path);
    await mkdir(dirname(target), { recursive: true, mode: 0o755 });
    await writeFile(target, data, { mode });
    await chmod(target, mode); // whatever the umask took away
  }
  return version;
}

async function linkNames(folder: string, names: ReadonlySet<string>): Promise<void> {
  for (const name of names) {
    try {
      await symlink(join(dataLink, name), join(folder, name));
    } catch (error) {
      if (errorCode(error) !== "EEXIST") throw error;
    }
  }
  for (const name of await readdir(folder)) {
    if (!name.startsWith("..") && !names.has(name)) await rm(join(folder, name), { force: true });
  }
}

async function readLinkIfExists(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function holdsExactly(version: string, files: Payload): Promise<boolean> {
  try {
    const there = await readdir(version, { recursive: true, withFileTypes: true });
    if (there.filter((entry) => !entry.isDirectory()).length !== files.size) return false;
    for (const [path, { data, mode }] of files) {
      const target = join(version, path);
      if (((await stat(target)).mode & 0o777) !== (mode & 0o777)) return false;
      if (!(await readFile(target)).equals(data)) return false;
    }
    return true;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return false; // cut short by a crash
    throw error;
  }
}
