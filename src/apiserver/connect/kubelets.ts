/** Where a node's kubelet listens. upstream: pkg/kubelet/client/kubelet_client.go */
import type { Node } from "#api/generated/types/core-v1.ts";
import { failure, isNotFound, notFoundError } from "#api/meta/status.ts";
import { nodes } from "#api/resources.ts";
import type { Client } from "#client/client.ts";
import type { Backend, BackendTls } from "./backend.ts";

export interface KubeletOptions {
  readonly kubeletCaPem: string;
  readonly kubeletClient: { readonly certificatePem: string; readonly keyPem: string };
}

const defaultPort = 10250;
const addressTypes = ["InternalIP", "ExternalIP", "InternalDNS", "Hostname", "ExternalDNS"];

export class Kubelets {
  readonly #client: () => Client;
  readonly #tls: BackendTls;

  constructor({ kubeletCaPem, kubeletClient }: KubeletOptions, client: () => Client) {
    this.#client = client;
    this.#tls = { caPem: kubeletCaPem, ...kubeletClient };
  }

  /**
   * Throws 404 when there is no such node, 500 when it has no address yet. `isUnverified`: whoever answers there is taken
   * for the kubelet.
   */
  async backend(nodeName: string, target: string, isUnverified = false): Promise<Backend> {
    const node = await this.#node(nodeName);
    const addresses = node.status?.addresses ?? [];
    const address = addressTypes
      .map((wanted) => addresses.find(({ type }) => type === wanted)?.address)
      .find((found) => found !== undefined);
    if (address === undefined) {
      const known = addresses.map((each) => `{${each.type} ${each.address}}`);
      throw failure({
        code: 500,
        reason: "",
        message: `no preferred addresses found; known addresses: [${known.join(" ")}]`,
      });
    }
    const port = node.status?.daemonEndpoints?.kubeletEndpoint?.Port ?? 0;
    const tls = isUnverified ? { ...this.#tls, caPem: undefined } : this.#tls;
    return { host: address, port: port === 0 ? defaultPort : port, target, tls };
  }

  async #node(name: string): Promise<Node> {
    try {
      return await this.#client().resource(nodes).get(name);
    } catch (error) {
      if (isNotFound(error)) throw notFoundError({ group: "", resource: "nodes", name });
      throw error;
    }
  }
}
