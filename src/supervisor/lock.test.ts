/** Who holds a data directory: a process that lives, and nobody once it has died, noticed by its parent or not. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { lockDirectory, LockedError, lockHolder } from "./lock.ts";

test("a lock is its holder's until that gives it back", async () => {
  const folder = await mkdtemp(join(tmpdir(), "mini-k8s-lock-"));
  const path = join(folder, "lock");
  const held = await lockDirectory(path);
  assert.equal(await lockHolder(path), String(process.pid));
  await assert.rejects(lockDirectory(path), LockedError);
  await held[Symbol.asyncDispose]();
  assert.equal(await lockHolder(path), undefined);
  await rm(folder, { recursive: true });
});

test("a killed process that its parent hasn't noticed holds nothing", async () => {
  const folder = await mkdtemp(join(tmpdir(), "mini-k8s-lock-"));
  const path = join(folder, "lock");
  const lockModule = new URL("lock.ts", import.meta.url).href;
  const program = `
    const { lockDirectory } = await import(${JSON.stringify(lockModule)});
    await lockDirectory(${JSON.stringify(path)});
    process.kill(process.pid, "SIGKILL");`;
  // The shell becomes a sleep, which waits for nobody: its child stays a zombie.
  const parent = spawn(
    "sh",
    ["-c", `"$0" --input-type=module -e "$1" & exec sleep 60`, process.execPath, program],
    {
      stdio: "ignore",
    },
  );
  try {
    let pid = "";
    while (pid === "") [pid = ""] = (await readFile(path, "utf8").catch(() => "")).split(" ");
    while ((await stateOf(pid)) !== "Z") await new Promise(setImmediate);
    assert.equal(await lockHolder(path), undefined);
    await (await lockDirectory(path))[Symbol.asyncDispose]();
  } finally {
    parent.kill("SIGKILL");
    await once(parent, "exit");
    await rm(folder, { recursive: true });
  }
});

async function stateOf(pid: string): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return /\) (\S)/.exec(stat)?.[1] ?? "";
}
