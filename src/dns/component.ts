/** The cluster's DNS, one on every node: names from Services and EndpointSlices, the rest from the machine's servers. */
import { endpointsIn } from "#api/discovery/slice-lists.ts";
import type { Service } from "#api/generated/types/core-v1.ts";
import type { EndpointSlice } from "#api/generated/types/discovery-v1.ts";
import { endpointSlices, namespaces, services } from "#api/resources.ts";
import { aborted, isAbortError } from "#base/abort.ts";
import { Backoff } from "#base/backoff.ts";
import type { Clock } from "#base/clock.ts";
import type { Completed, Component, ComponentKind } from "#base/component.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { Client } from "#client/client.ts";
import type { InformerFactory } from "#client/cache/informer.ts";
import { Forwarder } from "./forward.ts";
import { complete, validate, type DnsOptions } from "./options.ts";
import { publish } from "./publish.ts";
import { ClusterRecords, type ClusterData } from "./records.ts";
import { Responder } from "./responder.ts";
import { listenDns } from "./server.ts";

export interface DnsDeps {
  readonly informers: InformerFactory;
  readonly client: Client;
  /** Where to listen: the pod bridge's address, once there is one. */
  readonly listenAddress: (signal: AbortSignal) => Promise<string>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export const dns: ComponentKind<DnsOptions, DnsDeps> = {
  name: "dns",
  complete,
  validate,
  create: (options, deps): Component => {
    const data = clusterData(deps.informers);
    return { name: "dns", run: (signal, ready) => run(options, { ...deps, data }, { signal, ready }) };
  },
};

interface RunDeps extends DnsDeps {
  readonly data: ClusterData;
}

/** Ready at once: where to listen is known only when the node has registered. */
async function run(
  options: Completed<DnsOptions>,
  deps: RunDeps,
  { signal, ready }: { readonly signal: AbortSignal; readonly ready: () => void },
): Promise<void> {
  const { informers, client, clock, random, log } = deps;
  await informers.waitForSync(signal);
  ready();
  const address = await Promise.race([deps.listenAddress(signal), aborted(signal)]);
  if (address === undefined) return;
  const own = new Set([address, options.clusterDns]);
  const outside = new Forwarder({ resolvConf: options.resolvConf, own }, { clock, random });
  const records = new ClusterRecords(options.clusterDomain, deps.data);
  const responder = new Responder(options.clusterDomain, { records, outside });
  await using listening = await listenDns(address, options.port, { responder, clock, log });
  const { nodeName, clusterDns } = options;
  const backoff = new Backoff({ initialMs: 200, maxMs: 30_000, factor: 2, jitter: 0.2 }, random);
  for (;;) {
    try {
      await publish({ nodeName, clusterDns, address, port: listening.port }, { client, log });
      break;
    } catch (error) {
      if (isAbortError(error, signal)) return;
      log.debug("cluster DNS not published yet", { error });
      try {
        await clock.sleep(backoff.next(), signal);
      } catch {
        return;
      }
    }
  }
  await aborted(signal);
}

function clusterData(informers: InformerFactory): ClusterData {
  const serviceInformer = informers.informer(services);
  const sliceInformer = informers.informer(endpointSlices);
  const namespaceInformer = informers.informer(namespaces);
  serviceInformer.addIndex("dns-ip", ({ spec }: Service) => spec?.clusterIPs ?? []);
  sliceInformer.addIndex("dns-service", ({ metadata }: EndpointSlice) => [
    `${metadata?.namespace}/${metadata?.labels?.["kubernetes.io/service-name"]}`,
  ]);
  sliceInformer.addIndex("dns-address", (slice: EndpointSlice) =>
    endpointsIn(slice).flatMap(({ addresses }) => addresses),
  );
  return {
    service: (namespace, name) => serviceInformer.lister.get(`${namespace}/${name}`),
    hasNamespace: (name) => namespaceInformer.lister.get(name) !== undefined,
    slices: (namespace, service) => sliceInformer.lister.byIndex("dns-service", `${namespace}/${service}`),
    servicesAt: (ip) => serviceInformer.lister.byIndex("dns-ip", ip),
    slicesAt: (ip) => sliceInformer.lister.byIndex("dns-address", ip),
  };
}
