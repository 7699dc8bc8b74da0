import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, suite, test } from "node:test";
import { serialize } from "node:v8";
import { appendFiles, findAppended, readAppended } from "./appended-files.ts";
import { compiledFor, compiledProgram, runProgram } from "./appended-program.ts";

const folder = mkdtempSync(join(tmpdir(), "mini-k8s-appended-"));
after(() => {
  rmSync(folder, { recursive: true });
});

function fileOf(name: string, files: Readonly<Record<string, Buffer>>): string {
  const path = join(folder, name);
  writeFileSync(path, "a program's own bytes");
  appendFiles(path, files);
  return path;
}

/** What it asks for, instead of loading it. */
function asked(path: string): { readonly names: unknown[]; readonly isRefused: boolean | undefined } {
  const names: unknown[] = [];
  const script = compiledProgram("p.cjs", "p.compiled", path);
  runProgram(script, ((name: unknown) => names.push(name)) as unknown as NodeJS.Require);
  return { names, isRefused: script.cachedDataRejected };
}

suite("files behind a program", () => {
  test("are read back, and the program's own bytes stay as they were", () => {
    const big = Buffer.alloc(3_000_000, "many");
    const path = fileOf("three", { "a.txt": Buffer.from("first"), "big.bin": big, empty: Buffer.alloc(0) });
    assert.equal(readAppended("a.txt", path).toString(), "first");
    assert.ok(readAppended("big.bin", path).equals(big));
    assert.equal(readAppended("empty", path).length, 0);
    assert.match(readFileSync(path, "latin1"), /^a program's own bytes/);
  });

  test("one that isn't there is named", () => {
    const path = fileOf("one", { "a.txt": Buffer.from("first") });
    assert.equal(findAppended("b.txt", path), undefined);
    assert.throws(() => readAppended("b.txt", path), new Error(`${path} carries no b.txt`));
  });

  test("a file without such an end, be it short, is told from one", () => {
    for (const text of ["", "short", "some forty bytes that end in something else"]) {
      const path = join(folder, "plain");
      writeFileSync(path, text);
      assert.throws(() => findAppended("a.txt", path), new Error(`${path} carries no files`));
    }
  });
});

suite("a program behind the engine", () => {
  const text =
    "(function (exports, require, module, __filename, __dirname) {\nrequire(add(1, 2));\nfunction add(a, b) { return a + b; }\n})\n";

  test("that serves has other code compiled than one that answers and ends", () => {
    assert.equal(compiledFor("agent"), compiledFor("server"));
    assert.equal(compiledFor(undefined), compiledFor("--version"));
    assert.notEqual(compiledFor("server"), compiledFor("--version"));
  });

  test("runs without compiled code, with it, and with code of something else", () => {
    const source = serialize(text);
    const plain = fileOf("plain-program", { "p.cjs": source });
    assert.deepEqual(asked(plain), { names: [3], isRefused: undefined });
    const compiled = compiledProgram("p.cjs", "p.compiled", plain).createCachedData();
    const other = serialize(`${text}// longer`);
    assert.deepEqual(asked(fileOf("fast", { "p.cjs": source, "p.compiled": compiled })), {
      names: [3],
      isRefused: false,
    });
    assert.deepEqual(asked(fileOf("stale", { "p.cjs": other, "p.compiled": compiled })), {
      names: [3],
      isRefused: true,
    });
  });
});
