/**
 * Asks a webhook: one POST of JSON over TLS, to a service or to a URL, on connections that stay.
 * upstream: apiserver/pkg/util/webhook/client.go
 */
import type { IncomingMessage } from "node:http";
import { Agent, request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import type { WebhookClientConfig } from "#api/generated/types/admissionregistration-v1.ts";
import { ChildAbort } from "#base/abort.ts";
import { toRfc3339, type Clock } from "#base/clock.ts";
import { goErrorText, joinHostPort, statusText } from "./go-errors.ts";
import { identityCheck, noteFailure, type CertificateFaults } from "./server-certificate.ts";
import type { ClientCertificate } from "#client/identity.ts";
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

/** The webhook wasn't reached, or what it said is no JSON. The message is what Go's client would say. */
export class HookCallError extends Error {
  override readonly name = "HookCallError";
  readonly code = "HOOK_CALL";
}

/** upstream: defaultCacheSize */
const agentsMax = 200;
const idleMs = 90_000;
const answerBytesMax = 16 * 1024 * 1024;
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
  readonly agent: Agent;
  readonly body: string;
  readonly bearerToken: string | undefined;
}

export class HookClient {
  readonly #deps: HookClientDeps;
  /** By the authorities that the webhook's certificate may come from, and our own; those used last at the end. */
  readonly #agents = new Map<string, Agent>();

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
      const response = await this.#post(target, asked, deadline.signal);
      return await readAnswer(response);
    } catch (error) {
      if (error instanceof HookCallError) throw error;
      noteFailure(error, this.#deps.faults);
      const text = deadline.signal.aborted
        ? abortText(deadline.signal)
        : goErrorText(error, target.serverName, toRfc3339(this.#deps.clock.now()));
      throw new HookCallError(`Post ${JSON.stringify(target.url)}: ${text}`, { cause: error });
    } finally {
      cancel();
    }
  }

  async #post(
    target: Target,
    { agent, body, bearerToken }: Asked,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const { host, port } = await abortable(target.address(), signal);
    const bytes = Buffer.from(body, "utf8");
    return new Promise((resolve, reject) => {
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
      outgoing.once("response", resolve);
      outgoing.once("error", reject);
      outgoing.end(bytes);
    });
  }

  #agentOf(caBundle: string, certificate: ClientCertificate | undefined): Agent {
    const key = certificate === undefined ? caBundle : `${caBundle} ${certificate.cert}`;
    let agent = this.#agents.get(key);
    this.#agents.delete(key);
    agent ??= new Agent({
      keepAlive: true,
      timeout: idleMs,
      ALPNProtocols: ["http/1.1"],
      checkServerIdentity: identityCheck(this.#deps.faults),
      ...(caBundle === "" ? {} : { ca: Buffer.from(caBundle, "base64").toString("utf8") }),
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

const abortText = ({ reason }: AbortSignal): string =>
  reason instanceof Error && reason.message === "context deadline exceeded"
    ? reason.message
    : "context canceled";

async function readAnswer(response: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > answerBytesMax) {
      response.destroy();
      throw new HookCallError(`the answer is longer than ${answerBytesMax} bytes`);
    }
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString("utf8");
  const { statusCode = 0, headers } = response;
  const parsed = parse(text);
  if (statusCode < 200 || statusCode > 206) {
    const message = messageOfStatus(parsed.value);
    throw new HookCallError(message ?? statusText(statusCode, bodyText(text, headers["content-type"])));
  }
  if (text === "") {
    const type = headers["content-type"] ?? "";
    throw new HookCallError(`0-length response with status code: ${statusCode} and content type: ${type}`);
  }
  if (parsed.fault !== undefined) {
    throw new HookCallError(`couldn't get version/kind; json parse error: ${parsed.fault}`);
  }
  return parsed.value;
}

interface Parsed {
  readonly value?: unknown;
  readonly fault?: string;
}

function parse(text: string): Parsed {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    const first = text.trimStart()[0] ?? "";
    return {
      fault:
        first === "{" || first === "["
          ? "unexpected end of JSON input"
          : `invalid character ${JSON.stringify(first).replaceAll('"', "'")} looking for beginning of value`,
    };
  }
}

function messageOfStatus(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { kind, status, message } = value as { kind?: unknown; status?: unknown; message?: unknown };
  const isStatus = kind === "Status" && status !== "Success";
  return isStatus && typeof message === "string" && message !== "" ? message : undefined;
}

/** upstream: client-go isTextResponse */
const bodyText = (text: string, contentType = ""): string =>
  contentType === "" || contentType.startsWith("text/") ? text.trim() : "unknown";
