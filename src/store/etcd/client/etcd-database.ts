/**
 * The Store's operations as etcd's. A precondition on a revision is a transaction's compare; what a refused write needs
 * to know comes from the same transaction. upstream: apiserver/pkg/storage/etcd3/store.go
 */
import type { Message } from "#wire/protobuf.ts";
import { endOfTextPrefix } from "../../key-range.ts";
import type { Follower, Following, RemoteDatabase } from "../../remote/remote-database.ts";
import {
  CompactedError,
  type Entry,
  FutureRevisionError,
  type GetResult,
  KeyExistsError,
  KeyNotFoundError,
  type ListOptions,
  type ListResult,
  type Revision,
  RevisionMismatchError,
  StoreFullError,
  StoreWriteError,
} from "../../store.ts";
import {
  compactionRequest,
  compactionResponse,
  compareResult,
  compareTarget,
  rangeRequest,
  rangeResponse,
  statusRequest,
  statusResponse,
  txnRequest,
  txnResponse,
} from "../messages.ts";
import type { EtcdConnection, EtcdDeps } from "./connection.ts";
import { isCompacted, isFull, isFuture, isServiceError, OutcomeUnknownError } from "./errors.ts";
import { authorKey, entryOf, EtcdWatches } from "./watches.ts";

type RangeRequest = Parameters<typeof rangeRequest.encode>[0];
type RangeResponse = Message<typeof rangeResponse>;
type TxnRequest = Parameters<typeof txnRequest.encode>[0];
type TxnResponse = Message<typeof txnResponse>;

const rangeMethod = { path: "/etcdserverpb.KV/Range", request: rangeRequest, response: rangeResponse };
const txnMethod = { path: "/etcdserverpb.KV/Txn", request: txnRequest, response: txnResponse };
const compactMethod = {
  path: "/etcdserverpb.KV/Compact",
  request: compactionRequest,
  response: compactionResponse,
};
const statusMethod = {
  path: "/etcdserverpb.Maintenance/Status",
  request: statusRequest,
  response: statusResponse,
};

/** Entries of a range that is read in several requests. upstream: reflector's page of 10,000 keys at most */
const pageMax = 5000n;
/** A write whose outcome is open is asked for again so many times. */
const resolveTriesMax = 5;

/** One write: what must hold, and what then happens. */
interface Change {
  readonly key: string;
  /** The revision the key must be at; 0n when it must not be there; undefined when it doesn't matter. */
  readonly expected: Revision | undefined;
  /** Undefined deletes. */
  readonly value: Buffer | undefined;
  readonly author: string | undefined;
}

interface Changed {
  readonly answer: TxnResponse;
  /** What was in the way. */
  readonly current: Entry | undefined;
}

export class EtcdDatabase implements RemoteDatabase {
  readonly #connection: EtcdConnection;
  readonly #watches: EtcdWatches;
  /** As far as is known here. */
  #compacted: Revision = 0n;

  constructor(connection: EtcdConnection, deps: EtcdDeps) {
    this.#connection = connection;
    this.#watches = new EtcdWatches(connection, deps);
  }

  async latest(): Promise<Revision> {
    return revisionOf(await this.#range({ key: Buffer.from([0]), countOnly: true }, undefined));
  }

  async get(key: string, revision?: Revision): Promise<GetResult> {
    const found = await this.#range({ key: Buffer.from(key), revision }, revision);
    const [kv] = found.kvs;
    return { revision: revisionOf(found), entry: kv === undefined ? undefined : entryOf(kv) };
  }

  async list(prefix: string, options: ListOptions): Promise<ListResult> {
    const { startKey = prefix, limit, revision } = options;
    const rangeEnd = endOf(prefix);
    const entries: Entry[] = [];
    let key = keyOrFirst(startKey);
    let at = revision;
    let count: number | undefined;
    for (;;) {
      const left = limit === undefined ? pageMax : BigInt(limit - entries.length);
      const page = await this.#range(
        { key, rangeEnd, limit: left < pageMax ? left : pageMax, revision: at },
        at,
      );
      count ??= Number(page.count);
      // Later pages are of the first one's state, whatever is written meanwhile.
      at ??= revisionOf(page);
      for (const kv of page.kvs) entries.push(entryOf(kv));
      const last = page.kvs.at(-1);
      if (!page.more || last === undefined || entries.length === limit) {
        return { revision: revision === undefined ? at : revisionOf(page), entries, count, more: page.more };
      }
      key = Buffer.concat([last.key, Buffer.from([0])]);
    }
  }

  async count(prefix: string): Promise<{ readonly revision: Revision; readonly count: number }> {
    const found = await this.#range(
      { key: keyOrFirst(prefix), rangeEnd: endOf(prefix), countOnly: true },
      undefined,
    );
    return { revision: revisionOf(found), count: Number(found.count) };
  }

  async create(key: string, value: Buffer, author: string | undefined): Promise<Entry> {
    const { answer, current } = await this.#change({ key, value, expected: 0n, author });
    if (!answer.succeeded && current !== undefined) throw new KeyExistsError(current);
    const revision = revisionOf(answer);
    return { key, value, createRevision: revision, modRevision: revision, version: 1n };
  }

  async update(key: string, value: Buffer, expected: Revision, author: string | undefined): Promise<Entry> {
    // No key is at revision 0: etcd would take it for "not there".
    if (expected <= 0n) throw new RevisionMismatchError(key, expected, (await this.get(key)).entry);
    const { answer, current } = await this.#change({ key, value, expected, author });
    if (!answer.succeeded) throw new RevisionMismatchError(key, expected, current);
    const written = answer.responses[1]?.range?.kvs[0];
    if (written === undefined) throw new Error(`etcd doesn't say what it has written to ${key}`);
    const { createRevision, modRevision, version } = written;
    return { key, value, createRevision, modRevision, version };
  }

  async delete(
    key: string,
    expected: Revision | undefined,
    author: string | undefined,
  ): Promise<{ readonly revision: Revision; readonly previous: Entry }> {
    const { answer, current } = await this.#change({ key, value: undefined, expected, author });
    const deleted = answer.responses[0]?.deleteRange?.prevKvs[0];
    if (answer.succeeded && deleted !== undefined) {
      return { revision: revisionOf(answer), previous: entryOf(deleted) };
    }
    if (current === undefined || expected === undefined) throw new KeyNotFoundError(key);
    throw new RevisionMismatchError(key, expected, current);
  }

  follow(from: Revision, follower: Follower): Following {
    return this.#watches.follow(from, follower);
  }

  async compact(revision: Revision): Promise<void> {
    // etcd takes 0 for a request to compact nothing.
    if (revision <= 0n) throw new CompactedError(await this.compacted());
    try {
      await this.#connection.call(compactMethod, { revision, physical: false }, true);
      if (revision > this.#compacted) this.#compacted = revision;
    } catch (error) {
      throw await this.#translated(error, revision);
    }
  }

  async size(): Promise<number> {
    const { dbSize } = await this.#connection.call(statusMethod, {}, true);
    return Number(dbSize);
  }

  /** Where compaction has come to. Only a watch that begins too early is told. */
  compacted(): Promise<Revision> {
    const { promise, resolve, reject } = Promise.withResolvers<Revision>();
    const { stop } = this.#watches.follow(1n, {
      events: () => {
        resolve(this.#compacted);
      },
      failed: (error) => {
        if (!(error instanceof CompactedError)) reject(error);
        else {
          if (error.compactRevision > this.#compacted) this.#compacted = error.compactRevision;
          resolve(this.#compacted);
        }
      },
    });
    return promise.finally(stop);
  }

  close(): Promise<void> {
    this.#watches.close();
    this.#connection.close();
    return Promise.resolve();
  }

  async #range(request: RangeRequest, revision: Revision | undefined): Promise<RangeResponse> {
    try {
      return await this.#connection.call(rangeMethod, request, true);
    } catch (error) {
      throw await this.#translated(error, revision ?? 0n);
    }
  }

  /**
   * Makes one write, once. Where a member may have taken it without an answer, and the key must be at a certain
   * revision, it is sent again: at most one of the two can find the key there. If the second one doesn't, and it can't
   * be shown that somebody else's write was in the way, the outcome is told as unknown.
   */
  async #change(change: Change): Promise<Changed> {
    const { expected = 0n } = change;
    let unanswered: OutcomeUnknownError | undefined;
    // Created, deleted by others and created again by us would be one write too many: only a key's revision is unique.
    const triesMax = expected > 0n ? resolveTriesMax : 1;
    for (let tries = 0; tries < triesMax; tries++) {
      try {
        const answer = await this.#connection.call(txnMethod, requestOf(change), false);
        const changed = { answer, current: obstacleIn(answer) };
        if (unanswered === undefined || answer.succeeded) return changed;
        if (await this.#isForeign(change, changed.current)) return changed;
        break;
      } catch (error) {
        if (error instanceof OutcomeUnknownError) unanswered = error;
        else if (unanswered === undefined) throw await this.#translated(error, 0n);
        else break;
      }
    }
    const reason = `${unanswered?.message ?? ""}; the outcome is unknown`;
    throw new StoreWriteError(this.#connection.name, reason, { cause: unanswered });
  }

  /** Whether it is certain that the write which replaced the expected state wasn't ours. */
  async #isForeign({ key, value, expected }: Change, current: Entry | undefined): Promise<boolean> {
    if (current === undefined || expected === undefined) return false;
    const before = await this.get(key, expected).catch(() => undefined);
    const isNext =
      before?.entry?.createRevision === current.createRevision &&
      before.entry.version + 1n === current.version;
    return isNext && (value === undefined || !current.value.equals(value));
  }

  async #translated(error: unknown, revision: Revision): Promise<unknown> {
    if (!isServiceError(error)) return error;
    if (isCompacted(error)) {
      // To ask takes etcd a tenth of a second.
      return new CompactedError(revision < this.#compacted ? this.#compacted : await this.compacted());
    }
    if (isFuture(error)) return new FutureRevisionError(revision, await this.latest());
    if (isFull(error)) return new StoreFullError(this.#connection.name, { cause: error });
    return new StoreWriteError(this.#connection.name, error.details, { cause: error });
  }
}

function requestOf({ key: text, value, expected, author }: Change): TxnRequest {
  const key = Buffer.from(text);
  // With an author even a deletion of nothing would write something.
  const compare =
    expected === undefined
      ? [{ result: compareResult.greater, target: compareTarget.mod, key, modRevision: 0n }]
      : [{ result: compareResult.equal, target: compareTarget.mod, key, modRevision: expected }];
  const success =
    value === undefined
      ? [{ deleteRange: { key, prevKv: true } }]
      : [{ put: { key, value } }, { range: { key, keysOnly: true } }];
  const noted = author === undefined ? [] : [{ put: { key: authorKey, value: Buffer.from(author) } }];
  return { compare, success: [...success, ...noted], failure: [{ range: { key } }] };
}

/** What a transaction that didn't succeed has found instead. */
function obstacleIn({ succeeded, responses }: TxnResponse): Entry | undefined {
  const found = succeeded ? undefined : responses[0]?.range?.kvs[0];
  return found === undefined ? undefined : entryOf(found);
}

function revisionOf(answer: { readonly header: { readonly revision: bigint } | undefined }): Revision {
  if (answer.header === undefined) throw new Error("etcd's answer has no header");
  return answer.header.revision;
}

/** etcd knows no empty key; this is the first one. */
const keyOrFirst = (key: string): Buffer => (key === "" ? Buffer.from([0]) : Buffer.from(key));

/** etcd has a zero for: no end. */
const endOf = (prefix: string): Buffer => endOfTextPrefix(prefix) ?? Buffer.from([0]);
