/** The Election service. upstream: server/etcdserver/api/v3election, client/v3/concurrency/election.go */
import { status } from "#wire/grpc/status.ts";
import type { Message } from "#wire/protobuf.ts";
import { prefixRange, singleKey } from "../../key-range.ts";
import {
  campaignRequest,
  campaignResponse,
  leaderRequest,
  leaderResponse,
  proclaimRequest,
  proclaimResponse,
  resignRequest,
  resignResponse,
} from "../concurrency-messages.ts";
import { first, getInLine, proclaim, sessionLease, waitForTurn } from "./concurrency.ts";
import { type EtcdContext, headerOf } from "./context.ts";
import { bytesOf, keyOf, wireOf } from "./convert.ts";
import { asRelayedError, EtcdError } from "./errors.ts";
import { Service, type StreamOut } from "./service.ts";

type LeaderOut = StreamOut<Parameters<typeof leaderResponse.encode>[0]>;

/** upstream: v3election.ErrMissingLeaderKey, concurrency.ErrElectionNoLeader, ErrElectionNotLeader */
const missingLeader = (): EtcdError => new EtcdError(status.unknown, '"leader" field must be provided');
const noLeader = (): EtcdError => new EtcdError(status.unknown, "election: no leader");
const notLeader = (): EtcdError => new EtcdError(status.unknown, "election: not leader");

export function electionService(context: EtcdContext): Service {
  const { store } = context;
  return new Service("v3electionpb.Election", context, asRelayedError)
    .waiting("Campaign", [campaignRequest, campaignResponse], (request, signal) =>
      campaign(context, request, signal),
    )
    .unary("Proclaim", [proclaimRequest, proclaimResponse], async ({ leader, value }) => {
      if (leader === undefined) throw missingLeader();
      const { lease } = leader;
      const place = { key: keyOf(leader.key), revision: leader.revision };
      if (!(await proclaim(context, place, { lease, value }))) throw notLeader();
      return { header: headerOf(context) };
    })
    .unary("Leader", [leaderRequest, leaderResponse], async ({ name }) => {
      const { revision, entry } = await first(context, `${keyOf(name)}/`);
      if (entry === undefined) throw noLeader();
      return { header: headerOf(context, revision), kv: wireOf(entry) };
    })
    .unary("Resign", [resignRequest, resignResponse], async ({ leader }) => {
      if (leader === undefined) throw missingLeader();
      const range = singleKey(keyOf(leader.key));
      const { revision } = await store.transact({
        compare: [{ range, relation: "equal", target: { of: "create", number: leader.revision } }],
        success: [{ kind: "delete", deletion: { range } }],
        failure: [],
      });
      return { header: headerOf(context, revision) };
    })
    .serverStream("Observe", [leaderRequest, leaderResponse], ({ name }, out) =>
      observe(context, `${keyOf(name)}/`, out),
    );
}

async function campaign(
  context: EtcdContext,
  { name, lease: given, value }: Message<typeof campaignRequest>,
  signal: AbortSignal,
): Promise<Parameters<typeof campaignResponse.encode>[0]> {
  const prefix = `${keyOf(name)}/`;
  const lease = await sessionLease(context, given);
  const { key, revision } = await getInLine(context, prefix, { lease, value });
  await waitForTurn(context, prefix, { key, revision }, signal);
  return { header: headerOf(context), leader: { name, key: bytesOf(key), revision, lease } };
}

/** Every leader, and everything each proclaims. */
async function observe(context: EtcdContext, prefix: string, out: LeaderOut): Promise<void> {
  const { store } = context;
  const { signal } = out;
  let told = 0n;
  const tell = async (): Promise<void> => {
    const { revision, entry } = await first(context, prefix);
    if (entry === undefined || entry.modRevision === told) return;
    told = entry.modRevision;
    out.write({ header: headerOf(context, revision), kv: wireOf(entry) });
    await out.drained();
  };
  const { revision } = store;
  await tell();
  for await (const { events } of store.watch(prefixRange(prefix), { startRevision: revision + 1n, signal })) {
    if (events.length > 0) await tell();
  }
}
