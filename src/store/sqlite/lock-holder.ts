/** Who holds the lock on a file: for an error message, so it may fail to find out. Linux only. */
import { readFileSync, statSync } from "node:fs";

/** "process 1234 (node)", "this process", or undefined. */
export function lockHolder(path: string): string | undefined {
  try {
    const { ino } = statSync(path);
    // 3: POSIX  ADVISORY  WRITE 1234 fe:00:5678 1073741824 1073742335
    for (const line of readFileSync("/proc/locks", "utf8").split("\n")) {
      const [, pid, inode] = /^\d+: POSIX\s+ADVISORY\s+WRITE\s+(\d+)\s+\w+:\w+:(\d+)\s/.exec(line) ?? [];
      if (pid === undefined || inode !== String(ino)) continue;
      return Number(pid) === process.pid ? "this process" : `process ${pid} (${commandOf(pid)})`;
    }
  } catch {
    // Then nobody is named.
  }
  return undefined;
}

function commandOf(pid: string): string {
  return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
}
