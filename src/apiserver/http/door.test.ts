/** What only a real connection shows. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type OutgoingHttpHeaders } from "node:http2";
import { after, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { ProtobufCodec } from "#api/codec/protobuf.ts";
import { createTypeTable } from "#api/schema/table.ts";
import { createScheme } from "#api/scheme.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { openDoor, parsed, type Got } from "#testing/door-client.ts";
import { startTestServer } from "#testing/server.ts";

const maps = "/api/v1/namespaces/default/configmaps";
const json = { "content-type": "application/json" };

const { server, admin, session, h2, h1, close } = await openDoor();
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

const table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
const partial = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";
const partialList =
  "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

test("tables hold cells and, as asked, more or less of the object", async () => {
  await createMap("table", { a: "1", b: "2" });
  const query = "?fieldSelector=metadata.name%3Dtable";
  const body = parsed(await h2("GET", `${maps}${query}`, { accept: table }));
  assert.deepEqual([body.kind, body.apiVersion], ["Table", "meta.k8s.io/v1"]);
  assert.deepEqual(
    (body["columnDefinitions"] as { name: string }[]).map(({ name }) => name),
    ["Name", "Data", "Age"],
  );
  const [row] = body["rows"] as { cells: unknown[]; object: AnyObject }[];
  assert.deepEqual([row?.cells.slice(0, 2), row?.object.kind], [["table", 2], "PartialObjectMetadata"]);
  const full = parsed(await h2("GET", `${maps}${query}&includeObject=Object`, { accept: table }));
  assert.equal((full["rows"] as { object: AnyObject }[])[0]?.object.kind, "ConfigMap");
  const none = parsed(await h2("GET", `${maps}${query}&includeObject=None`, { accept: table }));
  assert.equal((none["rows"] as { object?: AnyObject }[])[0]?.object, undefined);
  assert.equal((await h2("GET", `${maps}?includeObject=Some`, { accept: table })).status, 400);
});

test("metadata alone", async () => {
  await createMap("partial", { a: "1" });
  const one = parsed(await h2("GET", `${maps}/partial`, { accept: partial }));
  assert.deepEqual(
    [one.kind, one.metadata?.name, one["data"]],
    ["PartialObjectMetadata", "partial", undefined],
  );
  const list = await h2("GET", maps, { accept: partialList });
  assert.equal(list.headers["content-type"], "application/vnd.kubernetes.protobuf");
  assert.equal(list.body.subarray(0, 4).toString("latin1"), "k8s\0");
});

const protobuf = new ProtobufCodec(createTypeTable(), createScheme());

test("protobuf goes both ways", async () => {
  const type = "application/vnd.kubernetes.protobuf";
  const body = protobuf.encode({
    kind: "ConfigMap",
    apiVersion: "v1",
    metadata: { name: "pb" },
    data: { x: "y" },
  });
  const made = await h2("POST", maps, { "content-type": type, accept: `${type},application/json` }, body);
  assert.deepEqual([made.status, made.headers["content-type"]], [201, type]);
  assert.deepEqual(protobuf.decode(made.body)["data"], { x: "y" });
  assert.deepEqual(parsed(await h2("GET", `${maps}/pb`))["data"], { x: "y" });
  const list = protobuf.decode((await h2("GET", maps, { accept: type })).body);
  assert.equal(list.kind, "ConfigMapList");
});

test("YAML goes both ways", async () => {
  const yaml = { "content-type": "application/yaml", accept: "application/yaml" };
  const made = await h2("POST", maps, yaml, "metadata:\n  name: yaml\ndata:\n  x: '1'\n");
  assert.equal(made.status, 201);
  assert.match(made.body.toString(), /^data:\n {2}x: ['"]1['"]$/m);
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

async function* lines(stream: AsyncIterable<Buffer>): AsyncGenerator<AnyObject> {
  let waiting = "";
  for await (const chunk of stream) {
    waiting += chunk.toString("utf8");
    for (let end = waiting.indexOf("\n"); end >= 0; end = waiting.indexOf("\n")) {
      yield JSON.parse(waiting.slice(0, end)) as AnyObject;
      waiting = waiting.slice(end + 1);
    }
  }
}

async function nextOf(iterator: AsyncGenerator<AnyObject>): Promise<AnyObject> {
  const next = await iterator.next();
  assert.notEqual(next.done, true);
  return next.value as AnyObject;
}

test("a watch streams lines over HTTP/2 until the client leaves", async () => {
  const stream = session.request({ ":path": `${maps}?watch=true&fieldSelector=metadata.name%3Dwatched` });
  const events = lines(stream as AsyncIterable<Buffer>);
  await createMap("watched");
  const added = await nextOf(events);
  assert.deepEqual([added["type"], (added["object"] as AnyObject).metadata?.name], ["ADDED", "watched"]);
  await h2("DELETE", `${maps}/watched`);
  assert.equal((await nextOf(events))["type"], "DELETED");
  stream.close();
  await events.return(undefined);
});

test("a watch of tables names the columns once", async () => {
  await createMap("tabled");
  const path = `${maps}?watch=true&resourceVersion=0&fieldSelector=metadata.name%3Dtabled`;
  const stream = session.request({ ":path": path, accept: table });
  const events = lines(stream as AsyncIterable<Buffer>);
  const first = (await nextOf(events))["object"] as AnyObject;
  await h2(
    "PATCH",
    `${maps}/tabled`,
    { "content-type": "application/merge-patch+json" },
    '{"data":{"x":"y"}}',
  );
  const second = (await nextOf(events))["object"] as AnyObject;
  assert.deepEqual([first.kind, second.kind], ["Table", "Table"]);
  assert.equal((first["columnDefinitions"] as unknown[]).length, 3);
  assert.equal(second["columnDefinitions"], null);
  stream.close();
  await events.return(undefined);
});

test("a watch in protobuf is framed by length", async () => {
  await createMap("framed");
  const path = `${maps}?watch=true&resourceVersion=0&timeoutSeconds=1&fieldSelector=metadata.name%3Dframed`;
  const got = await h2("GET", path, { accept: "application/vnd.kubernetes.protobuf" });
  assert.equal(got.headers["content-type"], "application/vnd.kubernetes.protobuf;stream=watch");
  assert.equal(got.body.readUInt32BE(0), got.body.length - 4);
});

test("an impossible watch ends with an ERROR event", async () => {
  const path = `${maps}?watch=true&resourceVersion=1&timeoutSeconds=5`;
  const store = parsed(await h2("GET", maps)).metadata?.resourceVersion;
  assert.ok(Number(store) > 1);
  // From revision 1 everything can be replayed: the first map of this file comes again.
  const stream = session.request({ ":path": path });
  const events = lines(stream as AsyncIterable<Buffer>);
  assert.equal((await nextOf(events))["type"], "ADDED");
  stream.close();
  await events.return(undefined);
});

test("a list bigger than one chunk arrives whole", async () => {
  const at = "/api/v1/namespaces/kube-public/configmaps";
  const data = { x: "y".repeat(10_000) };
  await Promise.all(
    Array.from({ length: 100 }, (_, i) =>
      h2("POST", at, json, JSON.stringify({ metadata: { name: `big-${i}` }, data })),
    ),
  );
  const list = parsed(await h2("GET", at));
  assert.equal((list["items"] as unknown[]).length, 100);
});

test("two hundred watches fit on one connection", async () => {
  const streams = Array.from({ length: 200 }, () =>
    session.request({ ":path": `${maps}?watch=true&resourceVersion=0` }),
  );
  const heads = await Promise.all(streams.map((stream) => once(stream, "response")));
  assert.ok(heads.every(([head]) => (head as Record<string, unknown>)[":status"] === 200));
  for (const stream of streams) stream.close();
});

test("discovery is revalidated by its ETag", async () => {
  const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
  const first = await h2("GET", "/apis", { accept });
  assert.equal(
    first.headers["content-type"],
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
  );
  const again = await h2("GET", "/apis", { accept, "if-none-match": String(first.headers["etag"]) });
  assert.deepEqual([again.status, again.body.length], [304, 0]);
  const packed = await h2("GET", "/apis", { accept: accept.replace("json", "vnd.kubernetes.protobuf") });
  const { etag: packedEtag, "content-type": packedType } = packed.headers;
  assert.equal(
    packedType,
    "application/vnd.kubernetes.protobuf;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
  );
  assert.equal(packedEtag, first.headers["etag"]);
  assert.deepEqual(protobuf.decode(packed.body)["items"], parsed(first)["items"]);
  const legacy = await h2("GET", "/apis");
  assert.equal(parsed(legacy).kind, "APIGroupList");
  const { etag, vary, "cache-control": caching } = legacy.headers;
  assert.deepEqual([etag, vary, caching], [undefined, undefined, "no-cache, private"]);
  assert.equal(parsed(await h2("GET", "/apis/apps/v1")).kind, "APIResourceList");
  assert.equal((await h2("GET", "/apis/nowhere.io/v1")).status, 404);
});

test("OpenAPI documents are found by their hash", async () => {
  const root = parsed(await h2("GET", "/openapi/v3"))["paths"] as Record<
    string,
    { serverRelativeURL: string }
  >;
  const url = root["apis/apps/v1"]?.serverRelativeURL ?? "";
  const document = await h2("GET", url);
  assert.equal(document.headers["cache-control"], "public, immutable");
  assert.match(String(document.headers["expires"]), / GMT$/);
  for (const path of ["/openapi/v3/", "/openapi/v3/apis/none/v1"]) {
    const nothing = await h2("GET", path);
    assert.deepEqual([nothing.status, nothing.body.length], [404, 0]);
  }
  assert.equal(parsed(document)["openapi"], "3.0.0");
  const stale = await h2("GET", url.replace(/hash=.*/, "hash=OLD"));
  assert.deepEqual([stale.status, stale.headers["location"]], [301, url]);
  assert.equal((await h2("GET", "/openapi/v3/apis/apps/v1?hash=")).status, 200);
});

test("OpenAPI documents are had in parts, as protobuf, or not at all", async () => {
  const root = await h2("GET", "/openapi/v3");
  const { etag, "content-type": type, "accept-ranges": parts } = root.headers;
  assert.deepEqual([etag, type, parts], [undefined, "text/plain; charset=utf-8", "bytes"]);
  for (const [path, version] of [
    ["/openapi/v2", "v2"],
    ["/openapi/v3/apis/apps/v1", "v3"],
  ] as const) {
    const asJson = await h2("GET", path);
    const accept = `application/com.github.proto-openapi.spec.${version}@v1.0+protobuf`;
    const asProtobuf = await h2("GET", path, { accept });
    assert.equal(asProtobuf.headers["content-type"], accept.replace("@", "."));
    assert.equal(asProtobuf.headers["etag"], asJson.headers["etag"]);
    const since = String(asProtobuf.headers["last-modified"]);
    assert.equal((await h2("GET", path, { "if-modified-since": since })).status, 304);
    const part = await h2("GET", path, { range: "bytes=0-9", "accept-encoding": "gzip" });
    assert.deepEqual([part.status, part.body.length], [206, 10]);
    const large = await h2("GET", path, { range: `bytes=0-${200 << 10}`, "accept-encoding": "gzip" });
    assert.equal(large.headers["content-encoding"], undefined);
    const refused = await h2("GET", path, { accept: "text/html" });
    assert.deepEqual([refused.status, refused.body.length], [406, 0]);
  }
});

test("metrics count requests by upstream's names", async () => {
  const body = (await h2("GET", "/metrics")).body.toString();
  assert.match(
    body,
    /apiserver_request_total\{code="200",component="apiserver",dry_run="",group="",resource="configmaps",scope="\w+",subresource="",verb="LIST",version="v1"\} \d+/,
  );
  assert.match(body, /apiserver_request_duration_seconds_bucket/);
  assert.match(body, /^apiserver_storage_objects\{resource="configmaps"\} [1-9]\d*$/m);
  assert.match(body, /^apiserver_resource_objects\{group="apps",resource="deployments"\} 0$/m);
  assert.match(body, /^apiserver_storage_size_bytes\{storage_cluster_id="etcd-0"\} [\d.e+]+$/m);
  assert.match(body, /^process_start_time_seconds 1\.\d+e\+09$/m);
});

test("events sent to watches are counted by resource and size", async () => {
  const secrets = "/api/v1/namespaces/default/secrets";
  await h2("POST", secrets, json, JSON.stringify({ metadata: { name: "counted" } }));
  await h2("GET", `${secrets}?watch=true&timeoutSeconds=1`);
  const body = (await h2("GET", "/metrics")).body.toString();
  assert.match(body, /^apiserver_watch_events_total\{group="",resource="secrets",version="v1"\} 1$/m);
  assert.match(body, /^apiserver_watch_events_sizes_count\{group="",resource="secrets",version="v1"\} 1$/m);
});

test("what health checks said is at /metrics/slis", async () => {
  await h2("GET", "/readyz");
  const body = (await h2("GET", "/metrics/slis")).body.toString();
  assert.match(body, /^kubernetes_healthcheck\{name="etcd",type="readyz"\} 1$/m);
  assert.match(
    body,
    /^kubernetes_healthchecks_total\{name="etcd",status="success",type="readyz"\} [1-9]\d*$/m,
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

/** A second may pass between two answers: tables show ages. */
const ageless = (body: Buffer): string => body.toString("utf8").replaceAll(/"\d+s"/g, '"age"');

test("big answers are compressed for who takes it: an object, a list in chunks, a table, a document", async () => {
  for (const name of ["big-a", "big-b", "big-c"]) await createMap(name, { x: "y".repeat(200 << 10) });
  const cases: readonly [path: string, accept: string][] = [
    [`${maps}/big-a`, "application/json"],
    [maps, "application/json"],
    [`${maps}?includeObject=Object`, table],
    ["/openapi/v3/api/v1", "application/json"],
    ["/openapi/v2", "application/json"],
  ];
  for (const [path, accept] of cases) {
    const plain = await h2("GET", path, { accept });
    assert.equal(plain.headers["content-encoding"], undefined, path);
    const small = await h2("GET", path, { accept, "accept-encoding": "br, gzip;q=0.5" });
    assert.equal(small.headers["content-encoding"], "gzip", path);
    assert.match(String(small.headers["vary"]), /Accept-Encoding/);
    assert.deepEqual(ageless(gunzipSync(small.body)), ageless(plain.body), path);
    const refused = await h2("GET", path, { accept, "accept-encoding": "gzip;q=0" });
    assert.equal(refused.headers["content-encoding"], undefined, path);
  }
  const small = await h2("GET", `${maps}/versions`, { "accept-encoding": "gzip" });
  assert.equal(small.headers["content-encoding"], undefined);
  for (const name of ["big-a", "big-b", "big-c"]) await h2("DELETE", `${maps}/${name}`);
});

test("/openapi/v2 goes by what is asked for, and by its ETag", async () => {
  const packed = await h2("GET", "/openapi/v2", {
    accept: "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
  });
  assert.equal(packed.headers["content-type"], "application/com.github.proto-openapi.spec.v2.v1.0+protobuf");
  const { etag } = packed.headers;
  assert.ok(typeof etag === "string");
  const same = await h2("GET", "/openapi/v2", {
    accept: "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
    "if-none-match": etag,
  });
  assert.deepEqual([same.status, same.body.length], [304, 0]);
  const other = await h2("GET", "/openapi/v2", { accept: "text/html" });
  assert.equal(other.status, 406);
});
