/** One process per data directory. The lock dies with its holder: it names a process and when that started. */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { errorCode, readTextIfExists } from "#base/files.ts";

export class LockedError extends Error {
  override readonly name = "LockedError";
  readonly code = "LOCKED";
  constructor(path: string, pid: string) {
    super(`${dirname(path)} is in use by process ${pid} (${path}): stop it, or give another --data-dir`);
  }
}

const tries = 3;

export async function lockDirectory(path: string): Promise<AsyncDisposable> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const own = `${process.pid} ${await startTimeOf(String(process.pid))}\n`;
  for (let i = 0; ; i++) {
    try {
      await writeFile(path, own, { flag: "wx", mode: 0o600 });
      return {
        [Symbol.asyncDispose]: async () => {
          if ((await readTextIfExists(path)) === own) await rm(path, { force: true });
        },
      };
    } catch (error) {
      if (errorCode(error) !== "EEXIST" || i >= tries) throw error;
    }
    const pid = await lockHolder(path);
    if (pid !== undefined) throw new LockedError(path, pid);
    await rm(path, { force: true });
  }
}

/** The process that has the directory; undefined when none does. */
export async function lockHolder(path: string): Promise<string | undefined> {
  const [pid = "", startTime = ""] = ((await readTextIfExists(path)) ?? "").trim().split(" ");
  return pid !== "" && (await startTimeOf(pid)) === startTime ? pid : undefined;
}

/**
 * Clock ticks since boot at which a process started; "" when it is gone or only waits for its parent to notice. Tells
 * a reused pid from the old one.
 */
async function startTimeOf(pid: string): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const [state = "", ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return "ZX".includes(state) ? "" : (fields[18] ?? "");
}
