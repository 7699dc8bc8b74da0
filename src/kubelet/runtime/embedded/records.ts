/**
 * What the embedded runtime remembers of sandboxes and containers: one JSON file each, replaced whole.
 * Not synced to the disk: after a power cut nothing runs any more, and a lost record is a container that was lost too.
 */
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ContainerConfig, SandboxConfig } from "../runtime.ts";

export interface SandboxRecord {
  readonly id: string;
  readonly config: SandboxConfig;
  /** Nanoseconds since the epoch; JSON has no bigint. */
  readonly createdAt: string;
  readonly isReady: boolean;
  readonly ip: string;
  /** Of the boot it was made in: no namespace outlives that. */
  readonly bootId: string;
  /** Whether a process of its own holds the pod's process namespace. */
  readonly hasPause: boolean;
}

export interface ContainerRecord {
  readonly id: string;
  readonly sandboxId: string;
  readonly config: ContainerConfig;
  readonly imageId: string;
  readonly logPath: string;
  readonly bootId: string;
  readonly state: "created" | "running" | "exited";
  readonly createdAt: string;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly exitCode: number;
  readonly reason: string;
  readonly message: string;
  readonly pid: number;
}

export class RecordStore<T extends { readonly id: string }> {
  readonly #directory: string;
  readonly #file = "record.json";

  /** Each record lives in a directory named by its id, which holds the owner's other files too. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  directoryOf(id: string): string {
    return join(this.#directory, id);
  }

  /** The last write wins: callers write one record's states one after the other. */
  async write(record: T): Promise<void> {
    const directory = this.directoryOf(record.id);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const path = join(directory, this.#file);
    await writeFile(`${path}.new`, JSON.stringify(record), { mode: 0o600 });
    await rename(`${path}.new`, path);
  }

  /** All that can be read; directories without a readable record are named too, to be cleaned away. */
  async load(): Promise<{ readonly records: readonly T[]; readonly broken: readonly string[] }> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const records: T[] = [];
    const broken: string[] = [];
    for (const id of await readdir(this.#directory)) {
      try {
        records.push(JSON.parse(await readFile(join(this.#directory, id, this.#file), "utf8")) as T);
      } catch {
        broken.push(id);
      }
    }
    return { records, broken };
  }

  async remove(id: string): Promise<void> {
    await rm(this.directoryOf(id), { recursive: true, force: true });
  }
}
