/** Signals and arguments in, exit code out; everything else is src/cli. */
import { main } from "#cli/main.ts";

// Whoever reads no further, as `head` does, has what it wanted; what runs goes on.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}

const stop = new AbortController();
let asked = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    // The second one doesn't wait.
    if (asked) process.exit(130);
    asked = true;
    stop.abort(new Error(`received ${signal}`));
  });
}
void main({
  argv: process.argv.slice(2),
  program: process.argv0,
  env: process.env,
  signal: stop.signal,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
}).then((code) => {
  process.exitCode = code;
  // Timers and sockets that are still about must not hold up an exit that was asked for.
  if (stop.signal.aborted) process.exit();
});
