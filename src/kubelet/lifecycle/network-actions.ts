/** HTTP and TCP from the kubelet to a pod, for probes and hooks. upstream: pkg/probe/{http,tcp} */
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import type { Container, HTTPGetAction } from "#api/generated/types/core-v1.ts";
import type { Clock } from "#base/clock.ts";

export interface HttpTarget {
  readonly url: URL;
  /** Also where the URL doesn't show it. */
  readonly port: number;
  readonly headers: Readonly<Record<string, string>>;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/** Failures are errors whose message is Go's where users see it. */
export interface NetworkActions {
  http(target: HttpTarget, timeoutMs: number): Promise<HttpAnswer>;
  tcp(host: string, port: number, timeoutMs: number): Promise<void>;
}

const bodyBytesMax = 10 * 1024;
const redirectsMax = 10;

/** A port of the container by number or name. Undefined: no such port. */
export function resolvePort(port: number | string | undefined, container: Container): number | undefined {
  const number = Number(port);
  if (Number.isInteger(number) && number > 0 && number < 65536) return number;
  return container.ports?.find(({ name }) => name !== undefined && name === port)?.containerPort;
}

export function httpTarget(
  action: HTTPGetAction,
  container: Container,
  podIP: string,
  userAgent: string,
): HttpTarget {
  const port = resolvePort(action.port, container);
  if (port === undefined) throw new Error(`couldn't find port: ${String(action.port)}`);
  const host = action.host === undefined || action.host === "" ? podIP : action.host;
  const scheme = (action.scheme ?? "HTTP").toLowerCase();
  const path = (action.path ?? "/").startsWith("/") ? (action.path ?? "/") : `/${action.path ?? ""}`;
  const headers: Record<string, string> = { "user-agent": userAgent, accept: "*/*" };
  for (const { name, value } of action.httpHeaders ?? []) {
    if (value === "") delete headers[name.toLowerCase()];
    else headers[name.toLowerCase()] = value;
  }
  return { url: new URL(`${scheme}://${address(host, port)}${path}`), port, headers };
}

const address = (host: string, port: number): string =>
  host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;

const plainHost = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/g, "");

/** With its port, as Go prints it. */
const urlText = ({ url, port }: HttpTarget): string =>
  `${url.protocol}//${address(plainHost(url), port)}${url.pathname}${url.search}`;

export class SystemNetworkActions implements NetworkActions {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async http(target: HttpTarget, timeoutMs: number): Promise<HttpAnswer> {
    const deadline = new AbortController();
    const cancel = this.#clock.after(timeoutMs, () => {
      deadline.abort();
    });
    try {
      return await this.#follow(target, deadline.signal);
    } catch (error) {
      const why = deadline.signal.aborted
        ? "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        : socketText(error, plainHost(target.url), target.port);
      throw new Error(`Get "${urlText(target)}": ${why}`, { cause: error });
    } finally {
      cancel();
    }
  }

  /** Follows redirects within the same host; one that leads elsewhere is an answer in itself. */
  async #follow({ url, headers }: HttpTarget, signal: AbortSignal): Promise<HttpAnswer> {
    let at = url;
    for (let hops = 0; hops < redirectsMax; hops++) {
      const answer = await this.#once(at, headers, signal);
      const { location } = answer;
      if (answer.status < 300 || answer.status >= 400 || location === undefined) return answer;
      const next = new URL(location, at);
      if (next.hostname !== url.hostname) return answer;
      at = next;
    }
    throw new Error(`stopped after ${redirectsMax} redirects`);
  }

  #once(
    url: URL,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<HttpAnswer & { readonly location: string | undefined }> {
    const { promise, resolve, reject } = Promise.withResolvers<
      HttpAnswer & { readonly location: string | undefined }
    >();
    const onResponse = (response: IncomingMessage): void => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        if (bytes < bodyBytesMax) chunks.push(chunk);
        bytes += chunk.length;
        if (bytes >= bodyBytesMax) response.destroy();
      });
      response.once("error", reject);
      response.once("close", () => {
        const body = Buffer.concat(chunks).toString("utf8", 0, Math.min(bytes, bodyBytesMax));
        resolve({ status: response.statusCode ?? 0, body, location: response.headers.location });
      });
    };
    const options = { headers: { ...headers }, signal, agent: false as const };
    const request =
      url.protocol === "https:"
        ? httpsRequest(url, { ...options, rejectUnauthorized: false }, onResponse)
        : httpRequest(url, options, onResponse);
    request.once("error", reject);
    request.end();
    return promise;
  }

  tcp(host: string, port: number, timeoutMs: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const socket = connect({ host, port });
    const cancel = this.#clock.after(timeoutMs, () => {
      socket.destroy();
      reject(new Error(`dial tcp ${address(host, port)}: i/o timeout`));
    });
    socket.once("connect", () => {
      cancel();
      socket.destroy();
      resolve(undefined);
    });
    socket.once("error", (error) => {
      cancel();
      reject(new Error(socketText(error, host, port), { cause: error }));
    });
    return promise;
  }
}

const goTexts: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connect: connection refused",
  EHOSTUNREACH: "connect: no route to host",
  ENETUNREACH: "connect: network is unreachable",
  ETIMEDOUT: "i/o timeout",
};

function socketText(error: unknown, host: string, port: number): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  if (code === "ECONNRESET") return "EOF";
  const text = goTexts[code];
  return text === undefined ? error.message : `dial tcp ${address(host, port)}: ${text}`;
}

/** For simulated nodes: whoever is asked answers. */
export const simulatedNetworkActions: NetworkActions = {
  http: () => Promise.resolve({ status: 200, body: "" }),
  tcp: () => Promise.resolve(),
};
