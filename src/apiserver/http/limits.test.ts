/** What a peer may cost the server before it is told, or cut off. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, suite, test } from "node:test";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { text } from "node:stream/consumers";
import { systemClock } from "#base/clock.ts";
import { FuzzClient } from "#testing/fuzz/http-case.ts";
import { startTestServer } from "#testing/server.ts";

/** However it comes about. */
const closeOf = (socket: TLSSocket): Promise<void> =>
  new Promise((resolve) => {
    socket.once("close", () => {
      resolve();
    });
  });

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const frameTypes = { headers: 1, reset: 3, settings: 4, ping: 6, continuation: 9 } as const;

const endOfStreamAndHeaders = 0x05;
/** GET / over https of the authority "x", in HPACK. */
const smallestHead = Buffer.from([0x82, 0x87, 0x84, 0x41, 0x01, 0x78]);

function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

suite("limits", async () => {
  const server = await startTestServer();
  const client = new FuzzClient(server, systemClock);
  const admin = server.certificate("admin", ["system:masters"]);
  const credentials = { ca: server.caPem, cert: admin.certificatePem, key: admin.keyPem };
  after(async () => {
    client.close();
    await server.close();
  });

  const open = async (protocol: string): Promise<TLSSocket> => {
    const socket = connectTls({
      host: "127.0.0.1",
      port: server.port,
      ALPNProtocols: [protocol],
      ...credentials,
    });
    socket.on("error", () => undefined);
    await once(socket, "secureConnect");
    return socket;
  };
  const serves = async (): Promise<void> => {
    const answer = await client.send(
      { method: "GET", path: "/livez", headers: {}, body: Buffer.alloc(0) },
      "h1",
    );
    assert.equal(answer?.body.toString("utf8"), "ok");
  };

  test("a head of half a MiB is read, one beyond a MiB is refused with 431", async () => {
    // Node's own client of HTTP/2 sends no more than 64 KiB.
    for (const [over, size] of [
      ["h1", 500_000],
      ["h2", 60_000],
    ] as const) {
      const path = `/api/v1/namespaces/default/configmaps?labelSelector=${"a".repeat(size)}`;
      const answer = await client.send({ method: "GET", path, headers: {}, body: Buffer.alloc(0) }, over);
      assert.equal(answer?.status, 400, over);
    }
    const socket = await open("http/1.1");
    const said = text(socket);
    // More than it takes to be refused: the answer arrives though the rest of it is still on its way.
    socket.write(`GET /livez HTTP/1.1\r\nHost: x\r\nX: ${"a".repeat(4 << 20)}`);
    const text431 = "431 Request Header Fields Too Large";
    assert.equal(
      await said,
      `HTTP/1.1 ${text431}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${text431}`,
    );
  });

  test("a body too long is refused before it comes, and not waited for", async () => {
    const socket = await open("http/1.1");
    const said = text(socket);
    socket.write(
      "POST /api/v1/namespaces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 4000000\r\n\r\n{",
    );
    assert.match(await said, /^HTTP\/1\.1 413 .*Request entity too large: limit is 3145728/s);
  });

  test("a body that doesn't come within the request's time is not waited for", async () => {
    const socket = await open("http/1.1");
    const said = text(socket);
    socket.write(
      "POST /api/v1/namespaces?timeout=50ms HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 40\r\n\r\n{",
    );
    assert.match(
      await said,
      /^HTTP\/1\.1 504 .*Timeout: request did not complete within the allotted timeout/s,
    );
  });

  test("what isn't HTTP gets 400 and is closed", async () => {
    const socket = await open("http/1.1");
    const said = text(socket);
    socket.write("\0\0\0\0\r\n\r\n");
    assert.match(await said, /^HTTP\/1\.1 400 Bad Request\r\n[^]*\r\n\r\n400 Bad Request$/);
  });

  test("what isn't HTTP behind a request gets no word amid its answer", async () => {
    const socket = await open("http/1.1");
    const said = text(socket);
    socket.write("GET /api/v1/namespaces?watch=true HTTP/1.1\r\nHost: x\r\n\r\n");
    await once(socket, "data");
    socket.write("\0\0\0\0\r\n\r\n");
    const all = await said;
    assert.match(all, /^HTTP\/1\.1 200 OK\r\n/);
    assert.doesNotMatch(all, /400 Bad Request/);
  });

  test("streams opened and reset at once end their connection, not the server", async () => {
    const socket = await open("h2");
    const closed = closeOf(socket);
    socket.resume();
    socket.write(Buffer.concat([Buffer.from(preface, "latin1"), frame(frameTypes.settings, 0, 0)]));
    let stream = 1;
    const more = (error?: Error | null): void => {
      if (!socket.writable) return;
      if (error !== undefined && error !== null) {
        socket.destroy();
        return;
      }
      const frames: Buffer[] = [];
      for (let rest = 100; rest > 0; rest--, stream += 2) {
        frames.push(frame(frameTypes.headers, endOfStreamAndHeaders, stream, smallestHead));
        frames.push(frame(frameTypes.reset, 0, stream, Buffer.from([0, 0, 0, 8])));
      }
      socket.write(Buffer.concat(frames), more);
    };
    more();
    await closed;
    await serves();
  });

  test("a head without an end, in frame after frame, ends its connection", async () => {
    const socket = await open("h2");
    const closed = closeOf(socket);
    socket.resume();
    socket.write(preface);
    socket.write(frame(frameTypes.settings, 0, 0));
    socket.write(frame(frameTypes.headers, 0, 1));
    const piece = frame(frameTypes.continuation, 0, 1);
    const more = (): void => {
      if (!socket.writable) return;
      socket.write(Buffer.concat(Array.from({ length: 100 }, () => piece)));
      setImmediate(more);
    };
    more();
    await closed;
    await serves();
  });

  for (const [name, flood] of [
    ["pings", frame(frameTypes.ping, 0, 0, Buffer.alloc(8))],
    ["settings", frame(frameTypes.settings, 0, 0)],
  ] as const) {
    test(`${name} without end, their answers never read, end their connection`, async () => {
      const socket = await open("h2");
      const closed = closeOf(socket);
      // Nothing is read: the answers pile up on the other side until it has enough.
      socket.pause();
      socket.write(Buffer.concat([Buffer.from(preface, "latin1"), frame(frameTypes.settings, 0, 0)]));
      const many = Buffer.concat(Array.from({ length: 1000 }, () => flood));
      const more = (error?: Error | null): void => {
        if (error !== undefined && error !== null) socket.destroy();
        else if (socket.writable) socket.write(many, more);
      };
      more();
      await closed;
      await serves();
    });
  }
});
