/** One file out of a zip archive. */
import { inflateRawSync } from "node:zlib";
import { assert } from "#base/assert.ts";

const endOfDirectory = 0x06054b50;
const directoryEntry = 0x02014b50;

export function unzipFile(archive: Buffer, path: string): Buffer {
  let end = archive.length - 22;
  while (end >= 0 && archive.readUInt32LE(end) !== endOfDirectory) end--;
  assert(end >= 0, "not a zip archive");
  let at = archive.readUInt32LE(end + 16);
  for (let left = archive.readUInt16LE(end + 10); left > 0; left--) {
    assert(archive.readUInt32LE(at) === directoryEntry, "broken zip directory");
    const nameLength = archive.readUInt16LE(at + 28);
    if (archive.toString("utf8", at + 46, at + 46 + nameLength) === path) return content(archive, at);
    at += 46 + nameLength + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
  throw new Error(`no ${path} in the archive`);
}

function content(archive: Buffer, entry: number): Buffer {
  const size = archive.readUInt32LE(entry + 20);
  const header = archive.readUInt32LE(entry + 42);
  const start = header + 30 + archive.readUInt16LE(header + 26) + archive.readUInt16LE(header + 28);
  const packed = archive.subarray(start, start + size);
  return archive.readUInt16LE(entry + 10) === 0 ? packed : inflateRawSync(packed);
}
