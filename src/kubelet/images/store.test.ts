import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import { silentLogger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import { pack } from "tar-stream";
import { readArchive } from "./archive.ts";
import { sha256 } from "./digest.ts";
import { choosePlatform, type ImageSource } from "./oci.ts";
import { ImageStore } from "./store.ts";

const root = mkdtempSync(join(tmpdir(), "mini-k8s-store-"));
after(() => {
  rmSync(root, { recursive: true });
});
const { signal } = new AbortController();
const newDirectory = (): string => mkdtempSync(join(root, "store-"));
const openStore = (directory: string): Promise<ImageStore> =>
  ImageStore.open(directory, { makeNodes: () => Promise.resolve(), random: systemRandom, log: silentLogger });

async function tarOf(files: Readonly<Record<string, string | Buffer>>): Promise<Buffer> {
  const tar = pack();
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  for (const [name, text] of Object.entries(files)) tar.entry({ name, ...owner }, text);
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

interface TestImage extends ImageSource {
  readonly opened: () => number;
}

/** `texts`: a layer each, of one file. */
async function image(
  tag: string,
  texts: readonly string[],
  lies: Partial<Record<"digest" | "diffId", string>> = {},
): Promise<TestImage> {
  const tars = await Promise.all(texts.map((text) => tarOf({ [text]: text })));
  let opened = 0;
  return {
    config: Buffer.from(
      JSON.stringify({ rootfs: { type: "layers", diff_ids: tars.map((tar) => lies.diffId ?? sha256(tar)) } }),
    ),
    layers: tars.map((tar) => {
      const packed = gzipSync(tar);
      return {
        digest: lies.digest ?? sha256(packed),
        sizeBytes: packed.length,
        open: () => {
          opened += 1;
          return Promise.resolve(Readable.from([packed]));
        },
      };
    }),
    tags: [`docker.io/library/${tag}`],
    digests: [`docker.io/library/a@${sha256(tag)}`],
    opened: () => opened,
  };
}

test("an image is found by id, tag and digest, also by another store over the same directory", async () => {
  const directory = newDirectory();
  const source = await image("a:1", ["one", "two"]);
  const store = await openStore(directory);
  const id = await store.add(source, signal);
  assert.equal(id, sha256(source.config));
  for (const found of [store, await openStore(directory)]) {
    const names = [id, id.slice(7), "a:1", "docker.io/library/a:1", `a@${sha256("a:1")}`];
    assert.deepEqual(
      names.map((name) => found.find(name)?.id),
      names.map(() => id),
    );
    assert.equal(found.find("b"), undefined);
    const [upper = "", lower = ""] = found.lowerDirs(found.list()[0]!);
    assert.equal(readFileSync(join(found.layersDir, upper, "two"), "utf8"), "two");
    assert.equal(readFileSync(join(found.layersDir, lower, "one"), "utf8"), "one");
    assert.deepEqual(found.usage(), { usedBytes: 6, inodesUsed: 2 });
  }
});

test("a layer that is there is neither fetched nor unpacked again, also when two images come at once", async () => {
  const store = await openStore(newDirectory());
  const [first, second] = [await image("a:1", ["base", "one"]), await image("a:2", ["base", "two"])];
  await Promise.all([store.add(first, signal), store.add(second, signal)]);
  assert.equal(first.opened() + second.opened(), 3);
  await store.add(first, signal);
  assert.equal(first.opened() + second.opened(), 3);
});

test("a tag moves to the image that came last; removing frees what nobody uses any more", async () => {
  const store = await openStore(newDirectory());
  const old = await store.add(await image("a:1", ["base", "one"]), signal);
  const young = await store.add(await image("a:1", ["base", "two"]), signal);
  assert.equal(store.find("a:1")?.id, young);
  assert.deepEqual(store.find(old)?.tags, []);
  await store.remove(old);
  assert.equal(store.find(old), undefined);
  assert.equal(readdirSync(store.layersDir).length, 4);
  await store.remove("a:1");
  assert.deepEqual(store.list(), []);
  assert.deepEqual(readdirSync(store.layersDir), []);
  assert.deepEqual(store.usage(), { usedBytes: 0, inodesUsed: 0 });
  await store.remove("a:1");
});

test("of two tags one may go", async () => {
  const store = await openStore(newDirectory());
  const id = await store.add(await image("a:1", ["one"]), signal);
  const again = await image("a:2", ["one"]);
  assert.equal(await store.add(again, signal), id);
  await store.remove("a:1");
  assert.deepEqual(
    store.list().map(({ tags }) => tags),
    [["docker.io/library/a:2"]],
  );
});

test("content that isn't what its name says is refused and leaves nothing", async () => {
  for (const lie of [{ digest: sha256("other") }, { diffId: sha256("other") }]) {
    const directory = newDirectory();
    const store = await openStore(directory);
    await assert.rejects(store.add(await image("a:1", ["one"], lie), signal), { code: "unknown" });
    assert.deepEqual(
      [store.list(), readdirSync(store.layersDir), readdirSync(join(directory, "tmp"))],
      [[], [], []],
    );
  }
});

test("an image without one of its layers is forgotten at the next start", async () => {
  const directory = newDirectory();
  const store = await openStore(directory);
  await store.add(await image("a:1", ["one"]), signal);
  const [layer = ""] = store.lowerDirs(store.list()[0]!);
  rmSync(join(store.layersDir, `${layer}.json`));
  assert.deepEqual((await openStore(directory)).list(), []);
  assert(!existsSync(join(directory, "tmp")));
});

async function archive(files: Readonly<Record<string, string | Buffer>>): Promise<string> {
  const path = `${newDirectory()}.tar`;
  writeFileSync(path, await tarOf(files));
  return path;
}

test("an archive of docker save", async () => {
  const layer = await tarOf({ one: "one" });
  const config = JSON.stringify({ rootfs: { type: "layers", diff_ids: [sha256(layer)] } });
  const manifest = JSON.stringify([
    { Config: "config.json", RepoTags: ["a:1", "b/c:2"], Layers: ["abc/layer.tar"] },
  ]);
  const path = await archive({ "manifest.json": manifest, "config.json": config, "abc/layer.tar": layer });
  const [found, ...others] = await readArchive(path, "x64");
  assert(found !== undefined);
  assert.deepEqual(
    [found.tags, found.digests, others],
    [["docker.io/library/a:1", "docker.io/b/c:2"], [], []],
  );
  const store = await openStore(newDirectory());
  assert.equal(await store.add(found, signal), sha256(config));
});

const describe = (bytes: Buffer, more = {}): object => ({
  mediaType: "m",
  digest: sha256(bytes),
  size: bytes.length,
  ...more,
});
const blob = (bytes: Buffer): [string, Buffer] => [`blobs/${sha256(bytes).replace(":", "/")}`, bytes];

test("an OCI layout with an index inside: the machine's platform is taken", async () => {
  const layer = gzipSync(await tarOf({ one: "one" }));
  const config = Buffer.from(JSON.stringify({ rootfs: { type: "layers", diff_ids: [] } }));
  const manifest = Buffer.from(JSON.stringify({ config: describe(config), layers: [describe(layer)] }));
  const inner = Buffer.from(
    JSON.stringify({
      manifests: [
        { mediaType: "m", digest: sha256("arm"), size: 1, platform: { os: "linux", architecture: "arm64" } },
        describe(manifest, { platform: { os: "linux", architecture: "amd64" } }),
      ],
    }),
  );
  const annotations = { "io.containerd.image.name": "registry.local/a:1" };
  const path = await archive({
    "index.json": JSON.stringify({ manifests: [describe(inner, { annotations })] }),
    ...Object.fromEntries([inner, manifest, config, layer].map(blob)),
  });
  const [found] = await readArchive(path, "x64");
  assert.deepEqual(found?.tags, ["registry.local/a:1"]);
  assert(found.digests.includes(`registry.local/a@${sha256(inner)}`));
  assert.deepEqual(
    found.layers.map(({ digest }) => digest),
    [sha256(layer)],
  );
  await assert.rejects(readArchive(path, "s390x"), /neither an OCI image layout nor a docker archive/);
});

test("a tar of something else is refused", async () => {
  await assert.rejects(readArchive(await archive({ hello: "world" }), "x64"), { code: "invalid" });
});

test("choosePlatform: attestations never fit, a single unnamed one does", () => {
  const entry = { mediaType: "m", digest: "d", size: 1 };
  const unknown = { ...entry, platform: { os: "unknown", architecture: "unknown" } };
  assert.equal(choosePlatform({ manifests: [unknown] }, "x64"), undefined);
  assert.equal(choosePlatform({ manifests: [unknown, entry] }, "x64"), entry);
});
