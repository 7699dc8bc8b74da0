/**
 * What would be on the disk had the power gone at some moment: from strace's record of a program's writes and syncs.
 * Of each file only what was written before a sync began that has ended counts. That is harsher than a disk, which may
 * keep more.
 */
import { basename } from "node:path";

export type TraceEvent =
  | { readonly kind: "write"; readonly file: string; readonly at: number; readonly bytes: Buffer }
  | { readonly kind: "cut"; readonly file: string; readonly length: number }
  | { readonly kind: "remove"; readonly file: string }
  /** Everything of the file up to the event of this number is on the disk. */
  | { readonly kind: "synced"; readonly file: string; readonly upTo: number }
  | { readonly kind: "said"; readonly text: string };

/** For strace: threads too, file names instead of numbers, all bytes in hexadecimal. */
export const straceArguments = [
  "-f",
  "-y",
  "-xx",
  "-s",
  "1000000",
  "-e",
  "trace=pwrite64,write,ftruncate,fsync,fdatasync,unlink",
];

export function parseTrace(text: string): TraceEvent[] {
  const events: TraceEvent[] = [];
  /** By thread: a call that has begun, and how many events there were then. */
  const begun = new Map<string, { readonly call: string; readonly eventsBefore: number }>();
  for (const line of text.split("\n")) {
    const [, thread = "", rest = ""] = /^(\d+) +(.*)$/.exec(line) ?? [];
    const unfinished = / <unfinished \.\.\.>$/.exec(rest);
    if (unfinished !== null) {
      begun.set(thread, { call: rest.slice(0, unfinished.index), eventsBefore: events.length });
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest);
    const start = begun.get(thread);
    const call = resumed === null ? rest : `${start?.call ?? ""}${resumed[1] ?? ""}`;
    const event = parseCall(call, resumed === null ? events.length : (start?.eventsBefore ?? 0));
    if (event !== undefined) events.push(event);
  }
  return events;
}

function parseCall(call: string, eventsBefore: number): TraceEvent | undefined {
  if (call.includes("= -1")) return undefined;
  const removed = /^unlink\("(.*)"\)/.exec(call)?.[1];
  if (removed !== undefined) return { kind: "remove", file: basename(textOf(removed)) };
  const parts = /^(\w+)\((\d+)<(.*?)>(.*)$/.exec(call);
  return parts === null ? undefined : eventOf(parts, eventsBefore);
}

function eventOf(
  [, name = "", number = "", path = "", rest = ""]: string[],
  eventsBefore: number,
): TraceEvent | undefined {
  const file = basename(textOf(path));
  switch (name) {
    case "pwrite64": {
      const at = Number(/, \d+, (\d+)\) += \d+$/.exec(rest)?.[1]);
      return { kind: "write", file, at, bytes: writtenBytes(rest) };
    }
    case "write":
      return number === "1" ? { kind: "said", text: writtenBytes(rest).toString() } : undefined;
    case "ftruncate":
      return { kind: "cut", file, length: Number(/^, (\d+)\)/.exec(rest)?.[1]) };
    default:
      return { kind: "synced", file, upTo: eventsBefore };
  }
}

const writtenBytes = (rest: string): Buffer => bytesOf(/^, "((?:\\x[0-9a-f]{2})*)"/.exec(rest)?.[1] ?? "");

const bytesOf = (hex: string): Buffer => Buffer.from(hex.replaceAll("\\x", ""), "hex");
const textOf = (text: string): string => (text.includes("\\x") ? bytesOf(text).toString() : text);

/** The files that survive a power cut after `count` events. */
export function diskAfter(events: readonly TraceEvent[], count: number): Map<string, Buffer> {
  const past = events.slice(0, count);
  const syncedUpTo = new Map<string, number>();
  for (const event of past) if (event.kind === "synced") syncedUpTo.set(event.file, event.upTo);
  const files = new Map<string, Buffer>();
  for (const [number, event] of past.entries()) {
    if (event.kind === "said" || event.kind === "synced") continue;
    if (event.kind === "remove") {
      files.delete(event.file);
      continue;
    }
    if (number >= (syncedUpTo.get(event.file) ?? 0)) continue;
    const before = files.get(event.file) ?? Buffer.alloc(0);
    files.set(event.file, event.kind === "cut" ? resized(before, event.length) : written(before, event));
  }
  return files;
}

function resized(content: Buffer, length: number): Buffer {
  return content.length >= length
    ? content.subarray(0, length)
    : Buffer.concat([content, Buffer.alloc(length - content.length)]);
}

function written(content: Buffer, { at, bytes }: { readonly at: number; readonly bytes: Buffer }): Buffer {
  const whole = Buffer.from(resized(content, Math.max(content.length, at + bytes.length)));
  bytes.copy(whole, at);
  return whole;
}
