/** The images of the fake runtime: names with made-up but stable ids. */
import { createHash } from "node:crypto";
import { asImageId, canonicalName, parseReference, repositoryName } from "../images/reference.ts";
import type { ImageInfo } from "./runtime.ts";

const fakeImageBytes = 1_000_000;

export class FakeImages {
  readonly #byId = new Map<string, ImageInfo>();

  constructor(present: readonly string[]) {
    for (const image of present) this.add(image);
  }

  list(): ImageInfo[] {
    return [...this.#byId.values()];
  }

  status(image: string): ImageInfo | undefined {
    const id = asImageId(image);
    if (id !== undefined) return this.#byId.get(id);
    const name = canonicalName(parseReference(image));
    return this.list().find(({ tags, digests }) => tags.includes(name) || digests.includes(name));
  }

  /** Idempotent. */
  add(image: string): ImageInfo {
    const present = this.status(image);
    if (present !== undefined) return present;
    const reference = parseReference(image);
    const name = canonicalName(reference);
    const id = `sha256:${createHash("sha256").update(`config of ${name}`).digest("hex")}`;
    const digest = reference.digest ?? `sha256:${createHash("sha256").update(name).digest("hex")}`;
    const info: ImageInfo = {
      id,
      tags: reference.tag === undefined ? [] : [name],
      digests: [`${repositoryName(reference)}@${digest}`],
      sizeBytes: fakeImageBytes,
      user: "",
      pinned: false,
    };
    this.#byId.set(id, info);
    return info;
  }

  /** By id all of it; by name that name, and the image with its last one. */
  remove(image: string): void {
    const info = this.status(image);
    if (info === undefined) return;
    const name = asImageId(image) === undefined ? canonicalName(parseReference(image)) : undefined;
    const tags = info.tags.filter((tag) => name !== undefined && tag !== name);
    if (tags.length === 0) this.#byId.delete(info.id);
    else this.#byId.set(info.id, { ...info, tags });
  }
}
