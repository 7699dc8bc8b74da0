/** src/api/generated/ is what the pinned packages say: nobody edited it, and nothing was forgotten. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { generate } from "../scripts/generate/files.ts";

const target = join(import.meta.dirname, "../src/api/generated");

test("npm run generate changes nothing", () => {
  const files = generate(join(import.meta.dirname, "../node_modules"));
  const present = readdirSync(target, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".ts"),
  );
  assert.deepEqual(present.toSorted(), [...files.keys()].toSorted());
  const changed = [...files].filter(([name, text]) => readFileSync(join(target, name), "utf8") !== text);
  assert.deepEqual(
    changed.map(([name]) => name),
    [],
  );
});
