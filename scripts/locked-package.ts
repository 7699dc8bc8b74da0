/**
 * One file tree out of a package that the lock file names, without installing it: fetched by npm, checked against
 * the lock file's hash, unpacked.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { extract } from "tar-stream";

interface LockFile {
  readonly packages: Readonly<
    Record<string, { readonly version: string; readonly integrity: string } | undefined>
  >;
}

/** Files of `name` that begin with `prefix` go to `target`. */
export async function unpackLocked(
  lockFile: string,
  name: string,
  { prefix, target }: { readonly prefix: string; readonly target: string },
): Promise<void> {
  const lock = JSON.parse(readFileSync(lockFile, "utf8")) as LockFile;
  const locked = lock.packages[`node_modules/${name}`];
  if (locked === undefined) throw new Error(`${lockFile} has no ${name}`);
  const archive = fetchPackage(`${name}@${locked.version}`, target);
  const hash = `sha512-${createHash("sha512").update(archive).digest("base64")}`;
  if (hash !== locked.integrity) {
    throw new Error(`${name}@${locked.version} has ${hash}, ${lockFile} says ${locked.integrity}`);
  }
  const entries = extract();
  entries.end(gunzipSync(archive));
  for await (const entry of entries) {
    const path = entry.header.name.replace(/^package\//, "");
    if (entry.header.type !== "file" || !path.startsWith(prefix) || path.includes("..")) {
      entry.resume();
      continue;
    }
    const file = join(target, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, Buffer.concat(await Array.fromAsync(entry as AsyncIterable<Buffer>)));
  }
}

/** npm knows the machine's registry, proxy and cache. */
function fetchPackage(reference: string, directory: string): Buffer {
  const options = [
    "--prefer-offline",
    "--fetch-retries=1",
    "--loglevel=error",
    "--pack-destination",
    directory,
  ];
  execFileSync("npm", ["pack", reference, ...options], { stdio: ["ignore", "ignore", "inherit"] });
  const archive = readdirSync(directory).find((file) => file.endsWith(".tgz"));
  if (archive === undefined) throw new Error(`npm pack ${reference} left no archive in ${directory}`);
  return readFileSync(join(directory, archive));
}
