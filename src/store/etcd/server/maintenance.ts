/** The Maintenance service but for hashes and snapshots. upstream: v3rpc/maintenance.go, etcdserver/apply.go */
import type { Message } from "#wire/protobuf.ts";
import type { AlarmKind } from "../../kv.ts";
import {
  alarmAction,
  type alarmRequest,
  alarmType,
  downgradeAction,
  type downgradeRequest,
  type moveLeaderRequest,
} from "../maintenance-messages.ts";
import type { statusResponse } from "../messages.ts";
import { type EtcdContext, type Header, headerOf, raftTerm } from "./context.ts";
import { etcdError } from "./errors.ts";

/** Whose API this is: clients look at it before they use what came later. */
export const apiVersion = "3.5.21";
export const clusterVersion = "3.5.0";

const alarmNumbers: Readonly<Record<AlarmKind, number>> = {
  NOSPACE: alarmType.nospace,
  CORRUPT: alarmType.corrupt,
};

export async function status(context: EtcdContext): Promise<Partial<Message<typeof statusResponse>>> {
  const { store, identity } = context;
  const [size, alarms] = await Promise.all([store.size(), store.alarms()]);
  const { revision } = store;
  return {
    header: headerOf(context, revision),
    version: apiVersion,
    dbSize: BigInt(size),
    dbSizeInUse: BigInt(size),
    leader: identity.memberId,
    // Every revision is an entry of the log, and applied when it is there.
    raftIndex: revision,
    raftAppliedIndex: revision,
    raftTerm,
    errors: alarms.map((kind) => `memberID:${identity.memberId} alarm:${kind} `),
  };
}

interface Alarms {
  readonly header: Header;
  readonly alarms: readonly { readonly memberId: bigint; readonly alarm: number }[];
}

export async function alarm(context: EtcdContext, request: Message<typeof alarmRequest>): Promise<Alarms> {
  const { store, identity } = context;
  const active = await store.alarms();
  const isMeant = (kind: AlarmKind): boolean =>
    request.alarm === alarmType.none || request.alarm === alarmNumbers[kind];
  const answer = (kinds: readonly AlarmKind[]): Alarms => ({
    header: headerOf(context),
    alarms: kinds.map((kind) => ({ memberId: identity.memberId, alarm: alarmNumbers[kind] })),
  });
  if (request.action === alarmAction.get) return answer(active.filter(isMeant));
  const isOurs = request.memberId === 0n || request.memberId === identity.memberId;
  const kinds = (Object.keys(alarmNumbers) as AlarmKind[]).filter(
    (kind) => request.alarm === alarmNumbers[kind],
  );
  if (request.action === alarmAction.activate) {
    for (const kind of kinds) await store.setAlarm(kind, true);
    return answer(kinds);
  }
  const ended = isOurs ? active.filter(isMeant) : [];
  for (const kind of ended) await store.setAlarm(kind, false);
  return answer(ended);
}

/** There is nothing to wait for: freed space goes back to the disk by itself after each compaction. */
export async function defragment(): Promise<Record<string, never>> {
  return {};
}

/** The one member leads already. */
export async function moveLeader(
  { identity }: EtcdContext,
  { targetId }: Message<typeof moveLeaderRequest>,
): Promise<Record<string, never>> {
  if (targetId !== identity.memberId) throw etcdError("badLeaderTransferee");
  return {};
}

/** One minor version down at a time, which here is none: the file is not etcd's. */
export async function downgrade({
  action,
  version,
}: Message<typeof downgradeRequest>): Promise<{ readonly header: Header; readonly version: string }> {
  if (action === downgradeAction.cancel) throw etcdError("noDowngrade");
  if (!/^\d+\.\d+(\.\d+)?$/.test(version)) throw etcdError("badDowngradeFormat");
  throw etcdError("badDowngradeTarget");
}
