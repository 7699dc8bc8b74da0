/** A request for a group version that another server serves, handed on to it. upstream: kube-aggregator/pkg/apiserver/handler_proxy.go */
import type { APIService } from "#api/generated/types/apiregistration-v1.ts";
import { StatusError } from "#api/meta/status.ts";
import { toRfc3339, type Clock } from "#base/clock.ts";
import { exchange, forwardedHeaders, handOver, passOn, type Backend } from "#apiserver/connect/backend.ts";
import { goErrorText } from "#apiserver/connect/go-errors.ts";
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
  if (!isAvailable(service)) return unavailable("service unavailable");
  let backend: Backend;
  try {
    backend = await deps.servers.backend(service, targetOf(call), call.user);
  } catch {
    return unavailable("service unavailable");
  }
  try {
    if (call.upgrade !== undefined) return await handOver(backend, call.method, call.upgrade, deps);
    const headers = forwardedHeaders(call, call.headerNames ?? ownHeaders);
    if (call.headerNames === undefined && call.body.contentType !== "") {
      headers["content-type"] = call.body.contentType;
    }
    return passOn(await exchange(backend, call, headers));
  } catch (error) {
    if (call.signal.aborted) throw error;
    const cause = causeOf(error);
    deps.servers.failed(cause);
    return unavailable(`error trying to reach service: ${reasonOf(cause, backend, deps.clock)}`);
  }
}

function targetOf({ path, query }: ApiCall): string {
  const text = query.toString();
  const encoded = path.split("/").map(encodeURIComponent).join("/");
  return text === "" ? encoded : `${encoded}?${text}`;
}

/** What the connection itself said, not the Status that it was wrapped in. */
const causeOf = (error: unknown): unknown =>
  error instanceof StatusError && error.cause !== undefined ? error.cause : error;

const reasonOf = (cause: unknown, { tls }: Backend, clock: Clock): string =>
  goErrorText(cause, tls?.serverName ?? "", toRfc3339(clock.now()));

/** As Go's http.Error writes it. */
const unavailable = (text: string): Answer => ({
  kind: "raw",
  status: 503,
  headers: { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" },
  body: `${text}\n`,
});
