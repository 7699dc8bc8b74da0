/**
 * Images on this machine, for runtimes without a store of their own. Each layer is unpacked once, into a directory
 * named after its content, and is the lower directory of any number of overlays. The packed bytes are not kept.
 *
 *   images.json            every image: id, names, config, layers
 *   layers/<16 hex>/       an unpacked layer
 *   layers/<16 hex>.json   its whole diff id and size: written last, so a layer without it is rubbish
 */
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readTextIfExists, writeFileAtomic } from "#base/files.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { RuntimeError, type ImageInfo } from "../runtime/runtime.ts";
import { sha256 } from "./digest.ts";
import type { MakeNodes } from "./layer-writer.ts";
import type { ImageConfig, ImageSource, LayerSource } from "./oci.ts";
import { asImageId, canonicalName, parseReference } from "./reference.ts";
import { unpackLayer } from "./unpack.ts";

export interface StoredImage {
  readonly id: string;
  readonly tags: readonly string[];
  readonly digests: readonly string[];
  /** Of the packed layers and the config, as registries count. */
  readonly sizeBytes: number;
  readonly config: ImageConfig;
}

interface StoredLayer {
  readonly diffId: string;
  readonly bytes: number;
  readonly inodes: number;
}

export interface ImageStoreDeps {
  readonly makeNodes: MakeNodes;
  readonly random: Random;
  readonly log: Logger;
}

const layersAtOnceMax = 3;

export class ImageStore {
  readonly #directory: string;
  readonly #deps: ImageStoreDeps;
  readonly #images = new Map<string, StoredImage>();
  readonly #layers = new Map<string, StoredLayer>();
  /** Layers being unpacked right now, so that two images share the work. */
  readonly #unpacking = new Map<string, Promise<void>>();
  /** One change of images.json after the other. */
  #changes: Promise<void> = Promise.resolve();

  private constructor(directory: string, deps: ImageStoreDeps) {
    this.#directory = directory;
    this.#deps = deps;
  }

  static async open(directory: string, deps: ImageStoreDeps): Promise<ImageStore> {
    const store = new ImageStore(directory, deps);
    await mkdir(store.layersDir, { recursive: true, mode: 0o700 });
    await rm(store.#temporary, { recursive: true, force: true });
    await store.#load();
    return store;
  }

  get layersDir(): string {
    return join(this.#directory, "layers");
  }

  get #temporary(): string {
    return join(this.#directory, "tmp");
  }

  /** By id, name with tag, or name with digest. */
  find(image: string): StoredImage | undefined {
    const id = asImageId(image);
    if (id !== undefined) return this.#images.get(id);
    const name = canonicalName(parseReference(image));
    for (const stored of this.#images.values()) {
      if (stored.tags.includes(name) || stored.digests.includes(name)) return stored;
    }
    return undefined;
  }

  list(): readonly StoredImage[] {
    return [...this.#images.values()];
  }

  /** The overlay's lower directories, the uppermost first, relative to layersDir. */
  lowerDirs(image: StoredImage): string[] {
    return image.config.rootfs.diff_ids.map(layerName).toReversed();
  }

  usage(): { readonly usedBytes: number; readonly inodesUsed: number } {
    let usedBytes = 0;
    let inodesUsed = 0;
    for (const { bytes, inodes } of this.#layers.values()) {
      usedBytes += bytes;
      inodesUsed += inodes;
    }
    return { usedBytes, inodesUsed };
  }

  /** Takes an image in; its names leave the images that had them. Returns the id. */
  async add(source: ImageSource, signal: AbortSignal): Promise<string> {
    const config = JSON.parse(source.config.toString()) as ImageConfig;
    const diffIds = config.rootfs.diff_ids;
    if (diffIds.length !== source.layers.length) {
      throw new RuntimeError(
        "invalid",
        `the image's config names ${diffIds.length} layers, its manifest ${source.layers.length}`,
      );
    }
    const wanted = diffIds.map((diffId, i) => ({ diffId, layer: source.layers[i] }));
    for (let at = 0; at < wanted.length; at += layersAtOnceMax) {
      const some = wanted.slice(at, at + layersAtOnceMax);
      await Promise.all(some.map(({ diffId, layer }) => this.#ensureLayer(diffId, layer, signal)));
    }
    const id = sha256(source.config);
    const sizeBytes = source.layers.reduce((sum, layer) => sum + layer.sizeBytes, source.config.length);
    await this.#change(() => {
      this.#takeNames(id, source.tags);
      const present = this.#images.get(id);
      const tags = [...new Set([...(present?.tags ?? []), ...source.tags])];
      const digests = [...new Set([...(present?.digests ?? []), ...source.digests])];
      this.#images.set(id, { id, tags, digests, sizeBytes: present?.sizeBytes ?? sizeBytes, config });
    });
    return id;
  }

  /** By id the whole image; by a name that name, and the image once it has no other tag. */
  async remove(image: string): Promise<void> {
    const stored = this.find(image);
    if (stored === undefined) return;
    const name = asImageId(image) === undefined ? canonicalName(parseReference(image)) : undefined;
    await this.#change(() => {
      const tags = stored.tags.filter((tag) => name !== undefined && tag !== name);
      if (tags.length > 0) this.#images.set(stored.id, { ...stored, tags });
      else this.#images.delete(stored.id);
    });
    await this.#removeUnused();
  }

  // ── inside ──

  #takeNames(id: string, tags: readonly string[]): void {
    for (const other of this.#images.values()) {
      if (other.id === id || !other.tags.some((tag) => tags.includes(tag))) continue;
      this.#images.set(other.id, { ...other, tags: other.tags.filter((tag) => !tags.includes(tag)) });
    }
  }

  async #ensureLayer(diffId: string, layer: LayerSource | undefined, signal: AbortSignal): Promise<void> {
    if (layer === undefined || this.#layers.has(diffId)) return;
    let unpacking = this.#unpacking.get(diffId);
    if (unpacking === undefined) {
      unpacking = this.#unpack(diffId, layer, signal).finally(() => {
        this.#unpacking.delete(diffId);
      });
      this.#unpacking.set(diffId, unpacking);
    }
    await unpacking;
  }

  async #unpack(diffId: string, layer: LayerSource, signal: AbortSignal): Promise<void> {
    const temporary = join(this.#temporary, this.#deps.random.bytes(8).toString("hex"));
    await mkdir(temporary, { recursive: true, mode: 0o755 });
    try {
      const result = await unpackLayer(await layer.open(signal), temporary, this.#deps.makeNodes, signal);
      if (layer.digest !== undefined && layer.digest !== result.digest) {
        throw new RuntimeError("unknown", `layer ${layer.digest} arrived as ${result.digest}`);
      }
      if (result.diffId !== diffId) {
        throw new RuntimeError("unknown", `layer ${diffId} unpacked to ${result.diffId}`);
      }
      const { bytes, inodes } = result;
      const path = join(this.layersDir, layerName(diffId));
      await rm(path, { recursive: true, force: true });
      await rename(temporary, path);
      await writeFile(`${path}.json`, JSON.stringify({ diffId, bytes, inodes }));
      this.#layers.set(diffId, { diffId, bytes, inodes });
    } catch (error) {
      await rm(temporary, { recursive: true, force: true });
      throw error;
    }
  }

  async #removeUnused(): Promise<void> {
    const used = new Set(this.list().flatMap(({ config }) => config.rootfs.diff_ids));
    for (const diffId of this.#layers.keys()) {
      if (used.has(diffId) || this.#unpacking.size > 0) continue;
      this.#layers.delete(diffId);
      const path = join(this.layersDir, layerName(diffId));
      await rm(`${path}.json`, { force: true });
      await rm(path, { recursive: true, force: true });
    }
  }

  #change(apply: () => void): Promise<void> {
    const done = this.#changes.then(async () => {
      apply();
      await writeFileAtomic(join(this.#directory, "images.json"), JSON.stringify(this.list()));
    });
    this.#changes = done.catch(() => undefined);
    return done;
  }

  async #load(): Promise<void> {
    for (const entry of await readdir(this.layersDir)) {
      if (!entry.endsWith(".json")) continue;
      const layer = JSON.parse(await readFile(join(this.layersDir, entry), "utf8")) as StoredLayer;
      this.#layers.set(layer.diffId, layer);
    }
    const text = await readTextIfExists(join(this.#directory, "images.json"));
    for (const image of JSON.parse(text ?? "[]") as StoredImage[]) {
      if (image.config.rootfs.diff_ids.every((diffId) => this.#layers.has(diffId))) {
        this.#images.set(image.id, image);
      } else {
        this.#deps.log.warn("image lacks a layer and is forgotten", { image: image.id, tags: image.tags });
      }
    }
  }
}

function layerName(diffId: string): string {
  return diffId.slice("sha256:".length, "sha256:".length + 16);
}

export function imageInfo(image: StoredImage): ImageInfo {
  const { id, tags, digests, sizeBytes, config } = image;
  return { id, tags, digests, sizeBytes, user: config.config?.User ?? "", pinned: false };
}
