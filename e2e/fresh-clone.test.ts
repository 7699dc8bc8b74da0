/** Acceptance: a fresh clone and a fresh home; `npm start` brings everything that it needs, and is quick the next time. */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { after, before, suite, test } from "node:test";
import { exec } from "#base/exec.ts";
import { Leftovers } from "./leftovers.ts";
import { eventually } from "./wait.ts";

const root = resolve(import.meta.dirname, "..");
/** As .gitignore names them. */
const made: ReadonlySet<string> = new Set([".git", "node_modules", "dist", ".cache"]);
const setupMs = 240_000;
const port = 16_443;

suite("npm start in a fresh clone", { timeout: 300_000 }, () => {
  const directory = mkdtempSync(join(tmpdir(), "mini-k8s-clone-"));
  const clone = join(directory, "clone");
  const kubeconfig = join(directory, "kubeconfig.yaml");
  const bundle = join(clone, "node_modules/.cache/mini-k8s-run/main.cjs");
  let leftovers: Leftovers;
  let running: ChildProcess | undefined;

  /** Until it is ready; returns what it printed so far. */
  const start = async (): Promise<{ readonly child: ChildProcess; readonly output: () => string }> => {
    const options = ["--disable-agent", "--data-dir", join(directory, "data"), "--bind-address", "127.0.0.1"];
    const more = ["--https-listen-port", String(port), "--write-kubeconfig", kubeconfig];
    const child = spawn("npm", ["start", "--", ...options, ...more], {
      cwd: clone,
      // As a person has it: no Node of this checkout first. What npm was told of registries and proxies stays; what it
      // compiled it keeps among what is temporary.
      env: {
        ...process.env,
        HOME: directory,
        TMPDIR: directory,
        PATH: "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      },
      stdio: ["ignore", "pipe", "pipe"],
      // Ctrl-C goes to all of them.
      detached: true,
    });
    running = child;
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        output += chunk.toString();
      });
    }
    await eventually("npm start is ready", setupMs, () =>
      Promise.resolve(child.exitCode !== null || output.includes("ready in ")),
    );
    assert.equal(child.exitCode, null, output.slice(-2000));
    return { child, output: () => output };
  };
  const stop = async (child: ChildProcess): Promise<void> => {
    const gone = new Promise((done) => child.once("exit", done));
    process.kill(-(child.pid ?? 0), "SIGINT");
    await gone;
    running = undefined;
  };
  const kubectl = async (...args: string[]): Promise<string> =>
    (await exec(join(root, ".cache/bin/kubectl-1.35"), ["--kubeconfig", kubeconfig, ...args])).stdout;

  before(() => {
    leftovers = Leftovers.now();
    // What a clone has: a checkout needs no repository around it.
    cpSync(root, clone, { recursive: true, filter: (path) => !made.has(relative(root, path)) });
  });
  after(() => {
    if (running !== undefined) process.kill(-(running.pid ?? 0), "SIGKILL");
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
    assert.deepEqual(leftovers.added(), []);
  });

  test("sets up, serves, explains fields, and stops at Ctrl-C", async () => {
    const { child, output } = await start();
    assert.match(output(), /installing packages \(run\)/);
    assert.match(output(), new RegExp(`export KUBECONFIG=${kubeconfig}`));
    assert.match(await kubectl("get", "namespaces"), /^kube-system +Active/m);
    assert.match(await kubectl("explain", "pod.spec.nodeName"), /NodeName indicates in which node/);
    await stop(child);
    assert.match(output(), /stopped\n$/);
  });

  test("starts again without setting up or bundling", async () => {
    const bundledAt = statSync(bundle).mtimeMs;
    const { child, output } = await start();
    assert.doesNotMatch(output(), /installing/);
    assert.equal(statSync(bundle).mtimeMs, bundledAt);
    await stop(child);
  });

  test("bundles anew when a source changed", async () => {
    const version = join(clone, "src/cli/version.ts");
    cpSync(version, `${version}.copy`);
    cpSync(`${version}.copy`, version);
    rmSync(`${version}.copy`);
    const bundledAt = statSync(bundle).mtimeMs;
    const { child } = await start();
    assert.ok(statSync(bundle).mtimeMs > bundledAt);
    await stop(child);
  });
});
