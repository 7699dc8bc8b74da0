/** Where this machine's server has written how to reach it. */
import { access, constants } from "node:fs/promises";
import { join } from "node:path";
import type { Invocation } from "./invocation.ts";

/** Undefined when KUBECONFIG says it already, or there is none. */
export async function findKubeconfig({ env }: Invocation): Promise<string | undefined> {
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

export async function isUsable(path: string, mode: number): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}
