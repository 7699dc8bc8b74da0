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
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { constants, zstdCompressSync } from "node:zlib";
import { build, type Plugin } from "esbuild";

const root = resolve(import.meta.dirname, "..");
const work = resolve(root, "dist/build");
const target = resolve(root, "dist/mini-k8s");
const arch = process.arch === "arm64" ? "arm64" : "x64";

/** ssh2 (below dockerode) tries native helpers and does without them; we never speak SSH. */
const withoutNativeHelpers: Plugin = {
  name: "without-native-helpers",
  setup: (builder) => {
    builder.onResolve({ filter: /cpu-features|sshcrypto\.node$/ }, ({ path }) => ({
      path,
      namespace: "absent",
    }));
    builder.onLoad({ filter: /.*/, namespace: "absent" }, () => ({
      contents: "throw new Error('not shipped');",
    }));
  },
};

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** Below oclif: asks for the home directory while loading, and a bare machine has no /etc/passwd to tell it from. */
const stacksAsTheyAre: Plugin = {
  name: "stacks-as-they-are",
  setup: (builder) => {
    builder.onLoad({ filter: /node_modules\/clean-stack\/index\.js$/ }, () => ({
      contents: "module.exports = (stack) => stack;",
    }));
  },
};

async function bundle(entry: string, out: string): Promise<void> {
  await build({
    entryPoints: [resolve(root, entry)],
    outfile: resolve(work, out),
    bundle: true,
    platform: "node",
    format: "cjs",
    target: "node24",
    minify: true,
    keepNames: true,
    sourcemap: "external",
    legalComments: "none",
    plugins: [withoutNativeHelpers, stacksAsTheyAre],
    // CommonJS has no import.meta; what reads it does so only where files lie beside it.
    define: { "import.meta.url": "undefined", "import.meta.dirname": "undefined" },
    logLevel: "error",
  });
  // esbuild escapes what isn't ASCII in strings, not in regular expressions; one such character makes the engine
  // keep the whole text in two bytes a character.
  const path = resolve(work, out);
  writeFileSync(path, readFileSync(path, "utf8").replace(/[^\0-\x7f]/g, escaped));
}

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
  return resolve(root, "dist/descriptions.json.gz");
}

type SeaBuilder = (entry: string, options: object) => Promise<void>;

async function main(): Promise<void> {
  const startedAt = performance.now();
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  execFileSync(resolve(root, "scripts/packages.sh"), ["binutils"], { stdio: "inherit" });
  await Promise.all([
    bundle("bin/mini-k8s.ts", "main.cjs"),
    bundle("src/store/sqlite/worker.ts", "worker.cjs"),
  ]);
  const require = createRequire(import.meta.url);
  const { default: sea } = require("@yao-pkg/pkg/lib-es5/sea") as { default: SeaBuilder };
  rmSync(target, { force: true });
  await sea(resolve(work, "main.cjs"), {
    nodePath: strippedNode(),
    signature: false,
    targets: [{ platform: "linux", arch, nodeRange: "node24", output: target }],
    seaConfig: {
      disableExperimentalSEAWarning: true,
      useCodeCache: true,
      useSnapshot: false,
      execArgv: ["--no-warnings=ExperimentalWarning"],
      execArgvExtension: "none",
      assets: {
        "worker.cjs": resolve(work, "worker.cjs"),
        "better_sqlite3.node": resolve(root, `node_modules/better-sqlite3/prebuilds/linux-${arch}.node`),
        "runc.zst": staticRunc(),
        "descriptions.json.gz": descriptions(),
      },
    },
  });
  chmodSync(target, 0o755);
  const megabytes = (statSync(target).size / 1e6).toFixed(1);
  console.log(`${target}: ${megabytes} MB in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
}

await main();
