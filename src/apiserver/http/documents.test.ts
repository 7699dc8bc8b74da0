/** What the server tells of itself over real connections: discovery, OpenAPI, metrics; and how it packs what is big. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { ProtobufCodec } from "#api/codec/protobuf.ts";
import { createTypeTable } from "#api/schema/table.ts";
import { createScheme } from "#api/scheme.ts";
import { openDoor, parsed, type Got } from "#testing/door-client.ts";

const maps = "/api/v1/namespaces/default/configmaps";
const json = { "content-type": "application/json" };

const { h2, close } = await openDoor();
after(close);

const table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
const protobuf = new ProtobufCodec(createTypeTable(), createScheme());

const createMap = (name: string, data: object = {}): Promise<Got> =>
  h2("POST", maps, json, JSON.stringify({ metadata: { name }, data }));

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
  await h2("GET", maps);
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
