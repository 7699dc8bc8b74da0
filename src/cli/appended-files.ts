/**
 * Files that the one executable carries behind its last byte, read when they are needed: what Node's own assets are, pages
 * of the program, stays mapped and counts from the first touch on. The files one after another, where each lies as JSON,
 * how long that is (8 bytes, little-endian), and a mark.
 */
import { appendFileSync, closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { errorCode } from "#base/files.ts";

const mark = Buffer.from("mini-k8s");
const footerBytes = 8 + mark.length;

interface Place {
  readonly offset: number;
  readonly bytes: number;
}

/** Makes them the end of a file, which must not have such an end yet. */
export function appendFiles(path: string, files: Readonly<Record<string, Buffer>>): void {
  const places: Record<string, Place> = {};
  let offset = statSync(path).size;
  for (const [name, content] of Object.entries(files)) {
    appendFileSync(path, content);
    places[name] = { offset, bytes: content.length };
    offset += content.length;
  }
  const index = Buffer.from(JSON.stringify(places));
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(index.length));
  appendFileSync(path, Buffer.concat([index, bytes, mark]));
}

/** One of them: of this executable, if no other file is named. */
export function readAppended(name: string, path?: string): Buffer<ArrayBuffer> {
  const content = findAppended(name, path);
  if (content === undefined) throw new Error(`${path ?? process.execPath} carries no ${name}`);
  return content;
}

/** The same, undefined when there is none of that name. Throws when the file has no such end. */
export function findAppended(name: string, path?: string): Buffer<ArrayBuffer> | undefined {
  const descriptor = path === undefined ? openItself() : openSync(path, "r");
  try {
    const { size } = fstatSync(descriptor);
    const footer = readAt(descriptor, Math.max(0, size - footerBytes), Math.min(size, footerBytes));
    if (!footer.subarray(8).equals(mark)) throw new Error(`${path ?? process.execPath} carries no files`);
    const bytes = Number(footer.readBigUInt64LE());
    const index = readAt(descriptor, size - footerBytes - bytes, bytes).toString();
    const place = (JSON.parse(index) as Record<string, Place>)[name];
    return place && readAt(descriptor, place.offset, place.bytes);
  } finally {
    closeSync(descriptor);
  }
}

/** What runs, even where its file was replaced meanwhile. A machine without /proc can still tell its version. */
function openItself(): number {
  try {
    return openSync("/proc/self/exe", "r");
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
    return openSync(process.execPath, "r");
  }
}

function readAt(descriptor: number, offset: number, bytes: number): Buffer<ArrayBuffer> {
  const content = Buffer.from(new ArrayBuffer(bytes));
  for (let at = 0; at < bytes;) {
    const read = readSync(descriptor, content, at, bytes - at, offset + at);
    if (read === 0) throw new Error(`it ends at byte ${offset + at}, not at ${offset + bytes}`);
    at += read;
  }
  return content;
}
