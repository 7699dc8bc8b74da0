/** Messages of etcd's Lease service. upstream: etcd-io/etcd api/etcdserverpb/rpc.proto */
import { bytesList, flag, int64, message, messages, messageType, text } from "#wire/protobuf.ts";
import { header } from "./messages.ts";

export const leaseGrantRequest = messageType({ ttl: int64(1), id: int64(2) });
export const leaseGrantResponse = messageType({
  header: message(1, () => header),
  id: int64(2),
  ttl: int64(3),
  error: text(4),
});
export const leaseRevokeRequest = messageType({ id: int64(1) });
export const leaseRevokeResponse = messageType({ header: message(1, () => header) });
export const leaseKeepAliveRequest = messageType({ id: int64(1) });
export const leaseKeepAliveResponse = messageType({
  header: message(1, () => header),
  id: int64(2),
  ttl: int64(3),
});
export const leaseTimeToLiveRequest = messageType({ id: int64(1), keys: flag(2) });
export const leaseTimeToLiveResponse = messageType({
  header: message(1, () => header),
  id: int64(2),
  ttl: int64(3),
  grantedTtl: int64(4),
  keys: bytesList(5),
});
const leaseStatus = messageType({ id: int64(1) });
export const leaseLeasesRequest = messageType({});
export const leaseLeasesResponse = messageType({
  header: message(1, () => header),
  leases: messages(2, () => leaseStatus),
});
