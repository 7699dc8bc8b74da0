/** A server without a node, on this machine itself: for tests that need the API alone. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join, resolve } from "node:path";
import { OwnServer } from "./own-server.ts";
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

export async function startBareServer(more: readonly string[] = []): Promise<BareServer> {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await OwnServer.start(more));
  const { kubeconfig } = server;
  const kubectl = (args: readonly string[], input?: string, version = "1.35"): Promise<Said> =>
    new Promise((done) => {
      const kubectlPath = join(root, ".cache", "bin", `kubectl-${version}`);
      const own = execFile(kubectlPath, ["--kubeconfig", kubeconfig, ...args], (error, stdout, stderr) => {
        done({ code: typeof error?.code === "number" ? error.code : error === null ? 0 : 1, stdout, stderr });
      });
      own.stdin?.on("error", () => undefined); // it may end before it has read everything
      own.stdin?.end(input ?? "");
    });
  await eventually("/readyz", 30_000, async () => (await kubectl(["get", "--raw", "/readyz"])).code === 0);
  stack.move();
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
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
