/** Images laid into a folder as tars, for machines without a registry (and k3s's habit). */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { errorCode } from "#base/files.ts";
import type { Logger } from "#base/log.ts";

export interface PreloadOptions {
  readonly directory: string;
  readonly take: (path: string) => Promise<readonly string[]>;
}

/** Takes in every tar of the folder. A bad one is logged and skipped: the others may be wanted. */
export async function preloadImages(options: PreloadOptions, log: Logger): Promise<void> {
  for (const file of await tarsIn(options.directory)) {
    const path = join(options.directory, file);
    try {
      const names = await options.take(path);
      log.info("images imported", { file: path, images: names });
    } catch (error) {
      log.warn("images could not be imported", { file: path, error });
    }
  }
}

async function tarsIn(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).filter((file) => file.endsWith(".tar")).toSorted();
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
}
