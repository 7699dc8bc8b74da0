/**
 * dist/mini-k8s: the one executable. Two bundles (main and the store's worker), a stripped Node of this checkout, and
 * the assets that can't be bundled: the SQLite addon, a static runc, texts for explain. What reads its stack traces,
 * dist/build/*.map, stays here. Downloads nothing but, once, Debian's packages for runc.
 */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { constants, zstdCompressSync } from "node:zlib";
import { bundle } from "./bundle.ts";

const root = resolve(import.meta.dirname, "..");
const work = resolve(root, "dist/build");
const target = resolve(root, "dist/mini-k8s");
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

type SeaBuilder = (entry: string, options: object) => Promise<void>;

async function main(): Promise<void> {
  const startedAt = new Date();
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  execFileSync(resolve(root, "scripts/packages.sh"), ["binutils"], { stdio: "inherit" });
  await Promise.all([
    bundle("bin/mini-k8s.ts", resolve(work, "main.cjs"), { minify: true }),
    bundle("src/store/sqlite/worker.ts", resolve(work, "worker.cjs"), { minify: true }),
  ]);
  const require = createRequire(import.meta.url);
  const { default: sea } = require("@yao-pkg/pkg/lib-es5/sea") as { default: SeaBuilder };
  const injected = resolve(work, "mini-k8s");
  await sea(resolve(work, "main.cjs"), {
    nodePath: strippedNode(),
    signature: false,
    targets: [{ platform: "linux", arch, nodeRange: "node24", output: injected }],
    seaConfig: {
      disableExperimentalSEAWarning: true,
      useCodeCache: true,
      useSnapshot: false,
      execArgv: ["--no-warnings=ExperimentalWarning", "--max-semi-space-size=4"],
      execArgvExtension: "none",
      assets: {
        "worker.cjs": resolve(work, "worker.cjs"),
        "better_sqlite3.node": resolve(root, `node_modules/better-sqlite3/prebuilds/linux-${arch}.node`),
        "runc.zst": staticRunc(),
        "descriptions.json.gz": descriptions(),
      },
    },
  });
  rmSync(target, { force: true });
  // A file that was written at one go lies in the page cache in pieces of half a MiB, and the kernel (since 6.18) maps
  // each whole: 17 to 35 MiB more of RSS than once it is copied, unpacked or read from a disk.
  copyFileSync(injected, target);
  rmSync(injected);
  chmodSync(target, 0o755);
  const megabytes = (statSync(target).size / 1e6).toFixed(1);
  console.log(`${target}: ${megabytes} MB in ${((Date.now() - startedAt.getTime()) / 1000).toFixed(1)} s`);
  // A source that changed since we began is newer than the executable.
  utimesSync(target, startedAt, startedAt);
}

await main();
