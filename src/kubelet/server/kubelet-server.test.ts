import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { request as httpsRequest, type RequestOptions } from "node:https";
import { createServer as createTcpServer, connect as connectTcp, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import type { ConnectionOptions } from "node:tls";
import { join } from "node:path";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { after, before, suite, test } from "node:test";
import { WebSocket } from "ws";
import { aborted } from "#base/abort.ts";
import { systemClock, type Clock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import { createCa, issueCertificate } from "#pki/ca.ts";
import { SpdySession } from "#wire/spdy/session.ts";
import { SimulatedPodHost } from "../host/simulated.ts";
import { SimulatedMachine } from "../node/machine.ts";
import { Harness, testPod } from "../testing/harness.ts";
import { RequestError } from "./find-container.ts";
import { parseTarget, serveKubelet } from "./kubelet-server.ts";
import { StatsSummary } from "./stats-summary.ts";
import { exitStatus, streamOptions } from "./streams.ts";

const targets: readonly (readonly [url: string, verb: string, uid: string, container: string])[] = [
  ["/exec/shop/web/main?command=ls", "exec", "", "main"],
  ["/exec/shop/web/u-1/main", "exec", "u-1", "main"],
  ["/portForward/shop/web", "portForward", "", ""],
  ["/portForward/shop/web/u-1", "portForward", "u-1", ""],
  ["/containerLogs/shop/web/main", "containerLogs", "", "main"],
];
for (const [url, verb, uid, container] of targets) {
  test(`${url} leads to ${verb} of ${container === "" ? "the pod" : container}`, () => {
    const target = parseTarget(url);
    assert.deepEqual(
      { verb: target.verb, path: target.path, container: target.container },
      { verb, path: { namespace: "shop", pod: "web", uid }, container },
    );
  });
}

const options = (query: string): object => streamOptions(new URLSearchParams(query));
test("streams by the kubelet's names and by the API's; a terminal has no stderr of its own", () => {
  assert.deepEqual(options("input=1&output=1&error=1"), {
    stdin: true,
    stdout: true,
    stderr: true,
    tty: false,
  });
  assert.deepEqual(options("stdin=true&stdout=true&stderr=true&tty=true"), {
    stdin: true,
    stdout: true,
    stderr: false,
    tty: true,
  });
  assert.throws(() => options("tty=1"), RequestError);
});

test("exit codes as kubectl reads them", () => {
  assert.deepEqual(exitStatus(0), { metadata: {}, status: "Success" });
  assert.deepEqual(exitStatus(7), {
    metadata: {},
    status: "Failure",
    message: "command terminated with non-zero exit code: exit status 7",
    reason: "NonZeroExitCode",
    details: { causes: [{ reason: "ExitCode", message: "7" }] },
  });
});

const longLine = "x".repeat(1023);
/** More than all buffers on the way hold. */
const chattyLines = 12_000;

/** Nothing that it waits for is given up. */
const patient: Clock = {
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic(),
  after: (ms, run) => systemClock.after(ms, run),
  sleep: (_, signal) => aborted(signal),
};

interface Answer {
  readonly status: number;
  readonly body: string;
}

suite("the kubelet's API over TLS", () => {
  const deps = { clock: systemClock, random: systemRandom };
  const ca = createCa({ commonName: "ca", days: 1, ...deps });
  const leaf = (
    commonName: string,
    usage: "server" | "client",
    organizations: string[] = [],
  ): { cert: string; key: string } => {
    const { certificatePem, keyPem } = issueCertificate(ca, {
      commonName,
      organizations,
      usage,
      days: 1,
      dnsNames: ["localhost"],
    });
    return { cert: certificatePem, key: keyPem };
  };
  const serving = leaf("node-a", "server");
  const apiserver = leaf("kube-apiserver-kubelet-client", "client");
  const stranger = leaf("somebody", "client");
  const masters = leaf("admin", "client", ["system:masters"]);
  let folder = "";
  let port = 0;
  let harness: Harness;
  const stop = new AbortController();
  let served: Promise<void> = Promise.resolve();

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "mini-k8s-kubelet-"));
    port = await freePort();
    harness = new Harness({
      runtime: {
        logs: "files",
        programs: ({ kind, command }) => {
          if (kind === "container") {
            return async (process) => {
              process.write(command[0] === "chatty" ? `${longLine}\n`.repeat(chattyLines) : "hello\n");
              await process.nextSignal();
              process.write("bye\n");
              return 0;
            };
          }
          return async (process) => {
            if (command[0] === "cat") {
              for await (const chunk of process.stdin) process.write(chunk.toString());
            } else process.write(`ran ${command.join(" ")}`);
            process.write("warning", "stderr");
            return command[0] === "fail" ? 7 : 0;
          };
        },
        connect: () => Promise.resolve(connectTcp(echoPort, "127.0.0.1")),
      },
      parts: {
        host: new SimulatedPodHost(folder),
        serve: (view, signal) => {
          const machine = Object.assign(new SimulatedMachine(), { cpuUsageNanos: () => Promise.resolve(5n) });
          const stats = new StatsSummary({ view, runtime: harness.runtime, clock: harness.clock, machine });
          served = serveKubelet(
            {
              address: "127.0.0.1",
              port,
              clients: { users: ["kube-apiserver-kubelet-client"], groups: ["system:masters"] },
              tls: { certificatePem: serving.cert, keyPem: serving.key, clientCaPem: ca.certificatePem },
            },
            { view, runtime: harness.runtime, clock: patient, log: silentLogger, stats },
            AbortSignal.any([signal, stop.signal]),
          );
          return served;
        },
      },
    });
    await harness.start();
    await harness.create(testPod("web"));
    await new Promise<void>((resolve) => echo.listen(0, "127.0.0.1", resolve));
    echoPort = (echo.address() as AddressInfo).port;
  });

  after(async () => {
    stop.abort();
    await served;
    echo.close();
    await harness.stop();
    await rm(folder, { recursive: true, force: true });
  });

  let echoPort = 0;
  const echo = createTcpServer((socket) => {
    socket.pipe(socket);
  });

  const get = (path: string, identity: RequestOptions): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const target = {
        host: "127.0.0.1",
        port,
        path,
        ca: ca.certificatePem,
        servername: "localhost",
        agent: false as const,
      };
      const request = httpsRequest({ ...target, ...identity }, (response: IncomingMessage) => {
        let body = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          body += chunk;
        });
        response.on("end", () => {
          resolve({ status: response.statusCode ?? 0, body });
        });
      });
      request.on("error", reject);
      request.end();
    });

  const trusted: ConnectionOptions = {
    ca: ca.certificatePem,
    checkServerIdentity: () => undefined,
    ...apiserver,
  };

  interface Exec {
    readonly stdout: string;
    readonly stderr: string;
    readonly status: unknown;
  }

  /** A client of v5.channel.k8s.io. */
  const exec = (path: string, stdin?: string): Promise<Exec> =>
    new Promise((resolve, reject) => {
      const url = `wss://127.0.0.1:${port}${path}`;
      const socket = new WebSocket(url, ["v5.channel.k8s.io"], trusted);
      const channels = ["", "", "", ""];
      socket.on("open", () => {
        if (stdin === undefined) return;
        socket.send(Buffer.concat([Buffer.from([0]), Buffer.from(stdin)]));
        socket.send(Buffer.from([255, 0]));
      });
      socket.on("message", (data: Buffer) => {
        channels[data[0] ?? 0] += data.subarray(1).toString();
      });
      socket.on("error", reject);
      socket.on("close", () => {
        const [, stdout = "", stderr = "", result = ""] = channels;
        resolve({ stdout, stderr, status: JSON.parse(result === "" ? "{}" : result) as unknown });
      });
    });

  test("lets in the API server and administrators, nobody else", async () => {
    const statuses = await Promise.all([{}, stranger, apiserver, masters].map((who) => get("/healthz", who)));
    assert.deepEqual(
      statuses.map(({ status }) => status),
      [401, 403, 200, 200],
    );
  });

  test("lists its pods with their status", async () => {
    const { body } = await get("/pods", apiserver);
    const { items } = JSON.parse(body) as {
      items: { metadata: { name: string }; status: { phase: string } }[];
    };
    assert.deepEqual(
      items.map(({ metadata, status }) => [metadata.name, status.phase]),
      [["web", "Running"]],
    );
  });

  test("gives logs, and says what is wrong with a request for them", async () => {
    assert.deepEqual(await get("/containerLogs/default/web/main", apiserver), {
      status: 200,
      body: "hello\n",
    });
    assert.equal((await get("/containerLogs/default/web/main?limitBytes=2", apiserver)).body, "he");
    assert.deepEqual(await get("/containerLogs/default/web/main?previous=true", apiserver), {
      status: 400,
      body: 'previous terminated container "main" in pod "web" not found',
    });
    assert.equal((await get("/containerLogs/default/web/main?tailLines=-1", apiserver)).status, 422);
    assert.equal((await get("/containerLogs/default/none/main", apiserver)).status, 404);
    assert.equal((await get("/containerLogs/default/web/none", apiserver)).status, 400);
    assert.equal((await get("/nothing", apiserver)).status, 404);
  });

  test("measures the node, its pods and their containers", async () => {
    const { node, pods } = JSON.parse((await get("/stats/summary", apiserver)).body) as {
      node: { nodeName: string };
      pods: { podRef: { name: string }; containers: { name: string }[] }[];
    };
    assert.equal(node.nodeName, "node-a");
    assert.deepEqual(
      pods.map(({ podRef, containers }) => [podRef.name, containers.map(({ name }) => name)]),
      [["web", ["main"]]],
    );
    assert.match(
      (await get("/metrics/resource", apiserver)).body,
      /container_cpu_usage_seconds_total\{container="main",namespace="default",pod="web"\} \d/,
    );
  });

  test("exec: output, exit code, stdin", async () => {
    assert.deepEqual(await exec("/exec/default/web/main?command=echo&command=hi&output=1&error=1"), {
      stdout: "ran echo hi",
      stderr: "warning",
      status: { metadata: {}, status: "Success" },
    });
    const failed = await exec("/exec/default/web/main?command=fail&output=1");
    assert.deepEqual(failed.status, exitStatus(7));
    assert.equal(
      (await exec("/exec/default/web/main?command=cat&input=1&output=1", "over there")).stdout,
      "over there",
    );
  });

  const forwarded = async (pod: string): Promise<SpdySession> => {
    const headers = {
      connection: "Upgrade",
      upgrade: "SPDY/3.1",
      "x-stream-protocol-version": "portforward.k8s.io",
    };
    const where = {
      host: "127.0.0.1",
      port,
      path: `/portForward/default/${pod}`,
      method: "POST",
      agent: false as const,
    };
    const request = httpsRequest({ ...where, ...trusted, headers });
    request.end();
    const [, socket] = (await once(request, "upgrade")) as [IncomingMessage, Duplex];
    return new SpdySession(socket, { clock: systemClock, isServer: false, onStream: () => false });
  };

  test("port-forward reaches the pod's port over SPDY", async () => {
    const session = await forwarded("web");
    const open = (streamtype: string): Duplex =>
      session.open([
        ["streamtype", streamtype],
        ["port", "80"],
        ["requestid", "1"],
      ]);
    const error = open("error");
    error.end();
    const data = open("data");
    data.end("round trip");
    assert.equal(await text(data), "round trip");
    assert.equal(await text(error), "");
    session.close();
    await session.closed;
  });

  test("exec into what isn't there is refused before the upgrade", async () => {
    await assert.rejects(exec("/exec/default/web/none?command=x&output=1"), /404/);
    await assert.rejects(exec("/exec/default/web/main?output=1"), /400/);
  });

  const begun = async (path: string): Promise<IncomingMessage> => {
    const target = { host: "127.0.0.1", port, path, ca: ca.certificatePem, servername: "localhost" };
    const request = httpsRequest({ ...target, agent: false, ...apiserver });
    request.end();
    const [response] = (await once(request, "response")) as [IncomingMessage];
    return response;
  };

  test("following a log ends with the container", async () => {
    const all = get("/containerLogs/default/web/main?follow=true", apiserver);
    await get("/healthz", apiserver);
    await harness.delete("web");
    assert.deepEqual(await all, { status: 200, body: "hello\nbye\n" });
  });

  test("told to stop: a log is sent to its end, one that is followed ends well, then exec hears that it is cut", async () => {
    await harness.create(testPod("talker"));
    await harness.create(testPod("chatty", {}, { command: ["chatty"] }));
    const whole = await begun("/containerLogs/default/chatty/main");
    const followed = await begun("/containerLogs/default/talker/main?follow=true");
    const forward = await forwarded("talker");
    const query = "command=cat&input=1&output=1";
    const socket = new WebSocket(
      `wss://127.0.0.1:${port}/exec/default/talker/main?${query}`,
      ["v5.channel.k8s.io"],
      trusted,
    );
    const heard = ["", "", "", ""];
    const echoed = Promise.withResolvers<void>();
    socket.on("message", (data: Buffer) => {
      heard[data[0] ?? 0] += data.subarray(1).toString();
      echoed.resolve();
    });
    const ended = once(socket, "close");
    await once(socket, "open");

    stop.abort();
    assert.equal(await text(followed), "hello\n");
    await assert.rejects(get("/healthz", apiserver), { code: "ECONNREFUSED" });
    socket.send(Buffer.concat([Buffer.from([0]), Buffer.from("still here")]));
    await echoed.promise;
    assert.deepEqual(heard, ["", "still here", "", ""]);
    assert.equal((await text(whole)).length, chattyLines * (longLine.length + 1));
    await ended;
    assert.deepEqual(JSON.parse(heard[3] ?? ""), {
      metadata: {},
      status: "Failure",
      message: "Internal error occurred: error executing command in container: the kubelet is shutting down",
      reason: "InternalError",
      details: {
        causes: [{ message: "error executing command in container: the kubelet is shutting down" }],
      },
      code: 500,
    });
    await forward.closed;
    await served;
  });
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createTcpServer();
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => {
        resolve(port);
      });
    });
  });
}
