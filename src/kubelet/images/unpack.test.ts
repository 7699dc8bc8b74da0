import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { pack, type Header } from "tar-stream";
import { unpackLayer, type UnpackResult } from "./unpack.ts";

const root = mkdtempSync(join(tmpdir(), "mini-k8s-unpack-"));
after(() => {
  rmSync(root, { recursive: true });
});

type Given = Partial<Header> & { readonly name: string };
const own = {
  uid: process.getuid?.() ?? 0,
  gid: process.getgid?.() ?? 0,
  mtime: new Date(1_000_000_000_000),
};

async function tarOf(entries: readonly (readonly [Given, string?])[]): Promise<Buffer> {
  const tar = pack();
  for (const [header, text] of entries) tar.entry({ ...own, ...header }, text ?? "");
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Unpacks; the records for nodes are returned instead of being made. */
async function unpack(
  bytes: Buffer,
): Promise<{ directory: string; records: string[]; result: UnpackResult }> {
  const directory = mkdtempSync(join(root, "layer-"));
  const records: string[] = [];
  const result = await unpackLayer(
    Readable.from([bytes.subarray(0, 700), bytes.subarray(700)]),
    directory,
    (data) => {
      records.push(...data.toString().split("\0").slice(0, -1));
      return Promise.resolve();
    },
    AbortSignal.timeout(10_000),
  );
  return { directory, records: records.map((field) => field.replace(directory, "")), result };
}

const sha256 = (bytes: Buffer): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const file = (name: string, text = "x"): readonly [Given, string] => [{ name, type: "file" }, text];

test("files, directories and links with their modes and times", async () => {
  const tar = await tarOf([
    [{ name: "./", type: "directory", mode: 0o755 }],
    [{ name: "etc/", type: "directory", mode: 0o750 }],
    [{ name: "etc/passwd", type: "file", mode: 0o4711 }, "root"],
    [{ name: "bin", type: "symlink", linkname: "usr/bin" }],
    [{ name: "copy", type: "link", linkname: "etc/passwd" }],
    file("deep/in/there", "yes"),
  ]);
  const { directory, result, records } = await unpack(tar);
  assert.equal(readFileSync(join(directory, "etc/passwd"), "utf8"), "root");
  assert.equal(lstatSync(join(directory, "etc/passwd")).mode & 0o7777, 0o4711);
  assert.equal(lstatSync(join(directory, "etc")).mode & 0o7777, 0o750);
  assert.equal(lstatSync(join(directory, "etc")).mtimeMs, 1_000_000_000_000);
  assert.equal(readlinkSync(join(directory, "bin")), "usr/bin");
  assert.equal(lstatSync(join(directory, "copy")).ino, lstatSync(join(directory, "etc/passwd")).ino);
  assert.equal(readFileSync(join(directory, "deep/in/there"), "utf8"), "yes");
  assert.deepEqual(records, []);
  assert.deepEqual([result.diffId, result.digest, result.bytes], [sha256(tar), sha256(tar), 7]);
});

for (const [name, compress] of [
  ["gzip", gzipSync],
  ["zstd", zstdCompressSync],
] as const) {
  test(`a layer packed with ${name} has two digests`, async () => {
    const tar = await tarOf([file("a")]);
    const packed = compress(tar);
    const { result } = await unpack(packed);
    assert.deepEqual([result.diffId, result.digest], [sha256(tar), sha256(packed)]);
  });
}

const charDevice = String(0o020000);
const yes = Buffer.from("y").toString("hex");

const whiteouts: readonly [string, readonly (readonly [Given, string?])[], readonly string[]][] = [
  ["a whiteout is a device 0:0", [file("a/.wh.gone")], ["n", "/a/gone", charDevice, "0", "0"]],
  [
    "an opaque directory",
    [file("a/.wh..wh..opq"), file("a/new")],
    ["x", "/a", "trusted.overlay.opaque", yes],
  ],
  ["a file of the same name hides by itself", [file(".wh.a"), file("a")], []],
  [
    "a directory of the same name is opaque",
    [file(".wh.a"), [{ name: "a", type: "directory" }]],
    ["x", "/a", "trusted.overlay.opaque", yes],
  ],
  ["other markers mean nothing", [file(".wh..wh.plnk")], []],
];
for (const [name, entries, expected] of whiteouts) {
  test(`whiteouts: ${name}`, async () => {
    assert.deepEqual((await unpack(await tarOf(entries))).records, expected);
  });
}

test("devices and attributes are handed on", async () => {
  // Nothing makes them here, so what comes after fails: only the records count.
  const pax = { "SCHILY.xattr.user.note": "hi", "SCHILY.xattr.trusted.overlay.redirect": "/etc" };
  const { records } = await unpack(await tarOf([[{ name: "a", type: "file", pax }, "x"]]));
  assert.deepEqual(records, ["x", "/a", "user.note", Buffer.from("hi").toString("hex")]);
  const device: Given = { name: "null", type: "character-device", mode: 0o666, devmajor: 1, devminor: 3 };
  await assert.rejects(unpack(await tarOf([[device]])), { code: "ENOENT" });
});

test("nothing is written outside, whatever the names say", async () => {
  await assert.rejects(unpack(await tarOf([file("../evil")])), { code: "invalid" });
  await assert.rejects(unpack(await tarOf([file("a/../../evil")])), { code: "invalid" });
  const outside = join(root, "outside");
  mkdirSync(outside);
  const link: readonly [Given] = [{ name: "a", type: "symlink", linkname: outside }];
  const { directory } = await unpack(await tarOf([link, file("a/evil")]));
  assert.deepEqual(readdirSync(outside), []);
  assert.equal(readFileSync(join(directory, outside, "evil"), "utf8"), "x");
  const swapped = await tarOf([
    file("d/e/f"),
    [{ name: "d", type: "symlink", linkname: outside }],
    file("d/evil"),
    file("d/e/evil"),
  ]);
  assert.deepEqual((await unpack(swapped)).records, []);
  assert.deepEqual(readdirSync(outside), []);
  const climbing: readonly [Given] = [{ name: "b", type: "symlink", linkname: "../../../.." }];
  const climbed = await unpack(await tarOf([climbing, file("b/evil")]));
  assert.deepEqual(readdirSync(climbed.directory).toSorted(), ["b", "evil"]);
  const loop: readonly [Given] = [{ name: "c", type: "symlink", linkname: "c" }];
  await assert.rejects(unpack(await tarOf([loop, file("c/evil")])), /too many links/);
});

test("a link in the place of a file isn't followed, it is replaced", async () => {
  const victim = join(root, "victim");
  mkdirSync(victim);
  const link: readonly [Given] = [{ name: "a", type: "symlink", linkname: join(victim, "file") }];
  const { directory } = await unpack(await tarOf([link, file("a", "new")]));
  assert.deepEqual(readdirSync(victim), []);
  assert.equal(readFileSync(join(directory, "a"), "utf8"), "new");
});

test("a later entry replaces an earlier one, whatever they are", async () => {
  const { directory } = await unpack(
    await tarOf([
      file("a/b"),
      [{ name: "a", type: "symlink", linkname: "c" }],
      file("d"),
      [{ name: "d", type: "directory" }],
    ]),
  );
  assert.equal(readlinkSync(join(directory, "a")), "c");
  assert(lstatSync(join(directory, "d")).isDirectory());
});

test("a large file comes whole", async () => {
  const text = "0123456789".repeat(500_000);
  const { directory, result } = await unpack(gzipSync(await tarOf([file("big", text)])));
  assert(readFileSync(join(directory, "big"), "utf8") === text);
  assert.equal(result.bytes, text.length);
});

test("bytes that are no layer fail", async () => {
  await assert.rejects(
    unpack(Buffer.concat([gzipSync(await tarOf([file("a")])).subarray(0, 60), Buffer.alloc(900, 1)])),
  );
});
