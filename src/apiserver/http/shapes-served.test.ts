/** What forms answers take over real connections: tables, metadata alone, protobuf, YAML, and watches of all of them. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, test } from "node:test";
import { ProtobufCodec } from "#api/codec/protobuf.ts";
import { createTypeTable } from "#api/schema/table.ts";
import { createScheme } from "#api/scheme.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { openDoor, parsed, type Got } from "#testing/door-client.ts";

const maps = "/api/v1/namespaces/default/configmaps";
const json = { "content-type": "application/json" };

const { session, h2, close } = await openDoor();
after(close);

const createMap = (name: string, data: object = {}): Promise<Got> =>
  h2("POST", maps, json, JSON.stringify({ metadata: { name }, data }));

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
