/** The pod network of this node: waits for the node's range, builds the bridge, follows the other nodes. */
import { nodes } from "#api/resources.ts";
import { ChildAbort, isAbortError } from "#base/abort.ts";
import { Backoff } from "#base/backoff.ts";
import type { Clock } from "#base/clock.ts";
import type { Completed, Component, ComponentKind } from "#base/component.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { InformerFactory } from "#client/cache/informer.ts";
import { parsePodCidr, type PodCidr } from "./cidr.ts";
import { NodeLinks, removeNetwork } from "./node-links.ts";
import { complete, validate, type NetworkOptions } from "./options.ts";
import { peersOf } from "./peers.ts";
import { PodNetwork } from "./pod-network.ts";
import { watchUplink } from "./uplink-watch.ts";

export { PodNetwork, removeNetwork };

export interface NetworkDeps {
  readonly informers: InformerFactory;
  /** Handed to the kubelet as well: it plugs sandboxes in. */
  readonly podNetwork: PodNetwork;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export const network: ComponentKind<NetworkOptions, NetworkDeps> = {
  name: "network",
  complete,
  validate,
  create: (options, deps): Component => ({
    name: "network",
    run: (signal, ready) => run(options, deps, { signal, ready }),
  }),
};

/** Ready before the node has a range: the node isn't even registered yet. Links stay when it stops. */
async function run(
  options: Completed<NetworkOptions>,
  deps: NetworkDeps,
  { signal, ready }: { readonly signal: AbortSignal; readonly ready: () => void },
): Promise<void> {
  const { informers, podNetwork, log } = deps;
  await podNetwork.open();
  const links = new NodeLinks(options, { log });
  let wake = Promise.withResolvers<void>();
  const changed = (): void => {
    wake.resolve();
  };
  const informer = informers.informer(nodes);
  informer.addHandler({ add: changed, update: changed, delete: changed });
  signal.addEventListener("abort", changed, { once: true });
  await informers.waitForSync(signal);
  ready();
  const retries = { initialMs: 200, maxMs: 30_000, factor: 2, jitter: 0.2 };
  const backoff = new Backoff(retries, deps.random);
  const uplink = { device: options.vxlan, address: options.nodeIp };
  const watchDeps = { clock: deps.clock, log, backoff: new Backoff(retries, deps.random) };
  await using stack = new AsyncDisposableStack();
  const watch = new ChildAbort(signal);
  const watching = watchUplink(uplink, changed, watchDeps, watch.signal);
  stack.defer(() => {
    watch.abort();
    return watching;
  });
  let current: PodCidr | undefined;
  changed();
  for (;;) {
    await wake.promise;
    if (signal.aborted) return;
    wake = Promise.withResolvers<void>();
    const own = parsePodCidr(informer.lister.get(options.nodeName)?.spec?.podCIDR ?? "");
    if (own === undefined) continue;
    try {
      if (own.text !== current?.text) {
        const mtu = await links.setUpBridge(own);
        await podNetwork.setReady({ cidr: own, mtu });
        current = own;
        log.info("pod network up", { range: own.text, bridge: options.bridge, mtu });
      }
      await links.setPeers(own, peersOf(informer.lister.list(), options.nodeName));
      backoff.reset();
    } catch (error) {
      if (isAbortError(error, signal)) return;
      log.warn("pod network not as it should be, will retry", { error });
      deps.clock.after(backoff.next(), changed);
    }
  }
}
