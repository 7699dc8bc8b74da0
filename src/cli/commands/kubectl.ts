import { spawn } from "node:child_process";
import { constants, realpath } from "node:fs/promises";
import { delimiter, join } from "node:path";
import type { CommandDefinition } from "../command.ts";
import type { Invocation } from "../invocation.ts";
import { findKubeconfig, isUsable } from "../kubeconfig-path.ts";

export const kubectlCommand: CommandDefinition = {
  name: "kubectl",
  summary: "Run the machine's kubectl against this cluster",
  description:
    "Runs a kubectl found on PATH with this cluster's kubeconfig, unless KUBECONFIG is set. " +
    "A link named kubectl to this program does the same.",
  options: [],
  args: [{ name: "arguments...", required: false, text: "Handed to kubectl as they are" }],
  examples: ["kubectl get nodes"],
  run: ({ args, invocation }) => runKubectl(args, invocation),
};

export async function runKubectl(args: readonly string[], invocation: Invocation): Promise<number> {
  const kubectl = await findKubectl(invocation);
  if (kubectl === undefined) {
    invocation.err("mini-k8s kubectl: no kubectl on PATH besides this program\n");
    return 1;
  }
  const kubeconfig = await findKubeconfig(invocation);
  const env = { ...invocation.env, ...(kubeconfig === undefined ? {} : { KUBECONFIG: kubeconfig }) };
  const child = spawn(kubectl, args, { stdio: "inherit", env });
  // kubectl gets the terminal's Ctrl-C itself; SIGTERM only reaches us.
  const onAbort = (): void => {
    child.kill("SIGTERM");
  };
  invocation.signal.addEventListener("abort", onAbort, { once: true });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  child.once("error", reject);
  child.once("close", (code) => {
    resolve(code ?? 130);
  });
  try {
    return await promise;
  } finally {
    invocation.signal.removeEventListener("abort", onAbort);
  }
}

/** The first kubectl on PATH that isn't this program under another name. */
async function findKubectl({ env }: Invocation): Promise<string | undefined> {
  const own = await realpath(process.execPath);
  for (const folder of (env["PATH"] ?? "").split(delimiter)) {
    const path = join(folder, "kubectl");
    if (folder === "" || !(await isUsable(path, constants.X_OK))) continue;
    const real = await realpath(path);
    if (real !== own && !/[/]mini-k8s(\.[jt]s)?$/.test(real)) return path;
  }
  return undefined;
}
