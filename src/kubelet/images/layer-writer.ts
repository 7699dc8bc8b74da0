/**
 * Writes the entries of a layer's tar into a directory, in the form overlayfs wants: ".wh.name" becomes a device node
 * 0:0, ".wh..wh..opq" an opaque directory. Nothing is written outside the directory, whatever names and links the tar
 * has. Files are written synchronously, a few kilobytes at a time: ten times cheaper than a round through the thread
 * pool for each of a file's six system calls, and the stream yields to others between its chunks.
 */
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import type { Extract, Header } from "tar-stream";
import { errorCode } from "#base/files.ts";
import { RuntimeError } from "../runtime/runtime.ts";

/** Makes device nodes and extended attributes: takes the records of the shim's `nodes` command. */
export type MakeNodes = (records: Buffer) => Promise<void>;

export type Entry = Extract extends AsyncIterable<infer Source> ? Source : never;

const symlinksMax = 40;
const modeTypes = { "character-device": 0o020000, "block-device": 0o060000, fifo: 0o010000 } as const;
const whiteout = ".wh.";
const whiteoutMeta = ".wh..wh.";
const opaqueMarker = ".wh..wh..opq";

interface Directory {
  readonly path: string;
  readonly mtimeSeconds: number;
}

export class LayerWriter {
  readonly #root: string;
  /** Known to be real directories inside the root. */
  readonly #directories = new Set<string>();
  readonly #stamped: Directory[] = [];
  readonly #whiteouts = new Set<string>();
  readonly #opaque = new Set<string>();
  readonly #records: { readonly path: string; readonly fields: readonly string[] }[] = [];
  readonly #afterNodes: { readonly path: string; readonly apply: () => void }[] = [];
  bytes = 0;
  inodes = 0;

  constructor(root: string) {
    this.#root = root;
    this.#directories.add(root);
  }

  async take(entry: Entry): Promise<void> {
    const { header } = entry;
    const parts = safeParts(header.name);
    const name = parts.at(-1);
    if (name === undefined) {
      if (header.type === "directory") this.#stamp(this.#root, header);
    } else {
      const parent = this.#directory(parts.slice(0, -1));
      if (name.startsWith(whiteout)) this.#whiteout(parent, name);
      else await this.#make(join(parent, name), entry);
    }
    entry.resume();
  }

  /** What had to wait for the end: nodes, attributes, the times of directories. */
  async finish(makeNodes: MakeNodes): Promise<void> {
    for (const path of this.#whiteouts) {
      // A directory that hides one of the same name below is opaque; any other entry hides by being there.
      if (this.#directories.has(path)) this.#opaque.add(path);
      else if (!exists(path)) this.#record("n", path, String(modeTypes["character-device"]), "0", "0");
    }
    for (const path of this.#opaque) {
      this.#record("x", path, "trusted.overlay.opaque", Buffer.from("y").toString("hex"));
    }
    const records = this.#records.filter(({ path }) => this.#isInside(path));
    const text = records.flatMap(({ fields }) => fields.map((field) => `${field}\0`)).join("");
    if (text !== "") await makeNodes(Buffer.from(text));
    for (const { path, apply } of this.#afterNodes) if (this.#isInside(path)) apply();
    for (const { path, mtimeSeconds } of this.#stamped.toReversed()) {
      if (this.#isInside(path)) fs.lutimesSync(path, mtimeSeconds, mtimeSeconds);
    }
  }

  #whiteout(parent: string, name: string): void {
    if (name === opaqueMarker) this.#opaque.add(parent);
    else if (!name.startsWith(whiteoutMeta)) this.#whiteouts.add(join(parent, name.slice(whiteout.length)));
  }

  async #make(path: string, entry: Entry): Promise<void> {
    const { header } = entry;
    this.inodes += 1;
    switch (header.type) {
      case "directory":
        this.#makeDirectory(path, header);
        break;
      case "file":
      case "contiguous-file":
        await this.#makeFile(path, entry);
        break;
      case "symlink":
        this.#replacing(path, () => {
          fs.symlinkSync(header.linkname, path);
        });
        fs.lchownSync(path, header.uid, header.gid);
        fs.lutimesSync(path, seconds(header), seconds(header));
        break;
      case "link":
        this.#makeLink(path, header);
        return;
      case "character-device":
      case "block-device":
      case "fifo":
        this.#makeNode(path, header.type, header);
        break;
      default:
        return;
    }
    this.#attributes(path, header);
  }

  #makeDirectory(path: string, header: Header): void {
    if (!this.#directories.has(path)) {
      if (!isRealDirectory(path)) this.#replacing(path, () => fs.mkdirSync(path));
      this.#directories.add(path);
    }
    fs.lchownSync(path, header.uid, header.gid);
    fs.chmodSync(path, mode(header));
    this.#stamp(path, header);
  }

  async #makeFile(path: string, entry: Entry): Promise<void> {
    const { header } = entry;
    // Exclusive: it never follows a link that an earlier entry put there.
    const fd = this.#replacing(path, () => fs.openSync(path, "wx", 0o600));
    try {
      for await (const chunk of entry as AsyncIterable<Buffer>) {
        for (let at = 0; at < chunk.length; at += fs.writeSync(fd, chunk, at));
        this.bytes += chunk.length;
      }
      fs.fchownSync(fd, header.uid, header.gid);
      fs.fchmodSync(fd, mode(header));
      fs.futimesSync(fd, seconds(header), seconds(header));
    } finally {
      fs.closeSync(fd);
    }
  }

  #makeLink(path: string, header: Header): void {
    const parts = safeParts(header.linkname);
    const target = join(this.#directory(parts.slice(0, -1)), parts.at(-1) ?? "");
    if (target === path) return;
    this.#replacing(path, () => {
      fs.linkSync(target, path);
    });
  }

  #makeNode(path: string, type: keyof typeof modeTypes, header: Header): void {
    this.#replacing(path, () => {
      if (exists(path)) throw Object.assign(new Error(`${path} exists`), { code: "EEXIST" });
    });
    const wholeMode = modeTypes[type] | (mode(header) & 0o7777);
    this.#record("n", path, String(wholeMode), String(header.devmajor), String(header.devminor));
    this.#afterNodes.push({
      path,
      apply: () => {
        fs.lchownSync(path, header.uid, header.gid);
        if (linkTarget(path) === undefined) fs.chmodSync(path, mode(header));
      },
    });
  }

  /** File capabilities and the like, which tar carries in its extended headers. */
  #attributes(path: string, header: Header): void {
    const prefix = "SCHILY.xattr.";
    for (const [key, value] of Object.entries((header.pax ?? {}) as Record<string, string>)) {
      const name = key.slice(prefix.length);
      // A value that isn't text can't be had from the tar reader whole; security.capability is text below 0x80.
      const isWhole = !value.includes("\ufffd");
      if (key.startsWith(prefix) && isWhole && !name.startsWith("trusted.overlay.")) {
        this.#record("x", path, name, Buffer.from(value).toString("hex"));
      }
    }
  }

  #record(kind: "n" | "x", path: string, ...rest: string[]): void {
    this.#records.push({ path, fields: [kind, path, ...rest] });
  }

  /** Still below real directories: one on the way may have given its place to a link since. */
  #isInside(path: string): boolean {
    return path === this.#root || this.#directories.has(dirname(path));
  }

  #stamp(path: string, header: Header): void {
    if (path === this.#root) {
      fs.chownSync(path, header.uid, header.gid);
      fs.chmodSync(path, mode(header));
    }
    this.#stamped.push({ path, mtimeSeconds: seconds(header) });
  }

  /** The directory of these names, made where it is missing. Links are followed, but never out of the root. */
  #directory(parts: readonly string[]): string {
    const whole = join(this.#root, ...parts);
    if (this.#directories.has(whole)) return whole;
    const waiting = [...parts].toReversed();
    let at = this.#root;
    let symlinks = 0;
    for (let part = waiting.pop(); part !== undefined; part = waiting.pop()) {
      if (part === "..") {
        at = at === this.#root ? at : dirname(at);
        continue;
      }
      const next = join(at, part);
      const target = this.#directories.has(next) ? undefined : linkTarget(next);
      if (target === undefined) {
        if (!this.#directories.has(next)) this.#ensure(next);
        at = next;
        continue;
      }
      symlinks += 1;
      if (symlinks > symlinksMax) throw new RuntimeError("invalid", `too many links in ${parts.join("/")}`);
      if (target.startsWith("/")) at = this.#root;
      waiting.push(
        ...target
          .split("/")
          .filter((p) => p !== "" && p !== ".")
          .toReversed(),
      );
    }
    return at;
  }

  /** Does it, after removing what is in the way if something is. */
  #replacing<T>(path: string, make: () => T): T {
    try {
      return make();
    } catch (error) {
      if (errorCode(error) !== "EEXIST") throw error;
    }
    fs.rmSync(path, { recursive: true, force: true });
    // What took a directory's place may be a link: nothing below it is known any more.
    for (const directory of this.#directories) {
      if (directory === path || directory.startsWith(`${path}/`)) this.#directories.delete(directory);
    }
    return make();
  }

  #ensure(path: string): void {
    if (!isRealDirectory(path)) {
      this.#replacing(path, () => fs.mkdirSync(path, 0o755));
      this.inodes += 1;
    }
    this.#directories.add(path);
  }
}

/** The names on the way; ".." would lead out and is refused. */
function safeParts(name: string): string[] {
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) {
    throw new RuntimeError("invalid", `the layer has an entry ${JSON.stringify(name)}`);
  }
  return parts;
}

function exists(path: string): boolean {
  return fs.lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function isRealDirectory(path: string): boolean {
  return fs.lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function linkTarget(path: string): string | undefined {
  return fs.lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true
    ? fs.readlinkSync(path)
    : undefined;
}

const mode = (header: Header): number => header.mode & 0o7777;
const seconds = (header: Header): number => header.mtime.getTime() / 1000;
