/** Asks the API for what pods refer to whenever it is needed: for simulated nodes, which mount nothing. */
import type { ConfigMap, Secret } from "#api/generated/types/core-v1.ts";
import type { KubeObject } from "#api/meta/object.ts";
import { isNotFound } from "#api/meta/status.ts";
import type { ResourceRef } from "#api/resource-ref.ts";
import { configMaps, secrets } from "#api/resources.ts";
import type { Client } from "#client/client.ts";
import type { ObjectReader } from "../env/environment.ts";

export class DirectReferences implements ObjectReader {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  acquire(): void {
    // Nothing is watched.
  }

  release(): void {
    // Nothing is watched.
  }

  configMap(namespace: string, name: string): Promise<ConfigMap | undefined> {
    return this.#read(configMaps, namespace, name);
  }

  secret(namespace: string, name: string): Promise<Secret | undefined> {
    return this.#read(secrets, namespace, name);
  }

  async #read<T extends KubeObject>(
    ref: ResourceRef<T>,
    namespace: string,
    name: string,
  ): Promise<T | undefined> {
    try {
      return await this.#client.resource(ref, namespace).get(name);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }
}
