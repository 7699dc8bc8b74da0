/**
 * Loaded before each file of tests: when it is over, the machine must be as it was. What the tests keep in folders for
 * what is temporary goes into one of their own, which must be empty then.
 */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Leftovers } from "./leftovers.ts";

/** A process that somebody else has started meanwhile: neither its command line nor its environment knows our folder. */
function isAnothers(line: string, folder: string): boolean {
  const [, pid] = /^process (\d+) /.exec(line) ?? [];
  if (pid === undefined || line.includes(folder)) return false;
  try {
    return !readFileSync(`/proc/${pid}/environ`, "utf8").includes(folder);
  } catch {
    // It has ended since.
    return true;
  }
}

// The runner itself loads it, too.
if (process.env["NODE_TEST_CONTEXT"] !== undefined) {
  const leftovers = Leftovers.now();
  const folder = mkdtempSync(join(tmpdir(), "e2e-"));
  // Some programs are other users'.
  chmodSync(folder, 0o711);
  process.env["TMPDIR"] = folder;
  process.on("exit", () => {
    const added = leftovers.added().filter((line) => !isAnothers(line, folder));
    const left = [...added, ...readdirSync(folder).map((name) => `folder ${name}`)];
    if (left.length > 0) {
      process.stderr.write(`tests are over, and this is left of them:\n${left.join("\n")}\n`);
      process.exitCode = 1;
    }
    if (!left.some((line) => line.startsWith("mount "))) rmSync(folder, { recursive: true, force: true });
  });
}
