/** Documents of a server that extends the API: discovery and OpenAPI, asked for in this server's own name. */
import { text } from "node:stream/consumers";
import { Agent, request as httpsRequest } from "node:https";
import type { IncomingMessage } from "node:http";
import type { APIService } from "#api/generated/types/apiregistration-v1.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import { tlsOptions, type Backend } from "#apiserver/connect/backend.ts";
import { goErrorText, joinHostPort } from "#apiserver/connect/go-errors.ts";
import { ChildAbort } from "#base/abort.ts";
import { toRfc3339, type Clock } from "#base/clock.ts";
import { answerOf } from "#wire/answer-of.ts";
import type { RemoteServers } from "./remote-servers.ts";

export interface RemoteDocument {
  /** Where it is from, as messages show it. */
  readonly url: string;
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export interface RemoteFetchDeps {
  readonly servers: RemoteServers;
  readonly clock: Clock;
}

export interface RemoteQuestion {
  readonly path: string;
  readonly accept: string;
  readonly user: UserInfo;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** Only whether somebody answers is of interest. */
  readonly takesAnyCertificate?: boolean | undefined;
}

/** There was no answer; the message is what Go's client would say. */
export class RemoteFetchError extends Error {
  override readonly name = "RemoteFetchError";
  readonly code = "REMOTE_FETCH";
  readonly url: string;
  constructor(url: string, reason: string, options?: ErrorOptions) {
    super(`Get ${JSON.stringify(url)}: ${reason}`, options);
    this.url = url;
  }
}

const bytesMax = 32 * 1024 * 1024;

/** Throws RemoteFetchError when there is no answer in time; what the resolver throws when there is nobody to ask. */
export async function fetchFrom(
  service: APIService,
  question: RemoteQuestion,
  { servers, clock }: RemoteFetchDeps,
): Promise<RemoteDocument> {
  const verified = await servers.backend(service, question.path, question.user);
  const backend = question.takesAnyCertificate === true ? unverified(verified) : verified;
  const url = urlOf(backend);
  using deadline = new ChildAbort(question.signal);
  const cancel = clock.after(question.timeoutMs, () => {
    deadline.abort(new Error("timeout"));
  });
  try {
    const response = await get(backend, { ...question, signal: deadline.signal });
    return {
      url,
      status: response.statusCode ?? 0,
      contentType: response.headers["content-type"] ?? "",
      body: await limited(response),
    };
  } catch (error) {
    const reason = deadline.signal.aborted
      ? "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
      : goErrorText(error, backend.tls?.serverName ?? "", toRfc3339(clock.now()));
    throw new RemoteFetchError(url, reason, { cause: error });
  } finally {
    cancel();
  }
}

const urlOf = ({ host, port, target }: Backend): string => `https://${joinHostPort(host, port)}${target}`;

const unverified = ({ tls, agent: _agent, ...backend }: Backend): Backend => ({
  ...backend,
  tls: tls === undefined ? undefined : { ...tls, caPem: undefined, trustsSystem: false },
});

function get(backend: Backend, { accept, signal }: RemoteQuestion): Promise<IncomingMessage> {
  const outgoing = httpsRequest({
    host: backend.host,
    port: backend.port,
    path: backend.target,
    signal,
    agent: backend.agent ?? new Agent(),
    ...(backend.tls === undefined ? {} : tlsOptions(backend.tls)),
    headers: { ...backend.headers, accept } as Record<string, string>,
  });
  const answered = answerOf(outgoing);
  outgoing.end();
  return answered;
}

async function limited(response: IncomingMessage): Promise<string> {
  let size = 0;
  response.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > bytesMax) response.destroy(new Error(`the answer is longer than ${bytesMax} bytes`));
  });
  return text(response);
}
