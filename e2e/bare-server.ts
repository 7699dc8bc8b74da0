/** A server without a node, on this machine itself: for tests that need the API alone. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { eventually } from "./wait.ts";

const root = resolve(import.meta.dirname, "..");

export interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface BareServer extends AsyncDisposable {
  readonly kubeconfig: string;
  /** The real kubectl (1.35); never throws for what it answers. `input` goes to its standard input. */
  kubectl(args: readonly string[], input?: string, version?: string): Promise<Said>;
  /** All that a kubectl which succeeds says. */
  run(args: readonly string[], input?: string, version?: string): Promise<string>;
  /** What a kubectl which fails says to standard error. */
  refused(args: readonly string[], input?: string, version?: string): Promise<string>;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => {
    server.listen(0, "127.0.0.1", done);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

export async function startBareServer(more: readonly string[] = []): Promise<BareServer> {
  const directory = mkdtempSync(join(tmpdir(), "mini-k8s-bare-"));
  const kubeconfig = join(directory, "kubeconfig");
  const child = spawn(
    process.execPath,
    [
      join(root, "bin", "mini-k8s.js"),
      "server",
      "--disable-agent",
      "--data-dir",
      join(directory, "data"),
      "--https-listen-port",
      String(await freePort()),
      "--write-kubeconfig",
      kubeconfig,
      ...more,
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  const kubectl = (args: readonly string[], input?: string, version = "1.35"): Promise<Said> =>
    new Promise((done) => {
      const kubectlPath = join(root, ".cache", "bin", `kubectl-${version}`);
      const own = execFile(kubectlPath, ["--kubeconfig", kubeconfig, ...args], (error, stdout, stderr) => {
        done({ code: typeof error?.code === "number" ? error.code : error === null ? 0 : 1, stdout, stderr });
      });
      own.stdin?.end(input ?? "");
    });
  const stop = async (): Promise<void> => {
    const gone = new Promise((done) => child.once("exit", done));
    if (child.exitCode === null && child.kill("SIGTERM")) await gone;
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await eventually("the server is ready", 30_000, async () => {
      if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}:\n${output}`);
      return output.includes("ready in ") && (await kubectl(["get", "--raw", "/readyz"])).code === 0;
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    kubeconfig,
    kubectl,
    run: async (args, input, version) => {
      const { code, stdout, stderr } = await kubectl(args, input, version);
      assert.equal(code, 0, `kubectl ${args.join(" ")}: ${stderr}`);
      return `${stdout}${stderr}`;
    },
    refused: async (args, input, version) => {
      const { code, stdout, stderr } = await kubectl(args, input, version);
      assert.notEqual(code, 0, `kubectl ${args.join(" ")} passed: ${stdout}`);
      return stderr;
    },
    [Symbol.asyncDispose]: stop,
  };
}
