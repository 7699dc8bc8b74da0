/** Answers that pass through the server while it is told to stop: what has an end is sent to it, what has none ends well. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type ClientHttp2Stream } from "node:http2";
import { createServer, request as httpsRequest } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { nodes, pods, serviceAccounts } from "#api/resources.ts";
import { startTestServer, type TestServer } from "#testing/server.ts";

/** A kubelet that says the beginning of every answer, and keeps the rest for `finish`. */
async function hesitantKubelet(server: TestServer): Promise<{ finish: () => void; gone: Promise<unknown> }> {
  const { certificatePem: cert, keyPem: key } = server.servingCertificate("system:node:n");
  const open: ServerResponse[] = [];
  const gone: Promise<unknown>[] = [];
  const kubelet = createServer({ cert, key, ca: server.caPem, requestCert: true }, (request, response) => {
    const isStream = request.url?.startsWith("/events") === true;
    const hasEnd = !isStream && request.url?.includes("follow") !== true;
    response.writeHead(200, { "content-type": isStream ? "text/event-stream" : "text/plain" });
    response.write("begun\n");
    if (hasEnd) open.push(response);
    else gone.push(once(response, "close"));
  });
  kubelet.listen(0, "127.0.0.1");
  await once(kubelet, "listening");
  const client = server.client({ name: "admin", groups: ["system:masters"] });
  await client.resource(nodes).create({
    metadata: { name: "n" },
    status: {
      addresses: [{ type: "InternalIP", address: "127.0.0.1" }],
      daemonEndpoints: { kubeletEndpoint: { Port: (kubelet.address() as AddressInfo).port } },
    },
  });
  await client.resource(serviceAccounts, "default").create({ metadata: { name: "default" } });
  const spec = { nodeName: "n", containers: [{ name: "c", image: "x" }] };
  await client.resource(pods, "default").create({ metadata: { name: "p" }, spec });
  return {
    finish: () => {
      for (const response of open) response.end("finished\n");
      kubelet.close();
    },
    get gone() {
      return Promise.all(gone);
    },
  };
}

const log = "/api/v1/namespaces/default/pods/p/log";
const proxy = "/api/v1/nodes/n/proxy";

test("a log and a download are sent to their end; a log that is followed, and events, end without an error", async () => {
  const server = await startTestServer();
  const kubelet = await hesitantKubelet(server);
  const { certificatePem: cert, keyPem: key } = server.certificate("admin", ["system:masters"]);
  const credentials = { ca: server.caPem, cert, key };
  const session = connect(server.url, credentials);
  const overHttp2 = async (path: string): Promise<ClientHttp2Stream> => {
    const stream = session.request({ ":path": path });
    const [head] = (await once(stream, "response")) as [Record<string, unknown>];
    assert.equal(head[":status"], 200);
    await once(stream, "readable");
    return stream;
  };
  const overHttp1 = async (path: string): Promise<IncomingMessage> => {
    const request = httpsRequest(`${server.url}${path}`, { ...credentials, agent: false });
    request.end();
    const [response] = (await once(request, "response")) as [IncomingMessage];
    await once(response, "readable");
    return response;
  };
  const ending = [await overHttp1(log), await overHttp2(log), await overHttp2(`${proxy}/download`)];
  const followed = await overHttp1(`${log}?follow=1`);
  const unending = [followed, await overHttp2(`${log}?follow=true`), await overHttp2(`${proxy}/events`)];

  const closing = server.close();
  for (const each of unending) assert.equal(await text(each), "begun\n");
  assert.equal(followed.complete, true);
  await kubelet.gone;
  kubelet.finish();
  for (const each of ending) assert.equal(await text(each), "begun\nfinished\n");
  await closing;
});
