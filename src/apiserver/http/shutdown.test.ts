/** An exec, a watch and a long list in flight when the server is told to stop: upstream's graceful end. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type ClientHttp2Session } from "node:http2";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { WebSocket } from "ws";
import { configMaps, nodes, pods, serviceAccounts } from "#api/resources.ts";
import { systemClock } from "#base/clock.ts";
import type { Client } from "#client/client.ts";
import { startTestServer, type TestServer } from "#testing/server.ts";
import { Channels, channelV5 } from "#wire/channels.ts";
import { serveRemoteCommand } from "#wire/remote-command.ts";

const listed = 30;

/** A kubelet whose exec gives back what it reads. */
async function echoingKubelet(server: TestServer): Promise<{ port: number; close: () => void }> {
  const { certificatePem: cert, keyPem: key } = server.servingCertificate("system:node:n");
  const kubelet = createServer({ cert, key, ca: server.caPem, requestCert: true });
  kubelet.on("upgrade", (request, socket, head) => {
    socket.on("error", () => undefined);
    const options = { stdin: true, stdout: true, stderr: false, tty: false };
    void serveRemoteCommand({ request, socket, head }, options, systemClock).then((streams) => {
      if (streams?.stdin !== undefined && streams.stdout !== undefined) streams.stdin.pipe(streams.stdout);
    });
  });
  kubelet.listen(0, "127.0.0.1");
  await once(kubelet, "listening");
  return {
    port: (kubelet.address() as AddressInfo).port,
    close: () => {
      kubelet.close();
      kubelet.closeAllConnections();
    },
  };
}

async function fill(client: Client, kubeletPort: number): Promise<void> {
  await client.resource(nodes).create({
    metadata: { name: "n" },
    status: {
      addresses: [{ type: "InternalIP", address: "127.0.0.1" }],
      daemonEndpoints: { kubeletEndpoint: { Port: kubeletPort } },
    },
  });
  await client.resource(serviceAccounts, "default").create({ metadata: { name: "default" } });
  const spec = { nodeName: "n", containers: [{ name: "c", image: "x" }] };
  await client.resource(pods, "default").create({ metadata: { name: "p" }, spec });
  const data = { text: "x".repeat(500_000) };
  for (let at = 0; at < listed; at++) {
    await client.resource(configMaps, "default").create({ metadata: { name: `big-${at}` }, data });
  }
}

async function begun(session: ClientHttp2Session, path: string): Promise<ReturnType<typeof session.request>> {
  const stream = session.request({ ":path": path });
  const [head] = (await once(stream, "response")) as [Record<string, unknown>];
  assert.equal(head[":status"], 200);
  return stream;
}

test("the watch is ended, the list is sent to its end, the exec goes on until then and is cut", async () => {
  const server = await startTestServer();
  const kubelet = await echoingKubelet(server);
  await fill(server.client({ name: "admin", groups: ["system:masters"] }), kubelet.port);
  const { certificatePem: cert, keyPem: key } = server.certificate("admin", ["system:masters"]);
  const credentials = { ca: server.caPem, cert, key };

  const query = "command=cat&stdin=true&stdout=true";
  const exec = new WebSocket(
    `${server.url}/api/v1/namespaces/default/pods/p/exec?${query}`,
    [channelV5],
    credentials,
  );
  const channels = new Channels(exec, { count: 5, canHalfClose: true, isClient: true });
  const stdin = channels.channel(0);
  const stdout = channels.channel(1);
  const result = text(channels.channel(3));
  await once(exec, "open");
  const session = connect(server.url, credentials);
  const watch = await begun(session, "/api/v1/namespaces/default/configmaps?watch=true&resourceVersion=1");
  const watched = text(watch);
  // Nobody reads it yet: the server is in the middle of it.
  const list = await begun(session, "/api/v1/namespaces/default/configmaps");

  const closing = server.close();
  const lines = (await watched).trimEnd().split("\n");
  for (const line of lines) assert.equal((JSON.parse(line) as { type: string }).type, "ADDED");
  stdin.write("still here");
  const [echo] = (await once(stdout, "data")) as [Buffer];
  assert.equal(echo.toString("utf8"), "still here");

  const ended = once(exec, "close");
  const { items } = JSON.parse(await text(list)) as { items: unknown[] };
  assert.ok(items.length >= listed, `${items.length} items`);
  await ended;
  // Nobody knows how it would have ended.
  assert.equal(await result, "");
  await closing;
  kubelet.close();
});
