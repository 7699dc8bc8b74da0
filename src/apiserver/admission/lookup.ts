/** Finds an object in a cache, or, when it isn't there yet, by asking. */
import type { KubeObject } from "#api/meta/object.ts";
import { isNotFound } from "#api/meta/status.ts";
import type { ResourceRef } from "#api/resource-ref.ts";
import type { InformerFactory, Lister } from "#client/cache/informer.ts";
import type { Client } from "#client/client.ts";

export interface LookupDeps {
  readonly informers: InformerFactory;
  /** Acts with all powers. */
  readonly client: Client;
}

export class Lookup<T extends KubeObject> {
  readonly lister: Lister<T>;
  readonly #ref: ResourceRef<T>;
  readonly #client: Client;

  constructor(ref: ResourceRef<T>, deps: LookupDeps) {
    this.lister = deps.informers.informer(ref).lister;
    this.#ref = ref;
    this.#client = deps.client;
  }

  async get(name: string, namespace = ""): Promise<T | undefined> {
    return (
      this.lister.get(namespace === "" ? name : `${namespace}/${name}`) ?? (await this.live(name, namespace))
    );
  }

  async live(name: string, namespace = ""): Promise<T | undefined> {
    try {
      return await this.#client.resource(this.#ref, namespace === "" ? undefined : namespace).get(name);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }
}
