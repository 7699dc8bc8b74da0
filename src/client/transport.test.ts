import assert from "node:assert/strict";
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from "node:http2";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { suite, test, type TestContext } from "node:test";
import { ManualClock, settle, systemClock, type Clock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import { isAlreadyExists, StatusError } from "#api/meta/status.ts";
import type { WatchEvent } from "#api/meta/object.ts";
import { createCa, issueCertificate, type CertificateAuthority } from "#pki/ca.ts";
import type { Transport } from "./client.ts";
import { ServerList } from "./failover.ts";
import { fixedIdentity, type Identity } from "./identity.ts";
import { ServerUnreachableError } from "./response.ts";
import { createTlsTransport } from "./transport.ts";

type Handler = (request: Http2ServerRequest, response: Http2ServerResponse) => void;

interface World {
  readonly transport: Transport;
  readonly server: Http2SecureServer;
  readonly ca: CertificateAuthority;
  readonly port: number;
  readonly sockets: Set<TLSSocket>;
  identity: Identity;
}

const clock = systemClock;

function serverPair(ca: CertificateAuthority): { cert: string; key: string } {
  const pair = issueCertificate(ca, {
    commonName: "server",
    days: 1,
    usage: "server",
    ipAddresses: ["127.0.0.1"],
  });
  return { cert: pair.certificatePem, key: pair.keyPem };
}

const newCa = (): CertificateAuthority =>
  createCa({ commonName: "test-ca", days: 1, clock, random: systemRandom });

async function world(t: TestContext, handler: Handler, settings = {}, ca = newCa()): Promise<World> {
  const server = createSecureServer(
    { ...serverPair(ca), ca: ca.certificatePem, requestCert: true, rejectUnauthorized: false, settings },
    handler,
  );
  const sockets = new Set<TLSSocket>();
  server.on("secureConnection", (socket: TLSSocket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  const w = { server, ca, port, sockets, identity: {} } as unknown as { transport: Transport } & World;
  w.transport = createTlsTransport(
    { server: `https://127.0.0.1:${port}`, certificateAuthority: ca.certificatePem },
    { identity: { identity: () => w.identity }, clock, log: silentLogger },
  );
  t.after(async () => {
    await w.transport.close();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });
  return w;
}

function json(response: Http2ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

test("method, path, query, headers and body arrive; the answer comes back", async (t) => {
  const w = await world(t, (request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => {
      const { method, url, headers } = request;
      json(response, 201, {
        method,
        url,
        type: headers["content-type"],
        token: headers.authorization,
        body: Buffer.concat(pieces).toString(),
      });
    });
  });
  w.identity = { bearerToken: "secret" };
  const { status, body } = await w.transport.request({
    method: "PATCH",
    path: "/api/v1/namespaces/ns/pods/a",
    query: { fieldManager: "me", empty: undefined, list: ["1", "2"], labelSelector: "a=b,c in (d)" },
    contentType: "application/merge-patch+json",
    body: { metadata: { labels: { ü: "x" } } },
  });
  assert.equal(status, 201);
  assert.deepEqual(body, {
    method: "PATCH",
    url: "/api/v1/namespaces/ns/pods/a?fieldManager=me&list=1&list=2&labelSelector=a%3Db%2Cc+in+%28d%29",
    type: "application/merge-patch+json",
    token: "Bearer secret",
    body: '{"metadata":{"labels":{"ü":"x"}}}',
  });
});

test("integers that no double can say come and go as they are", async (t) => {
  const w = await world(t, (request, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    request.pipe(response);
  });
  const body = { a: [9007199254740993n, -9223372036854775808n], b: 1.5 };
  const path = "/api/v1/namespaces/ns/pods";
  assert.deepEqual((await w.transport.request({ method: "POST", path, body })).body, body);
});

test("a Status becomes its StatusError; any other refusal gets a reason from its code", async (t) => {
  const w = await world(t, (request, response) => {
    if (request.url === "/busy") response.writeHead(429, { "retry-after": "3" }).end("slow down");
    else {
      json(response, 409, {
        kind: "Status",
        status: "Failure",
        reason: "AlreadyExists",
        message: "is there",
        code: 409,
      });
    }
  });
  await assert.rejects(w.transport.request({ method: "GET", path: "/x" }), isAlreadyExists);
  await assert.rejects(w.transport.request({ method: "GET", path: "/busy" }), (error) => {
    assert.ok(error instanceof StatusError);
    assert.deepEqual([error.code, error.reason, error.message], [429, "TooManyRequests", "slow down"]);
    assert.equal(error.status.details?.retryAfterSeconds, 3);
    return true;
  });
});

test("requests share one connection, until the server allows no more streams on it", async (t) => {
  const open: Http2ServerResponse[] = [];
  const w = await world(
    t,
    (request, response) => {
      if (request.url === "/wait") open.push(response);
      else json(response, 200, {});
    },
    { maxConcurrentStreams: 3 },
  );
  await w.transport.request({ method: "GET", path: "/first" });
  assert.equal(w.sockets.size, 1);
  const waiting = Array.from({ length: 4 }, () => w.transport.request({ method: "GET", path: "/wait" }));
  while (open.length < 4) await settle();
  assert.equal(w.sockets.size, 2);
  for (const response of open) json(response, 200, {});
  await Promise.all(waiting);
});

test("a large list arrives whole", async (t) => {
  const text = JSON.stringify({
    items: Array.from({ length: 20_000 }, (_, i) => ({ name: `pod-${i}`, pad: "x".repeat(200) })),
  });
  const w = await world(t, (_request, response) => {
    response.writeHead(200, { "content-type": "application/json" }).end(text);
  });
  const { body } = await w.transport.request({ method: "GET", path: "/big" });
  assert.equal((body as { items: unknown[] }).items.length, 20_000);
});

async function collect(events: AsyncIterable<WatchEvent>): Promise<string[]> {
  const seen: string[] = [];
  for await (const { type, object } of events) seen.push(`${type} ${object.metadata?.name ?? ""}`);
  return seen;
}

const line = (type: string, name: string): string =>
  `${JSON.stringify({ type, object: { metadata: { name } } })}\n`;

test("a watch yields events however the bytes are cut, and ends when the server ends it", async (t) => {
  const w = await world(t, (_request, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    const bytes = Buffer.from(line("ADDED", "ä") + line("MODIFIED", "b") + line("BOOKMARK", ""));
    const send = (at: number): void => {
      if (at >= bytes.length) response.end();
      else {
        response.write(bytes.subarray(at, at + 7), () => {
          send(at + 7);
        });
      }
    };
    send(0);
  });
  const events = w.transport.watch({ method: "GET", path: "/w", query: { watch: "true" } });
  assert.deepEqual(await collect(events), ["ADDED ä", "MODIFIED b", "BOOKMARK "]);
});

test("an ERROR event is thrown as its Status", async (t) => {
  const w = await world(t, (_request, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(
      line("ADDED", "a") +
        `${JSON.stringify({ type: "ERROR", object: { kind: "Status", code: 410, reason: "Expired", message: "too old" } })}\n`,
    );
  });
  await assert.rejects(collect(w.transport.watch({ method: "GET", path: "/w" })), (error) => {
    assert.ok(error instanceof StatusError);
    return error.code === 410;
  });
});

test("a watch whose connection breaks fails, one that is aborted ends quietly", async (t) => {
  const w = await world(t, (_request, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.write(line("ADDED", "a"));
  });
  const broken = w.transport.watch({ method: "GET", path: "/w" })[Symbol.asyncIterator]();
  await broken.next();
  for (const socket of w.sockets) socket.destroy();
  await assert.rejects(broken.next(), ServerUnreachableError);

  const stop = new AbortController();
  const events = w.transport.watch({ method: "GET", path: "/w", signal: stop.signal });
  const aborted = events[Symbol.asyncIterator]();
  await aborted.next();
  const end = aborted.next();
  stop.abort();
  assert.deepEqual(await end, { done: true, value: undefined });
});

test("leaving the loop lets go of the stream on the server", async (t) => {
  const closed = Promise.withResolvers<void>();
  const w = await world(t, (_request, response) => {
    response.stream.once("close", () => {
      closed.resolve();
    });
    response.writeHead(200, { "content-type": "application/json" });
    response.write(line("ADDED", "a") + line("ADDED", "b"));
  });
  for await (const event of w.transport.watch({ method: "GET", path: "/w" })) {
    assert.equal(event.object.metadata?.name, "a");
    break;
  }
  await closed.promise;
});

test("after the server has come back the next request goes through", async (t) => {
  const w = await world(t, (_request, response) => {
    json(response, 200, { ok: true });
  });
  await w.transport.request({ method: "GET", path: "/a" });
  for (const socket of w.sockets) socket.destroy();
  const { body } = await w.transport.request({ method: "GET", path: "/b" });
  assert.deepEqual(body, { ok: true });
});

test("nobody there, or somebody with another CA: unreachable, with the reason", async (t) => {
  const w = await world(t, (_request, response) => {
    json(response, 200, {});
  });
  const deps = { identity: fixedIdentity({}), clock, log: silentLogger };
  const nobody = createTlsTransport(
    { server: "https://127.0.0.1:1", certificateAuthority: w.ca.certificatePem },
    deps,
  );
  await assert.rejects(nobody.request({ method: "GET", path: "/a" }), (error) => {
    assert.ok(error instanceof ServerUnreachableError);
    assert.match((error.cause as Error).message, /ECONNREFUSED/);
    return true;
  });
  const stranger = createCa({ commonName: "stranger", days: 1, clock, random: systemRandom });
  const wrong = createTlsTransport(
    { server: `https://127.0.0.1:${w.port}`, certificateAuthority: stranger.certificatePem },
    deps,
  );
  await assert.rejects(wrong.request({ method: "GET", path: "/a" }), ServerUnreachableError);
  await Promise.all([nobody.close(), wrong.close()]);
});

test("a client certificate is shown; a renewed one makes a new connection while old requests end in peace", async (t) => {
  const slowAsked = Promise.withResolvers<() => void>();
  const w = await world(t, (request, response) => {
    const peer = (request.socket as TLSSocket).getPeerCertificate();
    const answer = (): void => {
      json(response, 200, { user: peer.subject.CN });
    };
    if (request.url === "/slow") slowAsked.resolve(answer);
    else answer();
  });
  const certificate = (commonName: string): Identity => {
    const pair = issueCertificate(w.ca, {
      commonName,
      days: 1,
      usage: "client",
    });
    return { certificate: { cert: pair.certificatePem, key: pair.keyPem } };
  };
  w.identity = certificate("old");
  const slow = w.transport.request({ method: "GET", path: "/slow" });
  const release = await slowAsked.promise;
  w.identity = certificate("new");
  assert.deepEqual((await w.transport.request({ method: "GET", path: "/a" })).body, { user: "new" });
  release();
  assert.deepEqual((await slow).body, { user: "old" });
});

test("a silent peer is pinged and dropped", async (t) => {
  const manual = new ManualClock();
  const w = await world(t, () => undefined);
  const transport = createTlsTransport(
    { server: `https://127.0.0.1:${w.port}`, certificateAuthority: w.ca.certificatePem },
    { identity: fixedIdentity({}), clock: manual, log: silentLogger },
  );
  t.after(() => transport.close());
  const answer = assert.rejects(transport.request({ method: "GET", path: "/never" }), ServerUnreachableError);
  while (w.sockets.size === 0) await settle();
  const frozen = [...w.sockets][0];
  for (let i = 0; i < 50; i++) await settle();
  frozen?.pause();
  await manual.advance(30_000);
  await manual.advance(15_000);
  await answer;
});

const answering =
  (name: string, asked: string[]) => (request: Http2ServerRequest, response: Http2ServerResponse) => {
    asked.push(`${request.method} ${name}`);
    json(response, 200, { name });
  };

const transportTo = (
  t: TestContext,
  list: ServerList,
  ca: CertificateAuthority,
  at: Clock = clock,
): Transport => {
  const transport = createTlsTransport(
    { server: "https://unused", certificateAuthority: ca.certificatePem },
    { identity: fixedIdentity({}), clock: at, log: silentLogger, servers: list },
  );
  t.after(() => transport.close());
  return transport;
};

/** Both have the same CA. */
async function twoServers(t: TestContext) {
  const asked: string[] = [];
  const one = await world(t, answering("one", asked));
  const two = await world(t, answering("two", asked), {}, one.ca);
  const [first, second] = [one, two].map(({ port }) => `https://127.0.0.1:${port}`) as [string, string];
  const list = new ServerList(first, { random: systemRandom, log: silentLogger });
  list.set([first, second]);
  return { asked, one, two, first, second, list };
}

suite("several servers", () => {
  test("one that dies is left within the request, a write as well, and it is made once", async (t) => {
    const { asked, one, list, second } = await twoServers(t);
    const transport = transportTo(t, list, one.ca);
    await transport.request({ method: "GET", path: "/a" });
    one.server.close();
    for (const socket of one.sockets) socket.destroy();
    // The client hears of its connection's end.
    while (one.sockets.size > 0) await settle();
    for (let at = 0; at < 50; at++) await settle();
    const { body } = await transport.request({ method: "POST", path: "/b", body: {} });
    assert.deepEqual(body, { name: "two" });
    assert.deepEqual(asked, ["GET one", "POST two"]);
    assert.equal(list.current, second);
  });

  test("one that falls silent is left, sooner than if it were the only one", async (t) => {
    const manual = new ManualClock();
    const { two, list, second, first } = await twoServers(t);
    const silent = await world(t, () => undefined, {}, two.ca);
    const third = `https://127.0.0.1:${silent.port}`;
    const toSilent = new ServerList(third, { random: systemRandom, log: silentLogger });
    toSilent.set([second]);
    const transport = transportTo(t, toSilent, two.ca, manual);
    const answer = assert.rejects(
      transport.request({ method: "GET", path: "/never" }),
      ServerUnreachableError,
    );
    while (silent.sockets.size === 0) await settle();
    for (let at = 0; at < 50; at++) await settle();
    for (const socket of silent.sockets) socket.pause();
    await manual.advance(10_000);
    await manual.advance(5000);
    await answer;
    assert.equal(toSilent.current, second);
    assert.deepEqual((await transport.request({ method: "GET", path: "/a" })).body, { name: "two" });
    assert.equal(list.current, first);
  });

  test("with all of them away it is unreachable, after each was tried", async (t) => {
    const { one, list } = await twoServers(t);
    list.set([]);
    const nobody = new ServerList("https://127.0.0.1:1", { random: systemRandom, log: silentLogger });
    nobody.set(["https://127.0.0.1:2", "https://127.0.0.1:3"]);
    const transport = transportTo(t, nobody, one.ca);
    await assert.rejects(transport.request({ method: "GET", path: "/a" }), ServerUnreachableError);
    nobody.set([list.current]);
    // Its turn comes.
    for (let at = 0; nobody.current !== list.current && at < 10; at++) nobody.failed(nobody.current);
    assert.deepEqual((await transport.request({ method: "GET", path: "/a" })).body, { name: "one" });
  });
});

test("an aborted request rejects with the reason, a closed transport refuses", async (t) => {
  const w = await world(t, () => undefined);
  const stop = new AbortController();
  const answer = w.transport.request({ method: "GET", path: "/never", signal: stop.signal });
  while (w.sockets.size === 0) await settle();
  stop.abort(new Error("enough"));
  await assert.rejects(answer, /enough/);
  await w.transport.close();
  await assert.rejects(w.transport.request({ method: "GET", path: "/a" }), ServerUnreachableError);
});
