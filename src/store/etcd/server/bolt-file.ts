/**
 * A bbolt file, written in one go: what an etcd snapshot is, so that etcd's own tools can read and restore ours.
 * upstream: go.etcd.io/bbolt: page.go, db.go, bucket.go
 */
import type { HistoryRow } from "./history.ts";

const pageBytes = 4096;
const headerBytes = 16;
const elementBytes = 16;
const flags = { branch: 0x01, leaf: 0x02, meta: 0x04, freelist: 0x10 } as const;
/** An element of a leaf that is a bucket. */
const bucketFlag = 1;
const magic = 0xed0cdaed;
const version = 2;
/** Written at once. */
const writeBytes = 2 ** 20;
const noRows: readonly HistoryRow[] = [];

/** Where a page begins, and the first key in it. */
interface Child {
  readonly page: number;
  readonly key: Buffer;
}

interface Element {
  readonly flags: number;
  readonly key: Buffer;
  readonly value: Buffer;
}

/** Where the file goes: anywhere in it, in any order. */
export interface PageSink {
  write(bytes: Buffer, position: number): Promise<unknown>;
}

export class BoltFile {
  readonly #sink: PageSink;
  /** Not yet written. */
  #pages: Buffer[] = [];
  #pagesBytes = 0;
  /** The first three are the two metas and the list of free pages. */
  #next = 3;
  readonly #buckets: Element[] = [];

  constructor(sink: PageSink) {
    this.#sink = sink;
  }

  /** Rows ascend by key; buckets must be added in the order of their names. */
  async addBucket(
    name: string,
    rows: AsyncIterable<HistoryRow> | Iterable<HistoryRow> = noRows,
  ): Promise<void> {
    const leaves: Child[] = [];
    let elements: Element[] = [];
    let bytes = headerBytes;
    for await (const { key, value } of rows) {
      const size = elementBytes + key.length + value.length;
      if (elements.length > 0 && bytes + size > pageBytes) {
        leaves.push(this.#writeLeaf(elements));
        if (this.#pagesBytes >= writeBytes) await this.#flush();
        elements = [];
        bytes = headerBytes;
      }
      elements.push({ flags: 0, key, value });
      bytes += size;
    }
    if (elements.length > 0 || leaves.length === 0) leaves.push(this.#writeLeaf(elements));
    const value = Buffer.alloc(16);
    value.writeBigUInt64LE(BigInt(this.#writeBranches(leaves)));
    this.#buckets.push({ flags: bucketFlag, key: Buffer.from(name), value });
  }

  /** Returns the file's size. */
  async finish(): Promise<number> {
    const root = this.#writeLeaf(this.#buckets).page;
    await this.#flush();
    const freelist = Buffer.alloc(pageBytes);
    writeHeader(freelist, { page: 2, flags: flags.freelist, count: 0 });
    await this.#sink.write(Buffer.concat([this.#meta(0, root), this.#meta(1, root), freelist]), 0);
    return this.#next * pageBytes;
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.concat(this.#pages, this.#pagesBytes);
    this.#pages = [];
    this.#pagesBytes = 0;
    await this.#sink.write(bytes, this.#next * pageBytes - bytes.length);
  }

  #meta(page: number, root: number): Buffer {
    const buffer = Buffer.alloc(pageBytes);
    writeHeader(buffer, { page, flags: flags.meta, count: 0 });
    const meta = buffer.subarray(headerBytes);
    meta.writeUInt32LE(magic, 0);
    meta.writeUInt32LE(version, 4);
    meta.writeUInt32LE(pageBytes, 8);
    meta.writeBigUInt64LE(BigInt(root), 16);
    meta.writeBigUInt64LE(2n, 32);
    meta.writeBigUInt64LE(BigInt(this.#next), 40);
    // The transaction; the meta with the larger one counts.
    meta.writeBigUInt64LE(BigInt(page), 48);
    meta.writeBigUInt64LE(fnv1a(meta.subarray(0, 56)), 56);
    return buffer;
  }

  #writeLeaf(elements: readonly Element[]): Child {
    const bytes = elements.reduce((sum, { key, value }) => sum + elementBytes + key.length + value.length, 0);
    const { page, buffer } = this.#allocate(headerBytes + bytes, flags.leaf, elements.length);
    let at = headerBytes + elements.length * elementBytes;
    for (const [index, element] of elements.entries()) {
      const place = headerBytes + index * elementBytes;
      buffer.writeUInt32LE(element.flags, place);
      buffer.writeUInt32LE(at - place, place + 4);
      buffer.writeUInt32LE(element.key.length, place + 8);
      buffer.writeUInt32LE(element.value.length, place + 12);
      buffer.set(element.key, at);
      buffer.set(element.value, at + element.key.length);
      at += element.key.length + element.value.length;
    }
    return { page, key: elements[0]?.key ?? Buffer.alloc(0) };
  }

  /** Levels of branches until one page is left: the root. */
  #writeBranches(children: readonly Child[]): number {
    let level = children;
    while (level.length > 1) {
      const parents: Child[] = [];
      let some: Child[] = [];
      let bytes = headerBytes;
      for (const child of level) {
        const size = elementBytes + child.key.length;
        // A branch of one child would never come to an end.
        if (some.length > 1 && bytes + size > pageBytes) {
          parents.push(this.#writeBranch(some));
          some = [];
          bytes = headerBytes;
        }
        some.push(child);
        bytes += size;
      }
      parents.push(this.#writeBranch(some));
      level = parents;
    }
    return (level[0] as Child).page;
  }

  #writeBranch(children: readonly Child[]): Child {
    const bytes = children.reduce((sum, { key }) => sum + elementBytes + key.length, 0);
    const { page, buffer } = this.#allocate(headerBytes + bytes, flags.branch, children.length);
    let at = headerBytes + children.length * elementBytes;
    for (const [index, child] of children.entries()) {
      const place = headerBytes + index * elementBytes;
      buffer.writeUInt32LE(at - place, place);
      buffer.writeUInt32LE(child.key.length, place + 4);
      buffer.writeBigUInt64LE(BigInt(child.page), place + 8);
      buffer.set(child.key, at);
      at += child.key.length;
    }
    return { page, key: (children[0] as Child).key };
  }

  #allocate(bytes: number, kind: number, count: number): { readonly page: number; readonly buffer: Buffer } {
    const pages = Math.max(1, Math.ceil(bytes / pageBytes));
    const buffer = Buffer.alloc(pages * pageBytes);
    const page = this.#next;
    writeHeader(buffer, { page, flags: kind, count, overflow: pages - 1 });
    this.#pages.push(buffer);
    this.#pagesBytes += buffer.length;
    this.#next += pages;
    return { page, buffer };
  }
}

function writeHeader(
  buffer: Buffer,
  header: {
    readonly page: number;
    readonly flags: number;
    readonly count: number;
    readonly overflow?: number;
  },
): void {
  buffer.writeBigUInt64LE(BigInt(header.page), 0);
  buffer.writeUInt16LE(header.flags, 8);
  buffer.writeUInt16LE(header.count, 10);
  buffer.writeUInt32LE(header.overflow ?? 0, 12);
}

/** FNV-1a of 64 bits. */
function fnv1a(bytes: Uint8Array): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}
