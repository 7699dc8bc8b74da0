/**
 * A snapshot is one file: the database's pages, then what they are. SQLite doesn't mind what follows its pages, so the
 * file can be opened as the database it is.
 *
 *     pages · trailer (JSON) · its length, its CRC-32 (both 32 bits, little endian) · "mk8ssnap"
 */
import { open, type FileHandle } from "node:fs/promises";
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { errorCode } from "#base/files.ts";

const magic = Buffer.from("mk8ssnap", "latin1");
const endBytes = 8 + magic.length;
const trailerBytesMax = 2 ** 20;
const formatVersion = 1;

/** What is known of a snapshot before anything is read. */
export interface SnapshotFacts {
  readonly name: string;
  /** RFC 3339. */
  readonly time: string;
  /** The UID of its kube-system namespace, which is how a cluster is told from others; "" before there was one. */
  readonly cluster: string;
  /** The node whose server took it. */
  readonly node: string;
  readonly isScheduled: boolean;
  /** Of the program that took it. */
  readonly version: string;
  /** The cluster's authorities and keys, sealed with its token. */
  readonly identity?: string | undefined;
}

export interface SnapshotInfo extends SnapshotFacts {
  readonly revision: bigint;
  /** Objects of the API. */
  readonly objects: number;
  /** Of the database in it. */
  readonly bytes: number;
  /** Of the same. */
  readonly sha256: string;
}

export type SnapshotFault = "missing" | "foreign" | "damaged" | "newer" | "exists" | "unsupported";

export class SnapshotError extends Error {
  override readonly name = "SnapshotError";
  readonly code = "SNAPSHOT";
  readonly fault: SnapshotFault;
  constructor(fault: SnapshotFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
  }
}

const damaged = (path: string, what: string): SnapshotError =>
  new SnapshotError("damaged", `the snapshot ${path} is damaged: ${what}; use another one`);

export function encodeTrailer(info: SnapshotInfo): Buffer {
  const text = JSON.stringify({ format: formatVersion, ...info, revision: `${info.revision}` });
  const trailer = Buffer.from(text, "utf8");
  const end = Buffer.alloc(8);
  end.writeUInt32LE(trailer.length, 0);
  end.writeUInt32LE(crc32(trailer), 4);
  return Buffer.concat([trailer, end, magic]);
}

/** Throws SnapshotError. Reads the file's end only. */
export async function readSnapshotInfo(path: string): Promise<SnapshotInfo> {
  await using file = await openSnapshot(path);
  return await readTrailer(file, path);
}

async function openSnapshot(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
    throw new SnapshotError("missing", `there is no snapshot ${path}`);
  }
}

async function readTrailer(file: FileHandle, path: string): Promise<SnapshotInfo> {
  const { size } = await file.stat();
  const end = Buffer.alloc(endBytes);
  if (size > endBytes) await file.read(end, 0, endBytes, size - endBytes);
  if (!end.subarray(8).equals(magic)) {
    throw new SnapshotError("foreign", `${path} is no snapshot, or its end is missing`);
  }
  const length = end.readUInt32LE(0);
  if (length > trailerBytesMax || length > size - endBytes) throw damaged(path, "its end makes no sense");
  const trailer = Buffer.alloc(length);
  await file.read(trailer, 0, length, size - endBytes - length);
  if (crc32(trailer) !== end.readUInt32LE(4)) throw damaged(path, "its end doesn't match its checksum");
  const { format, revision, ...rest } = JSON.parse(trailer.toString("utf8")) as Omit<
    SnapshotInfo,
    "revision"
  > & {
    readonly format: number;
    readonly revision: string;
  };
  if (format > formatVersion) {
    const known = `format ${format}, this program knows up to ${formatVersion}`;
    throw new SnapshotError("newer", `the snapshot ${path} has ${known}: use the newer program`);
  }
  if (rest.bytes !== size - endBytes - length) {
    throw damaged(path, `it holds ${size - endBytes - length} bytes of pages instead of ${rest.bytes}`);
  }
  return { ...rest, revision: BigInt(revision) };
}

const chunkBytes = 2 ** 20;

/** Hands all pages to `write`, and throws when they weren't what they were when the snapshot was taken. */
export async function readPages(
  path: string,
  write: (chunk: Buffer) => Promise<unknown>,
): Promise<SnapshotInfo> {
  await using file = await openSnapshot(path);
  const info = await readTrailer(file, path);
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafeSlow(chunkBytes);
  for (let at = 0; at < info.bytes;) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(chunkBytes, info.bytes - at), at);
    if (bytesRead === 0) throw damaged(path, `it ends at byte ${at}`);
    const chunk = buffer.subarray(0, bytesRead);
    hash.update(chunk);
    await write(chunk);
    at += bytesRead;
  }
  if (hash.digest("hex") !== info.sha256) throw damaged(path, "its pages don't match their SHA-256");
  return info;
}

/** Reads all of it. Throws SnapshotError. */
export const verifySnapshot = (path: string): Promise<SnapshotInfo> =>
  readPages(path, () => Promise.resolve());
