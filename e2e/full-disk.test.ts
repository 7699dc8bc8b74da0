/** Acceptance: a disk that is really full. Writes are refused in a sentence, reads go on, and space brings writes back. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, suite, test } from "node:test";
import { exec, ExecError } from "#base/exec.ts";
import { eventually } from "./wait.ts";

const root = resolve(import.meta.dirname, "..");
const port = 16_591;
const diskBytes = 24 * 2 ** 20;

suite("a full disk", { timeout: 180_000 }, () => {
  const disk = mkdtempSync(join(tmpdir(), "mini-k8s-full-"));
  const ballast = join(disk, "ballast");
  const dataDir = join(disk, "data");
  const kubeconfig = join(dataDir, "kubeconfig.yaml");
  let output = "";
  const stack = new AsyncDisposableStack();
  stack.defer(() => {
    rmSync(disk, { recursive: true });
  });

  const keep = (chunk: Buffer): void => {
    output += chunk.toString();
  };
  const kubectl = async (...args: string[]): Promise<string> => {
    const program = join(root, ".cache", "bin", "kubectl-1.35");
    return (await exec(program, ["--kubeconfig", kubeconfig, ...args])).stdout;
  };
  const refusal = async (...args: string[]): Promise<string> => {
    try {
      return `it was done: ${await kubectl(...args)}`;
    } catch (error) {
      if (error instanceof ExecError) return error.stderr;
      throw error;
    }
  };

  before(async () => {
    await exec("mount", ["-t", "tmpfs", "-o", `size=${diskBytes}`, "tmpfs", disk]);
    stack.defer(async () => {
      await exec("umount", [disk]);
    });
    mkdirSync(dataDir);
    const args = ["server", "--disable-agent", "--data-dir", dataDir, "--https-listen-port", String(port)];
    const child = spawn(process.execPath, [join(root, "bin", "mini-k8s.js"), ...args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const gone = new Promise((done) => child.once("exit", done));
    stack.defer(async () => {
      child.kill("SIGTERM");
      await gone;
    });
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    await eventually("the server is ready", 60_000, () =>
      Promise.resolve(child.exitCode !== null || output.includes("ready in ")),
    );
    assert.equal(child.exitCode, null, output);
  });
  after(() => stack.disposeAsync());

  test("refusals name the cause, reads go on, /readyz tells; with space all is well again", async () => {
    await kubectl("create", "configmap", "before", "--from-literal=a=1");
    const large = join(disk, "large");
    writeFileSync(large, "x".repeat(400_000));
    const { stdout } = await exec("df", ["--output=avail", "-B1", disk]);
    writeFileSync(ballast, Buffer.alloc(Number(stdout.trim().split("\n")[1]) - 1_500_000));
    let created = 0;
    let refused = "";
    while (created < 20 && refused === "") {
      const answer = await refusal("create", "configmap", `large-${created}`, `--from-file=${large}`);
      if (answer.startsWith("it was done")) created++;
      else refused = answer;
    }
    assert.match(
      refused,
      /^(Error from server|error: failed to create configmap): etcdserver: mvcc: database space exceeded$/m,
    );

    const names = await kubectl("get", "configmaps", "-o", "name");
    assert.ok(names.includes("configmap/before"));
    assert.equal(
      names.match(/large-/g)?.length ?? 0,
      created,
      "an acknowledged write is missing, or a refused one there",
    );
    assert.match(
      await refusal("get", "--raw", "/readyz?verbose"),
      /\[-\]etcd-writes failed: reason withheld/,
    );
    assert.match(await kubectl("get", "--raw", "/livez"), /ok/);
    assert.match(output, /commit failed.*no space left/);

    rmSync(ballast);
    await kubectl("create", "configmap", "after", "--from-literal=a=1");
    assert.match(await kubectl("get", "--raw", "/readyz"), /ok/);
    assert.match(output, /writes work again/);
  });
});
