/**
 * Builds a container image without a daemon or a network: directories in, one tar out that is both an OCI image layout
 * and a docker-archive, so every runtime takes it. Reproducible: sorted names, no times, numeric owners.
 *
 *   node scripts/images/pack.ts --out FILE --name REFERENCE [--config JSON] --layer DIR [--layer DIR ...]
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";

const tarBytesMax = 2 ** 31;
const reproducible = ["--sort=name", "--mtime=@0", "--numeric-owner", "--format=gnu"];

const { values } = parseArgs({
  options: {
    out: { type: "string" },
    name: { type: "string" },
    config: { type: "string", default: "{}" },
    layer: { type: "string", multiple: true },
  },
});
const { out, name, layer: directories } = values;
if (out === undefined || name === undefined || directories === undefined) {
  throw new Error("usage: pack.ts --out FILE --name REFERENCE [--config JSON] --layer DIR [--layer DIR ...]");
}

interface Blob {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

const sha256 = (bytes: Buffer): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const tar = (args: readonly string[]): Buffer =>
  execFileSync("tar", [...reproducible, ...args], { maxBuffer: tarBytesMax });

const work = mkdtempSync(join(tmpdir(), "mini-k8s-image-"));
const pathOf = (blob: Blob): string => `blobs/${blob.digest.replace(":", "/")}`;
const store = (bytes: Buffer, mediaType: string): Blob => {
  const blob = { mediaType, digest: sha256(bytes), size: bytes.length };
  mkdirSync(dirname(join(work, pathOf(blob))), { recursive: true });
  writeFileSync(join(work, pathOf(blob)), bytes);
  return blob;
};
const storeJson = (value: object, mediaType: string): Blob =>
  store(Buffer.from(JSON.stringify(value)), mediaType);

const tars = directories.map((directory) => tar(["-C", directory, "-cf", "-", "."]));
const layers = tars.map((bytes) =>
  store(gzipSync(bytes, { level: 1 }), "application/vnd.oci.image.layer.v1.tar+gzip"),
);
const architecture = process.arch === "x64" ? "amd64" : process.arch;
const created = "1970-01-01T00:00:00Z";
const env = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"];
const config = storeJson(
  {
    created,
    architecture,
    os: "linux",
    config: { Env: env, ...(JSON.parse(values.config) as object) },
    rootfs: { type: "layers", diff_ids: tars.map(sha256) },
    history: tars.map(() => ({ created, created_by: "mini-k8s" })),
  },
  "application/vnd.oci.image.config.v1+json",
);
const mediaType = "application/vnd.oci.image.manifest.v1+json";
const manifest = storeJson({ schemaVersion: 2, mediaType, config, layers }, mediaType);
const annotations = {
  "io.containerd.image.name": name,
  "org.opencontainers.image.ref.name": name.slice(name.lastIndexOf(":") + 1),
};
const files = {
  "oci-layout": { imageLayoutVersion: "1.0.0" },
  "index.json": {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [{ ...manifest, platform: { architecture, os: "linux" }, annotations }],
  },
  "manifest.json": [
    {
      Config: pathOf(config),
      RepoTags: [name.replace(/^docker\.io\/(library\/)?/, "")],
      Layers: layers.map(pathOf),
    },
  ],
};
for (const [file, content] of Object.entries(files)) writeFileSync(join(work, file), JSON.stringify(content));
const target = resolve(out);
mkdirSync(dirname(target), { recursive: true });
tar(["--owner=0", "--group=0", "-C", work, "-cf", `${target}.tmp`, "."]);
renameSync(`${target}.tmp`, target);
rmSync(work, { recursive: true, force: true });
console.log(`${name} ${config.digest}`);
