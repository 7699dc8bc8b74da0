/** Messages of etcd's Maintenance and Cluster services. upstream: etcd-io/etcd api/etcdserverpb/rpc.proto */
import {
  bytes,
  flag,
  int32,
  int64,
  message,
  messages,
  messageType,
  text,
  texts,
  uint64,
} from "#wire/protobuf.ts";
import { header } from "./messages.ts";

const headerOnly = messageType({ header: message(1, () => header) });

export const alarmAction = { get: 0, activate: 1, deactivate: 2 } as const;
export const alarmType = { none: 0, nospace: 1, corrupt: 2 } as const;
export const alarmRequest = messageType({ action: int32(1), memberId: uint64(2), alarm: int32(3) });
const alarmMember = messageType({ memberId: uint64(1), alarm: int32(2) });
export const alarmResponse = messageType({
  header: message(1, () => header),
  alarms: messages(2, () => alarmMember),
});

export const defragmentRequest = messageType({});
export const defragmentResponse = headerOnly;
export const hashRequest = messageType({});
export const hashResponse = messageType({ header: message(1, () => header), hash: uint64(2) });
export const hashKvRequest = messageType({ revision: int64(1) });
export const hashKvResponse = messageType({
  header: message(1, () => header),
  hash: uint64(2),
  compactRevision: int64(3),
  hashRevision: int64(4),
});
export const snapshotRequest = messageType({});
export const snapshotResponse = messageType({
  header: message(1, () => header),
  remainingBytes: uint64(2),
  blob: bytes(3),
  version: text(4),
});
export const moveLeaderRequest = messageType({ targetId: uint64(1) });
export const moveLeaderResponse = headerOnly;
export const downgradeAction = { validate: 0, enable: 1, cancel: 2 } as const;
export const downgradeRequest = messageType({ action: int32(1), version: text(2) });
export const downgradeResponse = messageType({ header: message(1, () => header), version: text(2) });

const member = messageType({
  id: uint64(1),
  name: text(2),
  peerUrls: texts(3),
  clientUrls: texts(4),
  isLearner: flag(5),
});
export const memberListRequest = messageType({ linearizable: flag(1) });
export const memberListResponse = messageType({
  header: message(1, () => header),
  members: messages(2, () => member),
});
export const memberAddRequest = messageType({ peerUrls: texts(1), isLearner: flag(2) });
export const memberIdRequest = messageType({ id: uint64(1) });
export const memberUpdateRequest = messageType({ id: uint64(1), peerUrls: texts(2) });
