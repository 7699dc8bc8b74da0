import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathFault, writeAtomically, type VolumeFile } from "./atomic-writer.ts";

const nowMs = Date.UTC(2026, 0, 2, 3, 4, 5);
const file = (text: string, mode = 0o644): VolumeFile => ({ data: Buffer.from(text), mode });

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "mini-k8s-writer-"));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const write = (folder: string, files: Readonly<Record<string, VolumeFile>>): Promise<boolean> =>
  writeAtomically(folder, new Map(Object.entries(files)), nowMs, () => Promise.resolve());

test("files appear under their names, through the data link, with their modes", async () => {
  await inFolder(async (folder) => {
    assert.equal(await write(folder, { a: file("1", 0o400), "dir/b": file("2") }), true);
    assert.equal(await readFile(join(folder, "a"), "utf8"), "1");
    assert.equal(await readFile(join(folder, "dir/b"), "utf8"), "2");
    assert.equal((await stat(join(folder, "a"))).mode & 0o777, 0o400);
    assert.match(await readlink(join(folder, "..data")), /^\.\.2026_01_02_03_04_05\./);
    assert.equal(await readlink(join(folder, "a")), "..data/a");
    assert.equal(await readlink(join(folder, "dir")), "..data/dir");
  });
});

test("an update swaps the whole, drops what is gone and leaves one version", async () => {
  await inFolder(async (folder) => {
    await write(folder, { a: file("1"), old: file("x"), "dir/b": file("2") });
    assert.equal(await write(folder, { a: file("3"), "dir/c": file("4") }), true);
    assert.equal(await readFile(join(folder, "a"), "utf8"), "3");
    assert.deepEqual(await readdir(join(folder, "dir")), ["c"]);
    const names = await readdir(folder);
    assert.deepEqual(names.filter((name) => !name.startsWith("..")).toSorted(), ["a", "dir"]);
    assert.equal(names.filter((name) => name.startsWith("..2")).length, 1);
  });
});

test("what is there already isn't written again, unless its mode differs or it was damaged", async () => {
  await inFolder(async (folder) => {
    await write(folder, { a: file("1") });
    const version = await readlink(join(folder, "..data"));
    assert.equal(await write(folder, { a: file("1") }), false);
    assert.equal(await readlink(join(folder, "..data")), version);
    assert.equal(await write(folder, { a: file("1", 0o600) }), true);
    await writeFile(join(folder, await readlink(join(folder, "..data")), "stray"), "");
    assert.equal(await write(folder, { a: file("1", 0o600) }), true);
  });
});

test("an empty volume is a version, too", async () => {
  await inFolder(async (folder) => {
    await write(folder, { a: file("1") });
    assert.equal(await write(folder, {}), true);
    assert.deepEqual(
      (await readdir(folder)).filter((name) => !name.startsWith("..")),
      [],
    );
  });
});

const paths: readonly (readonly [path: string, isFine: boolean])[] = [
  ["a", true],
  ["a/b/c", true],
  [".hidden", true],
  ["a..b", true],
  ["", false],
  ["/etc/passwd", false],
  ["../a", false],
  ["a/../b", false],
  ["..data", false],
  ["..a/b", false],
  ["a".repeat(4097), false],
];
for (const [path, isFine] of paths) {
  test(`path ${JSON.stringify(path.slice(0, 20))} ${isFine ? "may" : "must not"} be used`, () => {
    assert.equal(pathFault(path) === undefined, isFine);
  });
}
