/**
 * dist/mini-k8s: the one executable. A stripped Node of this checkout that loads what lies behind it in the same file: two
 * bundles (main and the store's worker), what a start has compiled of the first, and what can't be bundled: the SQLite
 * addon, a static runc, texts for explain. What reads its stack traces, dist/build/*.map, stays here. Downloads nothing
 * but, once, Debian's packages for runc.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { serialize } from "node:v8";
import { constants, zstdCompressSync } from "node:zlib";
import { appendFiles } from "#cli/appended-files.ts";
import { compiledFor } from "#cli/appended-program.ts";
import { bundle } from "./bundle.ts";

const root = resolve(import.meta.dirname, "..");
const work = resolve(root, "dist/build");
const target = resolve(root, "dist/mini-k8s");
const recordMsMax = 60_000;
const arch = process.arch === "arm64" ? "arm64" : "x64";

function strippedNode(): string {
  const node = resolve(work, "node-stripped");
  copyFileSync(resolve(root, `node_modules/node-linux-${arch}/bin/node`), node);
  chmodSync(node, 0o755);
  execFileSync("strip", ["-s", node]);
  return node;
}

function staticRunc(): string {
  const runc = resolve(root, ".cache/runc-static");
  if (!existsSync(runc)) execFileSync(resolve(root, "scripts/static-runc.sh"), [runc], { stdio: "inherit" });
  const packed = resolve(work, "runc.zst");
  const options = { params: { [constants.ZSTD_c_compressionLevel]: 19 } };
  writeFileSync(packed, zstdCompressSync(readFileSync(runc), options));
  return packed;
}

/** Texts for `kubectl explain`, made by a script of its own: without them the server works, too. */
function descriptions(): string {
  execFileSync(process.execPath, [resolve(root, "scripts/descriptions.ts")], { stdio: "inherit" });
  return resolve(root, "node_modules/.cache/mini-k8s-descriptions.json.gz");
}

type Files = Readonly<Record<string, Buffer>>;

const serialized = (path: string): Buffer => serialize(readFileSync(path, "latin1"));

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

type SeaBuilder = (entry: string, options: object) => Promise<void>;

/** The engine with the first code of all (bin/executable.ts) in it, and nothing behind it. */
async function bareExecutable(): Promise<string> {
  const loader = resolve(work, "loader.cjs");
  await bundle("bin/executable.ts", loader, { minify: true });
  const require = createRequire(import.meta.url);
  const { default: sea } = require("@yao-pkg/pkg/lib-es5/sea") as { default: SeaBuilder };
  const output = resolve(work, "bare");
  await sea(loader, {
    nodePath: strippedNode(),
    signature: false,
    targets: [{ platform: "linux", arch, nodeRange: "node24", output }],
    seaConfig: {
      disableExperimentalSEAWarning: true,
      useCodeCache: false,
      useSnapshot: false,
      // Compiled code is for the flags it was compiled with: no others may be set later.
      execArgv: [
        "--no-warnings=ExperimentalWarning",
        "--max-semi-space-size=16",
        "--heap-growing-percent=100",
      ],
      execArgvExtension: "none",
    },
  });
  return output;
}

/**
 * `bare` with files behind it. A copy: as the injected file was written, at one go, it lies in the page cache in pieces of
 * half a MiB, and the kernel (since 6.18) maps each whole: 17 to 35 MiB more of RSS than once it is copied, unpacked or
 * read from a disk.
 */
function carrying(bare: string, files: Files, path: string): void {
  rmSync(path, { force: true });
  copyFileSync(bare, path);
  appendFiles(path, files);
  chmodSync(path, 0o755);
}

/**
 * What is compiled of the program once a server is ready, and once the version is said. Made by the executable itself:
 * the engine takes no other.
 */
async function compiledCode(bare: string, program: Buffer, others: Files): Promise<Files> {
  const entry = resolve(work, "recorder.cjs");
  await bundle("scripts/recorder.ts", entry, { minify: true, wrapped: true });
  const recorder = resolve(work, "recorder");
  const files = { ...others, "main.cjs": serialized(entry), "program.cjs": program };
  const folder = mkdtempSync(join(tmpdir(), "mini-k8s-build-"));
  const [ofServer, ofCommand] = [join(folder, "server"), join(folder, "command")];
  try {
    carrying(bare, files, recorder);
    await recordedStart(recorder, folder, ofServer);
    execFileSync(recorder, ["--version"], { env: { ...process.env, MINI_K8S_COMPILED: ofCommand } });
    const compiled = {
      [compiledFor("server")]: readFileSync(ofServer),
      [compiledFor("--version")]: readFileSync(ofCommand),
    };
    carrying(bare, { ...files, ...compiled }, recorder);
    for (const command of ["server", "version"]) execFileSync(recorder, [command, "--help"]);
    return compiled;
  } finally {
    rmSync(folder, { recursive: true, force: true });
    rmSync(recorder, { force: true });
  }
}

async function recordedStart(recorder: string, folder: string, output: string): Promise<void> {
  const options = ["--disable-agent", "--data-dir", join(folder, "data"), "--bind-address", "127.0.0.1"];
  const ports = ["--https-listen-port", String(await freePort())];
  const args = ["server", ...options, ...ports, "--write-kubeconfig", join(folder, "kubeconfig")];
  const server = spawn(recorder, args, {
    env: { ...process.env, MINI_K8S_COMPILED: output },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: recordMsMax,
  });
  const exited = once(server, "exit");
  let log = "";
  server.stderr.setEncoding("utf8").on("data", (text: string) => {
    log += text;
  });
  // Line by line: what it writes may come in any pieces.
  for await (const line of createInterface({ input: server.stdout })) {
    if (line.includes("ready in")) server.kill("SIGUSR2");
  }
  await exited;
  if (!existsSync(output)) throw new Error(`the server whose code was to be kept did not start:\n${log}`);
}

async function build(): Promise<void> {
  const startedAt = new Date();
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  execFileSync(resolve(root, "scripts/packages.sh"), ["binutils"], { stdio: "inherit" });
  const [program, worker] = [resolve(work, "main.cjs"), resolve(work, "worker.cjs")];
  await Promise.all([
    bundle("bin/mini-k8s.ts", program, { minify: true, wrapped: true }),
    bundle("src/store/sqlite/worker.ts", worker, { minify: true }),
  ]);
  const main = serialized(program);
  const others = {
    "worker.cjs": readFileSync(worker),
    "better_sqlite3.node": readFileSync(
      resolve(root, `node_modules/better-sqlite3/prebuilds/linux-${arch}.node`),
    ),
    "runc.zst": readFileSync(staticRunc()),
    "descriptions.json.gz": readFileSync(descriptions()),
  };
  const bare = await bareExecutable();
  const compiled = await compiledCode(bare, main, others);
  carrying(bare, { ...others, "main.cjs": main, ...compiled }, target);
  rmSync(bare);
  const megabytes = (statSync(target).size / 1e6).toFixed(1);
  console.log(`${target}: ${megabytes} MB in ${((Date.now() - startedAt.getTime()) / 1000).toFixed(1)} s`);
  // A source that changed since we began is newer than the executable.
  utimesSync(target, startedAt, startedAt);
}

await build();
