/**
 * Writes a container's log file from Docker's log stream. The daemon keeps the log, the file says how far it was
 * written: after a death of this process the next one goes on from there, losing and doubling nothing.
 */
import { mkdir, open, readdir, type FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type Dockerode from "dockerode";
import { parseTime } from "#base/clock.ts";
import { lastPosition, LogEntries, sinceOf, type LogPosition } from "./log-entries.ts";

export interface LogFollowerOptions {
  readonly path: string;
  readonly tty: boolean;
}

/** More than the longest line. */
const tailBytes = 64 * 1024;
const newline = 10;

export class LogFollower {
  /** Resolves when the container's whole output is in the file, or the stream broke. Never rejects. */
  readonly done: Promise<Error | undefined>;
  readonly #container: Dockerode.Container;
  readonly #options: LogFollowerOptions;
  #file: FileHandle | undefined;
  #stream: NodeJS.ReadableStream | undefined;
  #isClosed = false;

  constructor(container: Dockerode.Container, options: LogFollowerOptions) {
    this.#container = container;
    this.#options = options;
    this.done = this.#follow().then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
    );
  }

  /** From now on into a new file of the same name. */
  async reopen(): Promise<void> {
    const old = this.#file;
    this.#file = await open(this.#options.path, "a", 0o640);
    await old?.close();
  }

  close(): void {
    this.#isClosed = true;
    if (this.#stream !== undefined && "destroy" in this.#stream) {
      (this.#stream as NodeJS.ReadableStream & { destroy: () => void }).destroy();
    }
  }

  async #follow(): Promise<void> {
    const { path } = this.#options;
    await mkdir(dirname(path), { recursive: true });
    const position = await repair(path);
    this.#file = await open(path, "a", 0o640);
    try {
      await this.#copyWhileItRuns(position);
      // Docker before 23 may end a followed log without its last lines: they are there when asked for afterwards.
      if (!this.#isClosed) await this.#copyTheRest(await repair(path));
    } finally {
      const file = this.#file;
      this.#file = undefined;
      await file.close();
    }
  }

  async #copyWhileItRuns(position: LogPosition | undefined): Promise<void> {
    const stream = await this.#container.logs({ ...optionsAfter(position), follow: true });
    this.#stream = stream;
    const entries = new LogEntries(this.#options.tty, position);
    for await (const chunk of stream) {
      if (this.#isClosed) return;
      await this.#write(entries.push(chunk as Buffer));
    }
    await this.#write(entries.end());
  }

  async #copyTheRest(position: LogPosition | undefined): Promise<void> {
    const entries = new LogEntries(this.#options.tty, position);
    const rest = await this.#container.logs({ ...optionsAfter(position), follow: false });
    await this.#write(Buffer.concat([entries.push(rest), entries.end()]));
  }

  async #write(lines: Buffer): Promise<void> {
    if (lines.length > 0) await this.#file?.appendFile(lines);
  }
}

function optionsAfter(position: LogPosition | undefined): Dockerode.ContainerLogsOptions {
  const all = { stdout: true, stderr: true, timestamps: true };
  return position === undefined ? all : { ...all, since: sinceOf(position, parseTime) };
}

/** Cuts off a line that wasn't finished, and says what the file has; looks into the rotated file when it is new. */
async function repair(path: string): Promise<LogPosition | undefined> {
  const own = await tailOf(path, true);
  if (own !== undefined && own !== "") return lastPosition(own);
  const prefix = `${basename(path)}.`;
  const siblings = await readdir(dirname(path));
  const newest = siblings
    .filter((name) => name.startsWith(prefix) && !name.endsWith(".gz"))
    .toSorted()
    .at(-1);
  const tail = newest === undefined ? undefined : await tailOf(join(dirname(path), newest), false);
  return tail === undefined ? undefined : lastPosition(tail);
}

async function tailOf(path: string, cutsUnfinished: boolean): Promise<string | undefined> {
  await using file = await open(path, cutsUnfinished ? "r+" : "r").catch(() => undefined);
  if (file === undefined) return undefined;
  const { size } = await file.stat();
  const start = Math.max(0, size - tailBytes);
  const buffer = Buffer.alloc(size - start);
  await file.read(buffer, 0, buffer.length, start);
  const end = buffer.lastIndexOf(newline) + 1;
  if (cutsUnfinished && end < buffer.length) await file.truncate(start + end);
  return buffer.subarray(0, end).toString();
}
