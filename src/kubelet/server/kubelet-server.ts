/** The kubelet's own API, HTTPS on port 10250. upstream: pkg/kubelet/server/server.go */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import { aborted } from "#base/abort.ts";
import { within, type Clock } from "#base/clock.ts";
import { errorText, type Logger } from "#base/log.ts";
import { findPod, RequestError, type PodPath } from "./find-container.ts";
import { verdictOn, type ClientPolicy } from "./client-policy.ts";
import { serveLogs } from "./container-logs.ts";
import type { KubeletView } from "./kubelet-view.ts";
import { OpenOnes } from "./open-ones.ts";
import { serveAttach, serveExec, serveForward, type StreamsDeps, type Upgrade } from "./streams.ts";
import type { StatsSummary } from "./stats-summary.ts";

export interface KubeletTls {
  readonly certificatePem: string;
  readonly keyPem: string;
  /** Certificates of clients are signed by this one. */
  readonly clientCaPem: string;
}

export interface KubeletServerOptions {
  readonly address: string;
  readonly port: number;
  readonly clients: ClientPolicy;
  readonly tls: KubeletTls;
}

export interface KubeletServerDeps extends StreamsDeps {
  readonly view: KubeletView;
  readonly stats: StatsSummary;
  readonly clock: Clock;
  readonly log: Logger;
}

interface Target {
  readonly verb: string;
  readonly path: PodPath;
  readonly container: string;
  readonly params: URLSearchParams;
}

/** How long answers that come to their end by themselves may go on. Below what a component has for its end. */
const drainMs = 15_000;
/** For the last words of streams that are cut. */
const lingerMs = 500;

/**
 * Serves until `signal` aborts. Then nobody else may come, logs that are followed end as if the container had, and other
 * answers have a while to be sent; last of all exec and attach are told that they are cut, and port-forwards are.
 */
export async function serveKubelet(
  options: KubeletServerOptions,
  deps: KubeletServerDeps,
  signal: AbortSignal,
): Promise<void> {
  const { certificatePem, keyPem, clientCaPem } = options.tls;
  const server = createServer({
    cert: certificatePem,
    key: keyPem,
    ca: clientCaPem,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: "TLSv1.2",
  });
  const answers = new OpenOnes<ServerResponse>();
  const upgraded = new OpenOnes<Duplex>();
  const cut = new AbortController();
  server.on("request", (request, response) => {
    answers.follow(response);
    void answer(request, response, { options, deps, signal });
  });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    upgraded.follow(socket);
    socket.on("error", () => undefined); // it closes, too
    void upgrade({ request, socket, head }, { options, deps, signal: cut.signal });
  });
  await listen(server, options);
  deps.log.info("kubelet serves", { address: options.address, port: options.port });
  await aborted(signal);
  server.close();
  await within(drainMs, answers.gone(), deps.clock);
  cut.abort(new Error("the kubelet is shutting down"));
  await within(lingerMs, upgraded.gone(), deps.clock);
  server.closeAllConnections();
  for (const socket of upgraded.all) socket.destroy();
}

function listen(server: Server, { address, port }: KubeletServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, address, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** "/exec/ns/pod/container" and "/exec/ns/pod/uid/container"; what has no container ends with the pod or its uid. */
export function parseTarget(url: string): Target {
  const { pathname, searchParams } = new URL(url, "https://kubelet");
  const [verb = "", namespace = "", pod = "", third = "", fourth = ""] = pathname
    .slice(1)
    .split("/")
    .map(decodeURIComponent);
  const hasContainer = verb !== "portForward";
  const uid = hasContainer ? (fourth === "" ? "" : third) : third;
  const container = hasContainer ? (fourth === "" ? third : fourth) : "";
  return { verb, path: { namespace, pod, uid }, container, params: searchParams };
}

interface AnswerContext {
  readonly options: KubeletServerOptions;
  readonly deps: KubeletServerDeps;
  /** What lasts as long as it is wanted is over. */
  readonly signal: AbortSignal;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  context: AnswerContext,
): Promise<void> {
  try {
    authorize(request, context.options.clients);
    const target = parseTarget(request.url ?? "/");
    await route(response, target, context);
  } catch (error) {
    fail(response, error, context.deps.log);
  }
}

function authorize(request: IncomingMessage, clients: ClientPolicy): void {
  const { socket } = request;
  const verdict = socket instanceof TLSSocket ? verdictOn(socket, clients) : "unauthenticated";
  if (verdict === "unauthenticated") throw new RequestError(401, "Unauthorized");
  if (verdict === "forbidden") throw new RequestError(403, "Forbidden");
}

async function route(
  response: ServerResponse,
  target: Target,
  { deps, signal }: AnswerContext,
): Promise<void> {
  switch (target.verb) {
    case "healthz":
      response.writeHead(200, { "content-type": "text/plain; charset=utf-8" }).end("ok");
      return;
    case "pods":
    case "runningpods":
      json(response, { kind: "PodList", apiVersion: "v1", metadata: {}, items: deps.view.pods() });
      return;
    case "containerLogs":
      await serveLogs(response, target, deps, signal);
      return;
    case "stats":
      json(response, await deps.stats.summary());
      return;
    case "metrics":
      response
        .writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" })
        .end(await deps.stats.resourceMetrics());
      return;
    case "exec":
    case "attach":
    case "portForward":
      findPod(deps.view, target.path);
      throw new RequestError(400, "Upgrade request required");
    default:
      throw new RequestError(404, "404 page not found");
  }
}

function json(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function fail(response: ServerResponse, error: unknown, log: Logger): void {
  const code = error instanceof RequestError ? error.code : 500;
  if (code === 500) log.warn("kubelet request failed", { error });
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const headers = { "content-type": "text/plain; charset=utf-8" };
  response.writeHead(code, headers).end(error instanceof RequestError ? error.message : errorText(error));
}

async function upgrade(connection: Upgrade, { options, deps, signal }: AnswerContext): Promise<void> {
  try {
    authorize(connection.request, options.clients);
    const target = parseTarget(connection.request.url ?? "/");
    switch (target.verb) {
      case "exec":
        await serveExec(connection, target, { ...deps, cut: signal });
        return;
      case "attach":
        await serveAttach(connection, target, { ...deps, cut: signal });
        return;
      case "portForward":
        await serveForward(connection, target.path, { ...deps, cut: signal });
        return;
      default:
        throw new RequestError(404, "404 page not found");
    }
  } catch (error) {
    refuse(connection.socket, error, deps.log);
  }
}

const statusTexts: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
};

function refuse(socket: Duplex, error: unknown, log: Logger): void {
  const code = error instanceof RequestError ? error.code : 500;
  if (code === 500) log.warn("kubelet stream failed", { error });
  const text = error instanceof RequestError ? error.message : errorText(error);
  socket.end(
    `HTTP/1.1 ${code} ${statusTexts[code] ?? "Internal Server Error"}\r\ncontent-type: text/plain; charset=utf-8\r\n` +
      `content-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`,
  );
}
