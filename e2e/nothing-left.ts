/**
 * Loaded before each file of tests: when it is over, the machine must be as it was. What the tests keep in folders for
 * what is temporary goes into one of their own, which must be empty then.
 */
import { chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Leftovers } from "./leftovers.ts";

// The runner itself loads it, too.
if (process.env["NODE_TEST_CONTEXT"] !== undefined) {
  const leftovers = Leftovers.now();
  const folder = mkdtempSync(join(tmpdir(), "e2e-"));
  // Some programs are other users'.
  chmodSync(folder, 0o711);
  process.env["TMPDIR"] = folder;
  process.on("exit", () => {
    const left = [...leftovers.added(), ...readdirSync(folder).map((name) => `folder ${name}`)];
    if (left.length > 0) {
      process.stderr.write(`tests are over, and this is left of them:\n${left.join("\n")}\n`);
      process.exitCode = 1;
    }
    if (!left.some((line) => line.startsWith("mount "))) rmSync(folder, { recursive: true, force: true });
  });
}
