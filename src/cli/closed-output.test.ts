/** Whoever reads no further, as `head` does, gets no stack trace. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../../bin/mini-k8s.js", import.meta.url));

test("output that nobody reads any more is no error", async () => {
  const child = spawn(process.execPath, [program, "--help"], { stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.destroy();
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, "exit") as Promise<[number]>]);
  assert.equal(said, "");
  assert.equal(code, 0);
});
