/** Acceptance: the one executable on a machine that has nothing but busybox and the programs that a node calls. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before, suite, test } from "node:test";
import { BareRoot } from "./bare-root.ts";
import { startServer, type Cluster } from "./cluster.ts";
import { kubectlCases } from "./kubectl-cases.ts";
import { createLab } from "./lab.ts";
import { Leftovers } from "./leftovers.ts";

const root = resolve(import.meta.dirname, "..");
const binary = join(root, "dist", "mini-k8s");
const megabytesMax = 130;

/** What any Linux with glibc has, Node's C++ runtime included. */
const librariesAllowed = /^(lib(c|m|dl|pthread|stdc\+\+|gcc_s)\.so\.\d+|ld-linux-[\w-]+\.so\.\d)$/;

function newest(path: string): number {
  const info = statSync(path);
  if (!info.isDirectory()) return info.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))));
}

function buildIfStale(): void {
  const sources = [
    "src",
    "bin",
    "package-lock.json",
    "scripts/build.ts",
    "scripts/bundle.ts",
    "scripts/recorder.ts",
  ].map((path) => newest(join(root, path)));
  if (existsSync(binary) && statSync(binary).mtimeMs > Math.max(...sources)) return;
  execFileSync(process.execPath, [join(root, "scripts", "build.ts")], { stdio: "inherit" });
}

function neededLibraries(): string[] {
  const text = execFileSync("readelf", ["-d", binary], { encoding: "utf8" });
  return [...text.matchAll(/\(NEEDED\).*\[(.+)\]/g)].map(([, name = ""]) => name);
}

suite("the one executable", { timeout: 400_000 }, () => {
  const stack = new AsyncDisposableStack();
  let machine: BareRoot;
  let cluster: Cluster;
  let leftovers: Leftovers;

  before(async () => {
    leftovers = Leftovers.now();
    buildIfStale();
    const host = stack.use(await createLab(1)).host(1);
    machine = await BareRoot.furnish(host, {
      "/bin/mini-k8s": binary,
      "/opt/kubectl": join(root, ".cache/bin/kubectl-1.35"),
    });
    machine.link("mini-k8s", "/bin/kubectl");
    cluster = await startServer(host, {
      program: machine.command(["/bin/mini-k8s"], { NODE_OPTIONS: "--bogus" }),
      args: ["--runtime", "embedded", "--node-name", "n1"],
    });
    stack.use(cluster);
  });
  after(async () => {
    await stack.disposeAsync();
    assert.deepEqual(leftovers.added(), []);
  });

  test("is small and names only libraries that any glibc Linux has", () => {
    assert.ok(statSync(binary).size <= megabytesMax * 1e6, `${statSync(binary).size} bytes`);
    assert.deepEqual(
      neededLibraries().filter((name) => !librariesAllowed.test(name)),
      [],
    );
  });

  test("has no Node beside it, and no programs in /tmp", async () => {
    await assert.rejects(machine.run(["node", "--version"]), /No such file or directory/);
    await machine.run(["/bin/busybox", "cp", "/bin/busybox", "/tmp/program"]);
    await assert.rejects(machine.run(["/tmp/program", "true"]), /Permission denied/);
  });

  test("says its version, whatever NODE_OPTIONS is", async () => {
    const expected = /^mini-k8s \d+\.\d+\.\d+ \(Kubernetes v1\.35\.\d+\+minik8s, Node v24\./;
    assert.match(await machine.run(["/bin/mini-k8s", "--version"]), expected);
    assert.match(await machine.run(["/bin/mini-k8s", "--version"], { NODE_OPTIONS: "--bogus" }), expected);
  });

  test("lays out help", async () => {
    assert.match(await machine.run(["/bin/mini-k8s", "server", "--help"]), /--https-listen-port/);
  });

  test("is kubectl under that name, with the texts of explain", async () => {
    const env = { PATH: "/bin:/opt", KUBECONFIG: cluster.kubeconfig, HOME: "/run" };
    assert.match(await machine.run(["/bin/kubectl", "get", "ns"], env), /^kube-system +Active/m);
    const text = await machine.run(["/bin/kubectl", "explain", "pod.spec.nodeName"], env);
    assert.match(text, /NodeName indicates in which node/);
  });

  for (const version of ["1.35", "1.33"] as const) kubectlCases(version, () => cluster);

  test("misses nothing that it calls", () => {
    assert.doesNotMatch(cluster.server.output, /ENOENT|not found/);
  });

  test("stops when it is told to", async () => {
    assert.equal(await cluster.server.stop(), 0, cluster.server.output);
  });
});
