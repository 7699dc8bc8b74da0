/** The KeyValueStore over any backend. */
import { assert } from "#base/assert.ts";
import type { StoreCore } from "./core.ts";
import { contains, type KeyRange } from "./key-range.ts";
import type {
  AlarmKind,
  DeleteAnswer,
  DeleteRequest,
  KeyValue,
  KeyValueStore,
  KeyWatch,
  KeyWatchOptions,
  Lease,
  LeaseId,
  Operation,
  OperationAnswer,
  PutAnswer,
  PutRequest,
  RangeAnswer,
  RangeQuery,
  Transaction,
  TransactionAnswer,
} from "./kv.ts";
import { answerRange, needsAll } from "./range.ts";
import type { Revision } from "./store.ts";
import { applyTransaction, type Outcome, type OutcomeAnswer } from "./transaction.ts";

const alarmBits: Readonly<Record<AlarmKind, bigint>> = { NOSPACE: 1n, CORRUPT: 2n };

export class MvccKeyValueStore implements KeyValueStore {
  readonly #core: StoreCore;

  constructor(core: StoreCore) {
    this.#core = core;
  }

  get revision(): Revision {
    return this.#core.mvcc.revision;
  }

  get compactRevision(): Revision {
    return this.#core.mvcc.compactRevision;
  }

  async range(query: RangeQuery): Promise<RangeAnswer> {
    this.#core.assertOpen();
    return query.revision === undefined ? this.#present(query) : this.#past(query, query.revision);
  }

  async put(put: PutRequest): Promise<PutAnswer> {
    const answer = await this.#perform({ kind: "put", put });
    assert(answer.kind === "put", `a put is answered by a ${answer.kind}`);
    return answer;
  }

  async delete(deletion: DeleteRequest): Promise<DeleteAnswer> {
    const answer = await this.#perform({ kind: "delete", deletion });
    assert(answer.kind === "delete", `a delete is answered by a ${answer.kind}`);
    return answer;
  }

  transact(transaction: Transaction): Promise<TransactionAnswer> {
    return this.#transact(transaction, false);
  }

  async #transact(transaction: Transaction, isPlain: boolean): Promise<TransactionAnswer> {
    const { mvcc, leases, pipeline } = this.#core;
    const outcome = await pipeline.submitAll(() =>
      mvcc.transact((draft) =>
        applyTransaction(draft, transaction, {
          compactRevision: mvcc.compactRevision,
          hasLease: (id) => leases.has(id),
          isPlain,
        }),
      ),
    );
    return this.#resolve(outcome);
  }

  watch(range: KeyRange, options: KeyWatchOptions): KeyWatch {
    this.#core.assertOpen();
    return this.#core.hub.watch(range, { ...options, progress: false });
  }

  compact(revision: Revision, { waitsForSpace = false } = {}): Promise<void> {
    return this.#core.compact(revision, waitsForSpace);
  }

  async grantLease(id: LeaseId, seconds: bigint): Promise<void> {
    this.#core.assertOpen();
    await this.#core.leases.grant(id, seconds);
  }

  async revokeLease(id: LeaseId): Promise<{ readonly revision: Revision }> {
    this.#core.assertOpen();
    return { revision: await this.#core.revokeLease(id) };
  }

  async keepLeaseAlive(id: LeaseId): Promise<bigint> {
    this.#core.assertOpen();
    return this.#core.leases.keepAlive(id);
  }

  async lease(id: LeaseId): Promise<Lease | undefined> {
    this.#core.assertOpen();
    const found = this.#core.leases.get(id);
    return found === undefined ? undefined : { id, ...found, keys: this.#core.mvcc.keysOf(id, "durable") };
  }

  async leases(): Promise<readonly LeaseId[]> {
    this.#core.assertOpen();
    return this.#core.leases.list();
  }

  async alarms(): Promise<readonly AlarmKind[]> {
    const kinds = Object.keys(alarmBits) as AlarmKind[];
    return kinds.filter((kind) => (this.#core.alarms & alarmBits[kind]) !== 0n);
  }

  async setAlarm(kind: AlarmKind, isActive: boolean): Promise<void> {
    const core = this.#core;
    core.assertOpen();
    const bits = isActive ? core.alarms | alarmBits[kind] : core.alarms & ~alarmBits[kind];
    // At once: an alarm about a full disk can't be written to it.
    core.alarms = bits;
    await core.pipeline.submitAll(() => ({ notes: [{ kind: "alarms", bits }], result: undefined }));
  }

  async size(): Promise<number> {
    this.#core.assertOpen();
    return this.#core.backend.size();
  }

  async #perform(operation: Operation): Promise<OperationAnswer> {
    const { answers } = await this.#transact({ compare: [], success: [operation], failure: [] }, true);
    const [answer] = answers;
    assert(answer !== undefined, `no answer to a ${operation.kind}`);
    return answer;
  }

  #present(query: RangeQuery): RangeAnswer {
    const { current, revision } = this.#core.mvcc;
    const { range } = query;
    if (query.countOnly === true) {
      return answerRange(query, { revision, entries: [], count: current.count(range) });
    }
    const max = needsAll(query) ? Number.POSITIVE_INFINITY : (query.limit ?? Number.POSITIVE_INFINITY) + 1;
    const entries: KeyValue[] = [];
    const cursor = current.cursor(range.start);
    for (let slot = cursor.slot; slot !== undefined && contains(range, slot.key); slot = cursor.slot) {
      if (entries.length >= max) break;
      entries.push(slot.value);
      cursor.advance();
    }
    const count = entries.length < max ? entries.length : current.count(range);
    return answerRange(query, { revision, entries, count });
  }

  async #past(query: RangeQuery, at: Revision): Promise<RangeAnswer> {
    const isWhole = needsAll(query) || query.limit === undefined;
    const limit = query.countOnly === true ? 0 : isWhole ? Number.POSITIVE_INFINITY : query.limit + 1;
    return answerRange(query, await this.#core.past.list(query.range, at, { limit }));
  }

  async #resolve(outcome: Outcome): Promise<TransactionAnswer> {
    const answers: OperationAnswer[] = [];
    for (const answer of outcome.answers) answers.push(await this.#resolveAnswer(answer));
    return { ...outcome, answers };
  }

  async #resolveAnswer(answer: OutcomeAnswer): Promise<OperationAnswer> {
    if (answer.kind === "transaction") return this.#resolve(answer);
    if (answer.kind !== "range") return answer;
    const { query, revision, entries } = answer;
    if (entries !== undefined) return answerRange(query, { revision, entries, count: entries.length });
    return { ...(await this.range(query)), revision };
  }
}
