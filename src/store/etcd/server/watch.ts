/**
 * The Watch service: any number of watches on one stream. upstream: v3rpc/watch.go, mvcc/watcher.go
 * Each watch reads its own events and writes them while the client takes them; one that the client doesn't take stays
 * where it is and is fed from the log later, so nothing queues up here.
 */
import { assert } from "#base/assert.ts";
import type { Message } from "#wire/protobuf.ts";
import type { KeyEvent, KeyEventBatch, KeyWatch } from "../../kv.ts";
import { CompactedError, type Revision } from "../../store.ts";
import {
  event as eventMessage,
  type watchCreateRequest,
  type watchRequest,
  type watchResponse,
} from "../messages.ts";
import { type EtcdContext, headerOf } from "./context.ts";
import { eventOf, rangeOf, type WrittenEvent } from "./convert.ts";
import { asEtcdError } from "./errors.ts";
import type { StreamBoth } from "./service.ts";

type CreateRequest = Message<typeof watchCreateRequest>;
type WatchRequest = Message<typeof watchRequest>;
type WatchResponse = Parameters<typeof watchResponse.encode>[0];
type WatchStream = StreamBoth<WatchRequest, WatchResponse>;

/** upstream: watch.go, progressReportInterval; a tenth of it is left to chance */
const progressMs = 600_000;
/** upstream: clientv3.InvalidWatchID, AutoWatchID */
const noWatch = -1n;
const chooseId = 0n;
const filters = { noPut: 0, noDelete: 1 } as const;
/** upstream: api/v3rpc: ErrCompacted as a watch's reason, mvcc.ErrWatcherDuplicateID, ErrEmptyWatcherRange */
const reasons = {
  compacted: "etcdserver: mvcc: required revision has been compacted",
  duplicate: "mvcc: duplicate watch ID provided on the WatchStream",
  emptyRange: "mvcc: watcher range is empty",
};
/** A response's parts beside its events, and an event's in it. */
const responseOverheadBytes = 64;

interface Watch {
  readonly id: bigint;
  readonly controller: AbortController;
  readonly request: CreateRequest;
  readonly events: KeyWatch;
  /** An event was told since the last notice of progress. */
  isBusy: boolean;
  /** The next empty batch is to be told. */
  owesNotice: boolean;
}

export async function watch(context: EtcdContext, stream: WatchStream): Promise<void> {
  const session = new WatchSession(context, stream);
  try {
    for await (const request of stream.requests) session.take(request);
    // The client has no more requests; its watches go on until it leaves.
    if (!stream.signal.aborted) await session.idle();
  } finally {
    session.close();
  }
}

class WatchSession {
  readonly #context: EtcdContext;
  readonly #stream: WatchStream;
  readonly #watches = new Map<bigint, Watch>();
  #nextId = 0n;
  /** The client asked how far all its watches are: those that haven't said yet, and the least of what was said. */
  #asked: { readonly waiting: Set<bigint>; revision: Revision } | undefined;
  #cancelTimer: (() => void) | undefined;
  readonly #closed = Promise.withResolvers<void>();

  constructor(context: EtcdContext, stream: WatchStream) {
    this.#context = context;
    this.#stream = stream;
    stream.signal.addEventListener(
      "abort",
      () => {
        this.close();
      },
      { once: true },
    );
    this.#tellProgressLater();
  }

  take({ create, cancel, progress }: WatchRequest): void {
    if (create !== undefined) this.#create(create);
    else if (cancel !== undefined) this.#cancel(cancel.watchId);
    else if (progress !== undefined) this.#askProgressOfAll();
  }

  /** Resolves when the stream ends. */
  idle(): Promise<void> {
    return this.#closed.promise;
  }

  close(): void {
    this.#cancelTimer?.();
    for (const { controller } of this.#watches.values()) controller.abort();
    this.#watches.clear();
    this.#closed.resolve();
  }

  #create(request: CreateRequest): void {
    const { store } = this.#context;
    const fault = this.#faultOf(request);
    if (fault !== undefined) {
      const answer = { watchId: noWatch, created: true, canceled: true, cancelReason: fault };
      this.#write({ header: headerOf(this.#context), ...answer });
      return;
    }
    const id = request.watchId === chooseId ? this.#chooseId() : request.watchId;
    const controller = new AbortController();
    const key = request.key.length === 0 ? Buffer.from([0]) : request.key;
    const events = store.watch(rangeOf(key, request.rangeEnd), {
      startRevision: request.startRevision > 0n ? request.startRevision : undefined,
      signal: controller.signal,
    });
    const started = { id, controller, request, events, isBusy: false, owesNotice: false };
    this.#watches.set(id, started);
    this.#write({ header: headerOf(this.#context), watchId: id, created: true });
    // A notice to all is one to this watch, too.
    this.#asked?.waiting.add(id);
    void this.#run(started);
  }

  #faultOf({ key, rangeEnd, startRevision, watchId }: CreateRequest): string | undefined {
    if (startRevision < 0n) return reasons.compacted;
    const isRange = rangeEnd.length > 1 || (rangeEnd.length === 1 && rangeEnd[0] !== 0);
    if (isRange && Buffer.compare(key, rangeEnd) >= 0) return reasons.emptyRange;
    if (watchId !== chooseId && this.#watches.has(watchId)) return reasons.duplicate;
    return undefined;
  }

  #chooseId(): bigint {
    while (this.#watches.has(this.#nextId)) this.#nextId++;
    return this.#nextId++;
  }

  #cancel(id: bigint): void {
    const found = this.#watches.get(id);
    if (found === undefined) return;
    this.#forget(found);
    this.#write({ header: headerOf(this.#context), watchId: id, canceled: true });
  }

  async #run(running: Watch): Promise<void> {
    const { controller, events } = running;
    try {
      for await (const batch of events) {
        if (controller.signal.aborted) return;
        this.#tell(running, batch);
        await this.#stream.drained();
      }
      // The store closes.
      if (!controller.signal.aborted) this.#end(running, {});
    } catch (error) {
      if (controller.signal.aborted) return;
      const isCompacted = error instanceof CompactedError;
      this.#end(
        running,
        isCompacted
          ? { compactRevision: error.compactRevision }
          : { cancelReason: asEtcdError(error).details },
      );
    }
  }

  #end(ended: Watch, why: Partial<WatchResponse>): void {
    this.#forget(ended);
    // A compacted watch's header has no revision upstream.
    const header = headerOf(this.#context, why.compactRevision === undefined ? undefined : 0n);
    this.#write({ header, watchId: ended.id, canceled: true, ...why });
  }

  #forget(ended: Watch): void {
    ended.controller.abort();
    this.#watches.delete(ended.id);
    if (this.#asked?.waiting.delete(ended.id) === true) this.#tellProgressOfAll();
  }

  #tell(running: Watch, batch: KeyEventBatch): void {
    const { id, request } = running;
    const events = batch.events.filter((each) => isWanted(request, each));
    if (events.length > 0) {
      running.isBusy = true;
      const oldest = this.#context.store.compactRevision;
      const written = events.map((each) =>
        eventOf(each, request.prevKv ? previousOf(each, batch.events, oldest) : undefined),
      );
      this.#writeEvents(running, written, batch.revision);
    }
    if (batch.events.length > 0) return;
    if (running.owesNotice) {
      running.owesNotice = false;
      this.#write({ header: headerOf(this.#context, batch.revision), watchId: id });
    }
    const asked = this.#asked;
    if (asked?.waiting.delete(id) !== true) return;
    if (batch.revision < asked.revision) asked.revision = batch.revision;
    this.#tellProgressOfAll();
  }

  #writeEvents({ id, request }: Watch, events: readonly WrittenEvent[], revision: Revision): void {
    const header = headerOf(this.#context, revision);
    const max = this.#context.limits.messageBytesMax;
    const parts = request.fragment ? fragmentsOf(events, max) : [events];
    for (const [at, part] of parts.entries()) {
      this.#write({ header, watchId: id, events: part, fragment: at < parts.length - 1 });
    }
  }

  /** A request of progress is answered once, for all watches. upstream: mvcc/watchable_store.go, progressAll */
  #askProgressOfAll(): void {
    if (this.#watches.size === 0 || this.#asked !== undefined) return;
    this.#asked = { waiting: new Set(this.#watches.keys()), revision: this.#context.store.revision };
    for (const { events } of this.#watches.values()) events.askProgress();
  }

  #tellProgressOfAll(): void {
    const asked = this.#asked;
    if (asked === undefined || asked.waiting.size > 0) return;
    this.#asked = undefined;
    this.#write({ header: headerOf(this.#context, asked.revision), watchId: noWatch });
  }

  #tellProgressLater(): void {
    const { clock, random } = this.#context;
    this.#cancelTimer = clock.after(progressMs * (1 + random.next() / 10), () => {
      for (const each of this.#watches.values()) {
        if (each.request.progressNotify && !each.isBusy) {
          each.owesNotice = true;
          each.events.askProgress();
        }
        each.isBusy = false;
      }
      this.#tellProgressLater();
    });
  }

  #write(response: WatchResponse): void {
    this.#stream.write(response);
  }
}

function isWanted({ filters: unwanted }: CreateRequest, { type }: KeyEvent): boolean {
  return !unwanted.includes(type === "put" ? filters.noPut : filters.noDelete);
}

/**
 * What the key was before the event's revision: a transaction may write a key and delete it, too. What is from before
 * `oldest` is compacted. upstream: mvcc/watchable_store.go, v3rpc/watch.go: a read at the revision before
 */
function previousOf(event: KeyEvent, all: readonly KeyEvent[], oldest: Revision): KeyEvent["previous"] {
  const { key, revision, previous } = event;
  if (revision <= oldest) return undefined;
  if (previous?.modRevision !== revision) return previous;
  return all.find((each) => each.key === key && each.revision === revision)?.previous;
}

/** As many events in each as there is room for. upstream: watch.go, sendFragments */
function fragmentsOf(events: readonly WrittenEvent[], bytesMax: number): WrittenEvent[][] {
  const parts: WrittenEvent[][] = [];
  let part: WrittenEvent[] = [];
  let bytes = responseOverheadBytes;
  for (const each of events) {
    const size = eventMessage.encode(each).length + responseOverheadBytes;
    if (part.length > 0 && bytes + size >= bytesMax) {
      parts.push(part);
      part = [];
      bytes = responseOverheadBytes;
    }
    part.push(each);
    bytes += size;
  }
  parts.push(part);
  assert(parts.flat().length === events.length, "a fragment lost events");
  return parts;
}
