import { spawn } from "node:child_process";
import { access, constants, realpath } from "node:fs/promises";
import { delimiter, join } from "node:path";
import type { CommandDefinition } from "../command.ts";
import type { Invocation } from "../invocation.ts";

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

async function findKubeconfig({ env }: Invocation): Promise<string | undefined> {
  if (env["KUBECONFIG"] !== undefined && env["KUBECONFIG"] !== "") return undefined;
  const candidates = [
    env["MINI_K8S_WRITE_KUBECONFIG"],
    env["MINI_K8S_DATA_DIR"] === undefined ? undefined : join(env["MINI_K8S_DATA_DIR"], "kubeconfig.yaml"),
    "/etc/mini-k8s/mini-k8s.yaml",
    join(env["HOME"] ?? "/", ".mini-k8s", "kubeconfig.yaml"),
  ];
  for (const path of candidates) {
    if (path !== undefined && (await isUsable(path, constants.R_OK))) return path;
  }
  return undefined;
}

async function isUsable(path: string, mode: number): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}
