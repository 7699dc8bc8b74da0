/**
 * Reads a container's log, and goes on reading while the container runs when asked to follow.
 *
 * Following waits for news of the file (the kernel tells) or of the container (the runtime tells); a file that was
 * renamed away by rotation is read to its end before the new one is opened.
 * upstream: pkg/kubelet/kuberuntime/logs/logs.go ReadLogs
 */
import { watch } from "node:fs";
import { open, stat, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { errorCode } from "#base/files.ts";
import { LogFormatter, type LogQuery } from "./log-query.ts";
import { tailOffset } from "./log-tail.ts";

export interface LogSource {
  readonly path: string;
  /** Whether more may come. */
  readonly isRunning: () => Promise<boolean>;
  /** Calls back when the container's state may have changed; the returned function ends that. */
  readonly onStateChange: (handle: () => void) => () => void;
}

const blockBytes = 64 * 1024;
const newline = 0x0a;
/** A line of a sane runtime is at most 16 KiB and its prefix; whatever is longer is cut. */
const lineBytesMax = 1024 * 1024;

export async function* readLog(
  source: LogSource,
  query: LogQuery,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const formatter = new LogFormatter(query);
  const file = await openIfExists(source.path);
  if (file === undefined && !query.follow) return;
  const offset =
    file === undefined || query.tailLines === undefined ? 0 : await tailOffset(file, query.tailLines);
  await using cursor = new Cursor(source.path, file, offset);
  if (!query.follow) {
    yield* drain(cursor, formatter);
    return;
  }
  using news = new News(source, signal);
  while (!signal.aborted && !formatter.isFull) {
    // Asked before reading: what it wrote before it ended is there to be read.
    const isRunning = await source.isRunning();
    yield* drain(cursor, formatter);
    if (await cursor.moveOn()) continue;
    if (!isRunning) return;
    await news.next();
  }
}

async function* drain(cursor: Cursor, formatter: LogFormatter): AsyncGenerator<Buffer> {
  for (;;) {
    const lines = await cursor.read();
    if (lines.length === 0) return;
    const shown: Buffer[] = [];
    for (const line of lines) {
      const text = formatter.format(line);
      if (text !== undefined) shown.push(text);
    }
    if (shown.length > 0) yield Buffer.concat(shown);
    if (formatter.isFull) return;
  }
}

/** A place in the log, across rotation. */
class Cursor implements AsyncDisposable {
  readonly #path: string;
  #file: FileHandle | undefined;
  #offset: number;
  #rest: Buffer = Buffer.alloc(0);

  constructor(path: string, file: FileHandle | undefined, offset: number) {
    this.#path = path;
    this.#file = file;
    this.#offset = offset;
  }

  /** The next whole lines; none at the end of what is there. */
  async read(): Promise<Buffer[]> {
    if (this.#file === undefined) return [];
    for (;;) {
      const block = Buffer.alloc(blockBytes);
      const { bytesRead } = await this.#file.read(block, 0, blockBytes, this.#offset);
      if (bytesRead === 0) return [];
      this.#offset += bytesRead;
      const lines = this.#split(block.subarray(0, bytesRead));
      if (lines.length > 0) return lines;
    }
  }

  /** True when another file stands at the path by now: reading goes on there. */
  async moveOn(): Promise<boolean> {
    const now = await statIfExists(this.#path);
    if (now === undefined) return false;
    if (this.#file !== undefined && (await this.#file.stat()).ino === now.ino) return false;
    const next = await openIfExists(this.#path);
    if (next === undefined) return false;
    await this.#file?.close();
    this.#file = next;
    this.#offset = 0;
    this.#rest = Buffer.alloc(0);
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file?.close();
  }

  #split(block: Buffer): Buffer[] {
    const data = this.#rest.length === 0 ? block : Buffer.concat([this.#rest, block]);
    const lines: Buffer[] = [];
    let start = 0;
    for (let end = data.indexOf(newline); end >= 0; end = data.indexOf(newline, start)) {
      lines.push(data.subarray(start, end));
      start = end + 1;
    }
    this.#rest = Buffer.from(data.subarray(start));
    if (this.#rest.length > lineBytesMax) {
      lines.push(this.#rest);
      this.#rest = Buffer.alloc(0);
    }
    return lines;
  }
}

/** Something may have happened since the last time: to the file, its folder or the container. */
class News implements Disposable {
  readonly #stop: (() => void)[] = [];
  #hasNews = false;
  #wake: (() => void) | undefined;

  constructor({ path, onStateChange }: LogSource, signal: AbortSignal) {
    const tell = (): void => {
      this.#hasNews = true;
      this.#wake?.();
    };
    const watcher = watch(dirname(path), { persistent: false }, tell);
    watcher.on("error", tell); // the folder went away: the container will, too
    this.#stop.push(() => {
      watcher.close();
    }, onStateChange(tell));
    signal.addEventListener("abort", tell, { once: true });
    this.#stop.push(() => {
      signal.removeEventListener("abort", tell);
    });
  }

  async next(): Promise<void> {
    if (!this.#hasNews) {
      const { promise, resolve } = Promise.withResolvers<undefined>();
      this.#wake = () => {
        resolve(undefined);
      };
      await promise;
      this.#wake = undefined;
    }
    this.#hasNews = false;
  }

  [Symbol.dispose](): void {
    for (const stop of this.#stop) stop();
  }
}

async function openIfExists(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, "r");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function statIfExists(path: string): Promise<{ readonly ino: number } | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
