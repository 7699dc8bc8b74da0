/** What a server sees to by itself as long as it runs: objects that every server has, its own Lease, old events. */
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { InformerFactory } from "#client/cache/informer.ts";
import type { Client } from "#client/client.ts";
import { EventExpiry, type Events } from "#apiserver/registry/event-expiry.ts";
import {
  reconcileClusterAuthentication,
  type ClusterAuthenticationOptions,
} from "./cluster-authentication.ts";
import { IdentityLease } from "./identity-lease.ts";
import { keptObjects } from "./kept-objects.ts";
import type { ServerRegister } from "./server-register.ts";
import { keepUp } from "./upkeep.ts";

export interface OwnUpkeepOptions extends ClusterAuthenticationOptions {
  /** See server-identity.ts. */
  readonly serverId: string;
  readonly hostname: string;
  /** Whether it tells of itself in a Lease. */
  readonly hasIdentityLease: boolean;
  /** 0: events stay for ever. */
  readonly eventTtlMs: number;
}

export interface OwnUpkeepDeps {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly servers: Pick<ServerRegister, "publish">;
  readonly events: Events;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Once all of it has been made for the first time, and until the signal aborts. Returns what ends the rest. */
export function startOwnUpkeep(
  options: OwnUpkeepOptions,
  deps: OwnUpkeepDeps,
  signal: AbortSignal,
): () => Promise<void> {
  const { client, servers, events } = deps;
  const kept = keptObjects({
    ...deps,
    clusterAuthentication: () => reconcileClusterAuthentication(client, options, signal),
    publish: () => servers.publish(),
  });
  for (const each of kept) keepUp(each, deps, signal);
  const { eventTtlMs: ttlMs, hasIdentityLease } = options;
  const leave = hasIdentityLease ? new IdentityLease(options, deps).start() : undefined;
  const endExpiry = ttlMs > 0 ? new EventExpiry({ ttlMs }, events, deps).start() : undefined;
  return async () => {
    endExpiry?.();
    await leave?.();
  };
}
