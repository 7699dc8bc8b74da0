/** Things by prefix, and quickly all whose prefix a key begins with. Changing it costs a pass over all of them. */
interface Node<T> {
  readonly prefix: string;
  readonly value: T;
  /** The node with the longest prefix that is a proper prefix of this one's. */
  parent: Node<T> | undefined;
}

export class PrefixTree<T> {
  /** Ascending by prefix. */
  #nodes: Node<T>[] = [];

  /** The prefix must not be in the tree. */
  add(prefix: string, value: T): void {
    const node = { prefix, value, parent: undefined };
    this.#nodes = [...this.#nodes, node].toSorted((a, b) => (a.prefix < b.prefix ? -1 : 1));
    this.#relate();
  }

  delete(prefix: string): void {
    this.#nodes = this.#nodes.filter((node) => node.prefix !== prefix);
    this.#relate();
  }

  visit(key: string, visitor: (value: T) => void): void {
    for (let node = this.#longest(key); node !== undefined; node = node.parent) visitor(node.value);
  }

  /**
   * The node with the longest prefix of `key`; the others of `key` are its ancestors. Strings between a prefix of
   * the key and the key all begin with that prefix, so they are ancestors of the last node that isn't after the key.
   */
  #longest(key: string): Node<T> | undefined {
    let low = 0;
    let high = this.#nodes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#nodes[middle] as Node<T>).prefix <= key) low = middle + 1;
      else high = middle;
    }
    let node = this.#nodes[low - 1];
    while (node !== undefined && !key.startsWith(node.prefix)) node = node.parent;
    return node;
  }

  #relate(): void {
    const ancestors: Node<T>[] = [];
    for (const node of this.#nodes) {
      let parent = ancestors.at(-1);
      while (parent !== undefined && !node.prefix.startsWith(parent.prefix)) {
        ancestors.pop();
        parent = ancestors.at(-1);
      }
      node.parent = parent;
      ancestors.push(node);
    }
  }
}
