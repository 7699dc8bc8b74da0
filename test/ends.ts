/**
 * Loaded before the unit tests: a test that leaves a handle open would keep the process from ending. It gets a moment,
 * then the process ends as failed and says what was left.
 */
import { after } from "node:test";

const graceMs = 10_000;

after(() => {
  // Doesn't keep the process alive by itself: it fires only where something else does.
  setTimeout(() => {
    process.stderr.write(
      `tests are over, and these keep the process alive: ${process.getActiveResourcesInfo().join(", ")}\n`,
    );
    process.exit(1);
  }, graceMs).unref();
});
