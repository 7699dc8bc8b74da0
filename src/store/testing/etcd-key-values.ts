/** The KeyValueStore of an etcd server, ours or a real one, as its clients see it. For tests. */
import { Client, type ClientDuplexStream, credentials, type ServiceError } from "@grpc/grpc-js";
import { assert } from "#base/assert.ts";
import type { MessageType } from "#wire/protobuf.ts";
import type { KeyRange } from "../key-range.ts";
import {
  type AlarmKind,
  type Compare,
  type DeleteAnswer,
  type DeleteRequest,
  type KeyEvent,
  type KeyEventBatch,
  type KeyValue,
  type KeyValueStore,
  type KeyWatch,
  type KeyWatchOptions,
  type Lease,
  LeaseExistsError,
  type LeaseId,
  LeaseNotFoundError,
  type Operation,
  type OperationAnswer,
  type PutAnswer,
  type PutRequest,
  type RangeAnswer,
  type RangeQuery,
  type Transaction,
  type TransactionAnswer,
} from "../kv.ts";
import * as leases from "../etcd/lease-messages.ts";
import * as upkeep from "../etcd/maintenance-messages.ts";
import * as kv from "../etcd/messages.ts";
import { CompactedError, FutureRevisionError, KeyNotFoundError, type Revision } from "../store.ts";

type Encoder<T> = Pick<MessageType<unknown, T>, "encode">;
type Decoder<T> = Pick<MessageType<T, never>, "decode">;
type Written<T> = T extends MessageType<infer _, infer In> ? In : never;

const bytesOf = (key: string): Buffer => Buffer.from(key, "latin1");

export class EtcdKeyValues implements KeyValueStore {
  readonly #client: Client;
  #revision: Revision = 0n;
  #compacted: Revision = 0n;

  constructor(address: string) {
    this.#client = new Client(address, credentials.createInsecure(), {
      "grpc.max_receive_message_length": -1,
    });
  }

  /** As far as answers have told. */
  get revision(): Revision {
    return this.#revision;
  }

  get compactRevision(): Revision {
    return this.#compacted;
  }

  close(): void {
    this.#client.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async range(query: RangeQuery): Promise<RangeAnswer> {
    return this.#rangeAnswer(
      await this.#call("KV/Range", [kv.rangeRequest, kv.rangeResponse], rangeRequestOf(query)),
    );
  }

  async put(request: PutRequest): Promise<PutAnswer> {
    return this.#putAnswer(
      await this.#call("KV/Put", [kv.putRequest, kv.putResponse], putRequestOf(request)),
    );
  }

  async delete(request: DeleteRequest): Promise<DeleteAnswer> {
    const types = [kv.deleteRangeRequest, kv.deleteRangeResponse] as const;
    return this.#deleteAnswer(await this.#call("KV/DeleteRange", types, deleteRequestOf(request)));
  }

  async transact(transaction: Transaction): Promise<TransactionAnswer> {
    const types = [kv.txnRequest, kv.txnResponse] as const;
    return this.#transactionAnswer(await this.#call("KV/Txn", types, transactionRequestOf(transaction)));
  }

  watch(range: KeyRange, options: KeyWatchOptions): KeyWatch {
    const call = this.#client.makeBidiStreamRequest(
      "/etcdserverpb.Watch/Watch",
      (request: Written<typeof kv.watchRequest>) => kv.watchRequest.encode(request),
      (bytes: Buffer) => kv.watchResponse.decode(bytes),
    );
    call.on("error", () => undefined);
    options.signal.addEventListener("abort", () => {
      call.cancel();
    });
    const { startRevision = 0n } = options;
    call.write({ create: { ...wireRange(range), startRevision, prevKv: true } });
    return {
      askProgress: () => call.write({ progress: {} }),
      [Symbol.asyncIterator]: () => batchesOf(call),
    };
  }

  async compact(revision: Revision, { waitsForSpace = false } = {}): Promise<void> {
    const request = { revision, physical: waitsForSpace };
    await this.#call("KV/Compact", [kv.compactionRequest, kv.compactionResponse], request);
    this.#compacted = revision;
  }

  async grantLease(id: LeaseId, seconds: bigint): Promise<void> {
    const types = [leases.leaseGrantRequest, leases.leaseGrantResponse] as const;
    await this.#call("Lease/LeaseGrant", types, { id, ttl: seconds });
  }

  async revokeLease(id: LeaseId): Promise<{ readonly revision: Revision }> {
    const types = [leases.leaseRevokeRequest, leases.leaseRevokeResponse] as const;
    const { header } = await this.#call("Lease/LeaseRevoke", types, { id });
    return { revision: header?.revision ?? 0n };
  }

  async keepLeaseAlive(id: LeaseId): Promise<bigint> {
    const call = this.#client.makeBidiStreamRequest(
      "/etcdserverpb.Lease/LeaseKeepAlive",
      (request: Written<typeof leases.leaseKeepAliveRequest>) => leases.leaseKeepAliveRequest.encode(request),
      (bytes: Buffer) => leases.leaseKeepAliveResponse.decode(bytes),
    );
    call.write({ id });
    for await (const answer of call as AsyncIterable<{ readonly ttl: bigint }>) {
      call.end();
      if (answer.ttl <= 0n) throw new LeaseNotFoundError(id);
      return answer.ttl;
    }
    throw new Error("a keep-alive was not answered");
  }

  async lease(id: LeaseId): Promise<Lease | undefined> {
    const types = [leases.leaseTimeToLiveRequest, leases.leaseTimeToLiveResponse] as const;
    const { ttl, grantedTtl, keys } = await this.#call("Lease/LeaseTimeToLive", types, { id, keys: true });
    if (ttl < 0n) return undefined;
    const names = keys.map((key) => key.toString("latin1"));
    return { id, grantedSeconds: grantedTtl, remainingMs: Number(ttl) * 1000, keys: names };
  }

  async leases(): Promise<readonly LeaseId[]> {
    const types = [leases.leaseLeasesRequest, leases.leaseLeasesResponse] as const;
    return (await this.#call("Lease/LeaseLeases", types, {})).leases.map(({ id }) => id);
  }

  async alarms(): Promise<readonly AlarmKind[]> {
    const types = [upkeep.alarmRequest, upkeep.alarmResponse] as const;
    const { alarms } = await this.#call("Maintenance/Alarm", types, { action: upkeep.alarmAction.get });
    return alarms.map(({ alarm }) => (alarm === upkeep.alarmType.nospace ? "NOSPACE" : "CORRUPT"));
  }

  async setAlarm(kind: AlarmKind, isActive: boolean): Promise<void> {
    const types = [upkeep.alarmRequest, upkeep.alarmResponse] as const;
    const action = isActive ? upkeep.alarmAction.activate : upkeep.alarmAction.deactivate;
    const alarm = kind === "NOSPACE" ? upkeep.alarmType.nospace : upkeep.alarmType.corrupt;
    await this.#call("Maintenance/Alarm", types, { action, alarm });
  }

  async size(): Promise<number> {
    return Number((await this.#call("Maintenance/Status", [kv.statusRequest, kv.statusResponse], {})).dbSize);
  }

  /** Of the history up to `revision`; the same for the same history. */
  async hashKv(revision: Revision): Promise<bigint> {
    const types = [upkeep.hashKvRequest, upkeep.hashKvResponse] as const;
    return (await this.#call("Maintenance/HashKV", types, { revision })).hash;
  }

  #call<In, Out>(
    name: string,
    [request, response]: readonly [Encoder<In>, Decoder<Out>],
    message: In,
  ): Promise<Out> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        `/etcdserverpb.${name}`,
        (given: In) => request.encode(given),
        (bytes: Buffer) => response.decode(bytes),
        message,
        (error, answer) => {
          if (error !== null) reject(translated(error));
          else if (answer === undefined) reject(new Error(`${name} was answered with nothing`));
          else resolve(answer);
        },
      );
    });
  }

  #note(header: { readonly revision: bigint } | undefined): Revision {
    const revision = header?.revision ?? 0n;
    if (revision > this.#revision) this.#revision = revision;
    return revision;
  }

  #rangeAnswer({ header, kvs, more, count }: ReturnType<typeof kv.rangeResponse.decode>): RangeAnswer {
    return {
      kind: "range",
      revision: this.#note(header),
      entries: kvs.map(entryOf),
      more,
      count: Number(count),
    };
  }

  #putAnswer({ header, prevKv }: ReturnType<typeof kv.putResponse.decode>): PutAnswer {
    const previous = prevKv === undefined ? undefined : entryOf(prevKv);
    return { kind: "put", revision: this.#note(header), previous };
  }

  #deleteAnswer({
    header,
    deleted,
    prevKvs,
  }: ReturnType<typeof kv.deleteRangeResponse.decode>): DeleteAnswer {
    const previous = prevKvs.map(entryOf);
    return { kind: "delete", revision: this.#note(header), deleted: Number(deleted), previous };
  }

  #transactionAnswer({ header, succeeded, responses }: kv.TxnResponse): TransactionAnswer {
    const answers = responses.map((response) => this.#operationAnswer(response));
    return { kind: "transaction", revision: this.#note(header), succeeded, answers };
  }

  #operationAnswer({ range, put, deleteRange, txn }: kv.ResponseOp): OperationAnswer {
    if (range !== undefined) return this.#rangeAnswer(range);
    if (put !== undefined) return this.#putAnswer(put);
    if (deleteRange !== undefined) return this.#deleteAnswer(deleteRange);
    assert(txn !== undefined, "an answer to nothing");
    return this.#transactionAnswer(txn);
  }
}

function translated(error: ServiceError): Error {
  const { details } = error;
  if (details.endsWith("requested lease not found")) return new LeaseNotFoundError(0n);
  if (details.endsWith("lease already exists")) return new LeaseExistsError(0n);
  if (details.endsWith("key not found")) return new KeyNotFoundError("");
  if (details.endsWith("has been compacted")) return new CompactedError(0n);
  if (details.endsWith("is a future revision")) return new FutureRevisionError(0n, 0n);
  return error;
}

function entryOf(entry: kv.KeyValue): KeyValue {
  return { ...entry, key: entry.key.toString("latin1"), operation: 0 };
}

function wireRange({ start, end }: KeyRange): { key: Buffer; rangeEnd: Buffer } {
  const key = start === "" ? Buffer.from([0]) : bytesOf(start);
  if (end === `${start}\0`) return { key, rangeEnd: Buffer.alloc(0) };
  return { key, rangeEnd: end === undefined ? Buffer.from([0]) : bytesOf(end) };
}

const orders = ["none", "ascend", "descend"];
const targets = ["key", "version", "create", "mod", "value"];

function rangeRequestOf(query: RangeQuery): Written<typeof kv.rangeRequest> {
  return {
    ...wireRange(query.range),
    limit: BigInt(query.limit ?? 0),
    revision: query.revision,
    sortOrder: orders.indexOf(query.sort?.order ?? "none"),
    sortTarget: targets.indexOf(query.sort?.target ?? "key"),
    keysOnly: query.keysOnly,
    countOnly: query.countOnly,
    minModRevision: query.modRevisionMin,
    maxModRevision: query.modRevisionMax,
    minCreateRevision: query.createRevisionMin,
    maxCreateRevision: query.createRevisionMax,
  };
}

function putRequestOf(request: PutRequest): Written<typeof kv.putRequest> {
  const { lease, wantsPrevious: prevKv, keepsValue: ignoreValue, keepsLease: ignoreLease } = request;
  // What is kept must not be given.
  const value = ignoreValue === true ? undefined : request.value;
  return { key: bytesOf(request.key), value, lease, prevKv, ignoreValue, ignoreLease };
}

function deleteRequestOf({ range, wantsPrevious }: DeleteRequest): Written<typeof kv.deleteRangeRequest> {
  return { ...wireRange(range), prevKv: wantsPrevious };
}

function transactionRequestOf(transaction: Transaction): Written<typeof kv.txnRequest> {
  return {
    compare: transaction.compare.map(compareOf),
    success: transaction.success.map(operationOf),
    failure: transaction.failure.map(operationOf),
  };
}

function compareOf({ range, relation, target }: Compare): Written<typeof kv.compare> {
  const result = kv.compareResult[relation];
  const common = { ...wireRange(range), result, target: kv.compareTarget[target.of] };
  if (target.of === "value") return { ...common, value: target.bytes };
  const { number } = target;
  const field = { version: "version", create: "createRevision", mod: "modRevision", lease: "lease" } as const;
  return { ...common, [field[target.of]]: number };
}

function operationOf(operation: Operation): NonNullable<Written<typeof kv.txnRequest>["success"]>[number] {
  if (operation.kind === "range") return { range: rangeRequestOf(operation.query) };
  if (operation.kind === "put") return { put: putRequestOf(operation.put) };
  if (operation.kind === "delete") return { deleteRange: deleteRequestOf(operation.deletion) };
  return { txn: transactionRequestOf(operation.transaction) };
}

type WatchCall = ClientDuplexStream<
  Written<typeof kv.watchRequest>,
  ReturnType<typeof kv.watchResponse.decode>
>;

async function* batchesOf(call: WatchCall): AsyncGenerator<KeyEventBatch, void, undefined> {
  try {
    for await (const response of call as AsyncIterable<ReturnType<typeof kv.watchResponse.decode>>) {
      if (response.canceled) throw new CompactedError(response.compactRevision);
      if (response.created) continue;
      const events = response.events.map(eventOf);
      const revision = events.at(-1)?.revision ?? response.header?.revision ?? 0n;
      yield { revision, events };
    }
  } finally {
    call.cancel();
  }
}

function eventOf({ type, kv: written, prevKv }: kv.WireEvent): KeyEvent {
  assert(written !== undefined, "an event without a key");
  const previous = prevKv === undefined ? undefined : entryOf(prevKv);
  const isPut = type === kv.eventType.put;
  return {
    type: isPut ? "put" : "delete",
    key: written.key.toString("latin1"),
    revision: written.modRevision,
    operation: 0,
    entry: isPut ? entryOf(written) : (previous ?? entryOf(written)),
    previous,
  };
}
