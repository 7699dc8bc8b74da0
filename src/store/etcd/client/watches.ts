/**
 * Follows all of an etcd's keys, several times from different revisions if need be, over one stream. A stream that ends
 * is opened anew, at the next member if it was the member's fault, and everything goes on after the last revision that
 * was delivered: nothing is lost, nothing comes twice.
 */
import type { ClientDuplexStream } from "@grpc/grpc-js";
import { errorText } from "#base/log.ts";
import type { Message } from "#wire/protobuf.ts";
import type { Follower, Following } from "../../remote/remote-database.ts";
import { CompactedError, type Entry, type Revision, StoreClosedError, type StoreEvent } from "../../store.ts";
import { eventType, type KeyValue, watchRequest, watchResponse, type WireEvent } from "../messages.ts";
import type { EtcdConnection, EtcdDeps, Member } from "./connection.ts";

type Request = Parameters<typeof watchRequest.encode>[0];
type Response = Message<typeof watchResponse>;
type Stream = ClientDuplexStream<Request, Response>;

const watchMethod = { path: "/etcdserverpb.Watch/Watch", request: watchRequest, response: watchResponse };
/** From the smallest key to the end. upstream: clientv3.WithFromKey */
const everything = { key: Buffer.from([0]), rangeEnd: Buffer.from([0]) };
/**
 * Who made a write is put here by the same transaction, after it: what this key held at a revision is that revision's
 * author. So it is compacted with the history, as the times of history/timeline.ts are.
 */
export const authorKey = Buffer.from("/mini-k8s/author");
const authorKeyText = authorKey.toString();
/** How long connecting is tried before it is said in the log. */
const connectMaxMs = 15_000;
const pauseFirstMs = 50;
const pauseMaxMs = 2000;

interface Watch {
  readonly id: bigint;
  readonly follower: Follower;
  /** The next revision it is to deliver. */
  next: Revision;
}

export class EtcdWatches {
  readonly #connection: EtcdConnection;
  readonly #deps: EtcdDeps;
  readonly #watches = new Map<bigint, Watch>();
  #lastId = 0n;
  #stream: Stream | undefined;
  #isConnecting = false;
  #isClosed = false;

  constructor(connection: EtcdConnection, deps: EtcdDeps) {
    this.#connection = connection;
    this.#deps = deps;
  }

  follow(from: Revision, follower: Follower): Following {
    this.#lastId += 1n;
    const watch: Watch = { id: this.#lastId, follower, next: from };
    this.#watches.set(watch.id, watch);
    if (this.#stream !== undefined) this.#ask(this.#stream, watch);
    else void this.#connect();
    return {
      stop: () => {
        if (this.#watches.delete(watch.id)) this.#stream?.write({ cancel: { watchId: watch.id } });
      },
    };
  }

  close(): void {
    this.#isClosed = true;
    this.#stream?.cancel();
    const error = new StoreClosedError();
    for (const { follower } of this.#watches.values()) follower.failed(error);
    this.#watches.clear();
  }

  /** Until there is a stream, or nobody wants one. */
  async #connect(): Promise<void> {
    if (this.#isConnecting) return;
    this.#isConnecting = true;
    const { clock, random, log } = this.#deps;
    for (let pause = pauseFirstMs; !this.#isClosed && this.#stream === undefined;) {
      try {
        this.#open(await this.#connection.ready(clock.monotonic() + connectMaxMs));
      } catch (error) {
        log.warn("can't watch the datastore, will retry", { error: errorText(error) });
        await this.#connection.pause(pause * (0.5 + random.next()));
        pause = Math.min(2 * pause, pauseMaxMs);
      }
    }
    this.#isConnecting = false;
  }

  #open(member: Member): void {
    const stream = this.#connection.stream(member, watchMethod);
    this.#stream = stream;
    stream.on("data", (response: Response) => {
      if (this.#stream === stream) this.#receive(response);
    });
    let hasEnded = false;
    const end = (reason: string): void => {
      if (hasEnded) return;
      hasEnded = true;
      this.#lose(stream, member, reason);
    };
    stream.on("error", (error) => {
      end(errorText(error));
    });
    stream.on("end", () => {
      end("the member has ended the stream");
    });
    for (const watch of this.#watches.values()) this.#ask(stream, watch);
  }

  #lose(stream: Stream, member: Member, reason: string): void {
    if (this.#stream === stream) this.#stream = undefined;
    stream.cancel();
    if (this.#isClosed) return;
    this.#deps.log.warn("the datastore's watch broke off, goes on at the next member", {
      member: member.address,
      reason,
    });
    this.#connection.passOn(member);
    void this.#resume();
  }

  /** A member that takes streams only to end them must not be asked in a loop. */
  async #resume(): Promise<void> {
    await this.#connection.pause(pauseFirstMs * (0.5 + this.#deps.random.next()));
    if (this.#stream === undefined) await this.#connect();
  }

  #ask(stream: Stream, { id, next }: Watch): void {
    stream.write({ create: { ...everything, watchId: id, startRevision: next, prevKv: true } });
  }

  #receive(response: Response): void {
    const watch = this.#watches.get(response.watchId);
    if (watch === undefined) return;
    if (response.canceled) this.#onCanceled(watch, response);
    else if (response.events.length > 0) this.#deliver(watch, response.events);
  }

  #onCanceled(watch: Watch, { compactRevision, cancelReason }: Response): void {
    if (compactRevision > 0n) {
      this.#fail(watch, new CompactedError(compactRevision));
      return;
    }
    // The member has lost its leader, or stops: a new stream will tell which.
    this.#deps.log.debug("the member has canceled a watch", { reason: cancelReason });
    this.#stream?.destroy(new Error(cancelReason));
  }

  #deliver(watch: Watch, found: readonly WireEvent[]): void {
    const events: StoreEvent[] = [];
    for (const each of found) {
      const event = eventOf(each);
      if (event !== undefined && event.revision < watch.next) continue;
      const before = events.at(-1)?.revision ?? watch.next - 1n;
      const isNext = event?.revision === before || event?.revision === before + 1n;
      if (event === undefined || !isNext) {
        // Every revision has an event, and every event what was there before: compaction has taken some of it.
        if (events.length > 0) this.#hand(watch, events);
        this.#fail(watch, new CompactedError(before + 2n));
        return;
      }
      add(events, event);
    }
    if (events.length > 0) this.#hand(watch, events);
  }

  #hand(watch: Watch, events: readonly StoreEvent[]): void {
    watch.next = (events.at(-1)?.revision ?? watch.next - 1n) + 1n;
    watch.follower.events(events);
  }

  #fail(watch: Watch, error: Error): void {
    if (!this.#watches.delete(watch.id)) return;
    this.#stream?.write({ cancel: { watchId: watch.id } });
    watch.follower.failed(error);
  }
}

/** An author comes right after what it has written, and isn't an event of its own. */
function add(events: StoreEvent[], event: StoreEvent): void {
  const last = events.at(-1);
  if (event.key === authorKeyText && last?.revision === event.revision) {
    events[events.length - 1] = { ...last, author: event.entry.value.toString() };
  } else events.push(event);
}

/** Undefined when what was there before is missing. */
function eventOf({ type, kv, prevKv }: WireEvent): StoreEvent | undefined {
  if (kv === undefined) return undefined;
  const previous = prevKv === undefined ? undefined : entryOf(prevKv);
  const { modRevision: revision } = kv;
  const key = kv.key.toString("utf8");
  if (type === eventType.delete) {
    return previous === undefined ? undefined : { type: "delete", key, revision, entry: previous, previous };
  }
  const entry = entryOf(kv);
  if (previous === undefined && entry.version > 1n) return undefined;
  return { type: "put", key, revision, entry, previous };
}

/** The value is copied: a view would keep the whole message it came in. */
export function entryOf(kv: KeyValue): Entry {
  return {
    key: kv.key.toString("utf8"),
    value: Buffer.from(kv.value),
    createRevision: kv.createRevision,
    modRevision: kv.modRevision,
    version: kv.version,
  };
}
