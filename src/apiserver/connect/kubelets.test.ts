/** Streams and logs that pass through to a kubelet, over real connections. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { after, test } from "node:test";
import { WebSocket } from "ws";
import { nodes, pods } from "#api/resources.ts";
import { systemClock } from "#base/clock.ts";
import { systemRandom } from "#base/random.ts";
import { createCa, issueCertificate } from "#pki/ca.ts";
import { openDoor, parsed } from "#testing/door-client.ts";
import { Channels, channelV5 } from "#wire/channels.ts";
import { serveRemoteCommand } from "#wire/remote-command.ts";

const json = { "content-type": "application/json" };

const { server, admin, h1, h2, close } = await openDoor();
after(close);

/** A kubelet that serves exec and logs, and remembers what it was asked. */
async function fakeKubelet(
  certificate = server.servingCertificate("system:node:n1"),
): Promise<{ port: number; asked: string[]; close: () => void }> {
  const asked: string[] = [];
  const kubelet = createServer(
    { cert: certificate.certificatePem, key: certificate.keyPem, ca: server.caPem, requestCert: true },
    (request, response) => {
      asked.push(`${request.method ?? ""} ${request.url ?? ""}`);
      const [, status] = /^\/containerLogs\/default\/refused-(\d+)/.exec(request.url ?? "") ?? [];
      if (request.url?.startsWith("/containerLogs/default/quiet") === true) {
        response.writeHead(400).end('container "c" in pod "quiet" is waiting to start: ContainerCreating');
      } else if (status !== undefined) response.writeHead(Number(status)).end("said so");
      else response.end("line 1\nline 2\n");
    },
  );
  kubelet.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    asked.push(`${request.method ?? ""} ${request.url ?? ""}`);
    assert.equal(request.headers.authorization, undefined);
    const options = { stdin: true, stdout: true, stderr: false, tty: false };
    void serveRemoteCommand({ request, socket, head }, options, systemClock).then(async (streams) => {
      streams?.stdout?.write(streams.stdin === undefined ? "" : await text(streams.stdin));
      await streams?.finish({ metadata: {}, status: "Success" });
    });
  });
  await new Promise<void>((resolve) => kubelet.listen(0, "127.0.0.1", resolve));
  return { port: (kubelet.address() as AddressInfo).port, asked, close: () => kubelet.close() };
}

async function podOnFakeNode(port: number, name: string): Promise<void> {
  const client = server.client({ name: "admin", groups: ["system:masters"] });
  const node = {
    metadata: { name: `n-${name}` },
    status: {
      addresses: [{ type: "InternalIP", address: "127.0.0.1" }],
      daemonEndpoints: { kubeletEndpoint: { Port: port } },
    },
  };
  await client.resource(nodes).create(node);
  const account = { metadata: { name: "default" } };
  await h2("POST", "/api/v1/namespaces/default/serviceaccounts", json, JSON.stringify(account));
  await client.resource(pods, "default").create({
    metadata: { name },
    spec: { nodeName: `n-${name}`, containers: [{ name: "c", image: "x" }] },
  });
}

test("exec passes through to the kubelet, which sees the server and not the user", async () => {
  const kubelet = await fakeKubelet();
  await podOnFakeNode(kubelet.port, "talks");
  const path = "/api/v1/namespaces/default/pods/talks/exec?command=cat&command=-&stdin=true&stdout=true";
  const socket = new WebSocket(`${server.url}${path}`, [channelV5], {
    ca: server.caPem,
    cert: admin.certificatePem,
    key: admin.keyPem,
  });
  const channels = new Channels(socket, { count: 5, canHalfClose: true, isClient: true });
  const stdin = channels.channel(0);
  const stdout = channels.channel(1);
  const result = channels.channel(3);
  await once(socket, "open");
  const payload = "0123456789".repeat(100_000);
  stdin.end(payload);
  const heard = text(stdout);
  assert.deepEqual(JSON.parse(await text(result)), { metadata: {}, status: "Success" });
  assert.equal(await heard, payload);
  assert.deepEqual(kubelet.asked, ["GET /exec/default/talks/c?command=cat&command=-&input=1&output=1"]);
  kubelet.close();
});

const noPort = (port: string, why: string): string =>
  `cannot convert to []int32: strconv.ParseUint: parsing ${JSON.stringify(port)}: ${why}`;

test("exec needs the power to create, an upgrade, a container, a pod", async () => {
  const kubelet = await fakeKubelet();
  await podOnFakeNode(kubelet.port, "guarded");
  const base = "/api/v1/namespaces/default/pods";
  const plain = await h2("GET", `${base}/guarded/exec?command=ls&stdout=true`);
  assert.deepEqual([plain.status, parsed(plain)["message"]], [400, "Upgrade request required"]);
  assert.equal((await h2("GET", `${base}/nobody/exec?command=ls`)).status, 404);
  for (const [path, status, said] of [
    ["nobody/portforward?ports=80,x", 400, noPort("x", "invalid syntax")],
    ["nobody/portforward?ports=", 400, noPort("", "invalid syntax")],
    ["guarded/portforward?ports=80&ports=65536", 400, noPort("65536", "value out of range")],
    ["guarded/portforward?ports=80,81&ports=82", 400, "Upgrade request required"],
    ["nobody/portforward", 404, 'pods "nobody" not found'],
  ] as const) {
    const refused = await h2("GET", `${base}/${path}`);
    assert.deepEqual([refused.status, parsed(refused)["message"]], [status, said]);
  }
  const other = await h2("GET", `${base}/guarded/log?container=z`);
  assert.equal(parsed(other)["message"], "container z is not valid for pod guarded");
  const reader = { rules: [{ verbs: ["get"], apiGroups: [""], resources: ["pods/exec"] }] };
  await h2(
    "POST",
    "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    json,
    JSON.stringify({ metadata: { name: "peek" }, ...reader }),
  );
  const binding = {
    metadata: { name: "peek" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "peek" },
    subjects: [{ kind: "User", name: "peeker", apiGroup: "rbac.authorization.k8s.io" }],
  };
  await h2("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", json, JSON.stringify(binding));
  const peeker = server.certificate("peeker");
  const socket = new WebSocket(`${server.url}${base}/guarded/exec?command=ls&stdout=true`, [channelV5], {
    ca: server.caPem,
    cert: peeker.certificatePem,
    key: peeker.keyPem,
  });
  const [error] = (await once(socket, "error")) as [Error];
  assert.match(error.message, /403/);
  for (const pod of ["guarded", "nobody"]) {
    const { certificatePem: cert, keyPem: key } = peeker;
    const { status, body } = await h1({ path: `${base}/${pod}/exec?command=ls&stdout=true`, cert, key });
    const { message } = JSON.parse(body.toString()) as { message: string };
    assert.deepEqual([status, message], [403, `pods "${pod}" is forbidden: `]);
  }
  assert.deepEqual(kubelet.asked, []);
  kubelet.close();
});

test("logs come from the kubelet; what it refuses becomes a Status", async () => {
  const kubelet = await fakeKubelet();
  await podOnFakeNode(kubelet.port, "logs");
  const got = await h2("GET", "/api/v1/namespaces/default/pods/logs/log?tailLines=2&timestamps=true&foo=bar");
  assert.deepEqual(
    [got.status, got.headers["content-type"], got.body.toString()],
    [200, "text/plain", "line 1\nline 2\n"],
  );
  assert.deepEqual(kubelet.asked, ["GET /containerLogs/default/logs/c?tailLines=2&timestamps=true"]);
  await podOnFakeNode(kubelet.port, "quiet");
  const refused = parsed(await h2("GET", "/api/v1/namespaces/default/pods/quiet/log"));
  assert.deepEqual(
    [refused["code"], refused["message"]],
    [400, 'container "c" in pod "quiet" is waiting to start: ContainerCreating'],
  );
  kubelet.close();
});

for (const [status, reason, message] of [
  [403, "Forbidden", "said so ( pods/log refused-403)"],
  [404, "NotFound", "the server could not find the requested resource ( pods/log refused-404)"],
  [
    418,
    undefined,
    "the server responded with the status code 418 but did not return more information ( pods/log refused-418)",
  ],
  [500, "InternalError", "Internal error occurred: said so"],
  [
    502,
    "InternalError",
    'an error on the server ("said so") has prevented the request from succeeding ( pods/log refused-502)',
  ],
  [503, "ServiceUnavailable", "the server is currently unable to handle the request ( pods/log refused-503)"],
] as const) {
  test(`a kubelet's ${status} for a log is told as upstream tells it`, async () => {
    const kubelet = await fakeKubelet();
    const name = `refused-${status}`;
    await podOnFakeNode(kubelet.port, name);
    const refused = parsed(await h2("GET", `/api/v1/namespaces/default/pods/${name}/log`));
    assert.deepEqual([refused["code"], refused["reason"], refused["message"]], [status, reason, message]);
    kubelet.close();
  });
}

test("a pod without a node has said nothing, in whatever way it is asked", async () => {
  const path = "/api/v1/namespaces/default/pods/waits/log";
  await server
    .client({ name: "admin", groups: ["system:masters"] })
    .resource(pods, "default")
    .create({ metadata: { name: "waits" }, spec: { containers: [{ name: "c", image: "x" }] } });
  const { certificatePem: cert, keyPem: key } = admin;
  const headers = { connection: "Upgrade", upgrade: "websocket" };
  for (const got of [
    await h2("GET", path),
    await h1({ path, cert, key }),
    await h1({ path, cert, key, headers }),
  ]) {
    assert.deepEqual([got.status, got.body.length, got.headers["content-length"]], [204, 0, undefined]);
  }
});

const chunkOf = (message: Buffer): string => message.toString("utf8");
const base64Of = (message: Buffer): string =>
  Buffer.from(message.toString("utf8"), "base64").toString("utf8");
for (const [offered, spoken, isBinary, read] of [
  [[], "", true, chunkOf],
  [["binary.k8s.io"], "binary.k8s.io", true, chunkOf],
  [["other", "base64.binary.k8s.io", "binary.k8s.io"], "base64.binary.k8s.io", false, base64Of],
] as const) {
  test(`logs come over a WebSocket that offers ${offered.join(", ") || "nothing"}, after an empty message`, async () => {
    const kubelet = await fakeKubelet();
    const name = `told-${offered.length}`;
    await podOnFakeNode(kubelet.port, name);
    const socket = new WebSocket(`${server.url}/api/v1/namespaces/default/pods/${name}/log`, [...offered], {
      ca: server.caPem,
      cert: admin.certificatePem,
      key: admin.keyPem,
    });
    const messages: Buffer[] = [];
    socket.on("message", (data: Buffer, binary) => {
      assert.equal(binary, isBinary);
      messages.push(data);
    });
    const [code] = (await once(socket, "close")) as [number];
    assert.deepEqual([code, socket.protocol, messages[0]?.length], [1000, spoken, 0]);
    assert.equal(messages.map(read).join(""), "line 1\nline 2\n");
    assert.deepEqual(kubelet.asked, [`GET /containerLogs/default/${name}/c`]);
    kubelet.close();
  });
}

test("logs aren't told in a protocol that is none of theirs; who leaves isn't followed to its end", async () => {
  const left = Promise.withResolvers<void>();
  const { certificatePem: cert, keyPem: key } = server.servingCertificate("system:node:n1");
  const kubelet = createServer({ cert, key }, (_, response) => {
    response.write("begun");
    response.once("close", () => {
      left.resolve();
    });
  });
  await new Promise<void>((resolve) => kubelet.listen(0, "127.0.0.1", resolve));
  await podOnFakeNode((kubelet.address() as AddressInfo).port, "followed");
  const open = (protocol: string): WebSocket =>
    new WebSocket(`${server.url}/api/v1/namespaces/default/pods/followed/log?follow=true`, [protocol], {
      ca: server.caPem,
      cert: admin.certificatePem,
      key: admin.keyPem,
    });
  const [error] = (await once(open(channelV5), "error")) as [Error];
  assert.match(error.message, /403/);
  await left.promise;
  const leaving = Promise.withResolvers<void>();
  kubelet.on("request", (_, response: ServerResponse) => {
    response.once("close", () => {
      leaving.resolve();
    });
  });
  const socket = open("binary.k8s.io");
  socket.on("message", (data: Buffer) => {
    if (data.toString("utf8") === "begun") socket.close();
  });
  await leaving.promise;
  kubelet.close();
});

test("logs of a kubelet whose certificate isn't good are there for who doesn't mind", async () => {
  const { clock, random } = { clock: systemClock, random: systemRandom };
  const stranger = createCa({ commonName: "stranger", days: 1, clock, random });
  const options = { commonName: "n1", ipAddresses: ["127.0.0.1"], usage: "server", days: 1 } as const;
  const kubelet = await fakeKubelet(issueCertificate(stranger, options));
  after(kubelet.close);
  await podOnFakeNode(kubelet.port, "unknown");
  const path = "/api/v1/namespaces/default/pods/unknown/log";
  assert.equal((await h2("GET", path)).status, 500);
  const skipped = await h2("GET", `${path}?insecureSkipTLSVerifyBackend=true`);
  assert.deepEqual([skipped.status, skipped.body.toString()], [200, "line 1\nline 2\n"]);
  const metrics = (await h2("GET", "/metrics")).body.toString();
  assert.match(metrics, /^kube_apiserver_pod_logs_backend_tls_failure_total 1$/m);
  assert.match(metrics, /^kube_apiserver_pod_logs_insecure_backend_total\{usage="skip_tls_allowed"\} 1$/m);
});

test("nodes/proxy passes paths and queries on", async () => {
  const kubelet = await fakeKubelet();
  await podOnFakeNode(kubelet.port, "proxied");
  const got = await h2("GET", "/api/v1/nodes/n-proxied/proxy/stats/summary?only=cpu");
  assert.equal(got.body.toString(), "line 1\nline 2\n");
  assert.deepEqual(kubelet.asked, ["GET /stats/summary?only=cpu"]);
  const bare = await h2("GET", "/api/v1/nodes/n-proxied/proxy");
  assert.deepEqual([bare.status, bare.headers["location"]], [301, "/api/v1/nodes/n-proxied/proxy/"]);
  kubelet.close();
});
