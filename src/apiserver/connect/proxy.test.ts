/** What goes to a backend and what comes back, over real connections. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Agent, createServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { text } from "node:stream/consumers";
import { after, suite, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { gunzipSync, gzipSync } from "node:zlib";
import { nodes } from "#api/resources.ts";
import { openDoor, parsed, type Got } from "#testing/door-client.ts";

const { server, admin, session, h1, h2, close } = await openDoor();

interface Echo {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const page = (link: string): string => `<html><a href="${link}">x</a></html>`;

const hops = [
  ["Connection", "close, X-Hop"],
  ["X-Hop", "1"],
  ["Keep-Alive", "timeout=1"],
  ["Proxy-Authenticate", "Basic"],
  ["Te", "trailers"],
  ["Upgrade", "echo"],
  ["WWW-Authenticate", "Basic"],
  ["WWW-Authenticate", "Bearer"],
  ["Vary", "a"],
  ["Vary", "b"],
  ["Set-Cookie", "a=1"],
  ["Set-Cookie", "b=2"],
  ["Cache-Control", "max-age=60"],
];

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://x");
  const to = searchParams.get("to") ?? "";
  switch (pathname) {
    case "/redirect":
      response.writeHead(302, { location: to }).end();
      return;
    case "/page":
      response.setHeader("content-type", "text/html; charset=utf-8");
      response.setHeader("access-control-allow-origin", "*");
      response.end(page(to));
      return;
    case "/packed":
      response.writeHead(200, { "content-type": "text/html", "content-encoding": "gzip" });
      response.end(gzipSync(page(to)));
      return;
    case "/coded":
      response.writeHead(200, { "content-type": "text/html", "content-encoding": "constructor" });
      response.end(page("/x"));
      return;
    case "/broken":
      request.socket.destroy();
      return;
    case "/hops":
      response.writeHead(299, hops.flat());
      response.end("hops");
      return;
    case "/trailers":
      if (request.method === "HEAD") {
        request.socket.end("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n");
        return;
      }
      if (searchParams.has("announced")) response.setHeader("trailer", "X-Sum");
      response.write("all");
      response.addTrailers([
        ["X-Sum", "1"],
        ["X-Sum", "2"],
      ]);
      response.end();
      return;
    case "/hints":
      response.writeContinue();
      response.writeEarlyHints({ link: "</a.css>; rel=preload", "x-hint": "1" });
      // Both may come at once, as any others may.
      response.end("hinted");
      return;
    case "/long-page":
      response.setHeader("content-type", "text/html");
      response.end(page("/x").padEnd(1 << 18));
      return;
    case "/switched":
      request.socket.end("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
      return;
    default: {
      const { method, url, headers } = request;
      response.setHeader("x-own", "yes");
      response.end(JSON.stringify({ method, url, headers, body: await text(request) }));
    }
  }
}

const { certificatePem, keyPem } = server.servingCertificate("system:node:n1");
const backend = createServer(
  { cert: certificatePem, key: keyPem },
  (request, response) => void answer(request, response),
);
/** What came after requests that weren't agreed to. */
const smuggled: Buffer[] = [];
backend.on("upgrade", (request, socket: Socket, head: Buffer) => {
  const { host, "x-forwarded-for": passedOnFor = "" } = request.headers;
  const agreed = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
  switch (request.url) {
    case "/echo":
      socket.write(agreed);
      socket.write(head);
      socket.pipe(socket);
      return;
    case "/refused":
    case "/ignored": {
      const status = request.url === "/refused" ? "403 Forbidden" : "200 OK";
      smuggled.push(head);
      socket.on("data", (chunk: Buffer) => smuggled.push(chunk));
      socket.write(
        `HTTP/1.1 ${status}\r\nContent-Type: text/x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n`,
      );
      // The rest of it when nobody else can say anything any more.
      setImmediate(() => socket.write("0\r\n\r\n"));
      return;
    }
    case "/broken":
      socket.destroy();
      return;
    default:
      socket.end(`${agreed}${host ?? ""} ${String(passedOnFor)}`);
  }
});
await new Promise<void>((resolve) => backend.listen(0, "127.0.0.1", resolve));
const { port } = backend.address() as AddressInfo;
after(async () => {
  backend.close();
  await close();
});

const client = server.client({ name: "admin", groups: ["system:masters"] });
const nodeClient = client.resource(nodes);
const addNode = (name: string, address: string, kubeletPort: number, type = "InternalIP"): Promise<unknown> =>
  nodeClient.create({
    metadata: { name },
    status: { addresses: [{ type, address }], daemonEndpoints: { kubeletEndpoint: { Port: kubeletPort } } },
  });
await addNode("n1", "127.0.0.1", port);

const prefix = "/api/v1/nodes/n1/proxy";
const asAdmin = { cert: admin.certificatePem, key: admin.keyPem };
const ask = (path: string, more: object = {}, body?: string): Promise<Got> =>
  h1({ ...asAdmin, method: "GET", path: `${prefix}${path}`, ...more }, body);
const echoOf = (got: Got): Echo => parsed(got) as unknown as Echo;

suite("what is asked", () => {
  const own = `127.0.0.1:${server.port}`;
  for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
    test(`${method} with a body, and headers of whatever name`, async () => {
      const te = method === "PUT" ? "gzip, trailers" : "gzip";
      const headers = {
        "x-thing": "1",
        "content-type": "text/x",
        "content-length": 3,
        authorization: "",
        te,
      };
      const got = await ask("/echo", { method, headers }, "abc");
      assert.equal(got.status, 200);
      assert.equal(got.headers["x-own"], "yes");
      const { headers: seen, ...echo } = echoOf(got);
      assert.deepEqual(echo, { method, url: "/echo", body: "abc" });
      assert.deepEqual([seen["x-thing"], seen["content-type"]], ["1", "text/x"]);
      assert.equal(seen["host"], own);
      assert.equal(seen["x-forwarded-for"], "127.0.0.1");
      assert.equal(seen["x-forwarded-uri"], `${prefix}/echo`);
      assert.equal(seen["te"], method === "PUT" ? "trailers" : undefined);
    });
  }

  for (const method of ["GET", "POST", "DELETE", "OPTIONS"]) {
    test(`${method} with a body whose length isn't said, and the body is no other request`, async () => {
      const body = "GET /smuggled HTTP/1.1\r\nHost: x\r\nX-Remote-User: admin\r\n\r\n";
      const headers = { "transfer-encoding": "chunked" };
      assert.equal(echoOf(await ask("/echo", { method, headers }, body)).body, body);
      // Node's own client sends none with these over HTTP/2.
      if (method === "GET" || method === "DELETE") return;
      assert.equal(echoOf(await h2(method, `${prefix}/echo`, {}, body)).body, body);
    });
  }

  test("the same by whatever name the client calls this server", async () => {
    const { headers } = echoOf(await ask("/echo", { servername: "", headers: { host: "api.example.com" } }));
    assert.equal(headers["host"], "api.example.com");
  });

  test("nothing that shows who the client is, or is about his connection", async () => {
    const headers = {
      connection: "close, x-hop",
      "x-hop": "1",
      "impersonate-user": "admin",
      "impersonate-group": "system:masters",
      "x-remote-user": "x",
      "x-forwarded-for": "10.0.0.9",
    };
    const { headers: seen } = echoOf(await ask("/echo", { headers }));
    const gone = ["x-hop", "impersonate-user", "impersonate-group", "x-remote-user", "authorization"];
    assert.deepEqual(
      gone.filter((name) => name in seen),
      [],
    );
    assert.equal(seen["x-forwarded-for"], "10.0.0.9, 127.0.0.1");
  });

  for (const [asked, url] of [
    ["/a%20b/c%2Fd", "/a%20b/c/d"],
    ["/a%3Fb%23c", "/a%3Fb%23c"],
    ["/a//b/./c/../d", "/a/b/d"],
    ["/a/", "/a/"],
    ["/", "/"],
    ["/a?x=b%20c&flag&y=%2F;z", "/a?x=b%20c&flag&y=%2F;z"],
  ] as const) {
    test(`the path and the query ${asked}`, async () => {
      assert.equal(echoOf(await ask(asked)).url, url);
    });
  }

  test("the same over HTTP/2", async () => {
    const { headers } = echoOf(await h2("POST", `${prefix}/echo`, { "x-thing": "1" }, "abc"));
    assert.deepEqual([headers["host"], headers["x-thing"]], [own, "1"]);
    const spaced = echoOf(await h2("GET", `${prefix}/echo?a b`));
    assert.equal(spaced.url, "/echo?a%20b");
    const to = encodeURIComponent(`https://${own}/x`);
    const redirected = await h2("GET", `${prefix}/redirect?to=${to}`);
    assert.equal(redirected.headers["location"], `https://${own}${prefix}/x`);
  });

  test("an upgrade, by the client's name for the server and with where it is from", async () => {
    const connection = await h1Upgrade(`${prefix}/up`);
    assert.equal(connection, `${own} 127.0.0.1`);
  });
});

async function h1Upgrade(path: string): Promise<string> {
  const { request } = await import("node:https");
  const headers = { connection: "Upgrade", upgrade: "echo" };
  const { port: ownPort } = server;
  const asked = request({ ...asAdmin, host: "127.0.0.1", port: ownPort, ca: server.caPem, path, headers });
  asked.end();
  const [, socket, head] = (await once(asked, "upgrade")) as [IncomingMessage, Socket, Buffer];
  return `${head.toString()}${await text(socket)}`;
}

/** All that a connection says, when that much is sent at once and it isn't heard of again. */
async function saidTo(method: string, path: string, more: string): Promise<string> {
  const socket = connectTls({ ...asAdmin, port: server.port, ca: server.caPem, ALPNProtocols: ["http/1.1"] });
  socket.write(
    `${method} ${prefix}${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\nContent-Length: 0\r\n\r\n${more}`,
  );
  let said = "";
  for await (const chunk of socket) {
    said += String(chunk);
    if (said.endsWith(more)) socket.end();
  }
  return said;
}

/** All that is said to a GET, with the connection's end. */
async function saidAtOnce(path: string, version = "1.1"): Promise<string> {
  const socket = connectTls({ ...asAdmin, port: server.port, ca: server.caPem, ALPNProtocols: ["http/1.1"] });
  socket.write(`GET ${prefix}${path} HTTP/${version}\r\nHost: x\r\nConnection: close\r\n\r\n`);
  return text(socket);
}

suite("another protocol", () => {
  const smuggling = "GET /secrets HTTP/1.1\r\nHost: x\r\nX-Remote-User: admin\r\n\r\n";

  for (const method of ["GET", "POST"]) {
    test(`is spoken once the backend agrees to a ${method}, also what the client said before`, async () => {
      const said = await saidTo(method, "/echo", "early");
      assert.match(
        said,
        /^HTTP\/1\.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly$/,
      );
    });
  }

  for (const [path, status, body] of [
    [
      "/refused",
      "403 Forbidden",
      /^[^\r]*\r\nTransfer-Encoding: chunked\r\nContent-Type: text\/x\r\n\r\n2\r\nno\r\n0\r\n\r\n$/,
    ],
    ["/ignored", "500 Internal Server Error", /"message":"invalid upgrade response: status code 200"/],
    ["/broken", "500 Internal Server Error", /"message":"EOF"/],
  ] as const) {
    test(`isn't when it says ${path}: nothing that follows reaches it, and the connection ends`, async () => {
      const said = await saidTo("GET", path, smuggling);
      assert.ok(said.startsWith(`HTTP/1.1 ${status}\r\n`), said);
      assert.match(said, body);
      assert.equal(Buffer.concat(smuggled).toString(), "");
    });
  }
});

suite("what comes back", () => {
  test("before all of it has been asked, and nobody waits for the rest", async () => {
    const { request } = await import("node:https");
    const headers = { "content-length": 10 };
    const options = { ...asAdmin, host: "127.0.0.1", port: server.port, ca: server.caPem, headers };
    const asked = request({ ...options, method: "POST", path: `${prefix}/redirect?to=x` });
    asked.on("error", () => undefined);
    asked.write("half");
    const [answered] = (await once(asked, "response")) as [IncomingMessage];
    const { statusCode, headers: said, socket } = answered;
    assert.deepEqual([statusCode, said.connection], [302, "close"]);
    answered.resume();
    await once(socket, "close");
  });

  test("on a connection that stays", async () => {
    assert.equal(
      (await ask("/echo", { method: "POST", agent: new Agent({ keepAlive: true }) }, "abc")).headers[
        "connection"
      ],
      "keep-alive",
    );
  });

  test("nothing that is about the backend's connection, and all else beside what is said of every answer", async () => {
    for (const got of [await ask("/hops"), await h2("GET", `${prefix}/hops`)]) {
      const of = (...names: string[]): unknown[] => names.map((name) => got.headers[name]);
      assert.deepEqual(
        of("x-hop", "keep-alive", "proxy-authenticate", "te", "upgrade").filter(
          (each) => each !== undefined && each !== "timeout=180",
        ),
        [],
      );
      assert.deepEqual(of("www-authenticate", "vary"), ["Basic, Bearer", "a, b"]);
      assert.deepEqual(of("set-cookie", "cache-control"), [["a=1", "b=2"], "no-cache, private, max-age=60"]);
      assert.deepEqual([got.status, got.body.toString()], [299, "hops"]);
    }
    const said = await saidAtOnce("/hops");
    assert.match(said, /^HTTP\/1\.1 299 status code 299\r\n/);
    assert.match(said, /\r\nwww-authenticate: Basic\r\nwww-authenticate: Bearer\r\n/);
  });

  test("what follows the body, announced or not", async () => {
    for (const [query, announced] of [
      ["", undefined],
      ["?announced", "X-Sum"],
    ] as const) {
      const { request } = await import("node:https");
      const options = { ...asAdmin, host: "127.0.0.1", port: server.port, ca: server.caPem, agent: false };
      const asked = request({ ...options, path: `${prefix}/trailers${query}` });
      asked.end();
      const [answered] = (await once(asked, "response")) as [IncomingMessage];
      assert.equal(await text(answered), "all");
      assert.deepEqual([answered.headers.trailer, answered.trailers["x-sum"]], [announced, "1, 2"]);

      const stream = session.request({ ":path": `${prefix}/trailers${query}` });
      const [head, [trailers], body] = (await Promise.all([
        once(stream, "response"),
        once(stream, "trailers"),
        text(stream),
      ])) as unknown as [[Record<string, string>], [Record<string, string>], string];
      assert.deepEqual([body, head[0]["trailer"], trailers["x-sum"]], ["all", announced, "1, 2"]);
    }
    // Where nothing can follow.
    assert.doesNotMatch(await saidAtOnce("/trailers?announced", "1.0"), /x-sum/i);
    assert.equal((await ask("/trailers?announced", { method: "HEAD" })).headers["trailer"], undefined);
  });

  test("what is said before the answer", async () => {
    const said = await saidAtOnce("/hints");
    assert.match(
      said,
      /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 103 Early Hints\r\nlink: <\/a\.css>; rel=preload\r\nx-hint: 1\r\n\r\nHTTP\/1\.1 200 OK\r\n/i,
    );
    assert.match(await saidAtOnce("/hints", "1.0"), /^HTTP\/1\.1 200 OK\r\n/);
    const stream = session.request({ ":path": `${prefix}/hints` });
    const hints: unknown[] = [];
    stream.on("headers", (headers: Record<string, unknown>) => hints.push(headers[":status"]));
    assert.equal(await text(stream), "hinted");
    assert.deepEqual(hints.at(-1), 103);
  });

  test("a page that isn't packed there isn't packed here", async () => {
    const { headers, body } = await ask("/long-page", { headers: { "accept-encoding": "gzip" } });
    assert.deepEqual([headers["content-encoding"], body.length], [undefined, (1 << 18) + prefix.length]);
  });

  test("a page in a coding of another name is passed on", async () => {
    const { status, body } = await ask("/coded");
    assert.deepEqual([status, body.toString()], [200, page("/x")]);
  });

  for (const [to, location] of [
    ["/x/?a=b#c", `${prefix}/x/?a=b#c`],
    [`http://127.0.0.1:${port}/x`, `${prefix}/x`],
    [`https://127.0.0.1:${server.port}/x`, `https://127.0.0.1:${server.port}${prefix}/x`],
    [`${prefix}/x`, `${prefix}/x`],
    ["x/y", "x/y"],
    ["http://example.com/x", "http://example.com/x"],
    ["mailto:a@b", "mailto:a@b"],
  ] as const) {
    const asked = encodeURIComponent(to);
    test(`a redirection and a link to ${to}`, async () => {
      const redirected = await ask(`/redirect?to=${asked}`);
      assert.deepEqual([redirected.status, redirected.headers["location"]], [302, location]);
      const shown = await ask(`/page?to=${asked}`);
      assert.equal(shown.body.toString(), page(location));
      assert.equal(shown.headers["content-length"], String(page(location).length));
      assert.equal(shown.headers["access-control-allow-origin"], undefined);
      const packed = await ask(`/packed?to=${asked}`, { headers: { "accept-encoding": "gzip" } });
      assert.equal(gunzipSync(packed.body).toString(), page(location));
    });
  }

  test("a redirection that leads nowhere is a fault", async () => {
    const { status, body } = await ask("/redirect?to=%2F%25zz");
    assert.equal(status, 500);
    assert.match(body.toString(), /failed to parse Location header/);
  });

  test("without a path: to the path with a slash, once there is somebody to ask", async () => {
    for (const method of ["GET", "HEAD"]) {
      const { status, headers } = await ask("?a=%20", { method });
      assert.deepEqual([status, headers["location"]], [301, `${prefix}/?a=%20`]);
    }
    assert.equal(echoOf(await ask("", { method: "POST" })).url, "/");
    const nobody = await h2("GET", "/api/v1/nodes/n2/proxy");
    assert.equal(nobody.status, 404);
  });

  test("nothing of another protocol that nobody asked for", async () => {
    const refused = parsed(await ask("/switched"));
    assert.deepEqual(
      [refused["code"], refused["message"]],
      [500, 'backend tried to switch protocol "echo" when "" was requested'],
    );
  });

  test("a backend that doesn't answer is told of in Go's words", async () => {
    await addNode("n3", "127.0.0.1", 1);
    const refused = parsed(await h2("GET", "/api/v1/nodes/n3/proxy/"));
    const message = "error trying to reach service: dial tcp 127.0.0.1:1: connect: connection refused";
    assert.deepEqual(
      [refused["code"], refused["reason"], refused["message"]],
      [503, "ServiceUnavailable", message],
    );
    const broken = parsed(await ask("/broken"));
    assert.deepEqual([broken["code"], broken["message"]], [503, "error trying to reach service: EOF"]);
  });
});

test("a node whose address isn't known", async () => {
  const address = { type: "Other", address: "1.2.3.4" };
  for (const [name, addresses, known] of [
    ["n5", [], ""],
    ["n6", [address, { ...address, type: "Else" }], "{Other 1.2.3.4} {Else 1.2.3.4}"],
  ] as const) {
    await nodeClient.create({ metadata: { name }, status: { addresses: [...addresses] } });
    const { code, reason, message } = parsed(await h2("GET", `/api/v1/nodes/${name}/proxy/`));
    const told = `no preferred addresses found; known addresses: [${known}]`;
    assert.deepEqual([code, reason, message], [500, undefined, told]);
  }
});

test("a node that is this machine itself is asked at its kubelet's port alone", async () => {
  await addNode("n4", "localhost", port, "Hostname");
  for (const name of ["n1:http", `n1:${server.port}`, `https:n1:${server.port}`, `n4:${server.port}`]) {
    const refused = parsed(await h2("GET", `/api/v1/nodes/${name}/proxy/livez`));
    assert.deepEqual([refused["code"], refused["message"]], [400, "address not allowed"], name);
  }
  assert.equal((await h2("GET", `/api/v1/nodes/n1:${port}/proxy/echo`)).status, 200);
});
