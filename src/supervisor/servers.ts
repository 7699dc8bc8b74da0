/**
 * An agent's servers: those that the Service `kubernetes` leads to, followed while it runs and kept for its next start,
 * when the one it was told may be dead. k3s: pkg/agent/loadbalancer/servers.go
 */
import { endpointsIn, portsIn } from "#api/discovery/slice-lists.ts";
import { isIPv6 } from "node:net";
import type { EndpointSlice } from "#api/generated/types/discovery-v1.ts";
import { endpointSlices } from "#api/resources.ts";
import { aborted } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import type { Component } from "#base/component.ts";
import { readTextIfExists, writeFileAtomic } from "#base/files.ts";
import { errorText, type Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { createInformerFactory } from "#client/cache/factory.ts";
import type { Client } from "#client/client.ts";
import type { ServerList } from "#client/failover.ts";

const query = { namespace: "default", labelSelector: "kubernetes.io/service-name=kubernetes" };

/** Sorted. */
export function serversIn(slices: readonly EndpointSlice[]): readonly string[] {
  const urls = slices.flatMap((slice) =>
    endpointsIn(slice)
      .filter(({ conditions }) => conditions?.ready !== false)
      .flatMap(({ addresses }) => addresses)
      .flatMap((address) =>
        portsIn(slice).map(({ port }) => `https://${isIPv6(address) ? `[${address}]` : address}:${port}`),
      ),
  );
  return [...new Set(urls)].toSorted();
}

/** What the last run has kept. */
export async function keptServers(path: string): Promise<readonly string[]> {
  const text = (await readTextIfExists(path)) ?? "";
  return text.split("\n").filter((line) => URL.canParse(line));
}

export interface ServersDeps {
  readonly client: Client;
  readonly list: ServerList;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export function serversComponent(path: string, deps: ServersDeps): Component {
  return {
    name: "servers",
    run: async (signal, ready) => {
      const { list, log } = deps;
      const informers = createInformerFactory(deps);
      const informer = informers.informer(endpointSlices, query);
      let known = "";
      let writing = Promise.resolve();
      const follow = (): void => {
        const servers = serversIn(informer.lister.list());
        const text = servers.map((server) => `${server}\n`).join("");
        // None at all is told by a cluster whose last server is going: it is the one to wait for.
        if (servers.length === 0 || text === known) return;
        known = text;
        list.set(servers);
        log.info("servers of the cluster", { servers: servers.join(",") });
        writing = writing
          .then(() => writeFileAtomic(path, text))
          .catch((error: unknown) => {
            log.warn("the list of servers isn't kept", { path, error: errorText(error) });
          });
      };
      informer.addHandler({ add: follow, update: follow, delete: follow });
      informers.start(signal);
      ready();
      await aborted(signal);
      await writing;
    },
  };
}
