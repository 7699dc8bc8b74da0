/** What the scheduler writes: bindings and the reason why there is none. upstream: plugins/defaultbinder, schedule_one.go */
import { toRfc3339, type Clock } from "#base/clock.ts";
import type { Binding, Pod, PodCondition } from "#api/generated/types/core-v1.ts";
import { pods } from "#api/resources.ts";
import type { Client } from "#client/client.ts";

export interface WriteDeps {
  readonly client: Client;
  readonly clock: Clock;
}

export async function bindPod({ client }: WriteDeps, { metadata }: Pod, nodeName: string): Promise<void> {
  const { name = "", namespace = "", uid } = metadata ?? {};
  const binding: Binding = {
    apiVersion: "v1",
    kind: "Binding",
    // With the uid the server refuses to bind a namesake.
    metadata: { name, namespace, uid },
    target: { kind: "Node", name: nodeName },
  };
  await client.resource(pods, namespace).subresource<Binding>(name, "binding").create(binding);
}

/** "Unschedulable": it fits nowhere. "SchedulerError": placing it failed. */
export type FailureReason = "Unschedulable" | "SchedulerError";

/** Says in the pod's PodScheduled condition why it waits. Writes nothing when it says so already. */
export async function reportFailure(
  deps: WriteDeps,
  pod: Pod,
  reason: FailureReason,
  message: string,
): Promise<void> {
  const condition = failureCondition(pod, reason, message, deps.clock);
  if (condition === undefined) return;
  const { name = "", namespace, uid, resourceVersion } = pod.metadata ?? {};
  // A binding may have gone through although it failed here: what says so must not be overwritten.
  const metadata = reason === "SchedulerError" ? { uid, resourceVersion } : { uid };
  const patch = { metadata, status: { conditions: [condition] } };
  await deps.client.resource(pods, namespace).patch(name, "strategic", patch, { subresource: "status" });
}

function failureCondition(
  pod: Pod,
  reason: FailureReason,
  message: string,
  clock: Clock,
): PodCondition | undefined {
  const old = pod.status?.conditions?.find(({ type }) => type === "PodScheduled");
  const observedGeneration = pod.metadata?.generation;
  const isSaid =
    old?.status === "False" &&
    old.reason === reason &&
    old.message === message &&
    old.observedGeneration === observedGeneration;
  if (isSaid) return undefined;
  return {
    type: "PodScheduled",
    status: "False",
    reason,
    message,
    ...(observedGeneration === undefined ? {} : { observedGeneration }),
    lastTransitionTime:
      (old?.status === "False" ? old.lastTransitionTime : undefined) ?? toRfc3339(clock.now()),
  };
}
