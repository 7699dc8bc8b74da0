/** The status of a ReplicaSet, or a ReplicationController, from its pods. Pure. upstream: pkg/controller/replicaset/replica_set_utils.go */
import type { ReplicaSetCondition, ReplicaSetStatus } from "#api/generated/types/apps-v1.ts";
import type { Pod } from "#api/generated/types/core-v1.ts";
import { selectorOfLabels } from "#api/meta/labels.ts";
import { toRfc3339 } from "#base/clock.ts";
import { errorText } from "#base/log.ts";
import type { Replicated } from "./kinds.ts";
import { isAvailable, isReady } from "../pods/pod-state.ts";

export interface StatusInput {
  readonly set: Replicated;
  readonly pods: readonly Pod[];
  /** How many more are going; undefined: it isn't told. */
  readonly terminating: number | undefined;
  /** What making or deleting pods failed with, if it did. */
  readonly failure: unknown;
  readonly missing: number;
  readonly now: number;
}

export function replicaSetStatus({
  set,
  pods,
  terminating,
  failure,
  missing,
  now,
}: StatusInput): ReplicaSetStatus {
  const templateSelector = selectorOfLabels(set.spec?.template?.metadata?.labels);
  const minReadySeconds = set.spec?.minReadySeconds ?? 0;
  const conditions = conditionsOf(set, failure, { missing, now });
  return {
    replicas: pods.length,
    ...positive(
      "fullyLabeledReplicas",
      count(pods, (pod) => templateSelector.matches(pod.metadata?.labels)),
    ),
    ...positive("readyReplicas", count(pods, isReady)),
    ...positive(
      "availableReplicas",
      count(pods, (pod) => isAvailable(pod, minReadySeconds, now)),
    ),
    ...(terminating === undefined ? {} : { terminatingReplicas: terminating }),
    ...(set.metadata?.generation === undefined ? {} : { observedGeneration: set.metadata.generation }),
    ...(conditions.length === 0 ? {} : { conditions }),
  };
}

const count = (pods: readonly Pod[], matches: (pod: Pod) => boolean): number => pods.filter(matches).length;

/** Zero is left out on the wire. */
function positive(name: string, value: number): Record<string, number> {
  return value === 0 ? {} : { [name]: value };
}

function conditionsOf(
  set: Replicated,
  failure: unknown,
  { missing, now }: { readonly missing: number; readonly now: number },
): ReplicaSetCondition[] {
  const others = (set.status?.conditions ?? []).filter(({ type }) => type !== "ReplicaFailure");
  if (failure === undefined) return others;
  const known = set.status?.conditions?.find(({ type }) => type === "ReplicaFailure");
  if (known !== undefined) return [...others, known];
  return [
    ...others,
    {
      type: "ReplicaFailure",
      status: "True",
      reason: missing > 0 ? "FailedCreate" : "FailedDelete",
      message: errorText(failure),
      lastTransitionTime: toRfc3339(now),
    },
  ];
}

export function sameStatus(a: ReplicaSetStatus | undefined, b: ReplicaSetStatus): boolean {
  return JSON.stringify(comparable(a)) === JSON.stringify(comparable(b));
}

function comparable(status: ReplicaSetStatus | undefined): readonly unknown[] {
  const { replicas = 0, fullyLabeledReplicas = 0, readyReplicas = 0, availableReplicas = 0 } = status ?? {};
  return [
    replicas,
    fullyLabeledReplicas,
    readyReplicas,
    availableReplicas,
    status?.terminatingReplicas,
    status?.observedGeneration,
    status?.conditions ?? [],
  ];
}
