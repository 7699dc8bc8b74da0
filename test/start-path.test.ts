/** What a server loads before it serves: the start is quick because big things come late. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, normalize } from "node:path";
import { test } from "node:test";

const starts = ["bin/mini-k8s.ts", "src/cli/main.ts", "src/supervisor/server.ts", "src/supervisor/agent.ts"];

/** Evaluates expressions and patterns; loaded with the first of them. */
const isLate = (target: string): boolean => target.startsWith("src/api/cel/") || target === "re2js";

/** Types are erased; a list of names that are all types still loads the module. */
const importPattern = /^(?:import|export)\s+(?!type\s)(?:[^;"]*?\sfrom\s+)?"([^"]+)"/gm;

function importsOf(file: string): string[] {
  return [...readFileSync(file, "utf8").matchAll(importPattern)].map(([, specifier = ""]) => {
    if (specifier.startsWith("#")) return join("src", specifier.slice(1));
    return specifier.startsWith(".") ? normalize(join(file, "..", specifier)) : specifier;
  });
}

/** Every module that is loaded with these, and by which path of imports. */
function loadedWith(files: readonly string[]): ReadonlyMap<string, string> {
  const chains = new Map(files.map((file) => [file, file]));
  for (const [file, chain] of chains) {
    if (!file.endsWith(".ts")) continue;
    for (const target of importsOf(file)) {
      if (!chains.has(target)) chains.set(target, `${chain} → ${target}`);
    }
  }
  return chains;
}

test("a server without expressions and patterns loads nothing that evaluates them", () => {
  const loaded = loadedWith(starts);
  assert.ok(loaded.has("src/apiserver/crd/serving.ts"), "the walk goes all the way");
  assert.deepEqual(
    [...loaded].filter(([target]) => isLate(target)).map(([, chain]) => chain),
    [],
  );
});

test("what comes late is all there once it comes", () => {
  const loaded = loadedWith(["src/api/expressions.ts"]);
  assert.ok(loaded.has("re2js") && loaded.has("src/api/cel/environment.ts"));
});
