/**
 * Keeps logs from filling the disk: a log above the limit is renamed, the runtime opens a new one, older ones are
 * compressed and the oldest removed.
 * upstream: pkg/kubelet/logs/container_log_manager.go
 */
import { createReadStream, createWriteStream } from "node:fs";
import { readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { toRfc3339, type Clock } from "#base/clock.ts";
import { errorCode } from "#base/files.ts";
import type { Logger } from "#base/log.ts";
import type { Runtime } from "../runtime/runtime.ts";

export interface LogRotationOptions {
  readonly maxBytes: number;
  /** The current one included. */
  readonly maxFiles: number;
}

export const logRotationDefaults: LogRotationOptions = { maxBytes: 10 * 1024 * 1024, maxFiles: 5 };

export interface LogRotationDeps {
  readonly runtime: Pick<Runtime, "reopenLog">;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Looks at one container's log and rotates it when it is due. */
export async function rotateIfDue(
  container: { readonly id: string; readonly logPath: string },
  options: LogRotationOptions,
  deps: LogRotationDeps,
): Promise<boolean> {
  const { id, logPath } = container;
  try {
    if ((await stat(logPath)).size < options.maxBytes) return false;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return false;
    throw error;
  }
  await tidy(logPath, options);
  const stamp = toRfc3339(deps.clock.now()).replaceAll(/[-:]/g, "").replace("T", "-").replace("Z", "");
  const rotated = `${logPath}.${stamp}`;
  await rename(logPath, rotated);
  try {
    await deps.runtime.reopenLog(id);
  } catch (error) {
    // The runtime still writes to the renamed file: give it its name back, or nobody would find it.
    await rename(rotated, logPath);
    throw error;
  }
  deps.log.debug("log rotated", { container: id, rotated });
  return true;
}

/** Makes room for one more rotated file: compresses all, removes the oldest. */
async function tidy(logPath: string, { maxFiles }: LogRotationOptions): Promise<void> {
  const folder = dirname(logPath);
  const name = `${basename(logPath)}.`;
  const files = (await readdir(folder)).filter((file) => file.startsWith(name)).toSorted();
  for (const file of files) {
    if (file.endsWith(".tmp")) await rm(join(folder, file), { force: true });
  }
  const rotated = files.filter((file) => !file.endsWith(".tmp"));
  // The current file and the one about to be rotated count, too.
  const tooMany = Math.max(0, rotated.length - (maxFiles - 2));
  for (const file of rotated.slice(0, tooMany)) await rm(join(folder, file), { force: true });
  for (const file of rotated.slice(tooMany)) if (!file.endsWith(".gz")) await compress(join(folder, file));
}

async function compress(path: string): Promise<void> {
  const temporary = `${path}.tmp`;
  await pipeline(createReadStream(path), createGzip(), createWriteStream(temporary));
  await rename(temporary, `${path}.gz`);
  await rm(path, { force: true });
}
