import assert from "node:assert/strict";
import { createServer } from "node:http2";
import { createServer as createHttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { ManualClock, settle, systemClock } from "#base/clock.ts";
import type { Container, Pod, Probe } from "#api/generated/types/core-v1.ts";
import {
  httpTarget,
  resolvePort,
  SystemNetworkActions,
  type HttpAnswer,
  type HttpTarget,
  type NetworkActions,
} from "../lifecycle/network-actions.ts";
import { Harness, testPod } from "../testing/harness.ts";
import { createGrpcHealth, decodeStatus, encodeRequest } from "./grpc-health.ts";
import type { ProbeResult } from "./probe-action.ts";
import { ProbeWorker, type ProbeKind } from "./probe-worker.ts";

interface Bench {
  readonly clock: ManualClock;
  readonly worker: ProbeWorker;
  readonly verdicts: boolean[];
  readonly runs: () => number;
  answer: ProbeResult["result"];
  hasStarted: boolean;
}

function bench(kind: ProbeKind, probe: Probe, initial?: boolean): Bench {
  const clock = new ManualClock();
  const verdicts: boolean[] = [];
  let runs = 0;
  const state = { answer: "success" as ProbeResult["result"], hasStarted: true };
  const worker = new ProbeWorker(
    { kind, probe, containerStartedMs: clock.now(), initial },
    {
      clock,
      run: () => {
        runs += 1;
        return Promise.resolve({ result: state.answer, output: "" });
      },
      hasStarted: () => state.hasStarted,
      onRun: () => undefined,
      onVerdict: (_kind, isGood) => verdicts.push(isGood),
    },
  );
  return Object.assign(state, { clock, worker, verdicts, runs: () => runs });
}

test("initial verdicts: alive, not ready, not known to have started", () => {
  const verdicts = (["liveness", "readiness", "startup"] as const).map(
    (kind) => bench(kind, {}).worker.verdict,
  );
  assert.deepEqual(verdicts, [true, false, undefined]);
  assert.equal(bench("readiness", {}, true).worker.verdict, true);
});

test("a probe begins after its delay and repeats each period", async () => {
  const it = bench("readiness", { initialDelaySeconds: 5, periodSeconds: 3 });
  await it.clock.advance(4999);
  assert.equal(it.runs(), 0);
  await it.clock.advance(1);
  assert.equal(it.runs(), 1);
  await it.clock.advance(9000);
  assert.equal(it.runs(), 4);
});

test("thresholds: so many failures in a row, so many successes in a row", async () => {
  const it = bench("readiness", { periodSeconds: 1, failureThreshold: 3, successThreshold: 2 });
  await it.clock.advance(0);
  assert.deepEqual(it.verdicts, []);
  await it.clock.advance(1000);
  assert.deepEqual(it.verdicts, [true]);
  it.answer = "failure";
  await it.clock.advance(2000);
  assert.deepEqual(it.verdicts, [true]);
  it.answer = "success";
  await it.clock.advance(1000);
  it.answer = "failure";
  await it.clock.advance(2000);
  assert.deepEqual(it.verdicts, [true], "a success in between starts the count again");
  await it.clock.advance(1000);
  assert.deepEqual(it.verdicts, [true, false]);
});

test("a probe that couldn't be made doesn't count", async () => {
  const it = bench("liveness", { periodSeconds: 1, failureThreshold: 1 });
  it.answer = "unknown";
  await it.clock.advance(5000);
  assert.equal(it.worker.verdict, true);
});

test("a failed liveness probe stops asking: the container is replaced", async () => {
  const it = bench("liveness", { periodSeconds: 1, failureThreshold: 2 });
  it.answer = "failure";
  await it.clock.advance(10_000);
  assert.equal(it.runs(), 2);
  assert.deepEqual(it.verdicts, [false]);
  assert.equal(it.clock.waiting, 0);
});

test("until the container has started, liveness and readiness wait", async () => {
  const it = bench("liveness", { periodSeconds: 10 });
  it.hasStarted = false;
  await it.clock.advance(30_000);
  assert.equal(it.runs(), 0);
  it.hasStarted = true;
  it.worker.hasten();
  await it.clock.advance(0);
  assert.equal(it.runs(), 1);
});

test("a startup probe ends with its first success", async () => {
  const it = bench("startup", { periodSeconds: 1, failureThreshold: 30 });
  it.answer = "failure";
  await it.clock.advance(3000);
  it.answer = "success";
  await it.clock.advance(10_000);
  assert.equal(it.runs(), 5);
  assert.deepEqual(it.verdicts, [true]);
});

/** Answers as told, by port. */
class FakeNetwork implements NetworkActions {
  readonly answers = new Map<number, number | string>();

  http({ port }: HttpTarget): Promise<HttpAnswer> {
    const answer = this.answers.get(port) ?? 200;
    return typeof answer === "string"
      ? Promise.reject(new Error(answer))
      : Promise.resolve({ status: answer, body: "" });
  }

  tcp(_host: string, port: number): Promise<void> {
    const answer = this.answers.get(port);
    return typeof answer === "string" ? Promise.reject(new Error(answer)) : Promise.resolve();
  }
}

const condition = (pod: Pod, type: string): string | undefined =>
  pod.status?.conditions?.find((one) => one.type === type)?.status;
const unhealthy = (harness: Harness): readonly string[] =>
  harness.events.filter(({ reason }) => reason === "Unhealthy").map(({ message }) => message);

test("readiness takes a pod out and puts it back", async () => {
  const network = new FakeNetwork();
  await using harness = new Harness({ parts: { network } });
  await harness.start();
  network.answers.set(80, 503);
  const readinessProbe: Probe = {
    httpGet: { port: "http", path: "/ready" },
    periodSeconds: 5,
    failureThreshold: 1,
  };
  const pod = await harness.create(
    testPod("web", {}, { readinessProbe, ports: [{ name: "http", containerPort: 80 }] }),
  );
  assert.equal(pod.status?.phase, "Running");
  assert.equal(condition(pod, "Ready"), "False");
  await harness.advance(0);
  assert.deepEqual(unhealthy(harness), ["Readiness probe failed: HTTP probe failed with statuscode: 503"]);
  network.answers.set(80, 200);
  await harness.advance(5000);
  assert.equal(condition(await harness.pod("web"), "Ready"), "True");
  network.answers.set(80, "dial tcp 10.88.0.1:80: connect: connection refused");
  await harness.advance(5000);
  assert.equal(condition(await harness.pod("web"), "Ready"), "False");
  assert.equal((await harness.pod("web")).status?.containerStatuses?.[0]?.restartCount, 0);
});

test("a failed liveness probe restarts the container within its own grace period", async () => {
  const network = new FakeNetwork();
  await using harness = new Harness({ parts: { network } });
  await harness.start();
  const livenessProbe: Probe = {
    tcpSocket: { port: 81 },
    periodSeconds: 1,
    failureThreshold: 2,
    terminationGracePeriodSeconds: 1,
  };
  await harness.create(testPod("web", {}, { livenessProbe }));
  network.answers.set(81, "dial tcp: i/o timeout");
  await harness.advance(1000);
  const status = (await harness.pod("web")).status?.containerStatuses?.[0];
  assert.equal(status?.restartCount, 1);
  assert.deepEqual(
    harness.events.filter(({ reason }) => reason === "Killing").map(({ message }) => message),
    ["Container main failed liveness probe, will be restarted"],
  );
  assert.match(unhealthy(harness)[0] ?? "", /^Liveness probe failed: dial tcp: i\/o timeout$/);
});

test("a container counts as started only when its startup probe passed, and is killed when it never does", async () => {
  let exitCode = 1;
  await using harness = new Harness({
    runtime: { programs: ({ kind }) => (kind === "exec" ? () => Promise.resolve(exitCode) : undefined) },
  });
  await harness.start();
  const startupProbe: Probe = { exec: { command: ["check"] }, periodSeconds: 10, failureThreshold: 2 };
  const container: Partial<Container> = { startupProbe, livenessProbe: { exec: { command: ["check"] } } };
  await harness.create(testPod("slow", {}, container));
  await harness.advance(0);
  const before = (await harness.pod("slow")).status?.containerStatuses?.[0];
  assert.deepEqual([before?.started, before?.ready], [false, false]);
  await harness.advance(10_000);
  assert.equal((await harness.pod("slow")).status?.containerStatuses?.[0]?.restartCount, 1);
  exitCode = 0;
  await harness.advance(10_000);
  await harness.advance(10_000);
  const after = (await harness.pod("slow")).status?.containerStatuses?.[0];
  assert.deepEqual([after?.started, after?.ready], [true, true]);
});

test("probes and timers of a pod end with it", async () => {
  await using harness = new Harness();
  await harness.start();
  const idle = harness.clock.waiting;
  await harness.create(
    testPod(
      "web",
      {},
      { livenessProbe: { httpGet: { port: 80 } }, readinessProbe: { httpGet: { port: 80 } } },
    ),
  );
  assert.equal(harness.clock.waiting, idle + 2);
  await harness.delete("web");
  assert.equal(harness.clock.waiting, idle);
});

const ports: readonly (readonly [port: number | string, resolved: number | undefined])[] = [
  [80, 80],
  ["8080", 8080],
  ["http", 81],
  ["nope", undefined],
  [0, undefined],
  [70_000, undefined],
];
for (const [port, resolved] of ports) {
  test(`port ${port} is ${resolved ?? "no port"}`, () => {
    assert.equal(resolvePort(port, { name: "main", ports: [{ name: "http", containerPort: 81 }] }), resolved);
  });
}

test("what a probe asks for", () => {
  const container: Container = { name: "main" };
  const { url, headers } = httpTarget(
    {
      port: 443,
      scheme: "HTTPS",
      path: "healthz?x=1",
      httpHeaders: [
        { name: "Host", value: "me" },
        { name: "Accept", value: "" },
      ],
    },
    container,
    "fd00::1",
    "kube-probe/1.35",
  );
  assert.equal(url.href, "https://[fd00::1]/healthz?x=1");
  assert.deepEqual(headers, { "user-agent": "kube-probe/1.35", host: "me" });
});

test("real requests: redirects within the host, refusals in Go's words", async () => {
  const server = createHttpServer((request, response) => {
    if (request.url === "/a") response.writeHead(302, { location: "/b" }).end();
    else if (request.url === "/away") response.writeHead(302, { location: "http://example.invalid/" }).end();
    else response.writeHead(request.url === "/b" ? 200 : 404).end("body");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const actions = new SystemNetworkActions(systemClock);
  const get = (path: string): Promise<number> =>
    actions
      .http({ url: new URL(`http://127.0.0.1:${port}${path}`), port, headers: {} }, 5000)
      .then(({ status }) => status);
  try {
    assert.deepEqual(await Promise.all([get("/a"), get("/away"), get("/none")]), [200, 302, 404]);
    await actions.tcp("127.0.0.1", port, 5000);
  } finally {
    server.close();
  }
  await assert.rejects(get("/a"), {
    message: `Get "http://127.0.0.1:${port}/a": dial tcp 127.0.0.1:${port}: connect: connection refused`,
  });
  await assert.rejects(actions.tcp("127.0.0.1", port, 5000), {
    message: `dial tcp 127.0.0.1:${port}: connect: connection refused`,
  });
});

test("gRPC health messages", () => {
  assert.equal(encodeRequest("").toString("hex"), "0000000000");
  assert.equal(encodeRequest("db").toString("hex"), "00000000040a026462");
  assert.equal(decodeStatus(Buffer.from("00000000020801", "hex")), 1);
  assert.equal(decodeStatus(Buffer.from("0000000000", "hex")), 0);
  assert.equal(decodeStatus(Buffer.from("0100000000", "hex")), undefined);
});

test("gRPC health over a real connection", async () => {
  const server = createServer();
  server.on("stream", (stream) => {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      const isKnown = Buffer.concat(chunks).equals(encodeRequest("db"));
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => {
        stream.sendTrailers({ "grpc-status": "0" });
      });
      stream.end(Buffer.from(isKnown ? "00000000020801" : "00000000020802", "hex"));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const check = createGrpcHealth(systemClock);
  try {
    assert.deepEqual(await check(`http://127.0.0.1:${port}`, "db", 5000), {
      isServing: true,
      text: "service healthy",
    });
    assert.deepEqual(await check(`http://127.0.0.1:${port}`, "", 5000), {
      isServing: false,
      text: 'service unhealthy (responded with "NOT_SERVING")',
    });
  } finally {
    server.close();
  }
  const refused = await check(`http://127.0.0.1:${port}`, "", 5000);
  assert.equal(refused.isServing, false);
  await settle();
});
