/** etcd's v3 API over our own store: which method is which operation, and where it listens. upstream: embed/etcd.go */
import { createHash } from "node:crypto";
import { rm } from "node:fs/promises";
import type { Clock } from "#base/clock.ts";
import { errorText, type Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { type GrpcAddress, GrpcServer, type GrpcTls } from "#wire/grpc/server.ts";
import type { KeyValueStore } from "../../kv.ts";
import * as leases from "../lease-messages.ts";
import * as upkeep from "../maintenance-messages.ts";
import * as kv from "../messages.ts";
import { authService } from "./auth.ts";
import { memberAdd, memberList, memberPromote, memberRemove, memberUpdate } from "./cluster.ts";
import { compact } from "./compact.ts";
import type { EtcdContext } from "./context.ts";
import { deleteRange } from "./delete-range.ts";
import { electionService } from "./election.ts";
import { hash, hashKv } from "./hash.ts";
import { healthService } from "./health.ts";
import { leaseGrant, leaseKeepAlive, leaseLeases, leaseRevoke, leaseTimeToLive } from "./lease.ts";
import { answerHttp } from "./http.ts";
import { lockService } from "./lock.ts";
import { alarm, defragment, downgrade, moveLeader, status } from "./maintenance.ts";
import { put } from "./put.ts";
import { range } from "./range.ts";
import { rangeAnswer } from "./range-answer.ts";
import { Service } from "./service.ts";
import { snapshot } from "./snapshot.ts";
import { Space } from "./space.ts";
import { txn } from "./txn.ts";
import { watch } from "./watch.ts";

/** upstream: embed/config.go: DefaultMaxRequestBytes, DefaultMaxTxnOps; etcdserver/quota.go: DefaultQuotaBytes */
const requestBytesMax = 1.5 * 2 ** 20;
/** upstream: v3rpc/grpc.go, grpcOverheadBytes */
const overheadBytes = 512 * 1024;
const limits = {
  requestBytesMax,
  messageBytesMax: requestBytesMax + overheadBytes,
  transactionOperationsMax: 128,
  quotaBytes: 2 * 2 ** 30,
};

export interface EtcdServerOptions {
  /** http://, https:// or unix:// each. */
  readonly listenUrls: readonly string[];
  readonly tls: GrpcTls | undefined;
  readonly name: string;
  /** The same for every start of one cluster and for no other: what its identity is made of. */
  readonly clusterSeed: string;
  readonly quotaBytes: number | undefined;
  /** Where snapshots are put together: on a disk with room for one more copy of the store. */
  readonly spoolFolder: string;
}

export interface EtcdServerDeps {
  readonly store: KeyValueStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export interface EtcdServer {
  /** With the ports that were chosen, where an URL left that open. */
  readonly urls: readonly string[];
  close(): Promise<void>;
}

/** Serves when this resolves. */
export async function serveEtcd(options: EtcdServerOptions, deps: EtcdServerDeps): Promise<EtcdServer> {
  const urls: string[] = [];
  const identity = {
    name: options.name,
    clusterId: idOf(`cluster ${options.clusterSeed}`),
    memberId: idOf(`member ${options.clusterSeed} ${options.name}`),
    clientUrls: urls,
  };
  const quotaBytes = options.quotaBytes ?? limits.quotaBytes;
  const space = new Space({ ...deps, quotaBytes });
  const context = {
    ...deps,
    identity,
    limits: { ...limits, quotaBytes },
    space,
    spoolFolder: options.spoolFolder,
  };
  const { messageBytesMax } = limits;
  const server = new GrpcServer({
    clock: deps.clock,
    messageBytesMax,
    http: (request, response) => {
      answerHttp(context, request, response).catch((error: unknown) => {
        response.writeHead(500).end(errorText(error));
      });
    },
  });
  for (const service of servicesOf(context)) service.addTo(server);
  try {
    for (const url of options.listenUrls) urls.push(await listen(server, url, options.tls));
  } catch (error) {
    await server.close();
    throw error;
  }
  return { urls, close: () => server.close() };
}

function servicesOf(context: EtcdContext): Service[] {
  return [
    kvService(context),
    new Service("etcdserverpb.Watch", context).duplex(
      "Watch",
      [kv.watchRequest, kv.watchResponse],
      (stream) => watch(context, stream),
    ),
    leaseService(context),
    maintenanceService(context),
    clusterService(context),
    authService(context),
    lockService(context),
    electionService(context),
    healthService(context),
  ];
}

function kvService(context: EtcdContext): Service {
  return new Service("etcdserverpb.KV", context)
    .unary("Range", [kv.rangeRequest, rangeAnswer], (request) => range(context, request))
    .unary("Put", [kv.putRequest, kv.putResponse], (request, bytes) => put(context, request, bytes))
    .unary("DeleteRange", [kv.deleteRangeRequest, kv.deleteRangeResponse], (request, bytes) =>
      deleteRange(context, request, bytes),
    )
    .unary("Txn", [kv.txnRequest, kv.txnResponse], (request, bytes) => txn(context, request, bytes))
    .unary("Compact", [kv.compactionRequest, kv.compactionResponse], (request) => compact(context, request));
}

function leaseService(context: EtcdContext): Service {
  return new Service("etcdserverpb.Lease", context)
    .unary("LeaseGrant", [leases.leaseGrantRequest, leases.leaseGrantResponse], (request, bytes) =>
      leaseGrant(context, request, bytes),
    )
    .unary("LeaseRevoke", [leases.leaseRevokeRequest, leases.leaseRevokeResponse], (request) =>
      leaseRevoke(context, request),
    )
    .unary("LeaseTimeToLive", [leases.leaseTimeToLiveRequest, leases.leaseTimeToLiveResponse], (request) =>
      leaseTimeToLive(context, request),
    )
    .unary("LeaseLeases", [leases.leaseLeasesRequest, leases.leaseLeasesResponse], () => leaseLeases(context))
    .duplex(
      "LeaseKeepAlive",
      [leases.leaseKeepAliveRequest, leases.leaseKeepAliveResponse],
      async ({ requests, write, drained }) => {
        for await (const request of requests) {
          if (!write(await leaseKeepAlive(context, request))) await drained();
        }
      },
    );
}

function maintenanceService(context: EtcdContext): Service {
  return new Service("etcdserverpb.Maintenance", context)
    .unary("Status", [kv.statusRequest, kv.statusResponse], () => status(context))
    .unary("Alarm", [upkeep.alarmRequest, upkeep.alarmResponse], (request) => alarm(context, request))
    .unary("Defragment", [upkeep.defragmentRequest, upkeep.defragmentResponse], () => defragment())
    .unary("Hash", [upkeep.hashRequest, upkeep.hashResponse], () => hash(context))
    .unary("HashKV", [upkeep.hashKvRequest, upkeep.hashKvResponse], (request) => hashKv(context, request))
    .unary("MoveLeader", [upkeep.moveLeaderRequest, upkeep.moveLeaderResponse], (request) =>
      moveLeader(context, request),
    )
    .unary("Downgrade", [upkeep.downgradeRequest, upkeep.downgradeResponse], downgrade)
    .serverStream("Snapshot", [upkeep.snapshotRequest, upkeep.snapshotResponse], (_request, out) =>
      snapshot(context, out),
    );
}

function clusterService(context: EtcdContext): Service {
  const { memberIdRequest, memberListResponse } = upkeep;
  return new Service("etcdserverpb.Cluster", context)
    .unary("MemberList", [upkeep.memberListRequest, memberListResponse], () => memberList(context))
    .unary("MemberAdd", [upkeep.memberAddRequest, memberListResponse], () => memberAdd())
    .unary("MemberRemove", [memberIdRequest, memberListResponse], (request) => memberRemove(context, request))
    .unary("MemberUpdate", [upkeep.memberUpdateRequest, memberListResponse], (request) =>
      memberUpdate(context, request),
    )
    .unary("MemberPromote", [memberIdRequest, memberListResponse], (request) =>
      memberPromote(context, request),
    );
}

async function listen(server: GrpcServer, text: string, tls: GrpcTls | undefined): Promise<string> {
  const url = new URL(text);
  if (url.protocol === "unix:") {
    const path = `${url.host}${url.pathname}`;
    // What a server that was killed left behind; a second server can't be here, the store is locked.
    await rm(path, { force: true });
    await bind(server, text, { path });
    return text;
  }
  if (url.protocol === "https:" && tls === undefined) {
    throw new Error(`--etcd-listen is ${text}, which needs a certificate`);
  }
  // An IPv6 address is in brackets in an URL only.
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const wanted = { host, port: url.port === "" ? 2379 : Number(url.port) };
  const port = await bind(server, text, wanted, url.protocol === "https:" ? tls : undefined);
  return `${url.protocol}//${url.hostname}:${port}`;
}

async function bind(server: GrpcServer, url: string, address: GrpcAddress, tls?: GrpcTls): Promise<number> {
  try {
    return await server.listen(address, tls);
  } catch (error) {
    throw new Error(`can't listen on ${url}: ${errorText(error)}`, { cause: error });
  }
}

/** Not 0, which upstream has for "none". */
function idOf(seed: string): bigint {
  return createHash("sha256").update(seed).digest().readBigUInt64BE() | 1n;
}
