import assert from "node:assert/strict";
import { once } from "node:events";
import {
  createServer,
  connect as connectHttp2,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import { createServer as createHttpServer, type IncomingMessage } from "node:http";
import { connect, type AddressInfo, type Server } from "node:net";
import { test } from "node:test";
import { bodyOf, ClientGoneError, type RequestHead } from "./exchange.ts";
import { Http2Exchange } from "./http2-exchange.ts";
import { NodeRequestHead } from "./node-exchange.ts";

/** What `leave` makes of a server's request, looked at once it has closed. */
async function closedRequest(
  server: Server,
  asked: Promise<RequestHead>,
  leave: (port: number) => void,
): Promise<RequestHead> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  leave((server.address() as AddressInfo).port);
  const head = await asked;
  await new Promise<void>((resolve) => {
    head.incoming.once("close", resolve);
  });
  server.close();
  return head;
}

test("a body whose sender has left before anybody reads it fails, and isn't waited for", async () => {
  const server = createHttpServer();
  const asked = once(server, "request").then(
    ([incoming]) => new NodeRequestHead(incoming as IncomingMessage),
  );
  const head = await closedRequest(server, asked, (port) => {
    const socket = connect(port, "127.0.0.1");
    socket.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{}", () => {
      setImmediate(() => socket.destroy());
    });
  });
  await assert.rejects(bodyOf(head).bytes(), ClientGoneError);
});

test("half a body of HTTP/2 isn't taken for the whole", async () => {
  const server = createServer();
  const asked = (once(server, "stream") as Promise<[ServerHttp2Stream, IncomingHttpHeaders]>).then(
    ([stream, headers]) => new Http2Exchange(stream, headers, []),
  );
  const head = await closedRequest(server, asked, (port) => {
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    const stream = session.request({ ":method": "POST" });
    stream.on("error", () => undefined);
    stream.write("{}", () => {
      session.ping(() => {
        stream.close(8);
        session.close();
      });
    });
  });
  await assert.rejects(bodyOf(head).bytes(), ClientGoneError);
});
