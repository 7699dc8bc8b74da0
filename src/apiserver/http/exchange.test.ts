import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, connect as connectHttp2, type Http2ServerRequest } from "node:http2";
import { createServer as createHttpServer, type IncomingMessage } from "node:http";
import { connect, type AddressInfo, type Server } from "node:net";
import { test } from "node:test";
import { bodyOf, ClientGoneError, type Incoming } from "./exchange.ts";

/** What `leave` makes of a server's request, looked at once it has closed. */
async function closedRequest(server: Server, leave: (port: number) => void): Promise<Incoming> {
  const asked = once(server, "request") as Promise<[IncomingMessage | Http2ServerRequest]>;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  leave((server.address() as AddressInfo).port);
  const [incoming] = await asked;
  await new Promise<void>((resolve) => {
    incoming.once("close", resolve);
  });
  server.close();
  return incoming;
}

test("a body whose sender has left before anybody reads it fails, and isn't waited for", async () => {
  const incoming = await closedRequest(createHttpServer(), (port) => {
    const socket = connect(port, "127.0.0.1");
    socket.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{}", () => {
      setImmediate(() => socket.destroy());
    });
  });
  await assert.rejects(bodyOf(incoming).bytes(), ClientGoneError);
});

test("half a body of HTTP/2 isn't taken for the whole", async () => {
  const incoming = await closedRequest(createServer(), (port) => {
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
  await assert.rejects(bodyOf(incoming).bytes(), ClientGoneError);
});
