/**
 * A program among the executable's files (appended-files.ts): its text and, beside it, what was compiled of it once. Node's
 * own way for its first code keeps less: not what is compiled when it is first called.
 */
import { dirname } from "node:path";
import { deserialize } from "node:v8";
import { Script } from "node:vm";
import { findAppended, readAppended } from "./appended-files.ts";

/** What CommonJS hands to a module: exports, require, module, __filename, __dirname. */
type Program = (...context: readonly unknown[]) => void;

/** What is compiled when a server has started is too much to load for one that only says its version. */
export const compiledFor = (command: string | undefined): string =>
  command === "server" || command === "agent" ? "server.compiled" : "command.compiled";

/**
 * `name` is one function (bundle.ts: `wrapped`), as the engine serializes its text: so it comes to lie among the engine's
 * own objects, where it's read faster than a long string that was decoded. If `compiled` is of something else, or is not
 * there, the program is slower, no more.
 */
export function compiledProgram(name: string, compiled: string, path?: string): Script {
  const text = readAppended(name, path);
  const cachedData = findAppended(compiled, path);
  const script = new Script(deserialize(text) as string, {
    filename: process.execPath,
    ...(cachedData && { cachedData }),
  });
  // Now, not with the next collection: an idle server would keep 10 MB for minutes.
  for (const buffer of [text, cachedData]) buffer?.buffer.transfer(0);
  return script;
}

export function runProgram(script: Script, require: NodeJS.Require): void {
  const module = { exports: {} };
  const program = script.runInThisContext() as Program;
  program(module.exports, require, module, process.execPath, dirname(process.execPath));
}
