/** Paths by their steps: which of many lie in each other, without comparing each with each. */

interface Node {
  readonly inner: Map<string, Node>;
  /** Who has just this path. */
  readonly here: number[];
}

const newNode = (): Node => ({ inner: new Map(), here: [] });

export class PathTree {
  readonly #root = newNode();

  /** `id` joins those that are known. Returns those of them that have the path, one within it or one that it lies in. */
  add(path: string, id: number): number[] {
    const found: number[] = [];
    let node = this.#root;
    for (const step of path.split("/")) {
      for (const each of node.here) found.push(each);
      const next = node.inner.get(step) ?? newNode();
      node.inner.set(step, next);
      node = next;
    }
    const left = [node];
    for (let each = left.pop(); each !== undefined; each = left.pop()) {
      for (const one of each.here) found.push(one);
      for (const inner of each.inner.values()) left.push(inner);
    }
    node.here.push(id);
    return found.toSorted((a, b) => a - b);
  }
}
