/** What kube-apiserver's flags about serving do, as clients on real connections see it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type ClientHttp2Session } from "node:http2";
import { request as httpsRequest, type RequestOptions } from "node:https";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { connect as connectTls, type ConnectionOptions, type SecureVersion } from "node:tls";
import { createExpressions } from "#api/expressions.ts";
import { startTestServer, type TestServer } from "#testing/server.ts";
import { defaultServing, type ServingOptions } from "./serving-options.ts";

const maps = "/api/v1/namespaces/default/configmaps";

const start = (serving: Partial<ServingOptions>): Promise<TestServer> =>
  startTestServer(
    { loadExpressions: () => Promise.resolve(createExpressions()) },
    { serving: { ...defaultServing, ...serving } },
  );

interface Said {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

async function ask(server: TestServer, options: RequestOptions): Promise<Said> {
  const all = { host: "127.0.0.1", port: server.port, ca: server.caPem, agent: false, ...options };
  const request = httpsRequest(all).end();
  const [answer] = (await once(request, "response")) as [IncomingMessage];
  return { status: answer.statusCode, headers: answer.headers, body: await text(answer) };
}

const open = (server: TestServer): ClientHttp2Session => {
  const { certificatePem: cert, keyPem: key } = server.certificate("admin", ["system:masters"]);
  return connect(server.url, { ca: server.caPem, cert, key });
};

test("--cors-allowed-origins lets pages of these origins ask, and answers their preflights before it is asked who asks", async () => {
  await using server = await start({ corsAllowedOrigins: ["//example\\.com(:|$)"] });
  const origin = "https://example.com:8443";
  const preflight = await ask(server, { method: "OPTIONS", path: maps, headers: { origin } });
  assert.deepEqual([preflight.status, preflight.body], [204, ""]);
  assert.equal(preflight.headers["access-control-allow-origin"], origin);
  assert.equal(preflight.headers["access-control-allow-methods"], "POST, GET, OPTIONS, PUT, DELETE, PATCH");
  assert.match(String(preflight.headers["audit-id"]), /^[0-9a-f-]{36}$/);
  const refused = await ask(server, { path: maps, headers: { origin } });
  assert.deepEqual([refused.status, refused.headers["access-control-allow-origin"]], [403, origin]);
  assert.equal(refused.headers["access-control-allow-credentials"], "true");
  const stranger = await ask(server, {
    method: "OPTIONS",
    path: maps,
    headers: { origin: "https://example.com.evil.org" },
  });
  assert.deepEqual([stranger.status, stranger.headers["access-control-allow-origin"]], [403, undefined]);
});

test("origins are told by patterns of RE2, as Go reads them", async () => {
  await using server = await start({
    corsAllowedOrigins: ["(?i)^https://(?P<sub>[[:alpha:]]+)\\.example\\.com$"],
  });
  const allowed = async (origin: string): Promise<unknown> =>
    (await ask(server, { path: maps, headers: { origin } })).headers["access-control-allow-origin"];
  assert.equal(await allowed("https://Docs.example.com"), "https://Docs.example.com");
  assert.equal(await allowed("https://7.example.com"), undefined);
  await assert.rejects(start({ corsAllowedOrigins: ["^(?=https)$"] }), {
    message:
      "--cors-allowed-origins has an invalid regular expression: error parsing regexp: invalid or unsupported Perl syntax: `(?=`",
  });
});

test("--strict-transport-security-directives are a header of every answer", async () => {
  await using server = await start({ hstsDirectives: ["max-age=31536000", "includeSubDomains"] });
  for (const path of ["/livez", "/nowhere", maps]) {
    const { headers } = await ask(server, { path });
    assert.equal(headers["strict-transport-security"], "max-age=31536000; includeSubDomains", path);
  }
});

test("--goaway-chance: the client is told to go, and its requests are answered all the same", async () => {
  await using server = await start({ goawayChance: 1 });
  const session = open(server);
  const left = once(session, "goaway");
  const stream = session.request({ ":path": "/livez" });
  assert.equal(await text(stream), "ok");
  const [code] = (await left) as [number];
  assert.equal(code, 0);
});

test("--http2-max-streams-per-connection is in the server's settings", async () => {
  await using server = await start({ http2StreamsMax: 7 });
  const session = open(server);
  await once(session, "remoteSettings");
  assert.equal(session.remoteSettings.maxConcurrentStreams, 7);
  session.close();
});

const handshake = (server: TestServer, options: ConnectionOptions): Promise<string> =>
  new Promise((resolve) => {
    const all = { host: "127.0.0.1", port: server.port, ca: server.caPem, ...options };
    const socket = connectTls(all, () => {
      resolve(socket.getCipher().standardName);
      socket.destroy();
    });
    socket.on("error", () => {
      resolve("refused");
    });
  });

test("--tls-min-version and --tls-cipher-suites: what is older, or not among them, isn't spoken", async () => {
  const old: { maxVersion: SecureVersion } = { maxVersion: "TLSv1.2" };
  {
    await using server = await start({ tlsMinVersion: "TLSv1.3" });
    assert.equal(await handshake(server, old), "refused");
    assert.match(await handshake(server, {}), /^TLS_AES/);
  }
  const chosen = ["ECDSA", "RSA"].map((key) => `TLS_ECDHE_${key}_WITH_AES_256_GCM_SHA384`);
  await using server = await start({ cipherSuites: chosen });
  assert.ok(chosen.includes(await handshake(server, old)));
  const others = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256";
  assert.equal(await handshake(server, { ...old, ciphers: others }), "refused");
  assert.match(await handshake(server, {}), /^TLS_AES/);
});

test("--shutdown-send-retry-after: while it ends it still listens, and sends away what comes", async () => {
  const server = await start({ sendsRetryAfter: true });
  const session = open(server);
  const creating = session.request({ ":method": "POST", ":path": maps, "content-type": "application/json" });
  const head = once(creating, "response") as Promise<[Record<string, unknown>]>;
  creating.write('{"metadata":{"name":');
  assert.equal(await text(session.request({ ":path": "/livez" })), "ok");
  const goodbye = once(session, "goaway");
  const closing = server.close();
  await goodbye;
  const late = await ask(server, { path: maps });
  assert.deepEqual(
    [late.status, late.headers["retry-after"], late.headers.connection, late.body],
    [429, "5", "close", "The apiserver is shutting down, please try again later.\n"],
  );
  const upgrade = { connection: "upgrade", upgrade: "websocket" };
  const upgrading = await ask(server, { path: `${maps}/x`, headers: upgrade });
  assert.deepEqual([upgrading.status, upgrading.headers["retry-after"]], [429, "5"]);
  assert.equal((await ask(server, { path: "/livez" })).status, 200);
  creating.end('"late"}}');
  const [answer] = await head;
  assert.equal(answer[":status"], 201);
  creating.resume();
  await closing;
});

for (const [externalHostname, told] of [
  ["api.example.com", "api.example.com"],
  ["2001:db8::1", "[2001:db8::1]"],
] as const) {
  test(`--external-hostname ${externalHostname} is what clients are told`, async () => {
    await using server = await startTestServer({}, { externalHostname });
    const { certificatePem: cert, keyPem: key } = server.certificate("admin", ["system:masters"]);
    const { body } = await ask(server, { path: "/api", cert, key });
    const { serverAddressByClientCIDRs: addresses } = JSON.parse(body) as {
      serverAddressByClientCIDRs: { serverAddress: string }[];
    };
    const [, address = ""] = /^(.*):\d+$/.exec(addresses[0]?.serverAddress ?? "") ?? [];
    assert.equal(address, told);
    const tokens = await ask(server, { path: "/.well-known/openid-configuration", cert, key });
    const { jwks_uri: keysAt } = JSON.parse(tokens.body) as { jwks_uri: string };
    assert.equal(new URL(keysAt).hostname, told);
  });
}
