/**
 * The scheduler's picture of the cluster: nodes, and the pods on them, those included that it has just placed
 * and whose binding isn't confirmed yet ("assumed").
 * It is only touched between scheduling cycles, which never wait, so a cycle reads it without a copy.
 * upstream: pkg/scheduler/backend/cache/cache.go
 */
import type { Node, Pod } from "#api/generated/types/core-v1.ts";
import { NodeInfo, podInfoOf, type PodInfo } from "./node-info.ts";
import { ImageIndex } from "./image-index.ts";

export class SchedulerCache {
  readonly images = new ImageIndex();
  readonly #infos = new Map<string, NodeInfo>();
  /** Nodes that exist, in the order they came. */
  #nodes: NodeInfo[] = [];
  /** On which node each pod is, by uid. */
  readonly #placed = new Map<string, string>();
  readonly #assumed = new Set<string>();

  get nodes(): readonly NodeInfo[] {
    return this.#nodes;
  }

  node(name: string): NodeInfo | undefined {
    const info = this.#infos.get(name);
    return info?.node === undefined ? undefined : info;
  }

  isAssumed(uid: string): boolean {
    return this.#assumed.has(uid);
  }

  setNode(node: Node): NodeInfo {
    const info = this.#info(node.metadata?.name ?? "");
    if (info.node === undefined) this.#nodes.push(info);
    info.setNode(node);
    this.images.set(info.name, node.status?.images ?? []);
    return info;
  }

  /** Pods on it are kept: they leave with events of their own. */
  removeNode(name: string): void {
    const info = this.#infos.get(name);
    if (info?.node === undefined) return;
    info.setNode(undefined);
    this.#nodes = this.#nodes.filter((one) => one !== info);
    this.images.set(name, []);
    this.#dropIfEmpty(info);
  }

  /** Counts the pod on the node before the API server knows of it. */
  assume(info: PodInfo, nodeName: string): void {
    this.#place(info, nodeName);
    this.#assumed.add(info.uid);
  }

  /** Takes back an assumption, unless it has been confirmed meanwhile. */
  forget(uid: string): void {
    if (this.#assumed.has(uid)) this.removePod(uid);
  }

  /** A pod as the API server has it, new or changed; confirms an assumption. */
  setPod(pod: Pod): void {
    const uid = pod.metadata?.uid ?? "";
    this.removePod(uid);
    this.#place(podInfoOf(pod), pod.spec?.nodeName ?? "");
  }

  removePod(uid: string): void {
    this.#assumed.delete(uid);
    const nodeName = this.#placed.get(uid);
    if (nodeName === undefined) return;
    this.#placed.delete(uid);
    const info = this.#info(nodeName);
    info.removePod(uid);
    this.#dropIfEmpty(info);
  }

  #place(info: PodInfo, nodeName: string): void {
    this.#info(nodeName).addPod(info);
    this.#placed.set(info.uid, nodeName);
  }

  #info(name: string): NodeInfo {
    let info = this.#infos.get(name);
    if (info === undefined) {
      info = new NodeInfo(name);
      this.#infos.set(name, info);
    }
    return info;
  }

  #dropIfEmpty(info: NodeInfo): void {
    if (info.node === undefined && info.pods.size === 0) this.#infos.delete(info.name);
  }
}
