/**
 * Stands in the place of the executable's program while it is built: runs the real one and writes into MINI_K8S_COMPILED
 * what has been compiled of it when it ends, be it by SIGUSR2. Without that variable: fails when the engine refuses what
 * a recorder has written.
 */
import { writeFileSync } from "node:fs";
import { compiledFor, compiledProgram, runProgram } from "#cli/appended-program.ts";

const script = compiledProgram("program.cjs", compiledFor(process.argv[2]));
const target = process.env["MINI_K8S_COMPILED"];
if (target === undefined) {
  if (script.cachedDataRejected !== false) throw new Error("the engine refuses the compiled code");
} else {
  process.once("exit", () => {
    writeFileSync(target, script.createCachedData());
  });
  process.once("SIGUSR2", () => {
    process.exit();
  });
}
runProgram(script, require);
