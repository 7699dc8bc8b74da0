/** Messages of etcd's Auth service, as far as a server without users reads them. upstream: api/etcdserverpb/rpc.proto */
import { flag, message, messageType, text, texts, uint64 } from "#wire/protobuf.ts";
import { header } from "./messages.ts";

/** Of every request that names a user or a role, its name; of all others, nothing. */
export const authRequest = messageType({ name: text(1), other: text(2) });
export const authResponse = messageType({ header: message(1, () => header) });
export const authStatusResponse = messageType({
  header: message(1, () => header),
  enabled: flag(2),
  authRevision: uint64(3),
});
/** Names of users, or of roles. */
export const authListResponse = messageType({ header: message(1, () => header), names: texts(2) });
