/** Acceptance: the one executable on a machine that has nothing but busybox and the libraries that it names. */
import assert from "node:assert/strict";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { after, before, suite, test } from "node:test";
import { exec } from "#base/exec.ts";
import { Leftovers } from "./leftovers.ts";
import { eventually } from "./wait.ts";

const root = resolve(import.meta.dirname, "..");
const binary = join(root, "dist", "mini-k8s");
const megabytesMax = 130;
const readyMs = 20_000;

/** What any Linux with glibc has, Node's C++ runtime included. */
const librariesAllowed = /^(lib(c|m|dl|pthread|stdc\+\+|gcc_s)\.so\.\d+|ld-linux-[\w-]+\.so\.\d)$/;

function newest(path: string): number {
  const info = statSync(path);
  if (!info.isDirectory()) return info.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))));
}

function buildIfStale(): void {
  const sources = ["src", "bin", "package-lock.json", "scripts/build.ts"].map((path) =>
    newest(join(root, path)),
  );
  if (existsSync(binary) && statSync(binary).mtimeMs > Math.max(...sources)) return;
  execFileSync(process.execPath, [join(root, "scripts", "build.ts")], { stdio: "inherit" });
}

function neededLibraries(): string[] {
  const text = execFileSync("readelf", ["-d", binary], { encoding: "utf8" });
  return [...text.matchAll(/\(NEEDED\).*\[(.+)\]/g)].map(([, name = ""]) => name);
}

/** Where this machine keeps them: path by name. */
function libraryPaths(): Map<string, string> {
  const text = execFileSync("ldd", [binary], { encoding: "utf8" });
  const paths = [...text.matchAll(/(\/\S+) \(0x/g)].map(([, path = ""]) => path);
  return new Map(paths.map((path) => [path.slice(path.lastIndexOf("/") + 1), path]));
}

/**
 * A root with busybox, the executable and its libraries, in namespaces of its own: mounts, network (loopback only),
 * processes. /tmp holds no programs there.
 */
class BareMachine implements AsyncDisposable {
  readonly #directory = mkdtempSync(join(tmpdir(), "mini-k8s-binary-"));
  readonly #root = join(this.#directory, "root");
  #init: ChildProcess | undefined;
  #initPid = 0;

  async boot(): Promise<void> {
    this.#furnish();
    const script = [
      `mount -t tmpfs -o noexec,nosuid tmpfs "$1/tmp"`,
      `mount -t proc proc "$1/proc"`,
      "ip link set lo up",
      `exec chroot "$1" /bin/busybox sh -c "echo ready; exec /bin/busybox sleep 600"`,
    ].join(" && ");
    const namespaces = ["--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "--kill-child=SIGKILL"];
    const args = [...namespaces, "--propagation", "private", "sh", "-c", script, "sh", this.#root];
    const init = spawn("unshare", args, { stdio: ["ignore", "pipe", "inherit"] });
    this.#init = init;
    await new Promise<void>((ready, fail) => {
      init.stdout.once("data", () => {
        ready();
      });
      init.once("exit", (code) => {
        fail(new Error(`the bare machine did not boot: ${code}`));
      });
    });
    const { stdout } = await exec("cat", [`/proc/${init.pid}/task/${init.pid}/children`]);
    this.#initPid = Number(stdout.trim().split(" ")[0]);
  }

  /** `command` in there, with exactly these variables. */
  command(command: readonly string[], env: Readonly<Record<string, string>> = {}): string[] {
    const enter = ["nsenter", "-t", String(this.#initPid), "-m", "-n", "-p", "-i", "-u", "-r"];
    const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    return [...enter, "-w", "/bin/busybox", "env", "-i", ...variables, ...command];
  }

  async run(command: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
    const [file = "", ...args] = this.command(command, env);
    return (await exec(file, args)).stdout;
  }

  #furnish(): void {
    for (const path of ["bin", "usr/bin", "proc", "tmp", "etc", "data", "opt"]) {
      mkdirSync(join(this.#root, path), { recursive: true });
    }
    copyFileSync("/bin/busybox", join(this.#root, "bin/busybox"));
    copyFileSync(binary, join(this.#root, "bin/mini-k8s"));
    copyFileSync(join(root, ".cache/bin/kubectl-1.35"), join(this.#root, "opt/kubectl"));
    symlinkSync("mini-k8s", join(this.#root, "bin/kubectl"));
    const paths = libraryPaths();
    for (const name of neededLibraries()) {
      const path = paths.get(name);
      assert.ok(path !== undefined, `${name} is not on this machine`);
      mkdirSync(join(this.#root, dirname(path)), { recursive: true });
      copyFileSync(path, join(this.#root, path));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const init = this.#init;
    if (init !== undefined && init.exitCode === null && init.signalCode === null) {
      const gone = new Promise((done) => init.once("exit", done));
      init.kill("SIGKILL");
      await gone;
    }
    rmSync(this.#directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

suite("the one executable", { timeout: 120_000 }, () => {
  const stack = new AsyncDisposableStack();
  const machine = new BareMachine();
  let leftovers: Leftovers;

  before(async () => {
    leftovers = Leftovers.now();
    buildIfStale();
    stack.use(machine);
    await machine.boot();
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

  test("says its version, whatever NODE_OPTIONS is", async () => {
    const expected = /^mini-k8s \d+\.\d+\.\d+ \(Kubernetes v1\.35\.\d+\+minik8s, Node v24\./;
    assert.match(await machine.run(["/bin/mini-k8s", "--version"]), expected);
    assert.match(await machine.run(["/bin/mini-k8s", "--version"], { NODE_OPTIONS: "--bogus" }), expected);
  });

  test("lays out help", async () => {
    assert.match(await machine.run(["/bin/mini-k8s", "server", "--help"]), /--https-listen-port/);
  });

  test("serves a real kubectl through its link, with a /tmp that holds no programs", async () => {
    const options = [
      "--disable-agent",
      "--data-dir",
      "/data",
      "--bind-address",
      "127.0.0.1",
      "--node-ip",
      "127.0.0.1",
    ];
    const [file = "", ...args] = machine.command(
      ["/bin/mini-k8s", "server", ...options, "--write-kubeconfig", "/etc/kubeconfig.yaml"],
      { NODE_OPTIONS: "--bogus" },
    );
    const server = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] });
    const exited = new Promise<number | null>((done) => server.once("exit", done));
    let output = "";
    for (const stream of [server.stdout, server.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        output += chunk.toString();
      });
    }
    await eventually("the server is ready", readyMs, () => {
      return Promise.resolve(server.exitCode !== null || output.includes("ready in "));
    });
    assert.equal(server.exitCode, null, output.slice(-2000));
    const env = { PATH: "/bin:/opt", KUBECONFIG: "/etc/kubeconfig.yaml", HOME: "/data" };
    const kubectl = (...words: string[]): Promise<string> => machine.run(["/bin/kubectl", ...words], env);

    assert.match(await kubectl("get", "ns"), /^kube-system +Active/m);
    assert.equal(
      await kubectl("create", "deployment", "web", "--image=nginx"),
      "deployment.apps/web created\n",
    );
    const all = await eventually("the deployment has a pod", readyMs, async () => {
      const text = await kubectl("get", "all");
      return /^pod\/web-/m.test(text) && text;
    });
    assert.match(all, /^deployment\.apps\/web +0\/1/m);
    assert.match(all, /^replicaset\.apps\/web-\w+ +1 +1 +0/m);
    assert.match(await kubectl("explain", "pod.spec.nodeName"), /NodeName indicates in which node/);

    await machine.run(["/bin/busybox", "sh", "-c", "kill -TERM $(/bin/busybox pidof mini-k8s)"], {
      PATH: "/bin",
    });
    assert.equal(await exited, 0, output);
  });
});
