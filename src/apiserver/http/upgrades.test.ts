import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { PassThrough, type Duplex } from "node:stream";
import { test } from "node:test";
import { Registry } from "prom-client";
import { ManualClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { SeededRandom } from "#base/random.ts";
import { AuditLostError, type Auditor } from "#apiserver/audit/auditor.ts";
import { metricsText } from "#apiserver/metrics/exposition.ts";
import { valueIn } from "#apiserver/metrics/testing/measured-server.ts";
import { anonymous } from "#apiserver/authn/authenticator.ts";
import type { Answer, ApiCall } from "#apiserver/request/call.ts";
import { Drain } from "./drain.ts";
import { RequestMetrics } from "./metrics.ts";
import { Identification } from "./identification.ts";
import { Targets } from "./target.ts";
import { Upgrades } from "./upgrades.ts";

const url = "/apis/demo.example.com/v1/things?watch=true";
const requestFor = (method: string, to: string): IncomingMessage =>
  ({ method, url: to, headers: { upgrade: "echo" }, rawHeaders: [] }) as unknown as IncomingMessage;

interface Asked {
  readonly request?: IncomingMessage;
  /** Asked for each request. */
  readonly auditor?: Pick<Auditor, "begin">;
  readonly registry?: Registry;
  /** Where it comes to. */
  readonly arrive?: (call: ApiCall) => void;
  /** While it is answered. */
  readonly meanwhile?: (socket: Duplex) => void;
}

/** Of an upgrade that is answered so: its client's connection. */
async function asked(
  answer: Answer,
  {
    request = requestFor("GET", url),
    auditor,
    registry = new Registry(),
    meanwhile,
    arrive = (call) => call.handled?.(),
  }: Asked = {},
): Promise<PassThrough> {
  const metrics = new RequestMetrics(registry, () => undefined);
  const socket = new PassThrough();
  const clock = new ManualClock();
  const identification = new Identification({
    clock,
    log: silentLogger,
    authenticator: { authenticate: () => Promise.resolve(anonymous) },
    authorizer: {
      authorize: () => ({ allowed: true, denied: false, reason: "" }),
      rulesFor: () => Promise.reject(new Error("not asked")),
    },
  });
  const upgrades = new Upgrades(
    {
      clock,
      log: silentLogger,
      random: new SeededRandom(1),
      serving: { sendsRetryAfter: false },
      auditor: () => auditor as Auditor | undefined,
      chain: (call) => {
        arrive(call);
        meanwhile?.(socket);
        return answer;
      },
      isRemote: () => true,
      metrics,
    },
    {
      targets: new Targets(),
      drain: new Drain(),
      identification,
      kindOf: ({ info, query }) => metrics.kindOf(info, query, true),
    },
  );
  assert.equal(upgrades.mayTakeOver(request), true);
  assert.equal(upgrades.tellsInMessages(request), false);
  await upgrades.handle(request, socket, Buffer.alloc(0));
  return socket;
}

/** What the client of an upgrade is told. */
const saidBy = async (answer: Answer, auditor?: Pick<Auditor, "begin">): Promise<string> =>
  String((await asked(answer, auditor === undefined ? {} : { auditor })).read());

test("a watch by who answers for a group that was another server's a moment ago isn't begun", async () => {
  let isCancelled = false;
  const items = { cancel: () => (isCancelled = true) };
  const said = await saidBy({ kind: "watch", items } as unknown as Answer);
  assert.match(said, /^HTTP\/1\.1 400 Bad Request\r\n.*\r\n\r\nthis resource knows no upgrade\n$/s);
  assert.equal(isCancelled, true);
});

const begin = (): Promise<never> => Promise.reject(new AuditLostError("failed to store audit event"));

test("what nobody could be told of is refused as any other request", async () => {
  const said = await saidBy({ kind: "hijacked" }, { begin });
  assert.match(said, /^HTTP\/1\.1 500 Internal Server Error\r\n/);
  const uri = JSON.stringify(url);
  assert.ok(said.endsWith(`\r\n\r\nInternal Server Error: ${uri}: failed to store audit event\n`), said);
});

test("what is taken over is counted: while it is open, and without a code when it is over", async () => {
  const registry = new Registry();
  const execUrl = "/api/v1/namespaces/default/pods/p/exec?command=sh";
  const request = requestFor("POST", execUrl);
  const labels = { verb: "CONNECT", version: "v1", resource: "pods", subresource: "exec", scope: "resource" };
  const value = async (name: string, more: Record<string, string> = {}): Promise<number> =>
    valueIn(await metricsText(registry), name, { ...labels, component: "apiserver", ...more });
  const socket = await asked({ kind: "hijacked" }, { request, registry });
  assert.equal(await value("apiserver_longrunning_requests"), 1);
  assert.equal(await value("apiserver_request_total"), 0);
  const closed = once(socket, "close");
  socket.destroy();
  await closed;
  assert.equal(await value("apiserver_longrunning_requests"), 0);
  assert.equal(await value("apiserver_request_total", { code: "0" }), 1);
  assert.equal(await value("apiserver_request_duration_seconds_count"), 1);
});

test("that its server can't be asked is told as the aggregator's, and it isn't counted", async () => {
  const registry = new Registry();
  const answer: Answer = { kind: "raw", status: 503, headers: {}, body: "service unavailable" };
  await asked(answer, { registry, arrive: (call) => call.undelivered?.() });
  const ended = { component: "aggregator", code: "503", group: "demo.example.com" };
  assert.equal(valueIn(await metricsText(registry), "apiserver_request_terminations_total", ended), 1);
  assert.equal(valueIn(await metricsText(registry), "apiserver_request_total", {}), 0);
});

test("what is said instead is said with all its headers", async () => {
  const headers = { "x-a": ["1", "2"], "retry-after": "3", "content-length": "9" };
  const said = await saidBy({ kind: "raw", status: 503, headers, body: "no" });
  const own =
    "Connection: close\r\nAudit-Id: .*\r\nCache-Control: no-cache, private\r\nContent-Type: text/plain\r\n";
  const theirs = "x-a: 1\r\nx-a: 2\r\nretry-after: 3\r\nContent-Length: 2\r\n\r\nno";
  assert.match(said, new RegExp(`^HTTP/1.1 503 Service Unavailable\r\n${own}${theirs}$`));
});

test("what is known of a connection that was handed over is complete, also when that has ended before", async () => {
  const completed: number[] = [];
  const record = {
    started: () => undefined,
    annotate: () => undefined,
    complete: (code: number) => completed.push(code),
  };
  const auditor = { begin: () => Promise.resolve(record) } as unknown as Pick<Auditor, "begin">;
  await asked({ kind: "hijacked" }, { auditor, meanwhile: (socket) => socket.destroy() });
  assert.deepEqual(completed, [101]);
});
