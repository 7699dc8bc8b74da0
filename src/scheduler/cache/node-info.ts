/**
 * What scheduling needs to know of a node, kept up to date by adding and removing pods instead of counting again.
 * upstream: pkg/scheduler/framework/types.go (NodeInfo)
 */
import { assert } from "#base/assert.ts";
import { keyOf } from "#api/meta/object.ts";
import { quantityOf, quantityUnits } from "#api/meta/quantity.ts";
import type { Node, Pod, Taint } from "#api/generated/types/core-v1.ts";
import { hostPortsOf, UsedPorts, type HostPort } from "./host-ports.ts";
import {
  accumulate,
  noResources,
  podRequests,
  resourcesOf,
  type PodRequests,
  type Resources,
} from "./resources.ts";

/** A pod with what it asks for, worked out once. */
export interface PodInfo extends PodRequests {
  readonly pod: Pod;
  readonly uid: string;
  /** "namespace/name" */
  readonly key: string;
  readonly priority: number;
  readonly ports: readonly HostPort[];
}

export function podInfoOf(pod: Pod): PodInfo {
  return {
    ...podRequests(pod),
    pod,
    uid: pod.metadata?.uid ?? "",
    key: keyOf(pod),
    priority: pod.spec?.priority ?? 0,
    ports: hostPortsOf(pod),
  };
}

export class NodeInfo {
  readonly name: string;
  /** Absent while pods are known to be on a node that isn't known itself. */
  node: Node | undefined;
  /** By uid. */
  readonly pods = new Map<string, PodInfo>();
  readonly requested: Resources = noResources();
  assumedMilliCpu = 0;
  assumedMemory = 0;
  allocatable: Resources = noResources();
  podsMax = 0;
  readonly ports = new UsedPorts();
  taints: readonly Taint[] = [];
  labels: Readonly<Record<string, string>> = {};

  constructor(name: string) {
    this.name = name;
  }

  setNode(node: Node | undefined): void {
    this.node = node;
    this.allocatable = resourcesOf(node?.status?.allocatable);
    this.podsMax = Number(quantityUnits(quantityOf(node?.status?.allocatable?.["pods"])));
    this.taints = node?.spec?.taints ?? [];
    this.labels = node?.metadata?.labels ?? {};
  }

  addPod(info: PodInfo): void {
    assert(!this.pods.has(info.uid), `pod ${info.key} is on node ${this.name} already`);
    this.pods.set(info.uid, info);
    this.#account(info, 1);
    for (const port of info.ports) this.ports.add(port);
  }

  removePod(uid: string): void {
    const info = this.pods.get(uid);
    if (info === undefined) return;
    this.pods.delete(uid);
    this.#account(info, -1);
    for (const port of info.ports) this.ports.remove(port);
  }

  #account(info: PodInfo, sign: 1 | -1): void {
    accumulate(this.requested, info.requests, sign);
    this.assumedMilliCpu += sign * info.assumedMilliCpu;
    this.assumedMemory += sign * info.assumedMemory;
  }
}
