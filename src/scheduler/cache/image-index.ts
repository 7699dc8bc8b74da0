/** Which nodes have which images, and how large they are. */
import type { ContainerImage } from "#api/generated/types/core-v1.ts";

interface ImageState {
  readonly nodes: Set<string>;
  bytes: number;
}

export class ImageIndex {
  readonly #images = new Map<string, ImageState>();
  readonly #byNode = new Map<string, readonly string[]>();

  set(node: string, images: readonly ContainerImage[]): void {
    for (const name of this.#byNode.get(node) ?? []) {
      const state = this.#images.get(name);
      state?.nodes.delete(node);
      if (state?.nodes.size === 0) this.#images.delete(name);
    }
    const names = images.flatMap((image) => image.names ?? []);
    if (names.length === 0) this.#byNode.delete(node);
    else this.#byNode.set(node, names);
    for (const image of images) {
      for (const name of image.names ?? []) this.#add(node, name, Number(image.sizeBytes ?? 0));
    }
  }

  /** Undefined when no node has it. */
  get(name: string): { readonly nodes: ReadonlySet<string>; readonly bytes: number } | undefined {
    return this.#images.get(name);
  }

  #add(node: string, name: string, bytes: number): void {
    let state = this.#images.get(name);
    if (state === undefined) {
      state = { nodes: new Set(), bytes };
      this.#images.set(name, state);
    }
    state.bytes = bytes;
    state.nodes.add(node);
  }
}
