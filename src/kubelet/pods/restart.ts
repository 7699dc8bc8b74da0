/** Whether a container that ended starts again. upstream: pkg/kubelet/container/helpers.go ShouldContainerBeRestarted */
import type { Container, Pod } from "#api/generated/types/core-v1.ts";
import type { ContainerStatus } from "../runtime/runtime.ts";
import { isEphemeral, isSidecar } from "./pod.ts";

type Policy = "Always" | "OnFailure" | "Never";

/** The container's own policy wins over the pod's. Sidecars always restart, ephemeral containers never. */
export function restartPolicyOf(pod: Pod, container: Container): Policy {
  if (isSidecar(container)) return "Always";
  if (isEphemeral(pod, container)) return "Never";
  const policy = container.restartPolicy ?? pod.spec?.restartPolicy ?? "Always";
  return policy === "Never" || policy === "OnFailure" ? policy : "Always";
}

/** After `exitCode`, by the container's rules first, then by its policy. */
export function restartsAfter(pod: Pod, container: Container, exitCode: number): boolean {
  for (const { action, exitCodes } of container.restartPolicyRules ?? []) {
    if (action !== "Restart" || exitCodes === undefined) continue;
    const isListed = exitCodes.values?.includes(exitCode) === true;
    if (exitCodes.operator === "NotIn" ? !isListed : isListed) return true;
  }
  const policy = restartPolicyOf(pod, container);
  return policy === "Always" || (policy === "OnFailure" && exitCode !== 0);
}

/** What to do with a main container or sidecar whose newest instance is `status`. */
export function wantsStart(pod: Pod, container: Container, status: ContainerStatus | undefined): boolean {
  if (status === undefined) return true;
  switch (status.state) {
    case "running":
      return false;
    case "created":
    case "unknown":
      return true;
    case "exited":
      return restartsAfter(pod, container, status.exitCode);
  }
  return false;
}
