/**
 * Loaded before each file of tests: when it is over, the machine must be as it was. What the tests keep in folders for
 * what is temporary goes into one of their own, which must be empty then. Of a file that runs beside others
 * (`E2E_BESIDE`) only what bears that folder's name is known to be its own: it may make nothing else.
 */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { Leftovers } from "./leftovers.ts";

/** Whether the line, or, of a process, its environment, has the folder's name. */
function bears(line: string, name: string): boolean {
  if (line.includes(name)) return true;
  const [, pid] = /^process (\d+) /.exec(line) ?? [];
  try {
    return pid !== undefined && readFileSync(`/proc/${pid}/environ`, "utf8").includes(name);
  } catch {
    // It has ended since.
    return false;
  }
}

// The runner itself loads it, too.
if (process.env["NODE_TEST_CONTEXT"] !== undefined) {
  const isBeside = process.env["E2E_BESIDE"] !== undefined;
  const leftovers = Leftovers.now();
  const folder = mkdtempSync(join(tmpdir(), "e2e."));
  // Some programs are other users'.
  chmodSync(folder, 0o711);
  process.env["TMPDIR"] = folder;
  process.on("exit", () => {
    const name = basename(folder);
    // Somebody else may have started a process meanwhile; all else is the tests' when they have the machine.
    const isOwn = (line: string): boolean => (!isBeside && !line.startsWith("process ")) || bears(line, name);
    const added = leftovers.added().filter(isOwn);
    const left = [...added, ...readdirSync(folder).map((kept) => `folder ${kept}`)];
    if (left.length > 0) {
      process.stderr.write(`tests are over, and this is left of them:\n${left.join("\n")}\n`);
      process.exitCode = 1;
    }
    if (!left.some((line) => line.startsWith("mount "))) rmSync(folder, { recursive: true, force: true });
  });
}
