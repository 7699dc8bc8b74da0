/**
 * Events as lines of a file that is put aside when it grows too big. upstream: apiserver/plugin/pkg/audit/log,
 * gopkg.in/natefinch/lumberjack.v2
 */
import { createReadStream, createWriteStream, type WriteStream } from "node:fs";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { once } from "node:events";
import { basename, dirname, extname, join } from "node:path";
import { finished, pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { parseTime, toRfc3339Micro, type Clock } from "#base/clock.ts";
import { errorCode } from "#base/files.ts";
import { errorText, type Logger } from "#base/log.ts";
import type { AuditMetrics } from "#apiserver/metrics/audit-metrics.ts";
import type { AuditEvent } from "./event.ts";
import { eventLine, type AuditLogFormat } from "./event-line.ts";
import type { AuditBackend } from "./sink.ts";

export interface LogBackendOptions {
  /** "-" is standard output. */
  readonly path: string;
  readonly format: AuditLogFormat;
  /** A file grows to about this. 0: without end. */
  readonly sizeMaxBytes: number;
  /** Of files put aside. 0: all are kept. */
  readonly backupsMax: number;
  /** By the time in their names. 0: they are kept for ever. */
  readonly ageMaxMs: number;
  /** Files put aside are gzipped. */
  readonly isCompressing: boolean;
}

export interface LogBackendDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: AuditMetrics;
}

/** Bytes that may wait for the disk. */
const pendingMaxBytes = 16 << 20;

export async function openLogBackend(
  options: LogBackendOptions,
  deps: LogBackendDeps,
): Promise<AuditBackend> {
  if (options.path === "-") return new LogBackend(options, deps, { stream: process.stdout, size: 0 });
  await mkdir(dirname(options.path), { recursive: true });
  return new LogBackend(options, deps, await openFile(options.path));
}

interface OpenedFile {
  readonly stream: NodeJS.WritableStream & Pick<WriteStream, "writableLength">;
  size: number;
}

async function openFile(path: string): Promise<OpenedFile> {
  const stream = createWriteStream(path, { flags: "a", mode: 0o600 });
  await once(stream, "open");
  return { stream, size: (await stat(path)).size };
}

class LogBackend implements AuditBackend {
  readonly #options: LogBackendOptions;
  readonly #deps: LogBackendDeps;
  /** Undefined: it couldn't be written, and is opened anew for the next event. */
  #file: OpenedFile | undefined;
  #opening: Promise<OpenedFile> | undefined;
  #rotating: Promise<void> | undefined;
  /** What becomes of files put aside. Nobody waits for it. */
  #tidying = Promise.resolve();

  constructor(options: LogBackendOptions, deps: LogBackendDeps, file: OpenedFile) {
    this.#options = options;
    this.#deps = deps;
    this.#file = file;
    this.#watchErrors(file);
  }

  async ready(): Promise<void> {
    await this.#rotating;
    while ((this.#file?.stream.writableLength ?? 0) > pendingMaxBytes) await roomIn(this.#file?.stream);
  }

  async deliver(events: readonly AuditEvent[]): Promise<boolean> {
    const lines = Buffer.from(events.map((event) => eventLine(event, this.#options.format)).join(""), "utf8");
    const isTold = await this.#write(lines);
    if (!isTold) this.#deps.metrics.failed("log", events.length);
    return isTold;
  }

  async close(): Promise<void> {
    await this.#rotating;
    const { path } = this.#options;
    if (path !== "-" && this.#file !== undefined) await ended(this.#file.stream);
    await this.#tidying;
  }

  async #write(lines: Buffer): Promise<boolean> {
    let file = this.#file;
    try {
      file ??= await this.#reopened();
    } catch (error) {
      this.#deps.log.error("audit log not written", { path: this.#options.path, reason: errorText(error) });
      return false;
    }
    const { promise, resolve } = Promise.withResolvers<boolean>();
    file.stream.write(lines, (error) => {
      resolve(error === undefined || error === null);
    });
    file.size += lines.length;
    const { sizeMaxBytes, path } = this.#options;
    if (sizeMaxBytes > 0 && path !== "-" && file.size >= sizeMaxBytes) {
      this.#rotating ??= this.#rotate().finally(() => {
        this.#rotating = undefined;
      });
    }
    return promise;
  }

  #reopened(): Promise<OpenedFile> {
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #open(): Promise<OpenedFile> {
    const file = await openFile(this.#options.path);
    this.#file = file;
    this.#watchErrors(file);
    return file;
  }

  /** Events that come meanwhile still go to the old file: a rename doesn't move what is open. */
  async #rotate(): Promise<void> {
    const { path } = this.#options;
    const now = this.#deps.clock.now();
    const old = this.#file;
    try {
      const aside = asidePath(path, now);
      const isAside = await renamed(path, aside);
      await this.#reopened();
      this.#tidying = Promise.all([this.#tidying, old === undefined ? undefined : ended(old.stream)]).then(
        () => this.#tidy(isAside ? aside : undefined, now),
      );
    } catch (error) {
      this.#deps.log.error("audit log not put aside", { path, reason: errorText(error) });
    }
  }

  async #tidy(aside: string | undefined, now: number): Promise<void> {
    try {
      if (this.#options.isCompressing && aside !== undefined) await compress(aside);
      await this.#removeOld(now);
    } catch (error) {
      this.#deps.log.error("audit log not tidied", { path: this.#options.path, reason: errorText(error) });
    }
  }

  async #removeOld(now: number): Promise<void> {
    const { path, backupsMax, ageMaxMs } = this.#options;
    const aside = (await readdir(dirname(path)))
      .flatMap((name) => {
        const time = asideTime(path, name);
        return time === undefined ? [] : [{ name, time }];
      })
      .toSorted((a, b) => b.time - a.time);
    for (const [at, { name, time }] of aside.entries()) {
      const isOld = ageMaxMs > 0 && now - time > ageMaxMs;
      if (isOld || (backupsMax > 0 && at >= backupsMax)) await rm(join(dirname(path), name), { force: true });
    }
  }

  /** A file that failed once takes nothing more. */
  #watchErrors(file: OpenedFile): void {
    const { path } = this.#options;
    file.stream.on("error", (error: Error) => {
      this.#deps.log.error("audit log not written", { path, reason: error.message });
      if (path !== "-" && this.#file === file) this.#file = undefined;
    });
  }
}

/** False: it isn't there. Somebody else moved it, or we did, and then couldn't open the next one. */
async function renamed(path: string, aside: string): Promise<boolean> {
  try {
    await rename(path, aside);
    return true;
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
    return false;
  }
}

/** Or it is over with it. */
function roomIn(stream: NodeJS.WritableStream | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream?.off("drain", done);
      stream?.off("close", done);
      resolve();
    };
    stream?.once("drain", done);
    stream?.once("close", done);
  });
}

/** Whether all of it went out or not. */
async function ended(stream: NodeJS.WritableStream): Promise<void> {
  stream.end();
  await finished(stream).catch(() => undefined);
}

/** The file itself goes once the other is whole. */
async function compress(path: string): Promise<void> {
  const unfinished = `${path}.gz.tmp`;
  await pipeline(createReadStream(path), createGzip(), createWriteStream(unfinished, { mode: 0o600 }));
  await rename(unfinished, `${path}.gz`);
  await rm(path, { force: true });
}

function asideNames(path: string): [start: string, end: string] {
  const end = extname(path);
  return [`${basename(path, end)}-`, end];
}

/** "audit-2026-11-26T20-49-04.123.log" */
function asidePath(path: string, now: number): string {
  const [start, end] = asideNames(path);
  const time = toRfc3339Micro(now).slice(0, 23).replaceAll(":", "-");
  return join(dirname(path), `${start}${time}${end}`);
}

/** Undefined for what isn't of this log. */
function asideTime(path: string, name: string): number | undefined {
  const [start, end] = asideNames(path);
  const whole = name.endsWith(".gz") ? name.slice(0, -".gz".length) : name;
  if (!whole.startsWith(start) || !whole.endsWith(end)) return undefined;
  const text = whole.slice(start.length, end === "" ? undefined : -end.length);
  const [, date, hour, minute, rest] = /^(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d\.\d{3})$/.exec(text) ?? [];
  return date === undefined ? undefined : parseTime(`${date}T${hour}:${minute}:${rest}Z`);
}
