/**
 * Events as lines of JSON in a file that is put aside when it grows too big. No event is lost: while the disk is behind,
 * requests wait. upstream: apiserver/plugin/pkg/audit/log, gopkg.in/natefinch/lumberjack.v2
 */
import { goJson } from "#api/codec/go-json.ts";
import { createWriteStream, type WriteStream } from "node:fs";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { once } from "node:events";
import { basename, dirname, extname, join } from "node:path";
import { toRfc3339Micro, type Clock } from "#base/clock.ts";
import { errorText, type Logger } from "#base/log.ts";
import type { AuditMetrics } from "#apiserver/metrics/audit-metrics.ts";
import type { AuditSink } from "./auditor.ts";
import type { AuditEvent } from "./event.ts";

export interface LogSinkOptions {
  /** "-" is standard output. */
  readonly path: string;
  /** A file grows to about this. 0: without end. */
  readonly sizeMaxBytes: number;
  /** Of files put aside. 0: all are kept. */
  readonly backupsMax: number;
  /** 0: they are kept for ever. */
  readonly ageMaxMs: number;
}

export interface LogSinkDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: AuditMetrics;
}

/** Bytes that may wait for the disk. */
const pendingMaxBytes = 16 << 20;

export async function openLogSink(options: LogSinkOptions, deps: LogSinkDeps): Promise<AuditSink> {
  if (options.path === "-") return new LogSink(options, deps, { stream: process.stdout, size: 0 });
  await mkdir(dirname(options.path), { recursive: true });
  return new LogSink(options, deps, await openFile(options.path));
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

class LogSink implements AuditSink {
  readonly #options: LogSinkOptions;
  readonly #deps: LogSinkDeps;
  #file: OpenedFile;
  #rotating: Promise<void> | undefined;

  constructor(options: LogSinkOptions, deps: LogSinkDeps, file: OpenedFile) {
    this.#options = options;
    this.#deps = deps;
    this.#file = file;
    this.#watchErrors();
  }

  async ready(): Promise<void> {
    await this.#rotating;
    while (this.#file.stream.writableLength > pendingMaxBytes) await once(this.#file.stream, "drain");
  }

  write(event: AuditEvent): void {
    const line = Buffer.from(`${goJson(event)}\n`, "utf8");
    const { sizeMaxBytes, path } = this.#options;
    this.#file.stream.write(line, (error) => {
      if (error !== undefined && error !== null) this.#deps.metrics.failed("log", 1);
    });
    this.#file.size += line.length;
    if (sizeMaxBytes > 0 && path !== "-" && this.#file.size >= sizeMaxBytes) {
      this.#rotating ??= this.#rotate().finally(() => {
        this.#rotating = undefined;
      });
    }
  }

  async close(): Promise<void> {
    await this.#rotating;
    if (this.#options.path === "-") return;
    const { stream } = this.#file;
    const closed = once(stream, "close");
    stream.end();
    await closed;
  }

  /** Events that come meanwhile still go to the old file: a rename doesn't move what is open. */
  async #rotate(): Promise<void> {
    const { path } = this.#options;
    try {
      await rename(path, asidePath(path, this.#deps.clock.now()));
      const old = this.#file;
      this.#file = await openFile(path);
      this.#watchErrors();
      old.stream.end();
      await this.#removeOld();
    } catch (error) {
      this.#deps.log.error("audit log not put aside", { path, reason: errorText(error) });
    }
  }

  async #removeOld(): Promise<void> {
    const { path, backupsMax, ageMaxMs } = this.#options;
    const [start, end] = asideNames(path);
    const names = (await readdir(dirname(path)))
      .filter((name) => name.startsWith(start) && name.endsWith(end))
      .toSorted()
      .toReversed();
    for (const [at, name] of names.entries()) {
      const aside = join(dirname(path), name);
      const isOld = ageMaxMs > 0 && this.#deps.clock.now() - (await stat(aside)).mtimeMs > ageMaxMs;
      if (isOld || (backupsMax > 0 && at >= backupsMax)) await rm(aside, { force: true });
    }
  }

  #watchErrors(): void {
    this.#file.stream.on("error", (error: Error) => {
      this.#deps.log.error("audit log not written", { path: this.#options.path, reason: error.message });
    });
  }
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
