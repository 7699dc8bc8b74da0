/** Tells when a file may have changed. */
import { watch } from "node:fs";
import { basename, dirname } from "node:path";

/** The link that a mounted ConfigMap's or Secret's files change by. */
const mountedData = "..data";

/** Watches the folder, not the file: editors and configuration tools put a new file in its place. Returns what ends it. */
export function followFile(path: string, changed: () => void, failed: (error: Error) => void): () => void {
  const name = basename(path);
  const watcher = watch(dirname(path), { persistent: false }, (_, changedName) => {
    if (changedName === null || changedName === name || changedName === mountedData) changed();
  });
  watcher.on("error", failed);
  return () => {
    watcher.close();
  };
}
