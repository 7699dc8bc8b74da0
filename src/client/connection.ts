/** One HTTP/2 connection to the server. It is opened when made, and ends by itself when it is of no more use. */
import { connect, type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { ClientCertificate } from "./identity.ts";

export interface ServerAddress {
  /** "https://10.0.0.1:6443", maybe with a path before "/api". */
  readonly server: string;
  /** PEM. Without it the system's roots count. */
  readonly certificateAuthority?: string | undefined;
  /** The name in the server's certificate when it isn't the host of `server`. */
  readonly serverName?: string | undefined;
  /** Only for fetching a CA whose hash is checked afterwards. */
  readonly isUnverified?: boolean | undefined;
}

export interface ConnectionDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** Another server could be asked: a dead one is to be noticed sooner. */
  readonly hasOthers: () => boolean;
}

export interface ConnectionListener {
  reached(): void;
  /** It couldn't be opened, or has fallen silent. */
  failed(): void;
  ended(): void;
}

const connectMsMax = 10_000;
/** Upstream's health check: a ping after 30 s of silence, an answer within 15 s. */
const patient = { silenceMs: 30_000, pingMsMax: 15_000 };
/** A node counts as dead after 40 s. */
const quick = { silenceMs: 10_000, pingMsMax: 5000 };
/** Upstream's IdleConnTimeout. */
const unusedMs = 90_000;
/** Lists are large: with the default of 64 KiB each would take a round trip per window. */
const windowBytes = 8 * 1024 * 1024;
const streamWindowBytes = 4 * 1024 * 1024;
/** MiB of buffers per session; Node's 10 are too few for hundreds of watches. */
const sessionMemoryMax = 1000;

export class Connection {
  readonly server: string;
  readonly certificate: ClientCertificate | undefined;
  /** Resolves when requests can be sent, rejects when there will be none. */
  readonly connected: Promise<void>;
  readonly #session: ClientHttp2Session;
  readonly #deps: ConnectionDeps;
  readonly #listener: ConnectionListener;
  #requestCount = 0;
  #openStreams = 0;
  #isRetired = false;
  #isConnected = false;
  #lastHeardAt: number;
  #cancelTimer: (() => void) | undefined;

  constructor(
    address: ServerAddress,
    certificate: ClientCertificate | undefined,
    deps: ConnectionDeps,
    listener: ConnectionListener,
  ) {
    this.server = address.server;
    this.certificate = certificate;
    this.#deps = deps;
    this.#listener = listener;
    this.#lastHeardAt = deps.clock.monotonic();
    this.#session = connect(new URL(address.server).origin, {
      ...(address.certificateAuthority === undefined ? {} : { ca: address.certificateAuthority }),
      ...(address.serverName === undefined ? {} : { servername: address.serverName }),
      ...(certificate === undefined ? {} : { cert: certificate.cert, key: certificate.key }),
      rejectUnauthorized: address.isUnverified !== true,
      maxSessionMemory: sessionMemoryMax,
      settings: { enablePush: false, initialWindowSize: streamWindowBytes },
    });
    const connected = Promise.withResolvers<void>();
    // Whoever asks hears of the failure; nobody has to.
    connected.promise.catch(() => undefined);
    this.connected = connected.promise;
    this.#cancelTimer = deps.clock.after(connectMsMax, () => {
      this.#session.destroy(new Error(`no connection within ${connectMsMax} ms`));
    });
    this.#session.once("connect", () => {
      this.#session.setLocalWindowSize(windowBytes);
    });
    // Only then is it known how many streams the server allows.
    this.#session.once("remoteSettings", () => {
      this.#isConnected = true;
      this.#heard();
      this.#watchSilence(this.#patience.silenceMs);
      listener.reached();
      connected.resolve();
    });
    this.#session.on("error", (error) => {
      this.#failedUnlessOpen();
      connected.reject(error);
    });
    this.#session.once("goaway", () => {
      this.retire();
    });
    this.#session.once("close", () => {
      this.#cancelTimer?.();
      this.#failedUnlessOpen();
      this.#isRetired = true;
      connected.reject(new Error("the connection was closed"));
      listener.ended();
    });
  }

  /** How many requests were sent: with none, a failure isn't that of a connection gone stale. */
  get requestCount(): number {
    return this.#requestCount;
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  get hasRoom(): boolean {
    if (this.#isRetired || this.#session.closed || this.#session.destroyed) return false;
    if (!this.#isConnected) return true;
    return (
      this.#openStreams < (this.#session.remoteSettings.maxConcurrentStreams ?? Number.POSITIVE_INFINITY)
    );
  }

  open(headers: Record<string, string>, endStream: boolean): ClientHttp2Stream {
    this.#requestCount += 1;
    const stream = this.#session.request(headers, { endStream });
    this.#openStreams += 1;
    const heard = (): void => {
      this.#heard();
    };
    stream.on("response", heard);
    stream.on("end", heard);
    stream.once("close", () => {
      this.#openStreams -= 1;
      this.#heard();
      if (this.#isRetired && this.#openStreams === 0) this.#session.close();
    });
    return stream;
  }

  /** No new requests; open ones go on. */
  retire(): void {
    if (this.#isRetired) return;
    this.#isRetired = true;
    if (this.#openStreams === 0) this.#session.close();
  }

  destroy(): void {
    this.#isRetired = true;
    this.#session.destroy();
  }

  /** Before anybody is told who waits: they go on with another server. */
  #failedUnlessOpen(): void {
    if (!this.#isConnected && !this.#isRetired) this.#listener.failed();
  }

  #heard(): void {
    this.#lastHeardAt = this.#deps.clock.monotonic();
  }

  get #patience(): typeof patient {
    return this.#deps.hasOthers() ? quick : patient;
  }

  #watchSilence(ms: number): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#deps.clock.after(ms, () => {
      const { silenceMs } = this.#patience;
      const silentMs = this.#deps.clock.monotonic() - this.#lastHeardAt;
      if (this.#openStreams === 0 && silentMs >= unusedMs) this.retire();
      else if (this.#openStreams === 0) this.#watchSilence(Math.max(silenceMs, unusedMs - silentMs));
      else if (silentMs >= silenceMs) this.#ping();
      else this.#watchSilence(silenceMs - silentMs);
    });
  }

  #ping(): void {
    const { silenceMs, pingMsMax } = this.#patience;
    this.#cancelTimer = this.#deps.clock.after(pingMsMax, () => {
      this.#deps.log.debug("server answers no ping, connection dropped");
      this.#listener.failed();
      this.#session.destroy(new Error(`no answer to a ping within ${pingMsMax} ms`));
    });
    this.#session.ping((error) => {
      if (error !== null) return;
      this.#heard();
      this.#watchSilence(silenceMs);
    });
  }
}
