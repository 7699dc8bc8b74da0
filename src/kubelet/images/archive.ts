/** Images in a tar: an OCI image layout, what `docker save` writes, or both in one. */
import { createReadStream } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { posix } from "node:path";
import { RuntimeError } from "../runtime/runtime.ts";
import {
  choosePlatform,
  isIndex,
  type Descriptor,
  type ImageIndex,
  type ImageManifest,
  type ImageSource,
  type LayerSource,
} from "./oci.ts";
import { canonicalName, parseReference, repositoryName } from "./reference.ts";

interface TarEntry {
  readonly offset: number;
  readonly size: number;
  /** Of a link inside the archive. */
  readonly target: string | undefined;
}

const blockBytes = 512;
const entriesMax = 100_000;
const jsonBytesMax = 16 * 1024 * 1024;

/** Where each file of the tar begins. Names in image archives fit the plain header: the rest is skipped. */
async function indexTar(file: FileHandle): Promise<Map<string, TarEntry>> {
  const entries = new Map<string, TarEntry>();
  const header = Buffer.alloc(blockBytes);
  let at = 0;
  for (let count = 0; count < entriesMax; count++) {
    const { bytesRead } = await file.read(header, 0, blockBytes, at);
    if (bytesRead < blockBytes || header.every((byte) => byte === 0)) break;
    const size = tarNumber(header.subarray(124, 136));
    const name = posix.normalize(tarText(header.subarray(0, 100)));
    const prefix = header.subarray(257, 262).toString() === "ustar" ? tarText(header.subarray(345, 500)) : "";
    const type = String.fromCharCode(header[156] ?? 0);
    const isLink = type === "1" || type === "2";
    const path = /^[\w.-]/.test(prefix) && type !== "L" ? posix.join(prefix, name) : name;
    if (isLink || type === "0" || type === "\0") {
      const link = tarText(header.subarray(157, 257));
      const target = type === "2" ? posix.join(posix.dirname(path), link) : posix.normalize(link);
      entries.set(path, { offset: at + blockBytes, size, target: isLink ? target : undefined });
    }
    at += blockBytes + Math.ceil(size / blockBytes) * blockBytes;
  }
  return entries;
}

function tarText(field: Buffer): string {
  const end = field.indexOf(0);
  return field.subarray(0, end < 0 ? field.length : end).toString();
}

/** Octal text, or big-endian binary when the top bit is set (files over 8 GiB). */
function tarNumber(field: Buffer): number {
  if (((field[0] ?? 0) & 0x80) === 0) return Number.parseInt(tarText(field).trim() || "0", 8);
  return Number(BigInt(`0x${field.subarray(1).toString("hex")}`));
}

class Archive {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #entries: ReadonlyMap<string, TarEntry>;

  constructor(path: string, file: FileHandle, entries: ReadonlyMap<string, TarEntry>) {
    this.#path = path;
    this.#file = file;
    this.#entries = entries;
  }

  has(name: string): boolean {
    return this.#find(name) !== undefined;
  }

  async read(name: string): Promise<Buffer> {
    const entry = this.#find(name);
    if (entry === undefined) throw new RuntimeError("invalid", `${this.#path} has no ${name}`);
    if (entry.size > jsonBytesMax) throw new RuntimeError("invalid", `${name} in ${this.#path} is too large`);
    const buffer = Buffer.alloc(entry.size);
    await this.#file.read(buffer, 0, entry.size, entry.offset);
    return buffer;
  }

  async json<T>(name: string): Promise<T> {
    return JSON.parse((await this.read(name)).toString()) as T;
  }

  layer(name: string, digest: string | undefined): LayerSource {
    const entry = this.#find(name);
    if (entry === undefined) throw new RuntimeError("invalid", `${this.#path} has no layer ${name}`);
    const { offset, size } = entry;
    const path = this.#path;
    return {
      digest,
      sizeBytes: size,
      open: (signal) =>
        Promise.resolve(createReadStream(path, { start: offset, end: offset + size - 1, signal })),
    };
  }

  #find(name: string): TarEntry | undefined {
    const entry = this.#entries.get(posix.normalize(name));
    return entry?.target === undefined ? entry : this.#entries.get(entry.target);
  }
}

/** Every image of the archive that is meant for this machine. */
export async function readArchive(path: string, arch: string): Promise<ImageSource[]> {
  await using file = await open(path);
  const archive = new Archive(path, file, await indexTar(file));
  if (archive.has("index.json")) {
    const images = await readLayout(archive, arch);
    if (images.length > 0) return images;
  }
  if (archive.has("manifest.json")) return await readDockerSave(archive);
  throw new RuntimeError("invalid", `${path} is neither an OCI image layout nor a docker archive`);
}

const blobPath = (digest: string): string => `blobs/${digest.replace(":", "/")}`;

async function readLayout(archive: Archive, arch: string): Promise<ImageSource[]> {
  const index = await archive.json<ImageIndex>("index.json");
  const images: ImageSource[] = [];
  for (const descriptor of index.manifests) {
    const name = nameOf(descriptor);
    if (name === undefined) continue;
    const image = await readManifest(archive, descriptor, name, arch);
    if (image !== undefined) images.push(image);
  }
  return images;
}

/** A tag alone ("1.36") says nothing about the repository; then Docker's own list is read instead. */
function nameOf(descriptor: Descriptor): string | undefined {
  const { annotations } = descriptor;
  const name =
    annotations?.["io.containerd.image.name"] ?? annotations?.["org.opencontainers.image.ref.name"];
  return name !== undefined && /[/:]/.test(name) ? name : undefined;
}

async function readManifest(
  archive: Archive,
  descriptor: Descriptor,
  name: string,
  arch: string,
): Promise<ImageSource | undefined> {
  const bytes = await archive.read(blobPath(descriptor.digest));
  const manifest = JSON.parse(bytes.toString()) as ImageManifest | ImageIndex;
  if (isIndex(manifest)) {
    const chosen = choosePlatform(manifest, arch);
    if (chosen === undefined || !archive.has(blobPath(chosen.digest))) return undefined;
    const image = await readManifest(archive, chosen, name, arch);
    return image === undefined
      ? undefined
      : { ...image, digests: [...image.digests, digestName(name, descriptor)] };
  }
  return {
    config: await archive.read(blobPath(manifest.config.digest)),
    layers: manifest.layers.map(({ digest }) => archive.layer(blobPath(digest), digest)),
    tags: [canonicalName(parseReference(name))],
    digests: [digestName(name, descriptor)],
  };
}

function digestName(name: string, { digest }: Descriptor): string {
  return `${repositoryName(parseReference(name))}@${digest}`;
}

interface DockerManifest {
  readonly Config: string;
  readonly RepoTags?: readonly string[] | null;
  readonly Layers: readonly string[];
}

async function readDockerSave(archive: Archive): Promise<ImageSource[]> {
  const manifests = await archive.json<readonly DockerManifest[]>("manifest.json");
  return Promise.all(
    manifests.map(async ({ Config, RepoTags, Layers }) => ({
      config: await archive.read(Config),
      layers: Layers.map((name) => archive.layer(name, undefined)),
      tags: (RepoTags ?? []).map((tag) => canonicalName(parseReference(tag))),
      digests: [],
    })),
  );
}
