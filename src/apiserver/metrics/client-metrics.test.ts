/** Clients of the API, their queues and leases, as the metrics of their process show them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Registry } from "prom-client";
import { failure } from "#api/meta/status.ts";
import { configMaps, leases } from "#api/resources.ts";
import { aborted } from "#base/abort.ts";
import { ManualClock, settle, systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { SeededRandom } from "#base/random.ts";
import { ClientCounts } from "#client/client-counts.ts";
import type { Client, Transport } from "#client/client.ts";
import { LeaderElector } from "#client/leader/leader-election.ts";
import { createClient } from "#client/rest.ts";
import { RateLimitedQueue, runWorkers } from "#client/work/rate-limited.ts";
import { createFakeClient } from "#client/testing/fake-transport.ts";
import { startTestServer } from "#testing/server.ts";
import { createTlsTransport } from "#client/transport.ts";
import { startTestApiserver } from "#testing/cluster.ts";
import { registerClientMetrics } from "./client-metrics.ts";
import { metricsText } from "./exposition.ts";
import { valueIn } from "./testing/measured-server.ts";

/** What a server whose clients are counted there would say. */
function counting(): { readonly counts: ClientCounts; readonly text: () => Promise<string> } {
  const registry = new Registry();
  const counts = new ClientCounts();
  registerClientMetrics(registry, counts);
  return { counts, text: () => metricsText(registry) };
}

test("a queue's keys wait, are worked on and come again", async () => {
  const clock = new ManualClock();
  const name = "measured-queue";
  const { counts, text } = counting();
  const queue = new RateLimitedQueue({ name }, { clock, log: silentLogger, counts });
  const gate = Promise.withResolvers<void>();
  const stop = new AbortController();
  queue.add("a");
  queue.add("a");
  queue.add("b");
  await clock.advance(2000);
  const running = runWorkers(queue, 1, () => gate.promise, stop.signal);
  await settle();
  await clock.advance(5000);
  const meanwhile = await text();
  assert.equal(valueIn(meanwhile, "workqueue_adds_total", { name }), 2);
  assert.equal(valueIn(meanwhile, "workqueue_depth", { name }), 1);
  assert.equal(valueIn(meanwhile, "workqueue_unfinished_work_seconds", { name }), 5);
  assert.equal(valueIn(meanwhile, "workqueue_longest_running_processor_seconds", { name }), 5);
  assert.equal(valueIn(meanwhile, "workqueue_queue_duration_seconds_sum", { name }), 2);
  gate.reject(new Error("not yet"));
  await settle();
  const then = await text();
  assert.equal(valueIn(then, "workqueue_retries_total", { name }), 2);
  assert.equal(valueIn(then, "workqueue_work_duration_seconds_count", { name }), 2);
  assert.equal(valueIn(then, "workqueue_work_duration_seconds_bucket", { name, le: "10" }), 2);
  assert.equal(valueIn(then, "workqueue_work_duration_seconds_bucket", { name, le: "1" }), 1);
  assert.equal(valueIn(then, "workqueue_unfinished_work_seconds", { name }), 0);
  stop.abort();
  await running;
  assert.equal(valueIn(await text(), "workqueue_depth", { name }), 0);
});

test("requests within the process are counted by their answers, watches too", async () => {
  const { counts, text } = counting();
  await using server = await startTestApiserver({ counts });
  const client = createClient(server.transport(), { counts });
  const maps = client.resource(configMaps, "default");
  await maps.create({ metadata: { name: "x" } });
  await maps.list();
  await assert.rejects(maps.get("none"));
  const stop = new AbortController();
  for await (const event of maps.watch({}, stop.signal)) {
    assert.equal(event.type, "ADDED");
    break;
  }
  stop.abort();
  const now = await text();
  const get = { method: "GET", host: "local" };
  assert.equal(valueIn(now, "rest_client_requests_total", { ...get, code: "200" }), 2);
  assert.equal(valueIn(now, "rest_client_requests_total", { ...get, code: "404" }), 1);
  assert.equal(valueIn(now, "rest_client_request_duration_seconds_count", { verb: "GET", host: "local" }), 2);
});

test("over TLS, bodies have sizes; who isn't answered is told of as Go's client does", async () => {
  await using server = await startTestServer();
  const { certificatePem: cert, keyPem: key } = server.certificate("admin", ["system:masters"]);
  const options = { server: server.url, certificateAuthority: server.caPem };
  const identity = { identity: () => Promise.resolve({ certificate: { cert, key } }) };
  const { counts, text } = counting();
  const transport = createTlsTransport(options, { identity, clock: systemClock, log: silentLogger, counts });
  const maps = createClient(transport, { counts }).resource(configMaps, "default");
  await maps.create({ metadata: { name: "x" }, data: { text: "x".repeat(2000) } });
  const { host } = new URL(server.url);
  await transport.close();
  await assert.rejects(maps.get("x"));
  const now = await text();
  assert.equal(valueIn(now, "rest_client_requests_total", { code: "201", method: "POST", host }), 1);
  assert.equal(valueIn(now, "rest_client_requests_total", { code: "<error>", method: "GET", host }), 1);
  assert.ok(valueIn(now, "rest_client_request_size_bytes_sum", { verb: "POST", host }) > 2000);
  assert.ok(valueIn(now, "rest_client_response_size_bytes_sum", { verb: "POST", host }) > 2000);
});

test("what is put off by the server is counted as asked again", async () => {
  const clock = new ManualClock();
  const answers = [
    failure({ code: 429, reason: "TooManyRequests", message: "", details: { retryAfterSeconds: 1 } }),
  ];
  const host = "put-off.example:6443";
  const transport = {
    host,
    request: () => {
      const error = answers.shift();
      return error === undefined
        ? Promise.resolve({ status: 200, headers: {}, body: {} })
        : Promise.reject(error);
    },
  } as unknown as Transport;
  const { counts, text } = counting();
  const sending = createClient(transport, { clock, counts }).resource(configMaps, "default").get("x");
  await settle();
  await clock.advance(1000);
  await sending;
  const now = await text();
  const labels = { verb: "GET", host };
  assert.equal(valueIn(now, "rest_client_request_retries_total", { ...labels, code: "429" }), 1);
  assert.equal(valueIn(now, "rest_client_request_duration_seconds_count", labels), 2);
});

/** Who has a lease to win, and what is told of it. */
function electing(name: string): Electing {
  const clock = new ManualClock();
  const { client } = createFakeClient({ clock });
  const { counts, text } = counting();
  const deps = { client, clock, random: new SeededRandom(1), log: silentLogger, counts };
  const elector = new LeaderElector({ namespace: "kube-system", name, identity: "me" }, deps);
  const lead = async (signal: AbortSignal): Promise<{ over: Promise<void> }> => {
    const leading = Promise.withResolvers<void>();
    const over = elector.run(signal, async (own) => {
      leading.resolve();
      await aborted(own);
    });
    await leading.promise;
    return { over };
  };
  return { clock, client, text, lead };
}

interface Electing extends Pick<ReturnType<typeof counting>, "text"> {
  readonly clock: ManualClock;
  readonly client: Client;
  /** Resolves once it leads. */
  readonly lead: (signal: AbortSignal) => Promise<{ readonly over: Promise<void> }>;
}

test("who leads says so, and no longer when he has stopped", async () => {
  const { text, lead } = electing("measured-lease");
  assert.match(await text(), /^leader_election_master_status\{name="measured-lease"\} 0$/m);
  const stop = new AbortController();
  const { over } = await lead(stop.signal);
  assert.match(await text(), /^leader_election_master_status\{name="measured-lease"\} 1$/m);
  stop.abort();
  await over;
  assert.match(await text(), /^leader_election_master_status\{name="measured-lease"\} 0$/m);
});

test("a renewal that finds the lease changed is told of once it has looked again", async () => {
  const name = "changed-lease";
  const { clock, client, text, lead } = electing(name);
  const stop = new AbortController();
  const { over } = await lead(stop.signal);
  const slow = async (): Promise<number> => valueIn(await text(), "leader_election_slowpath_total", { name });
  await clock.advance(2000);
  assert.equal(await slow(), 0);
  const ofLeases = client.resource(leases, "kube-system");
  const lease = await ofLeases.get(name);
  await ofLeases.update({ ...lease, metadata: { ...lease.metadata, labels: { by: "another" } } });
  await clock.advance(2000);
  assert.equal(await slow(), 1);
  await clock.advance(2000);
  assert.equal(await slow(), 1);
  stop.abort();
  await over;
});
