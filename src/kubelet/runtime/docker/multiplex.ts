/** Docker's way to carry stdout and stderr in one stream: type (1 byte), 0 0 0, length (4 bytes, big-endian), data. */
export interface StreamPiece {
  readonly stream: "stdout" | "stderr";
  readonly data: Buffer;
}

const headerBytes = 8;
const stderrType = 2;

export class Demultiplexer {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): StreamPiece[] {
    let data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const pieces: StreamPiece[] = [];
    while (data.length >= headerBytes) {
      const end = headerBytes + data.readUInt32BE(4);
      if (data.length < end) break;
      const stream = data.readUInt8(0) === stderrType ? "stderr" : "stdout";
      pieces.push({ stream, data: Buffer.from(data.subarray(headerBytes, end)) });
      data = data.subarray(end);
    }
    this.#rest = Buffer.from(data);
    return pieces;
  }
}
