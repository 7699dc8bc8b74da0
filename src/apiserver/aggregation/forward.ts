/** A request for a group version that another server serves, handed on to it. upstream: kube-aggregator/pkg/apiserver/handler_proxy.go */
import type { IncomingMessage } from "node:http";
import type { APIService } from "#api/generated/types/apiregistration-v1.ts";
import type { Clock } from "#base/clock.ts";
import { errorText } from "#base/log.ts";
import {
  BackendError,
  exchange,
  forwardedFor,
  forwardedHeaders,
  hostOf,
  type Backend,
} from "#apiserver/connect/backend.ts";
import { handOver } from "#apiserver/connect/hand-over.ts";
import { proxiedAnswer } from "#apiserver/connect/proxied-answer.ts";
import type { Answer, ApiCall } from "#apiserver/request/call.ts";
import { isAvailable } from "./group-version.ts";
import type { RemoteServers } from "./remote-servers.ts";

export interface ForwardDeps {
  readonly servers: RemoteServers;
  readonly clock: Clock;
}

/** What a call from within the process says of itself. */
const ownHeaders = ["accept", "content-type", "user-agent"];

export async function forward(service: APIService, call: ApiCall, deps: ForwardDeps): Promise<Answer> {
  if (!isAvailable(service)) return undelivered(call);
  let backend: Backend;
  try {
    backend = await deps.servers.backend(service, targetOf(call), call.user);
  } catch {
    return undelivered(call);
  }
  try {
    if (call.upgrade !== undefined) {
      const headers = { ...backend.headers, "x-forwarded-for": forwardedFor(call) };
      return await handOver({ ...backend, headers }, call.method, call.upgrade, deps);
    }
    const headers = {
      ...forwardedHeaders(call, call.headerNames ?? ownHeaders),
      "x-forwarded-uri": pathOf(call),
    };
    if (call.headerNames === undefined && call.body.contentType !== "") {
      headers["content-type"] = call.body.contentType;
    }
    return await unlessRedirected(await exchange(backend, call, headers, deps), hostOf(backend));
  } catch (error) {
    if (call.signal.aborted) throw error;
    deps.servers.failed(causeOf(error));
    if (!(error instanceof BackendError)) return unavailable(errorText(error));
    return unavailable(`error trying to reach service: ${error.text(deps.clock)}`);
  }
}

/** upstream: proxyError */
function undelivered(call: ApiCall): Answer {
  call.undelivered?.();
  return unavailable("service unavailable");
}

const pathOf = ({ path }: ApiCall): string => path.split("/").map(encodeURIComponent).join("/");

function targetOf(call: ApiCall): string {
  const text = call.query.toString();
  return text === "" ? pathOf(call) : `${pathOf(call)}?${text}`;
}

/** What the connection itself said, not the Status that it was wrapped in. */
const causeOf = (error: unknown): unknown =>
  error instanceof Error && error.cause !== undefined ? error.cause : error;

/** It could send clients, with their credentials, to anybody. upstream: RejectForwardingRedirects */
async function unlessRedirected(response: IncomingMessage, host: string): Promise<Answer> {
  const { statusCode = 0, headers } = response;
  if (statusCode < 300 || statusCode > 399 || (headers.location ?? "") === "") {
    // It is asked under its own name, at the client's own path.
    return proxiedAnswer(response, { prefix: "", backendHost: host, clientHost: host });
  }
  response.destroy();
  const body = "the backend attempted to redirect this request, which is not permitted";
  const type = "text/plain; charset=utf-8";
  return {
    kind: "raw",
    status: 502,
    headers: { "content-type": type, "content-length": String(body.length) },
    body,
  };
}

/** As Go's http.Error writes it. */
const unavailable = (text: string): Answer => ({
  kind: "raw",
  status: 503,
  headers: { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" },
  body: `${text}\n`,
});
