/**
 * Calls to the members of an etcd cluster. All goes to one member; when it can't be reached, or has lost its leader,
 * the next one has its turn. Pauses between rounds grow. Contract: a request that may have reached a member isn't sent
 * again unless the caller says that twice is as good as once.
 */
import {
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  connectivityState,
  credentials,
  Metadata,
} from "@grpc/grpc-js";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { MessageType } from "#wire/protobuf.ts";
import { StoreUnreachableError } from "../../store.ts";
import { isServiceError, OutcomeUnknownError, verdictOn } from "./errors.ts";

export interface EtcdTls {
  readonly caPem: string | undefined;
  readonly certificatePem: string | undefined;
  readonly keyPem: string | undefined;
}

export interface EtcdOptions {
  /** "host:port" of every member. */
  readonly members: readonly string[];
  /** Undefined: in the clear. */
  readonly tls: EtcdTls | undefined;
}

export interface EtcdDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export interface Member {
  readonly address: string;
  readonly client: Client;
}

export interface Method<In, Out> {
  /** "/etcdserverpb.KV/Range" */
  readonly path: string;
  readonly request: Pick<MessageType<unknown, In>, "encode">;
  readonly response: Pick<MessageType<Out, unknown>, "decode">;
}

/** A member answers or refuses within its own 7 s (5 s and two elections). upstream: etcd server ReqTimeout */
const callMaxMs = 8000;
/** A request is given up after this, all members tried. */
const requestMaxMs = 15_000;
/** A member that doesn't take the connection by then is passed over. */
const connectMaxMs = 1500;
const pauseFirstMs = 50;
const pauseMaxMs = 2000;

const channelOptions: ChannelOptions = {
  // upstream's client: 30 s and 10 s; a dead machine shall not hold a request that long. etcd's least is 5 s.
  "grpc.keepalive_time_ms": 10_000,
  "grpc.keepalive_timeout_ms": 5000,
  "grpc.max_receive_message_length": -1,
  "grpc.max_send_message_length": -1,
  "grpc.enable_retries": 0,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.min_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 1000,
};

export class EtcdConnection {
  /** For messages. */
  readonly name: string;
  readonly #deps: EtcdDeps;
  readonly #members: readonly Member[];
  /** Whose turn it is. */
  #at: number;
  readonly #closing = new AbortController();
  #isClosed = false;

  constructor(options: EtcdOptions, deps: EtcdDeps) {
    this.#deps = deps;
    this.name = options.members.join(",");
    const { tls } = options;
    const channel =
      tls === undefined
        ? credentials.createInsecure()
        : credentials.createSsl(bufferOf(tls.caPem), bufferOf(tls.keyPem), bufferOf(tls.certificatePem));
    this.#members = options.members.map((address) => ({
      address,
      client: new Client(`dns:${address}`, channel, channelOptions),
    }));
    // Several servers don't all choose the same member.
    this.#at = Math.floor(deps.random.next() * this.#members.length);
  }

  /**
   * `isRepeatable`: what was perhaps carried out already may be sent again. Otherwise OutcomeUnknownError says so.
   * StoreUnreachableError: nothing was carried out. Other refusals come as gRPC's ServiceError.
   */
  async call<In, Out>(method: Method<In, Out>, request: In, isRepeatable: boolean): Promise<Out> {
    const { clock, random } = this.#deps;
    const deadline = clock.monotonic() + requestMaxMs;
    for (let pause = pauseFirstMs; ; pause = Math.min(2 * pause, pauseMaxMs)) {
      const member = await this.ready(deadline);
      let reason: string;
      try {
        return await this.#send(member, method, request);
      } catch (error) {
        if (!isServiceError(error)) throw error;
        const verdict = verdictOn(error);
        if (verdict === "final") throw error;
        if (verdict === "unknown" && !isRepeatable) {
          throw new OutcomeUnknownError(error.details, { cause: error });
        }
        reason = error.details;
      }
      this.passOn(member);
      const pauseMs = pause * (0.5 + random.next());
      if (clock.monotonic() + pauseMs > deadline) throw new StoreUnreachableError(this.name, reason);
      await this.pause(pauseMs);
    }
  }

  /** A stream to the member whose turn it is. Requires a leader: a member that is cut off ends it. */
  stream<In, Out>(
    { client }: Member,
    { path, request, response }: Method<In, Out>,
  ): ClientDuplexStream<In, Out> {
    return client.makeBidiStreamRequest(
      path,
      (message: In) => request.encode(message),
      (bytes: Buffer) => response.decode(bytes),
      withLeader(),
    );
  }

  /** A member that is connected. Rejects with StoreUnreachableError when there is none by `deadline`. */
  async ready(deadline: number): Promise<Member> {
    const { clock, random } = this.#deps;
    let pause = pauseFirstMs;
    for (let tries = 1; ; tries++) {
      const member = this.#member();
      const until = Math.min(deadline, clock.monotonic() + connectMaxMs);
      if (await this.#isConnected(member.client, until)) return member;
      if (this.#isClosed) throw new StoreUnreachableError(this.name, "the store is closed");
      this.passOn(member);
      if (tries % this.#members.length !== 0) continue;
      const pauseMs = pause * (0.5 + random.next());
      if (clock.monotonic() + pauseMs > deadline) {
        throw new StoreUnreachableError(this.name, "no member takes the connection");
      }
      await this.pause(pauseMs);
      pause = Math.min(2 * pause, pauseMaxMs);
    }
  }

  /** `member` has failed: the next one's turn, unless another request has noticed already. */
  passOn(member: Member): void {
    if (this.#member() !== member) return;
    this.#at = (this.#at + 1) % this.#members.length;
  }

  /** Ends early when the store is closed. Keeps the process alive: at a start nothing else may. */
  async pause(ms: number): Promise<void> {
    await this.#deps.clock.sleep(ms, this.#closing.signal).catch(() => undefined);
  }

  close(): void {
    this.#isClosed = true;
    this.#closing.abort();
    for (const { client } of this.#members) client.close();
  }

  #member(): Member {
    return this.#members[this.#at] as Member;
  }

  /** False when connecting has failed, or takes too long. */
  async #isConnected(client: Client, deadline: number): Promise<boolean> {
    const { clock } = this.#deps;
    const channel = client.getChannel();
    for (let isFirst = true; !this.#isClosed; isFirst = false) {
      const state = channel.getConnectivityState(true);
      if (state === connectivityState.READY) return true;
      if (state === connectivityState.SHUTDOWN) return false;
      // Failed just now, in this try or somebody else's.
      if (state === connectivityState.TRANSIENT_FAILURE && !isFirst) return false;
      const left = deadline - clock.monotonic();
      if (left <= 0) return false;
      await new Promise<void>((resolve) => {
        channel.watchConnectivityState(state, clock.now() + left, () => {
          resolve();
        });
      });
    }
    return false;
  }

  #send<In, Out>(
    { client }: Member,
    { path, request, response }: Method<In, Out>,
    message: In,
  ): Promise<Out> {
    return new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        path,
        (given: In) => request.encode(given),
        (bytes: Buffer) => response.decode(bytes),
        message,
        withLeader(),
        { deadline: this.#deps.clock.now() + callMaxMs },
        (error, answer) => {
          if (error !== null) reject(error);
          else if (answer === undefined) reject(new Error(`${path} was answered with nothing`));
          else resolve(answer);
        },
      );
    });
  }
}

const bufferOf = (pem: string | undefined): Buffer | null => (pem === undefined ? null : Buffer.from(pem));

/** A member without a leader refuses at once instead of waiting for one. upstream: clientv3.WithRequireLeader */
function withLeader(): Metadata {
  const metadata = new Metadata();
  metadata.set("hasleader", "true");
  return metadata;
}
