/**
 * The kubelet's copy of the runtime, by pod.
 *
 * Kept current by the runtime's events and by the kubelet's own actions, each of which marks a pod as dirty; reading a
 * dirty pod asks the runtime for that pod only. A relist asks for everything: at the start, when events were lost, and
 * on a long interval, in case a driver missed one.
 * upstream: pkg/kubelet/pleg/evented.go, generic.go
 */
import { RuntimeError, type ContainerStatus, type Runtime, type SandboxStatus } from "../runtime/runtime.ts";
import { kubeletRootLabel, podUidLabel } from "../pods/labels.ts";
import { emptyPodRuntime, samePodRuntime, sortPodRuntime, type PodRuntime } from "./pod-runtime.ts";

export interface RuntimeCacheOptions {
  /** Only sandboxes that carry this root are ours. */
  readonly kubeletRoot: string;
}

interface Entry {
  readonly sandboxIds: Set<string>;
  readonly containerIds: Set<string>;
  state: PodRuntime;
  isDirty: boolean;
  refreshing: Promise<void> | undefined;
}

export class RuntimeCache {
  readonly #options: RuntimeCacheOptions;
  readonly #runtime: Runtime;
  readonly #pods = new Map<string, Entry>();

  constructor(options: RuntimeCacheOptions, runtime: Runtime) {
    this.#options = options;
    this.#runtime = runtime;
  }

  /** Last known state, without asking. */
  peek(uid: string): PodRuntime {
    return this.#pods.get(uid)?.state ?? emptyPodRuntime;
  }

  uids(): readonly string[] {
    return [...this.#pods.keys()];
  }

  /** Current state; asks the runtime when something happened to the pod since the last read. */
  async read(uid: string): Promise<PodRuntime> {
    const entry = this.#pods.get(uid);
    if (entry === undefined) return emptyPodRuntime;
    // One question at a time: of two answers the later one might bring the older state.
    while (entry.refreshing !== undefined || entry.isDirty) {
      entry.refreshing ??= this.#refresh(entry).finally(() => {
        entry.refreshing = undefined;
      });
      await entry.refreshing;
    }
    return entry.state;
  }

  /** Something happened to the pod; the ids are those that came into being. */
  note(uid: string, ids: { readonly sandboxId?: string; readonly containerId?: string } = {}): void {
    const entry = this.#entry(uid);
    if (ids.sandboxId !== undefined && ids.sandboxId !== "") entry.sandboxIds.add(ids.sandboxId);
    if (ids.containerId !== undefined && ids.containerId !== "") entry.containerIds.add(ids.containerId);
    entry.isDirty = true;
  }

  forget(uid: string): void {
    this.#pods.delete(uid);
  }

  /** Reads everything; returns the pods whose state differs from what was known. */
  async relist(): Promise<readonly string[]> {
    const [sandboxes, containers] = await Promise.all([
      this.#runtime.listSandboxes(),
      this.#runtime.listContainers(),
    ]);
    const listed = new Map<string, { sandboxes: SandboxStatus[]; containers: ContainerStatus[] }>();
    const uidOfSandbox = new Map<string, string>();
    for (const sandbox of sandboxes) {
      const uid = this.#uidOf(sandbox.labels);
      if (uid === undefined) continue;
      uidOfSandbox.set(sandbox.id, uid);
      grouped(listed, uid).sandboxes.push(sandbox);
    }
    for (const container of containers) {
      const uid = this.#uidOf(container.labels) ?? uidOfSandbox.get(container.sandboxId);
      if (uid !== undefined) grouped(listed, uid).containers.push(container);
    }
    const changed: string[] = [];
    for (const uid of new Set([...this.#pods.keys(), ...listed.keys()])) {
      const now = listed.get(uid);
      if (this.#replace(uid, now?.sandboxes ?? [], now?.containers ?? [])) changed.push(uid);
    }
    return changed;
  }

  #uidOf(labels: Readonly<Record<string, string>>): string | undefined {
    return labels[kubeletRootLabel] === this.#options.kubeletRoot ? labels[podUidLabel] : undefined;
  }

  #entry(uid: string): Entry {
    let entry = this.#pods.get(uid);
    if (entry === undefined) {
      entry = {
        sandboxIds: new Set(),
        containerIds: new Set(),
        state: emptyPodRuntime,
        isDirty: false,
        refreshing: undefined,
      };
      this.#pods.set(uid, entry);
    }
    return entry;
  }

  #replace(uid: string, sandboxes: SandboxStatus[], containers: ContainerStatus[]): boolean {
    const entry = this.#entry(uid);
    const state = sortPodRuntime(sandboxes, containers);
    const isSame = samePodRuntime(entry.state, state);
    entry.sandboxIds.clear();
    entry.containerIds.clear();
    for (const { id } of sandboxes) entry.sandboxIds.add(id);
    for (const { id } of containers) entry.containerIds.add(id);
    entry.state = state;
    entry.isDirty = false;
    if (isSame && sandboxes.length + containers.length === 0) this.#pods.delete(uid);
    return !isSame;
  }

  async #refresh(entry: Entry): Promise<void> {
    // Cleared first: what happens while we ask makes it dirty again.
    entry.isDirty = false;
    try {
      const [sandboxes, containers] = await Promise.all([
        Promise.all(
          [...entry.sandboxIds].map((id) => orGone(entry.sandboxIds, id, this.#runtime.sandboxStatus(id))),
        ),
        Promise.all(
          [...entry.containerIds].map((id) =>
            orGone(entry.containerIds, id, this.#runtime.containerStatus(id)),
          ),
        ),
      ]);
      entry.state = sortPodRuntime(
        sandboxes.filter((status) => status !== undefined),
        containers.filter((status) => status !== undefined),
      );
    } catch (error) {
      entry.isDirty = true;
      throw error;
    }
  }
}

function grouped(
  listed: Map<string, { sandboxes: SandboxStatus[]; containers: ContainerStatus[] }>,
  uid: string,
): { sandboxes: SandboxStatus[]; containers: ContainerStatus[] } {
  let group = listed.get(uid);
  if (group === undefined) {
    group = { sandboxes: [], containers: [] };
    listed.set(uid, group);
  }
  return group;
}

async function orGone<T>(ids: Set<string>, id: string, status: Promise<T>): Promise<T | undefined> {
  try {
    return await status;
  } catch (error) {
    if (!(error instanceof RuntimeError) || error.code !== "not-found") throw error;
    ids.delete(id);
    return undefined;
  }
}
