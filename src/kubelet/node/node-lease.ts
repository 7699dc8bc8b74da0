/** The node's heartbeat. upstream: staging/src/k8s.io/component-helpers/apimachinery/lease/controller.go */
import { toRfc3339Micro, type Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Lease } from "#api/generated/types/coordination-v1.ts";
import type { Node } from "#api/generated/types/core-v1.ts";
import { isNotFound } from "#api/meta/status.ts";
import { leases } from "#api/resources.ts";
import type { Client, ResourceClient } from "#client/client.ts";

const namespace = "kube-node-lease";
const durationSeconds = 40;
const triesMax = 5;

export class NodeLease {
  readonly #name: string;
  readonly #deps: { readonly client: Client; readonly clock: Clock; readonly log: Logger };
  #last: Lease | undefined;

  constructor(
    nodeName: string,
    deps: { readonly client: Client; readonly clock: Clock; readonly log: Logger },
  ) {
    this.#name = nodeName;
    this.#deps = deps;
  }

  /** Never fails: a lease that couldn't be renewed is tried again with the next heartbeat. */
  async renew(node: Node | undefined): Promise<void> {
    const client = this.#deps.client.resource(leases, namespace);
    for (let tries = 1; tries <= triesMax; tries++) {
      try {
        this.#last = await this.#renewOnce(client, node);
        return;
      } catch (error) {
        this.#last = undefined; // whoever wrote it meanwhile: read it again
        if (tries === triesMax) this.#deps.log.warn("node lease not renewed", { node: this.#name, error });
      }
    }
  }

  async #renewOnce(client: ResourceClient<Lease>, node: Node | undefined): Promise<Lease> {
    const renewTime = toRfc3339Micro(this.#deps.clock.now());
    try {
      const lease = this.#last ?? (await client.get(this.#name));
      return await client.update({
        ...lease,
        metadata: { ...lease.metadata, ...ownedBy(node) },
        spec: {
          ...lease.spec,
          holderIdentity: this.#name,
          leaseDurationSeconds: durationSeconds,
          renewTime,
        },
      });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    return client.create({
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { name: this.#name, namespace, ...ownedBy(node) },
      spec: { holderIdentity: this.#name, leaseDurationSeconds: durationSeconds, renewTime },
    });
  }
}

function ownedBy(node: Node | undefined): Pick<NonNullable<Lease["metadata"]>, "ownerReferences"> {
  const { name, uid } = node?.metadata ?? {};
  if (name === undefined || uid === undefined) return {};
  return { ownerReferences: [{ apiVersion: "v1", kind: "Node", name, uid }] };
}
