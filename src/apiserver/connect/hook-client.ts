/**
 * Asks a webhook: one POST of JSON over TLS, to a service or to a URL, on connections that stay.
 * upstream: apiserver/pkg/util/webhook/client.go
 */
import type { IncomingMessage } from "node:http";
import { Agent, request as httpsRequest, type AgentOptions } from "node:https";
import { isIP } from "node:net";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import type { WebhookClientConfig } from "#api/generated/types/admissionregistration-v1.ts";
import { ChildAbort } from "#base/abort.ts";
import { toRfc3339, type Clock } from "#base/clock.ts";
import { goErrorText, joinHostPort, type Dialed } from "./go-errors.ts";
import { abortText, HookCallError, readAnswer, retryAfterMs } from "./hook-answer.ts";
import { watchPeer, type Peer } from "./peer-verdict.ts";
import { identityCheck, noteFailure, trustIn, type CertificateFaults } from "./server-certificate.ts";
import type { ClientCertificate } from "#client/identity.ts";
import { answerOf } from "#wire/answer-of.ts";
import type { HookIdentities } from "./hook-identities.ts";
import type { HostPort, ServiceResolver } from "./service-resolver.ts";

export interface HookClientDeps {
  readonly resolver: ServiceResolver;
  readonly clock: Clock;
  readonly faults?: CertificateFaults | undefined;
}

export interface HookRequest {
  readonly config: WebhookClientConfig;
  readonly body: unknown;
  readonly timeoutSeconds: number;
  readonly signal?: AbortSignal | undefined;
  /** As whom it is asked. Absent: as nobody. */
  readonly identities?: Pick<HookIdentities, "of"> | undefined;
}

/** upstream: defaultCacheSize */
const agentsMax = 200;
const idleMs = 90_000;
/** upstream: client-go/rest/request.go, how often one that is busy is asked again. */
const retriesMax = 10;
const defaultPort = 443;

interface Target {
  /** As messages show it. */
  readonly url: string;
  readonly path: string;
  /** The Host header. */
  readonly authority: string;
  /** Whom the certificate must name. */
  readonly serverName: string;
  /** By which it finds whom to be. */
  readonly identityName: string;
  readonly address: () => Promise<HostPort>;
}

interface Asked {
  readonly agent: HookAgent;
  readonly body: string;
  readonly bearerToken: string | undefined;
}

/** Remembers who it met, for what is said of connections that fail. */
class HookAgent extends Agent {
  readonly #caPem: string | undefined;
  readonly #peers = new WeakMap<Error, Peer>();

  constructor(caPem: string | undefined, options: AgentOptions) {
    super({
      keepAlive: true,
      timeout: idleMs,
      ALPNProtocols: ["http/1.1"],
      ...trustIn(caPem),
      ...options,
    });
    this.#caPem = caPem;
  }

  override createConnection(...args: Parameters<Agent["createConnection"]>): Duplex | null | undefined {
    const socket = super.createConnection(...args);
    if (socket instanceof TLSSocket) {
      watchPeer(socket, (peer) => {
        socket.once("error", (error: Error) => this.#peers.set(error, peer));
      });
    }
    return socket;
  }

  dialedBy(error: unknown, nowMs: number): Dialed | undefined {
    const peer = error instanceof Error ? this.#peers.get(error) : undefined;
    return peer === undefined ? undefined : { peer, caPem: this.#caPem, nowMs };
  }
}

export class HookClient {
  readonly #deps: HookClientDeps;
  /** By the authorities that the webhook's certificate may come from, and our own; those used last at the end. */
  readonly #agents = new Map<string, HookAgent>();

  constructor(deps: HookClientDeps) {
    this.#deps = deps;
  }

  /** The parsed answer. Throws HookCallError. */
  async call({ config, body, timeoutSeconds, signal, identities }: HookRequest): Promise<unknown> {
    const target = targetOf(config, timeoutSeconds, this.#deps.resolver);
    using deadline = new ChildAbort(signal ?? new AbortController().signal);
    const cancel = this.#deps.clock.after(timeoutSeconds * 1000, () => {
      deadline.abort(new Error("context deadline exceeded"));
    });
    try {
      const identity = (await identities?.of(target.identityName)) ?? {};
      const agent = this.#agentOf(config.caBundle ?? "", identity.certificate);
      const asked = { agent, body: JSON.stringify(body), bearerToken: identity.bearerToken };
      return await readAnswer(await this.#patiently(target, asked, deadline.signal), deadline.signal);
    } finally {
      cancel();
    }
  }

  /** Who says when to come again is asked again. Throws HookCallError. */
  async #patiently(target: Target, asked: Asked, signal: AbortSignal): Promise<IncomingMessage> {
    for (let retries = 0; ; retries++) {
      const response = await this.#post(target, asked, signal);
      const waitMs = retries < retriesMax ? retryAfterMs(response) : undefined;
      if (waitMs === undefined) return response;
      response.resume();
      try {
        await this.#deps.clock.sleep(waitMs, signal);
      } catch (error) {
        throw new HookCallError(abortText(signal), { cause: error });
      }
    }
  }

  async #post(target: Target, asked: Asked, signal: AbortSignal): Promise<IncomingMessage> {
    try {
      return await this.#send(target, asked, signal);
    } catch (error) {
      noteFailure(error, this.#deps.faults);
      const nowMs = this.#deps.clock.now();
      const text = signal.aborted
        ? abortText(signal)
        : goErrorText(error, target.serverName, toRfc3339(nowMs), asked.agent.dialedBy(error, nowMs));
      throw new HookCallError(`Post ${JSON.stringify(target.url)}: ${text}`, { cause: error });
    }
  }

  async #send(
    target: Target,
    { agent, body, bearerToken }: Asked,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const { host, port } = await abortable(target.address(), signal);
    const bytes = Buffer.from(body, "utf8");
    const outgoing = httpsRequest({
      host,
      port,
      path: target.path,
      method: "POST",
      agent,
      signal,
      ...(isIP(target.serverName) === 0 ? { servername: target.serverName } : {}),
      headers: {
        host: target.authority,
        accept: "application/json, */*",
        "content-type": "application/json",
        "content-length": bytes.length,
        "user-agent": "kube-apiserver-admission",
        ...(bearerToken === undefined ? {} : { authorization: `Bearer ${bearerToken}` }),
      },
    });
    const answered = answerOf(outgoing);
    outgoing.end(bytes);
    return answered;
  }

  #agentOf(caBundle: string, certificate: ClientCertificate | undefined): HookAgent {
    const key = certificate === undefined ? caBundle : `${caBundle} ${certificate.cert}`;
    let agent = this.#agents.get(key);
    this.#agents.delete(key);
    const caPem = caBundle === "" ? undefined : Buffer.from(caBundle, "base64").toString("utf8");
    agent ??= new HookAgent(caPem, {
      checkServerIdentity: identityCheck(this.#deps.faults),
      ...certificate,
    });
    this.#agents.set(key, agent);
    if (this.#agents.size > agentsMax) {
      const [[oldest, idle] = []] = this.#agents;
      idle?.destroy();
      if (oldest !== undefined) this.#agents.delete(oldest);
    }
    return agent;
  }
}

function targetOf(
  { url, service }: WebhookClientConfig,
  timeoutSeconds: number,
  resolver: ServiceResolver,
): Target {
  const query = `?timeout=${timeoutSeconds}s`;
  if (service !== undefined) {
    const { namespace, name, port = defaultPort, path = "" } = service;
    const serverName = `${name}.${namespace}.svc`;
    const authority = joinHostPort(serverName, port);
    const at = `${path.startsWith("/") ? path : `/${path}`}${query}`;
    const address = (): Promise<HostPort> => resolver.resolve(namespace, name, port);
    return {
      url: `https://${authority}${at}`,
      path: at,
      authority,
      serverName,
      identityName: `${serverName}:${port}`,
      address,
    };
  }
  if (url === undefined) throw new HookCallError("webhook configuration must have either service or URL");
  const parsed = parseUrl(url);
  const serverName = parsed.hostname.replace(/^\[(.*)\]$/, "$1");
  const port = parsed.port === "" ? defaultPort : Number(parsed.port);
  const at = `${parsed.pathname}${query}`;
  return {
    url: `https://${parsed.host}${at}`,
    path: at,
    authority: parsed.host,
    serverName,
    identityName: joinHostPort(serverName, port),
    address: () => Promise.resolve({ host: serverName, port }),
  };
}

function parseUrl(url: string): URL {
  const parsed = URL.parse(url);
  if (parsed === null) throw new HookCallError(`Unparsable URL: parse ${JSON.stringify(url)}: invalid URL`);
  return parsed;
}

async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => {
    aborted.reject(signal.reason);
  };
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    signal.throwIfAborted();
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
