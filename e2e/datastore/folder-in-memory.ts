import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

/** Where a datastore keeps its data, as these tests are not about the disk. It bears the name of the tests' own folder. */
export const folderInMemory = (program: string): string =>
  mkdtempSync(join("/dev/shm", `mini-k8s-${basename(tmpdir())}-${program}-`));
