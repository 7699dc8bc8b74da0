/** Lists of many chunks, whose memory goes round, and what HTTP/2 asks of a server beside the API. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type ClientHttp2Stream, type OutgoingHttpHeaders } from "node:http2";
import { request as httpsRequest } from "node:https";
import type { IncomingMessage } from "node:http";
import { buffer } from "node:stream/consumers";
import { after, suite, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { startTestServer } from "#testing/server.ts";

const maps = "/api/v1/namespaces/default/configmaps";
const objects = 60;

async function statusOf(stream: ClientHttp2Stream): Promise<unknown> {
  const [head] = (await once(stream, "response")) as [Record<string, unknown>];
  return head[":status"];
}

const items = (bytes: Buffer): unknown => (JSON.parse(bytes.toString("utf8")) as { items: unknown }).items;

suite("big answers", async () => {
  const server = await startTestServer();
  const { certificatePem: cert, keyPem: key } = server.certificate("admin", ["system:masters"]);
  const session = connect(server.url, { ca: server.caPem, cert, key });
  after(async () => {
    session.close();
    await server.close();
  });
  const ask = (headers: OutgoingHttpHeaders, body?: string): ClientHttp2Stream => {
    const stream = session.request({ ":path": maps, ...headers });
    stream.end(body);
    return stream;
  };
  for (let n = 0; n < objects; n++) {
    const data = { x: String(n).padStart(5, "-").repeat(8000) };
    const made = ask({ ":method": "POST" }, JSON.stringify({ metadata: { name: `big-${n}` }, data }));
    assert.equal(await statusOf(made), 201);
    await buffer(made);
  }

  test("several at once, one of them read late, one compressed, one over HTTP/1.1, are the same", async () => {
    const late = ask({});
    late.pause();
    const first = await Promise.all(Array.from({ length: 5 }, () => buffer(ask({}))));
    const zipped = gunzipSync(await buffer(ask({ "accept-encoding": "gzip" })));
    const h1 = httpsRequest({
      host: "127.0.0.1",
      port: server.port,
      path: maps,
      ca: server.caPem,
      cert,
      key,
    });
    h1.end();
    const [answer] = (await once(h1, "response")) as [IncomingMessage];
    const whole = [...first, zipped, await buffer(answer), await buffer(late)];
    const expected = items(first[0] as Buffer) as unknown[];
    assert.ok(expected.length >= objects);
    for (const bytes of whole) assert.deepEqual(items(bytes), expected);
  });

  test("who wants to be told before he sends is told", async () => {
    const stream = session.request({ ":path": maps, ":method": "POST", expect: "100-continue" });
    const continued = once(stream, "continue");
    const status = statusOf(stream);
    await continued;
    stream.end(JSON.stringify({ metadata: { name: "told" } }));
    assert.equal(await status, 201);
    stream.resume();
  });

  test("a tunnel is no method of this server", async () => {
    const stream = session.request({ ":method": "CONNECT", ":authority": "example.com:443" });
    assert.equal(await statusOf(stream), 405);
    stream.close();
  });
});
