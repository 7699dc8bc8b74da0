/** hostPath volumes: what must be at the path, and what is made there. upstream: pkg/volume/hostpath/host_path.go */
import { chmod, mkdir, open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { Stats } from "node:fs";
import type { HostPathVolumeSource } from "#api/generated/types/core-v1.ts";
import { errorCode } from "#base/files.ts";
import { VolumeError } from "../pods/pod-host.ts";

interface Kind {
  readonly text: string;
  readonly is: (stats: Stats) => boolean;
}

const kinds: Readonly<Record<string, Kind>> = {
  Directory: { text: "a directory", is: (stats) => stats.isDirectory() },
  File: { text: "a file", is: (stats) => stats.isFile() },
  Socket: { text: "a socket file", is: (stats) => stats.isSocket() },
  CharDevice: { text: "a character device", is: (stats) => stats.isCharacterDevice() },
  BlockDevice: { text: "a block device", is: (stats) => stats.isBlockDevice() },
};

/** Throws VolumeError when what is there isn't what the volume asks for. */
export async function prepareHostPath(
  volume: string,
  { path, type = "" }: HostPathVolumeSource,
): Promise<void> {
  if (type === "") return;
  const wanted = type.replace("OrCreate", "");
  const kind = kinds[wanted];
  if (kind === undefined) throw new VolumeError(volume, `${type} is an invalid volume type`);
  const stats = await statIfExists(path);
  if (stats !== undefined) {
    if (!kind.is(stats)) throw failed(volume, path, kind);
    return;
  }
  if (!type.endsWith("OrCreate")) throw failed(volume, path, kind);
  if (wanted === "Directory") {
    await mkdir(path, { recursive: true, mode: 0o755 });
    await chmod(path, 0o755);
    return;
  }
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  await using file = await open(path, "a", 0o644);
  await file.chmod(0o644);
}

const failed = (volume: string, path: string, kind: Kind): VolumeError =>
  new VolumeError(volume, `hostPath type check failed: ${path} is not ${kind.text}`);

async function statIfExists(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
