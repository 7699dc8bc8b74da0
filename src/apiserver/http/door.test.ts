/** What only a real connection shows. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type OutgoingHttpHeaders } from "node:http2";
import { after, test } from "node:test";
import { openDoor, parsed, type Got } from "#testing/door-client.ts";
import { startTestServer } from "#testing/server.ts";

const maps = "/api/v1/namespaces/default/configmaps";
const json = { "content-type": "application/json" };

const { server, admin, h2, h1, close } = await openDoor();
after(close);

const createMap = (name: string, data: object = {}): Promise<Got> =>
  h2("POST", maps, json, JSON.stringify({ metadata: { name }, data }));

test("HTTP/2 and HTTP/1.1 say the same", async () => {
  await createMap("versions", { x: "1" });
  const two = await h2("GET", `${maps}/versions`);
  const one = await h1({ path: `${maps}/versions`, cert: admin.certificatePem, key: admin.keyPem });
  assert.deepEqual([one.status, one.body], [two.status, two.body]);
  assert.equal(one.headers["content-type"], "application/json");
  assert.equal(one.headers["content-length"], String(one.body.length));
  assert.match(String(one.headers["audit-id"]), /^[0-9a-f-]{36}$/);
});

test("the bytes are those of the store, with the revision spliced in", async () => {
  const made = parsed(await createMap("bytes", { x: "1" }));
  const got = (await h2("GET", `${maps}/bytes`)).body.toString();
  assert.match(
    got,
    /^\{"kind":"ConfigMap","apiVersion":"v1","metadata":\{"name":"bytes","namespace":"default","uid":"[^"]+","resourceVersion":"\d+","creationTimestamp":/,
  );
  assert.deepEqual(JSON.parse(got), made);
});

test("without credentials one is anonymous; with bad ones one is nobody", async () => {
  const anonymous = await h1({ path: maps });
  assert.equal(anonymous.status, 403);
  assert.match(
    String(parsed(anonymous)["message"]),
    /User "system:anonymous" cannot list resource "configmaps"/,
  );
  const bad = await h1({ path: maps, headers: { authorization: "Bearer nonsense" } });
  assert.deepEqual([bad.status, parsed(bad)["reason"]], [401, "Unauthorized"]);
  assert.equal((await h1({ path: "/livez" })).body.toString(), "ok");
});

test("a token behind more than one space isn't looked at, which is told where it is two", async () => {
  const ignored =
    '299 - "the provided Authorization header contains extra space before the bearer token, and is ignored"';
  for (const [authorization, warning] of [
    ["Bearer", undefined],
    ["Bearer  nonsense", ignored],
    ["bearer  nonsense", ignored],
    ["Bearer   nonsense", undefined],
  ] as const) {
    const { status, headers } = await h1({ path: maps, headers: { authorization } });
    assert.deepEqual([status, headers["warning"]], [403, warning], authorization);
  }
});

test("a request may name the server, too, as it would to a proxy", async () => {
  assert.equal((await h1({ path: "https://elsewhere.example.com/livez" })).body.toString(), "ok");
  const list = await h1({
    path: `HTTPS://localhost:1${maps}?limit=1`,
    cert: admin.certificatePem,
    key: admin.keyPem,
  });
  assert.deepEqual([list.status, parsed(list).kind], [200, "ConfigMapList"]);
  const root = await h1({ path: "https://localhost", cert: admin.certificatePem, key: admin.keyPem });
  assert.ok(Array.isArray(parsed(root)["paths"]));
});

test("impersonation needs its power", async () => {
  const as = (user: string): Promise<Got> => h2("GET", maps, { "impersonate-user": user });
  assert.match(String(parsed(await as("jane"))["message"]), /User "jane" cannot list/);
  const jane = server.certificate("jane");
  const refused = await h1({
    path: maps,
    cert: jane.certificatePem,
    key: jane.keyPem,
    headers: { "impersonate-user": "admin" },
  });
  assert.match(String(parsed(refused)["message"]), /User "jane" cannot impersonate resource "users"/);
});

test("JSON is Go's: struct fields in their order, maps sorted, markup escaped, one by one, in lists, in watches", async () => {
  const metadata = { labels: { b: "2", a: "1" }, name: "go" };
  const body = JSON.stringify({ data: { z: "<a>&\u2028", a: "1" }, metadata });
  const made = await h2("POST", maps, json, body);
  const query = "?fieldSelector=metadata.name%3Dgo";
  const watched = await h2("GET", `${maps}${query}&watch=true&timeoutSeconds=1&resourceVersion=0`);
  const list = (await h2("GET", `${maps}${query}`)).body.toString();
  const data = String.raw`"data":{"a":"1","z":"\u003ca\u003e\u0026\u2028"}`;
  const start =
    /"metadata":\{"name":"go","namespace":"default","uid":"[^"]+","resourceVersion":"\d+","creationTimestamp":"[^"]+","labels":\{"a":"1","b":"2"\},"managedFields":/;
  for (const text of [made.body.toString(), (await h2("GET", `${maps}/go`)).body.toString(), list]) {
    assert.ok(text.includes(data), text);
    assert.match(text, start);
  }
  assert.ok(watched.body.toString().includes(data));
  assert.match(list, /"items":\[\{"metadata":\{"name":"go",/);
  const refused = await h2("GET", `${maps}/%3Cb%3E`);
  assert.match(refused.body.toString(), /"message":"configmaps \\"\\u003cb\\u003e\\" not found"/);
});

const refusals: readonly [
  name: string,
  headers: OutgoingHttpHeaders,
  body: string | Uint8Array,
  status: number,
  message: RegExp,
][] = [
  [
    "an unknown body",
    { "content-type": "text/plain" },
    "x",
    415,
    /accepted media types include: application\/json, application\/yaml, application\/vnd.kubernetes.protobuf/,
  ],
  [
    "an unknown answer",
    { ...json, accept: "image/png" },
    "{}",
    406,
    /^406: Not Acceptable\n\nAvailable representations: application\/json, application\/yaml, /,
  ],
  ["too much", json, Buffer.alloc((3 << 20) + 1, " "), 413, /Request entity too large: limit is 3145728/],
  [
    "what isn't JSON",
    json,
    '{"metadata":',
    400,
    /the object provided is unrecognized \(must be of type ConfigMap\)/,
  ],
  [
    "broken protobuf",
    { "content-type": "application/vnd.kubernetes.protobuf" },
    "nonsense",
    400,
    /expected prefix/,
  ],
];
for (const [name, headers, body, status, message] of refusals) {
  test(`a POST of ${name} is refused`, async () => {
    const got = await h2("POST", maps, headers, body);
    assert.equal(got.status, status);
    assert.match(String(parsed(got)["message"]), message);
    assert.equal(parsed(got).kind, "Status");
  });
}

test("refused methods and unknown paths", async () => {
  const method = await h2("PUT", maps, json, "{}");
  assert.deepEqual([method.status, parsed(method)["reason"]], [405, "MethodNotAllowed"]);
  const unknown = await h2("GET", "/nowhere");
  assert.deepEqual([unknown.status, unknown.body.toString()], [404, "404 page not found\n"]);
  assert.equal((await h2("GET", "/%zz")).status, 400);
});

test("warnings are headers", async () => {
  const body = JSON.stringify({ metadata: { name: "warned" }, foo: 1, bar: 2 });
  const got = await h2("POST", maps, json, body);
  assert.equal(got.status, 201);
  assert.match(
    String(got.headers["warning"]),
    /299 - "unknown field \\"foo\\"".*299 - "unknown field \\"bar\\""/,
  );
});

test("what is valid but hardly meant is warned of, once and only where it is looked at", async () => {
  const headless = {
    metadata: { name: "headless" },
    spec: { clusterIP: "None", sessionAffinity: "ClientIP" },
  };
  const services = maps.replace(/configmaps$/, "services");
  const created = await h2("POST", services, json, JSON.stringify(headless));
  assert.equal(created.status, 201);
  assert.equal(created.headers["warning"], '299 - "spec.SessionAffinity is ignored for headless services"');
  const read = await h2("GET", `${services}/headless`);
  assert.equal(read.headers["warning"], undefined);
  const endpoints = await h2("GET", maps.replace(/configmaps$/, "endpoints"));
  assert.equal(
    endpoints.headers["warning"],
    '299 - "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"',
  );
});

test("stopping ends watches and lets requests finish", async () => {
  const other = await startTestServer();
  const certificate = other.certificate("admin", ["system:masters"]);
  const connection = connect(other.url, {
    ca: other.caPem,
    cert: certificate.certificatePem,
    key: certificate.keyPem,
  });
  const watching = connection.request({ ":path": `${maps}?watch=true` });
  await once(watching, "response");
  const ended = once(watching, "close");
  watching.resume();
  await other.close();
  await ended;
  connection.destroy();
});

const told = (method: string, path: string, protocol: string, body = ""): Promise<Got> =>
  h1(
    {
      method,
      path,
      cert: admin.certificatePem,
      key: admin.keyPem,
      headers: { ...json, connection: "Upgrade", upgrade: protocol, "content-length": body.length },
    },
    body,
  );

test("who would rather speak another protocol is answered in this one, where there is none", async () => {
  const body = JSON.stringify({ metadata: { name: "upgraded" } });
  assert.equal((await told("POST", maps, "h2c", body)).status, 201);
  assert.equal((await told("GET", `${maps}/upgraded`, "websocket")).status, 200);
  const deleted = await told("DELETE", `${maps}/upgraded`, "h2c");
  assert.deepEqual([deleted.status, parsed(deleted)["status"]], [200, "Success"]);
  const watch = await told("GET", `${maps}?watch=true`, "WebSocket");
  assert.deepEqual([watch.status, watch.body.toString()], [400, "mismatch challenge/response"]);
});
