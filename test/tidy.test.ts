/** The house's other rules, as far as a machine can see them. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const sources = ["src", "bin", "scripts", "e2e", "bench", "test"]
  .flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .map((file) => join(folder, file)),
  )
  .map((path) => ({ path, text: readFileSync(path, "utf8") }));

const product = sources.filter(({ path }) => path.startsWith("src/"));
const written = product.filter(({ path }) => !path.includes("/generated/"));

function pathsWith(
  files: readonly { path: string; text: string }[],
  pattern: RegExp,
  except: readonly string[] = [],
): string[] {
  return files
    .filter(({ path, text }) => !except.some((e) => path.startsWith(e)) && pattern.test(text))
    .map(({ path }) => path);
}

const isTest = (path: string): boolean => path.endsWith(".test.ts");

test("only base/clock.ts and base/random.ts touch time and chance", () => {
  const pattern =
    /\bDate\.now\b|\bnew Date\b|\bsetTimeout\b|\bsetInterval\b|\bMath\.random\b|\bperformance\.now\b/;
  assert.deepEqual(
    pathsWith(
      product.filter(({ path }) => !isTest(path)),
      pattern,
      ["src/base/clock.ts", "src/base/random.ts"],
    ),
    [],
  );
});

test("only src/cli reads the environment and the arguments", () => {
  assert.deepEqual(
    pathsWith(
      product.filter(({ path }) => !isTest(path)),
      /\bprocess\.(env|argv)\b/,
      ["src/cli/"],
    ),
    [],
  );
});

test("no file outgrows 500 lines", () => {
  const long = sources
    .filter(({ path }) => !path.includes("/generated/"))
    .map(({ path, text }) => ({ path, lines: text.split("\n").length }))
    .filter(({ lines }) => lines > 500);
  assert.deepEqual(long, []);
});

test("file names are kebab-case", () => {
  const odd = sources.map(({ path }) => path).filter((path) => !/^[a-z0-9./-]+$/.test(path));
  assert.deepEqual(odd, []);
});

test("nothing important lives in a drawer", () => {
  const drawers = sources
    .map(({ path }) => path)
    .filter((path) => /(^|\/)(utils?|helpers?|common|misc|index)\.ts$/.test(path));
  assert.deepEqual(drawers, []);
});

test("no default exports, no exported mutable state", () => {
  assert.deepEqual(pathsWith(written, /^export default\b/m, ["src/cli/commands/"]), []);
  assert.deepEqual(pathsWith(written, /^(export )?let\b/m), []);
});

test("no marks of unfinished work", () => {
  const pattern = /\bTO[D]O(?! #\d)|\bFIX[M]E\b|\bXX[X]\b|\.on[l]y\(/;
  assert.deepEqual(pathsWith(sources, pattern, ["test/tidy.test.ts", "src/api/generated/"]), []);
});
