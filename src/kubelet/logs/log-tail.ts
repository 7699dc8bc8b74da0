/** The end of a log file, without reading its beginning. upstream: pkg/util/tail/tail.go */
import { open, type FileHandle } from "node:fs/promises";
import { errorCode } from "#base/files.ts";
import { parseLogLine } from "./log-line.ts";

const blockBytes = 64 * 1024;
const newline = 0x0a;

/** Where the last `lines` lines of the file begin. */
export async function tailOffset(file: FileHandle, lines: number): Promise<number> {
  const { size } = await file.stat();
  if (lines <= 0) return size;
  let found = 0;
  const block = Buffer.alloc(blockBytes);
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - blockBytes);
    await file.read(block, 0, end - start, start);
    for (let at = end - start - 1; at >= 0; at--) {
      // The file's last newline ends a line, it doesn't begin one.
      if (block[at] !== newline || start + at === size - 1) continue;
      found += 1;
      if (found === lines) return start + at + 1;
    }
    end = start;
  }
  return 0;
}

/** What a container said last, for its termination message. "" when there is no log. */
export async function tailOfLog(path: string, linesMax: number, bytesMax: number): Promise<string> {
  try {
    await using file = await open(path, "r");
    const { size } = await file.stat();
    const offset = Math.max(await tailOffset(file, linesMax), size - 4 * blockBytes);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - offset), 0, size - offset, offset);
    const text = buffer
      .subarray(0, bytesRead)
      .toString("utf8")
      .split("\n")
      .map((line) => {
        const record = parseLogLine(Buffer.from(line));
        return record === undefined ? "" : `${record.text.toString()}${record.isPartial ? "" : "\n"}`;
      })
      .join("");
    const bytes = Buffer.from(text);
    return bytes.subarray(Math.max(0, bytes.length - bytesMax)).toString();
  } catch (error) {
    if (errorCode(error) === "ENOENT") return "";
    throw error;
  }
}
