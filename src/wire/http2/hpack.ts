/** Header blocks of HTTP/2: reads what any peer writes, writes what no table is needed for. RFC 7541 */
import { decodeHuffman } from "./huffman.ts";

/** Binary text each. */
export interface Header {
  readonly name: string;
  readonly value: string;
}

/** The block can't be understood, and so none after it. */
export class HpackError extends Error {
  override readonly name = "HpackError";
  readonly code = "HPACK";
}

/** What we keep for a peer: the size both sides begin with. */
const tableBytesMax = 4096;
/** Section 4.1. */
const entryOverheadBytes = 32;
/** Appendix A, from index 1 on. */
const staticTable: readonly Header[] = [
  ":authority;:method GET;:method POST;:path /;:path /index.html;:scheme http;:scheme https;:status 200;:status 204",
  ":status 206;:status 304;:status 400;:status 404;:status 500;accept-charset;accept-encoding gzip, deflate",
  "accept-language;accept-ranges;accept;access-control-allow-origin;age;allow;authorization;cache-control",
  "content-disposition;content-encoding;content-language;content-length;content-location;content-range;content-type",
  "cookie;date;etag;expect;expires;from;host;if-match;if-modified-since;if-none-match;if-range;if-unmodified-since",
  "last-modified;link;location;max-forwards;proxy-authenticate;proxy-authorization;range;referer;refresh;retry-after",
  "server;set-cookie;strict-transport-security;transfer-encoding;user-agent;vary;via;www-authenticate",
]
  .join(";")
  .split(";")
  .map((entry) => {
    const space = entry.indexOf(" ");
    return space === -1
      ? { name: entry, value: "" }
      : { name: entry.slice(0, space), value: entry.slice(space + 1) };
  });

export class HpackDecoder {
  readonly #blockBytesMax: number;
  /** The newest last. */
  #table: Header[] = [];
  #tableBytes = 0;
  #tableBytesMax = tableBytesMax;
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;

  /** `blockBytesMax`: of one block's headers, decoded. */
  constructor(blockBytesMax: number) {
    this.#blockBytesMax = blockBytesMax;
  }

  /** One whole block. Throws HpackError. */
  decode(block: Buffer): Header[] {
    this.#bytes = block;
    this.#at = 0;
    const headers: Header[] = [];
    let bytes = 0;
    while (this.#at < block.length) {
      const header = this.#next(headers.length === 0);
      if (header === undefined) continue;
      bytes += sizeOf(header);
      if (bytes > this.#blockBytesMax) {
        throw new HpackError(`headers of more than ${this.#blockBytesMax} bytes`);
      }
      headers.push(header);
    }
    return headers;
  }

  /** Undefined for a change of the table's size, which must come first. */
  #next(isFirst: boolean): Header | undefined {
    const first = this.#bytes[this.#at] ?? 0;
    if (first >= 0x80) return this.#entry(this.#integer(7));
    if (first >= 0x40) return this.#add(this.#literal(6));
    if (first < 0x20) return this.#literal(4);
    const size = this.#integer(5);
    if (!isFirst || size > tableBytesMax) {
      throw new HpackError(`a table of ${size} bytes, allowed ${tableBytesMax}`);
    }
    this.#tableBytesMax = size;
    this.#evict(0);
    return undefined;
  }

  #literal(prefixBits: number): Header {
    const index = this.#integer(prefixBits);
    const name = index === 0 ? this.#text() : this.#entry(index).name;
    return { name, value: this.#text() };
  }

  #entry(index: number): Header {
    const { length } = staticTable;
    const header =
      index <= length ? staticTable[index - 1] : this.#table[this.#table.length - (index - length)];
    if (header === undefined) throw new HpackError(`no entry ${index} in the tables`);
    return header;
  }

  #add(header: Header): Header {
    const size = sizeOf(header);
    this.#evict(size);
    // One larger than the table empties it, which is no error.
    if (size <= this.#tableBytesMax) {
      this.#table.push(header);
      this.#tableBytes += size;
    }
    return header;
  }

  #evict(room: number): void {
    let count = 0;
    while (count < this.#table.length && this.#tableBytes + room > this.#tableBytesMax) {
      this.#tableBytes -= sizeOf(this.#table[count++] as Header);
    }
    if (count > 0) this.#table.splice(0, count);
  }

  #integer(prefixBits: number): number {
    const max = 2 ** prefixBits - 1;
    let value = this.#byte() & max;
    if (value < max) return value;
    for (let scale = 1; scale <= 2 ** 21; scale *= 0x80) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw new HpackError("a number of more than 28 bits");
  }

  #text(): string {
    const isHuffman = ((this.#bytes[this.#at] ?? 0) & 0x80) !== 0;
    const end = this.#integer(7) + this.#at;
    if (end > this.#bytes.length) throw new HpackError("a text ends after its block");
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    const text = isHuffman ? decodeHuffman(bytes) : bytes.toString("latin1");
    if (text === undefined) throw new HpackError("a text is not of the Huffman code");
    return text;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new HpackError("the block ends within a header");
    return byte;
  }
}

function sizeOf({ name, value }: Header): number {
  return name.length + value.length + entryOverheadBytes;
}

const indexOfName = new Map<string, number>();
for (const [at, { name }] of staticTable.entries()) if (!indexOfName.has(name)) indexOfName.set(name, at + 1);
const indexOfStatus = new Map(
  staticTable.flatMap(({ name, value }, at) => (name === ":status" ? [[value, at + 1] as const] : [])),
);
/** What a name and its length take at most beside their bytes. */
const literalOverheadBytes = 16;

/** Writes blocks of literals, which leave the peer's table as it is. Text is binary: one byte for each of its units. */
export class BlockWriter {
  #bytes = Buffer.allocUnsafeSlow(4096);
  #at = 0;

  /** Names and values in turn, names in lower case. The block is good until the next call. */
  block(status: string | undefined, pairs: readonly string[]): Buffer {
    this.#at = 0;
    if (status !== undefined) this.#status(status);
    for (let at = 0; at + 1 < pairs.length; at += 2) {
      this.#literal(pairs[at] as string, pairs[at + 1] as string);
    }
    return this.#bytes.subarray(0, this.#at);
  }

  #status(status: string): void {
    const index = indexOfStatus.get(status);
    if (index === undefined) this.#literal(":status", status);
    else this.#bytes[this.#at++] = 0x80 | index;
  }

  #literal(name: string, value: string): void {
    const room = this.#at + name.length + value.length + literalOverheadBytes;
    if (room > this.#bytes.length) {
      const wider = Buffer.allocUnsafeSlow(2 * room);
      this.#bytes.copy(wider, 0, 0, this.#at);
      this.#bytes = wider;
    }
    const index = indexOfName.get(name);
    this.#integer(4, index ?? 0);
    if (index === undefined) this.#text(name);
    this.#text(value);
  }

  #text(text: string): void {
    this.#integer(7, text.length);
    this.#at += this.#bytes.write(text, this.#at, "latin1");
  }

  /** Whose first bits are 0. */
  #integer(prefixBits: number, value: number): void {
    const bytes = this.#bytes;
    const max = 2 ** prefixBits - 1;
    if (value < max) {
      bytes[this.#at++] = value;
      return;
    }
    bytes[this.#at++] = max;
    let rest = value - max;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes[this.#at++] = (rest % 0x80) | 0x80;
    bytes[this.#at++] = rest;
  }
}

const blockWriter = new BlockWriter();

/** A block for keeps. */
export function encodeHeaders(headers: readonly Header[]): Buffer {
  return Buffer.from(
    blockWriter.block(
      undefined,
      headers.flatMap(({ name, value }) => [name, value]),
    ),
  );
}
