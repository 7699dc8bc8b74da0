/** Puts the small programs the runtimes need (the shim, the pause process) on the disk. */
import { createHash } from "node:crypto";
import { chmod, mkdir, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { packedBinaries } from "./binaries.ts";
import { RuntimeError } from "./runtime.ts";

export interface Programs {
  /** See scripts/shim/shim.c for its commands. */
  readonly shim: string;
  readonly pause: string;
}

export function programBytes(name: "shim" | "pause", arch: string): Buffer {
  if (arch !== "x64" && arch !== "arm64") {
    throw new RuntimeError(
      "unavailable",
      `no container runtime for the processor ${arch}; x64 and arm64 have one`,
    );
  }
  return gunzipSync(Buffer.from(packedBinaries[`${name}.${arch}`], "base64"));
}

/** Idempotent. Their names carry their content's hash: an older server's shims keep running beside newer ones. */
export async function installPrograms(directory: string, arch: string): Promise<Programs> {
  await mkdir(directory, { recursive: true });
  const [shim, pause] = await Promise.all([
    install(directory, "shim", arch),
    install(directory, "pause", arch),
  ]);
  return { shim, pause };
}

async function install(directory: string, name: "shim" | "pause", arch: string): Promise<string> {
  const bytes = programBytes(name, arch);
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 12);
  const path = join(directory, `${name}-${hash}`);
  const present = await stat(path).catch(() => undefined);
  if (present?.size === bytes.length) return path;
  const temporary = `${path}.tmp-${process.pid}`;
  await writeFile(temporary, bytes);
  await chmod(temporary, 0o755);
  await rename(temporary, path);
  return path;
}
