/** The Cluster service: one member, and no more. upstream: v3rpc/member.go, etcdserver/server.go */
import { status } from "#wire/grpc/status.ts";
import type { Message } from "#wire/protobuf.ts";
import type { memberIdRequest, memberListResponse } from "../maintenance-messages.ts";
import { type EtcdContext, headerOf } from "./context.ts";
import { EtcdError, etcdError } from "./errors.ts";

type MemberList = Parameters<typeof memberListResponse.encode>[0];
type MemberId = Message<typeof memberIdRequest>;

export async function memberList(context: EtcdContext): Promise<MemberList> {
  const { memberId, name, clientUrls } = context.identity;
  return { header: headerOf(context), members: [{ id: memberId, name, peerUrls: [], clientUrls }] };
}

export async function memberAdd(): Promise<MemberList> {
  throw new EtcdError(status.unimplemented, "mini-k8s: the datastore has one member and can't have more");
}

/** The last one can't be removed. */
export async function memberRemove({ identity }: EtcdContext, { id }: MemberId): Promise<MemberList> {
  throw etcdError(id === identity.memberId ? "notEnoughMembers" : "memberNotFound");
}

export async function memberUpdate({ identity }: EtcdContext, { id }: MemberId): Promise<MemberList> {
  if (id !== identity.memberId) throw etcdError("memberNotFound");
  throw new EtcdError(status.unimplemented, "mini-k8s: the datastore's member has no peer URLs");
}

export async function memberPromote({ identity }: EtcdContext, { id }: MemberId): Promise<MemberList> {
  throw etcdError(id === identity.memberId ? "memberNotLearner" : "memberNotFound");
}
