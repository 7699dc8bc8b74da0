/**
 * Unpacks one layer of an image: hashes what comes and what it unpacks to on the way.
 * upstream: github.com/opencontainers/image-spec/layer.md
 */
import { createHash, type Hash } from "node:crypto";
import { PassThrough, Readable, Transform, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { extract, type Extract } from "tar-stream";
import { ChildAbort } from "#base/abort.ts";
import { LayerWriter, type MakeNodes } from "./layer-writer.ts";

export interface UnpackResult {
  /** sha256 of the unpacked tar: the layer's diff id. */
  readonly diffId: string;
  /** sha256 of the bytes as they came. */
  readonly digest: string;
  readonly bytes: number;
  readonly inodes: number;
}

/** Into `directory`, which exists and is empty. On an error it is half filled, and the caller's to remove. */
export async function unpackLayer(
  source: Readable,
  directory: string,
  makeNodes: MakeNodes,
  signal: AbortSignal,
): Promise<UnpackResult> {
  const packed = createHash("sha256");
  const unpacked = createHash("sha256");
  const layer = new LayerWriter(directory);
  const tar = extract();
  // The side that fails stops the other: half of a layer is of no use.
  using stop = new ChildAbort(signal);
  const write = async (): Promise<void> => {
    for await (const entry of tar) await layer.take(entry);
  };
  const feed = async (): Promise<void> => {
    const { first, whole } = await peek(source);
    await pipeline(whole, hashing(packed), unpacker(first), into(tar, unpacked), { signal: stop.signal });
  };
  const failures: unknown[] = [];
  const stopOnFailure = (error: unknown): void => {
    failures.push(error);
    stop.abort();
    source.destroy();
    tar.destroy();
  };
  await Promise.all([feed().catch(stopOnFailure), write().catch(stopOnFailure)]);
  if (failures.length > 0) throw failures[0];
  await layer.finish(makeNodes);
  return {
    diffId: `sha256:${unpacked.digest("hex")}`,
    digest: `sha256:${packed.digest("hex")}`,
    bytes: layer.bytes,
    inodes: layer.inodes,
  };
}

/** The first bytes, and a stream that still has them: what they are packed with is told by them, not by a name. */
async function peek(source: Readable): Promise<{ first: Buffer; whole: Readable }> {
  const chunks = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const result = await chunks.next();
  const first = result.done === true ? Buffer.alloc(0) : result.value;
  async function* all(): AsyncGenerator<Buffer> {
    yield first;
    yield* { [Symbol.asyncIterator]: () => chunks };
  }
  return { first, whole: Readable.from(all(), { objectMode: false }) };
}

const gzipMagic = Buffer.from([0x1f, 0x8b]);
const zstdMagic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

function unpacker(first: Buffer): Transform {
  if (first.subarray(0, 2).equals(gzipMagic)) return createGunzip();
  if (first.subarray(0, 4).equals(zstdMagic)) return createZstdDecompress();
  return new PassThrough();
}

function hashing(hash: Hash): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
}

/** The last station: waits while the reader of the tar is behind. */
function into(tar: Extract, hash: Hash): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      if (tar.write(chunk)) done();
      else tar.once("drain", done);
    },
    final(done) {
      tar.end(Buffer.alloc(0));
      done();
    },
  });
}
