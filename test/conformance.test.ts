/** docs/conformance.md can't rot: whoever it names exists, and every line names somebody or says why not. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";

const text = readFileSync("docs/conformance.md", "utf8");
const rows = text.split("\n").filter((line) => /^\| [a-z_]+\.go: /.test(line));
const references = [...text.matchAll(/`([^`\s]+\.ts)`: "([^"]+)"/g)].map(([, file = "", name = ""]) => ({
  file,
  name,
}));

test("every test that docs/conformance.md names is there", () => {
  assert.ok(references.length > 100, "references are found");
  const lost = references.filter(({ file, name }) => {
    if (!existsSync(file)) return true;
    const source = readFileSync(file, "utf8");
    return !['"', "`"].some((quote) => source.includes(`${quote}${name}${quote}`));
  });
  assert.deepEqual(lost, []);
});

test("every line of docs/conformance.md has a test or a reason", () => {
  assert.equal(rows.length, 148);
  const bare = rows.filter((row) => !/\| `[^`]+\.ts`: "[^"]+"/.test(row) && !/\| missing: \S+/.test(row));
  assert.deepEqual(bare, []);
});

test("the counts of docs/conformance.md are those of its lines", () => {
  for (const part of text.split(/^## /m).slice(1)) {
    const [, has, all] = /^.*: (\d+) of (\d+)\n/.exec(part) ?? [];
    if (all === undefined) continue;
    const lines = part.split("\n").filter((line) => /^\| [a-z_]+\.go: /.test(line));
    const missing = lines.filter((line) => line.includes("| missing: "));
    assert.deepEqual(
      [lines.length - missing.length, lines.length],
      [Number(has), Number(all)],
      part.slice(0, 40),
    );
  }
});
