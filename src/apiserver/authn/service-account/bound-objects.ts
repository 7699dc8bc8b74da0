/** The objects that tokens stand and fall with. */
import type { Node, Pod, Secret, ServiceAccount } from "#api/generated/types/core-v1.ts";
import type { KubeObject } from "#api/meta/object.ts";
import { isNotFound } from "#api/meta/status.ts";
import type { ResourceRef } from "#api/resource-ref.ts";
import { nodes, pods, secrets, serviceAccounts } from "#api/resources.ts";
import type { InformerFactory, Lister } from "#client/cache/informer.ts";
import type { Client } from "#client/client.ts";

export interface BoundObjects {
  serviceAccount(namespace: string, name: string): Promise<ServiceAccount | undefined>;
  pod(namespace: string, name: string): Promise<Pod | undefined>;
  secret(namespace: string, name: string): Promise<Secret | undefined>;
  node(name: string): Promise<Node | undefined>;
}

export interface CachedObjectsDeps {
  readonly informers: InformerFactory;
  readonly client: Client;
}

/** Looks into the caches first; what isn't there is asked for, since it may have been made a moment ago. */
export class CachedObjects implements BoundObjects {
  readonly #client: Client;
  readonly #serviceAccounts: Lister<ServiceAccount>;
  readonly #pods: Lister<Pod>;
  readonly #nodes: Lister<Node>;

  constructor({ informers, client }: CachedObjectsDeps) {
    this.#client = client;
    this.#serviceAccounts = informers.informer(serviceAccounts).lister;
    this.#pods = informers.informer(pods).lister;
    this.#nodes = informers.informer(nodes).lister;
  }

  async serviceAccount(namespace: string, name: string): Promise<ServiceAccount | undefined> {
    return (
      this.#serviceAccounts.get(`${namespace}/${name}`) ?? (await this.#ask(serviceAccounts, namespace, name))
    );
  }

  async pod(namespace: string, name: string): Promise<Pod | undefined> {
    return this.#pods.get(`${namespace}/${name}`) ?? (await this.#ask(pods, namespace, name));
  }

  /** Tokens bound to secrets are rare, and a cache of all secrets isn't small. */
  async secret(namespace: string, name: string): Promise<Secret | undefined> {
    return this.#ask(secrets, namespace, name);
  }

  async node(name: string): Promise<Node | undefined> {
    return this.#nodes.get(name) ?? (await this.#ask(nodes, "", name));
  }

  async #ask<T extends KubeObject>(
    ref: ResourceRef<T>,
    namespace: string,
    name: string,
  ): Promise<T | undefined> {
    try {
      return await this.#client.resource(ref, namespace === "" ? undefined : namespace).get(name);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }
}
