/** Cuts a stream's data into gRPC's messages: a byte that tells of compression, four of the length, the message. */
import { GrpcError, status } from "./status.ts";

export const prefixBytes = 5;

export class MessageReader {
  readonly #bytesMax: number;
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Nothing is left over. */
  get isAtEnd(): boolean {
    return this.#bytes === 0;
  }

  /** Messages of their own memory. Throws GrpcError for what is too large, or compressed. */
  push(chunk: Buffer): Buffer[] {
    if (
      this.#bytes === 0 &&
      chunk.length >= prefixBytes &&
      chunk.length === prefixBytes + this.#lengthOf(chunk)
    ) {
      return [Buffer.from(chunk.subarray(prefixBytes))];
    }
    this.#chunks.push(Buffer.from(chunk));
    this.#bytes += chunk.length;
    return this.#cut();
  }

  #cut(): Buffer[] {
    const messages: Buffer[] = [];
    while (this.#bytes >= prefixBytes) {
      const end = prefixBytes + this.#lengthOf(this.#head());
      if (this.#bytes < end) break;
      const [only] = this.#chunks;
      const joined =
        this.#chunks.length === 1 && only !== undefined ? only : Buffer.concat(this.#chunks, this.#bytes);
      messages.push(joined.subarray(prefixBytes, end));
      this.#chunks = end === joined.length ? [] : [joined.subarray(end)];
      this.#bytes -= end;
    }
    return messages;
  }

  /** The first chunk, joined with the next when it doesn't hold a prefix. */
  #head(): Buffer {
    const [first] = this.#chunks;
    if (first !== undefined && first.length >= prefixBytes) return first;
    const joined = Buffer.concat(this.#chunks, this.#bytes);
    this.#chunks = [joined];
    return joined;
  }

  #lengthOf(head: Buffer): number {
    if (head[0] !== 0) {
      throw new GrpcError(status.unimplemented, "grpc: Decompressor is not installed for this grpc-encoding");
    }
    const length = head.readUInt32BE(1);
    // upstream: grpc-go's rpc_util.go, recvAndDecompress
    if (length > this.#bytesMax) {
      const text = `grpc: received message larger than max (${length} vs. ${this.#bytesMax})`;
      throw new GrpcError(status.resourceExhausted, text);
    }
    return length;
  }
}
