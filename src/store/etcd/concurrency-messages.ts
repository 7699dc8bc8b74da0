/** Messages of etcd's Lock and Election services. upstream: server/etcdserver/api/{v3lock,v3election} *.proto */
import { bytes, int64, message, messageType } from "#wire/protobuf.ts";
import { header, keyValue } from "./messages.ts";

const headerOnly = messageType({ header: message(1, () => header) });

export const lockRequest = messageType({ name: bytes(1), lease: int64(2) });
export const lockResponse = messageType({ header: message(1, () => header), key: bytes(2) });
export const unlockRequest = messageType({ key: bytes(1) });
export const unlockResponse = headerOnly;

const leaderKey = messageType({ name: bytes(1), key: bytes(2), revision: int64(3), lease: int64(4) });
export const campaignRequest = messageType({ name: bytes(1), lease: int64(2), value: bytes(3) });
export const campaignResponse = messageType({
  header: message(1, () => header),
  leader: message(2, () => leaderKey),
});
export const leaderRequest = messageType({ name: bytes(1) });
export const leaderResponse = messageType({
  header: message(1, () => header),
  kv: message(2, () => keyValue),
});
export const resignRequest = messageType({ leader: message(1, () => leaderKey) });
export const resignResponse = headerOnly;
export const proclaimRequest = messageType({ leader: message(1, () => leaderKey), value: bytes(2) });
export const proclaimResponse = headerOnly;
