/**
 * The ConfigMaps and Secrets that pods of this node mount: each watched while some pod needs it, so that a change
 * reaches the pod's files without asking again and again.
 * upstream: pkg/kubelet/util/manager/watch_based_manager.go
 */
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { ConfigMap, Pod, Secret, Volume } from "#api/generated/types/core-v1.ts";
import type { KubeObject } from "#api/meta/object.ts";
import { isNotFound } from "#api/meta/status.ts";
import type { ResourceRef } from "#api/resource-ref.ts";
import { configMaps, secrets } from "#api/resources.ts";
import { SharedInformer } from "#client/cache/shared-informer.ts";
import type { Client } from "#client/client.ts";
import type { ObjectReader } from "../env/environment.ts";
import { podNamespace, podUid } from "../pods/pod.ts";
import { untilAborted } from "../pods/until-aborted.ts";

/** Others who have to know which pods are here, and tell when something of a pod has changed. */
export interface PodFollower {
  acquire(pod: Pod, onChange: (podUid: string) => void): void;
  release(podUid: string): void;
}

export interface ReferencedObjectsDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Of the kubelet. */
  readonly lifetime: AbortSignal;
  /** An object that the pod mounts appeared, changed or went away. */
  readonly onChange: (podUid: string) => void;
  readonly followers: readonly PodFollower[];
}

type Kind = "configmap" | "secret";

interface Reference {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
}

interface Watch {
  readonly pods: Set<string>;
  readonly stop: AbortController;
  readonly synced: Promise<void>;
  readonly get: () => KubeObject | undefined;
}

const keyOf = ({ kind, namespace, name }: Reference): string => `${kind}/${namespace}/${name}`;

export class ReferencedObjects implements ObjectReader {
  readonly #deps: ReferencedObjectsDeps;
  readonly #watches = new Map<string, Watch>();

  constructor(deps: ReferencedObjectsDeps) {
    this.#deps = deps;
  }

  /** Watches what the pod's volumes refer to, until `release`. */
  acquire(pod: Pod): void {
    for (const follower of this.#deps.followers) follower.acquire(pod, this.#deps.onChange);
    for (const reference of mountedObjects(pod)) {
      const key = keyOf(reference);
      let watch = this.#watches.get(key);
      if (watch === undefined) {
        watch = this.#watch(reference);
        this.#watches.set(key, watch);
      }
      watch.pods.add(podUid(pod));
    }
  }

  release(uid: string): void {
    for (const follower of this.#deps.followers) follower.release(uid);
    for (const [key, watch] of this.#watches) {
      if (!watch.pods.delete(uid) || watch.pods.size > 0) continue;
      watch.stop.abort();
      this.#watches.delete(key);
    }
  }

  configMap(namespace: string, name: string): Promise<ConfigMap | undefined> {
    return this.#read(configMaps, { kind: "configmap", namespace, name });
  }

  secret(namespace: string, name: string): Promise<Secret | undefined> {
    return this.#read(secrets, { kind: "secret", namespace, name });
  }

  async #read<T extends KubeObject>(ref: ResourceRef<T>, reference: Reference): Promise<T | undefined> {
    const watch = this.#watches.get(keyOf(reference));
    if (watch !== undefined) {
      await untilAborted(watch.synced, this.#deps.lifetime);
      return watch.get() as T | undefined;
    }
    try {
      return await this.#deps.client
        .resource(ref, reference.namespace)
        .get(reference.name, this.#deps.lifetime);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  #watch(reference: Reference): Watch {
    const { namespace, name } = reference;
    const query = { namespace, fieldSelector: `metadata.name=${name}` };
    const ref: ResourceRef = reference.kind === "configmap" ? configMaps : secrets;
    const informer = new SharedInformer(ref, query, this.#deps);
    const stop = new AbortController();
    const pods = new Set<string>();
    const changed = (): void => {
      for (const uid of pods) this.#deps.onChange(uid);
    };
    informer.addHandler({
      add: (_object, isInitial) => {
        if (!isInitial) changed();
      },
      update: changed,
      delete: changed,
    });
    void informer.run(AbortSignal.any([stop.signal, this.#deps.lifetime]));
    return {
      pods,
      stop,
      synced: informer.synced,
      get: () => informer.lister.get(`${namespace}/${name}`),
    };
  }
}

function mountedObjects(pod: Pod): readonly Reference[] {
  const namespace = podNamespace(pod);
  const found = new Map<string, Reference>();
  const add = (kind: Kind, name: string | undefined): void => {
    if (name === undefined || name === "") return;
    const reference = { kind, namespace, name };
    found.set(keyOf(reference), reference);
  };
  for (const volume of pod.spec?.volumes ?? []) addSources(volume, add);
  return [...found.values()];
}

function addSources(volume: Volume, add: (kind: Kind, name: string | undefined) => void): void {
  add("configmap", volume.configMap?.name);
  add("secret", volume.secret?.secretName);
  for (const { configMap, secret } of volume.projected?.sources ?? []) {
    add("configmap", configMap?.name);
    add("secret", secret?.name);
  }
}
