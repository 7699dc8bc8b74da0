/** What every operation has: the store, who we are, and the limits. */
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { KeyValueStore } from "../../kv.ts";
import type { Revision } from "../../store.ts";
import { etcdError } from "./errors.ts";
import type { Space } from "./space.ts";

export interface EtcdIdentity {
  readonly name: string;
  readonly clusterId: bigint;
  readonly memberId: bigint;
  /** Where clients reach us. */
  readonly clientUrls: readonly string[];
}

/** upstream: embed/config.go, the defaults of etcd's flags of these names */
export interface EtcdLimits {
  readonly requestBytesMax: number;
  /** Of a message of gRPC's, and of a fragment of a watch's events. */
  readonly messageBytesMax: number;
  readonly transactionOperationsMax: number;
  readonly quotaBytes: number;
}

export interface EtcdContext {
  readonly store: KeyValueStore;
  readonly identity: EtcdIdentity;
  readonly limits: EtcdLimits;
  readonly space: Space;
  /** On a disk with room for one more copy of the store. */
  readonly spoolFolder: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** A lone member is elected once, and never loses it. */
export const raftTerm = 2n;
/** What InternalRaftRequest adds around a request, about. upstream: etcdserver/v3_server.go, processInternalRaftRequestOnce */
const envelopeBytes = 20;

export interface Header {
  readonly clusterId: bigint;
  readonly memberId: bigint;
  readonly revision: Revision;
  readonly raftTerm: bigint;
}

export function headerOf({ identity, store }: EtcdContext, revision: Revision = store.revision): Header {
  return { clusterId: identity.clusterId, memberId: identity.memberId, revision, raftTerm };
}

export function checkSize({ limits }: EtcdContext, bytes: number): void {
  if (bytes + envelopeBytes > limits.requestBytesMax) throw etcdError("requestTooLarge");
}
