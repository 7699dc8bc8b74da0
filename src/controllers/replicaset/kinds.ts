/** What differs between the kinds that keep a number of pods. upstream: pkg/controller/replication/conversion.go */
import type { ReplicaSet } from "#api/generated/types/apps-v1.ts";
import type { ReplicationController } from "#api/generated/types/core-v1.ts";
import { selectorOf, selectorOfLabels, type LabelSelector } from "#api/meta/labels.ts";
import { replicaSets, replicationControllers } from "#api/resources.ts";
import type { ResourceRef } from "#api/resource-ref.ts";

export type Replicated = ReplicaSet | ReplicationController;

export interface ReplicatedKind<T extends Replicated> {
  readonly ref: ResourceRef<T>;
  selectorOf(object: T): LabelSelector;
  /** Whether its status tells of pods that are going. */
  readonly countsTerminating: boolean;
}

export const replicaSetKind: ReplicatedKind<ReplicaSet> = {
  ref: replicaSets,
  selectorOf: ({ spec }) => selectorOf(spec?.selector),
  countsTerminating: true,
};

export const replicationControllerKind: ReplicatedKind<ReplicationController> = {
  ref: replicationControllers,
  selectorOf: ({ spec }) => selectorOfLabels(spec?.selector),
  countsTerminating: false,
};
