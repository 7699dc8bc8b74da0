/** The server's end, as clients in the middle of something see it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:http2";
import { Agent, request as httpsRequest } from "node:https";
import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { connect as connectTls } from "node:tls";
import { startTestServer, type TestServer } from "#testing/server.ts";

const maps = "/api/v1/namespaces/default/configmaps";

function credentialsOf(server: TestServer): { ca: string; cert: string; key: string } {
  const { certificatePem: cert, keyPem: key } = server.certificate("admin", ["system:masters"]);
  return { ca: server.caPem, cert, key };
}

test("a create that is still being sent is answered, a watch ends without an error, and the connection says goodbye", async () => {
  const server = await startTestServer();
  const session = connect(server.url, credentialsOf(server));
  const watching = session.request({ ":path": `${maps}?watch=true` });
  await once(watching, "response");
  const watched = text(watching);
  const creating = session.request({ ":method": "POST", ":path": maps, "content-type": "application/json" });
  const head = once(creating, "response") as Promise<[Record<string, unknown>]>;
  const created = text(creating);
  creating.write('{"metadata":{"name":');
  // Answered: what was written before it has arrived, too.
  const [probe] = (await once(session.request({ ":path": "/livez" }), "response")) as [
    Record<string, unknown>,
  ];
  assert.equal(probe[":status"], 200);
  const goodbye = once(session, "goaway");
  const closing = server.close();
  for (const line of (await watched).split("\n").filter((each) => each !== "")) {
    assert.notEqual((JSON.parse(line) as { type: string }).type, "ERROR");
  }
  await goodbye;
  creating.end('"late"}}');
  const [answer] = await head;
  assert.equal(answer[":status"], 201);
  assert.match(await created, /"name":"late"/);
  await closing;
});

test("while it serves on before its end it isn't ready; then new requests are told to come again, and health isn't", async () => {
  const stopping = new AbortController();
  const server = await startTestServer({ stopping: stopping.signal });
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ...credentialsOf(server) });
  const pending = httpsRequest({
    host: "127.0.0.1",
    port: server.port,
    method: "POST",
    path: maps,
    headers: { "content-type": "application/json" },
    ...credentialsOf(server),
  });
  pending.write('{"metadata":{"name":');
  const get = async (path: string): Promise<IncomingMessage & { body: string }> => {
    const request = httpsRequest({ host: "127.0.0.1", port: server.port, path, agent });
    request.end();
    const [response] = (await once(request, "response")) as [IncomingMessage];
    return Object.assign(response, { body: await text(response) });
  };
  assert.equal((await get("/readyz")).body, "ok");
  stopping.abort();
  const unready = await get("/readyz");
  assert.equal(unready.statusCode, 500);
  assert.match(unready.body, /^\[-\]shutdown failed: reason withheld$/m);
  assert.equal((await get("/livez")).statusCode, 200);
  assert.equal((await get(maps)).statusCode, 200);

  const watch = httpsRequest({
    host: "127.0.0.1",
    port: server.port,
    path: `${maps}?watch=1`,
    ...credentialsOf(server),
  });
  watch.end();
  const [watching] = (await once(watch, "response")) as [IncomingMessage];
  const half = connectTls({ host: "127.0.0.1", port: server.port, ...credentialsOf(server) });
  await once(half, "secureConnect");
  const refused = text(half);
  half.write(`GET ${maps} HTTP/1.1\r\nHost: x\r\n`);
  const upgrading = connectTls({ host: "127.0.0.1", port: server.port, ...credentialsOf(server) });
  await once(upgrading, "secureConnect");
  const notUpgraded = text(upgrading);
  upgrading.write(`GET ${maps} HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n`);
  assert.equal((await get("/livez")).statusCode, 200);
  const closing = server.close();
  // When the watch has ended, requests are refused.
  await text(watching);
  half.write("\r\n");
  assert.match(
    await refused,
    /^HTTP\/1\.1 503 .*\r\nretry-after: 1\r\ncontent-type: application\/json\r\n.*\r\n\r\n\{"kind":"Status",.*"message":"apiserver is shutting down","reason":"ServiceUnavailable","code":503\}\n$/s,
  );
  upgrading.write("\r\n");
  assert.match(
    await notUpgraded,
    /^HTTP\/1\.1 503 .*\r\nretry-after: 1\r\ncontent-type: application\/json\r\n/s,
  );
  pending.end('"x"}}');
  const [made] = (await once(pending, "response")) as [IncomingMessage];
  assert.equal(made.statusCode, 201);
  made.resume();
  await closing;
  agent.destroy();
});
