/** Images laid into a folder as tars, for machines without a registry (and k3s's habit): at the start, and whenever one is laid there. */
import { watch } from "node:fs";
import { mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "#base/clock.ts";
import { errorCode } from "#base/files.ts";
import type { Logger } from "#base/log.ts";

export interface ImageFolderOptions {
  readonly directory: string;
  /** A tar that changes is still being written: it is taken once nothing of it changed for so long. */
  readonly quietMs?: number;
}

export interface ImageFolderDeps {
  readonly take: (path: string) => Promise<readonly string[]>;
  readonly clock: Clock;
  readonly log: Logger;
}

const quietDefaultMs = 500;

export class ImageFolder {
  readonly #directory: string;
  readonly #quietMs: number;
  readonly #deps: ImageFolderDeps;
  /** What each tar was when it was looked at last: its size and when it was written. */
  readonly #seen = new Map<string, string>();
  readonly #waiting = new Map<string, () => void>();
  /** One after the other: two at once would unpack the layers they share twice. */
  #work: Promise<void> = Promise.resolve();

  constructor({ directory, quietMs = quietDefaultMs }: ImageFolderOptions, deps: ImageFolderDeps) {
    this.#directory = directory;
    this.#quietMs = quietMs;
    this.#deps = deps;
  }

  /** Takes in every tar of the folder that it hasn't seen as it is now. */
  async takeAll(): Promise<void> {
    for (const file of await this.#tars()) this.#enqueue(file);
    await this.#work;
  }

  /** From now on takes in what is laid there or changes, too. */
  async follow(): Promise<AsyncDisposable> {
    await mkdir(this.#directory, { recursive: true });
    const watcher = watch(this.#directory, { persistent: false }, (_, file) => {
      if (file?.endsWith(".tar") === true) this.#changed(file);
    });
    watcher.on("error", (error) => {
      this.#deps.log.warn("image folder not followed any more", { directory: this.#directory, error });
    });
    try {
      await this.takeAll(); // what came before there was a watch
    } catch (error) {
      watcher.close();
      throw error;
    }
    return {
      [Symbol.asyncDispose]: async () => {
        watcher.close();
        for (const cancel of this.#waiting.values()) cancel();
        this.#waiting.clear();
        await this.#work;
      },
    };
  }

  #changed(file: string): void {
    this.#waiting.get(file)?.();
    const cancel = this.#deps.clock.after(this.#quietMs, () => {
      this.#waiting.delete(file);
      this.#enqueue(file);
    });
    this.#waiting.set(file, cancel);
  }

  #enqueue(file: string): void {
    this.#work = this.#work.then(() => this.#take(file));
  }

  /** A bad one is logged and left until it changes: the others may be wanted. */
  async #take(file: string): Promise<void> {
    const { take, log } = this.#deps;
    const path = join(this.#directory, file);
    try {
      const stamp = await stampOf(path);
      if (this.#seen.get(file) === stamp) return;
      if (stamp === undefined) {
        this.#seen.delete(file);
        return;
      }
      this.#seen.set(file, stamp);
      log.info("images imported", { file: path, images: await take(path) });
    } catch (error) {
      log.warn("images could not be imported", { file: path, error });
    }
  }

  async #tars(): Promise<string[]> {
    try {
      return (await readdir(this.#directory)).filter((file) => file.endsWith(".tar")).toSorted();
    } catch (error) {
      if (errorCode(error) === "ENOENT") return [];
      throw error;
    }
  }
}

/** Undefined: it is gone. */
async function stampOf(path: string): Promise<string | undefined> {
  try {
    const { size, mtimeMs } = await stat(path);
    return `${size} ${mtimeMs}`;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
