/** Which ports of a node its pods hold. upstream: pkg/scheduler/framework/types.go (HostPortInfo) */
import type { Pod } from "#api/generated/types/core-v1.ts";

export interface HostPort {
  /** "TCP/80" */
  readonly port: string;
  readonly address: string;
}

const everyAddress = "0.0.0.0";

export function hostPortsOf({ spec }: Pod): readonly HostPort[] {
  const sidecars = (spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
  const ports: HostPort[] = [];
  for (const container of [...(spec?.containers ?? []), ...sidecars]) {
    for (const { hostPort = 0, hostIP = "", protocol = "TCP" } of container.ports ?? []) {
      const address = hostIP === "" ? everyAddress : hostIP;
      if (hostPort > 0) ports.push({ port: `${protocol}/${hostPort}`, address });
    }
  }
  return ports;
}

/** A port on every address is in the way of the same port on any. */
export class UsedPorts {
  /** How many pods hold the port, by address. */
  readonly #addresses = new Map<string, Map<string, number>>();

  add({ port, address }: HostPort): void {
    let addresses = this.#addresses.get(port);
    if (addresses === undefined) {
      addresses = new Map();
      this.#addresses.set(port, addresses);
    }
    addresses.set(address, (addresses.get(address) ?? 0) + 1);
  }

  remove({ port, address }: HostPort): void {
    const addresses = this.#addresses.get(port);
    const left = (addresses?.get(address) ?? 1) - 1;
    if (left > 0) addresses?.set(address, left);
    else addresses?.delete(address);
    if (addresses?.size === 0) this.#addresses.delete(port);
  }

  conflictsWith({ port, address }: HostPort): boolean {
    const addresses = this.#addresses.get(port);
    if (addresses === undefined) return false;
    return address === everyAddress || addresses.has(everyAddress) || addresses.has(address);
  }
}
