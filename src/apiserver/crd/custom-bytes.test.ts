/** Custom resources as bytes, over real connections: what upstream holds in maps is written by key. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { asking } from "#testing/asking.ts";
import { startTestServer } from "#testing/server.ts";
import { define, version, widgetDefinition } from "./testing/widgets.ts";

const server = await startTestServer();
const admin = server.certificate("admin", ["system:masters"]);
const ask = asking(server, admin);
const widgets = "/apis/example.com/v1/namespaces/default/widgets";
const json = { "content-type": "application/json" };
const open = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
const body = (name: string): string =>
  `{"spec":{"z":{"10":1,"9":2,"-":3,"b":{"y":[{"d":1,"c":2}],"x":0}},"size":1},"metadata":{"name":"${name}","labels":{"b":"","a":""}},"kind":"Widget","apiVersion":"example.com/v1"}`;
const spec = '"spec":{"size":1,"z":{"-":3,"10":1,"9":2,"b":{"x":0,"y":[{"c":2,"d":1}]}}}';

/** What differs from one run to the next. */
const plain = (text: string): string =>
  text
    .replaceAll(/"(uid|resourceVersion|creationTimestamp|time)":"[^"]+"/g, '"$1":""')
    .replaceAll(/,?"managedFields":\[\{"apiVersion".*?"time":""\}\]/g, "");

const metadata = (name: string): string =>
  `"metadata":{"creationTimestamp":"","generation":1,"labels":{"a":"","b":""},"name":"${name}","namespace":"default","resourceVersion":"","uid":""}`;
const written = (name: string): string =>
  `{"apiVersion":"example.com/v1","kind":"Widget",${metadata(name)},${spec}}`;

before(async () => {
  const schema = { openAPIV3Schema: { type: "object", properties: { spec: open, status: open } } };
  const versions = [version("v1", { schema }), version("v2", { schema })];
  await define(server.client({ name: "admin", groups: ["system:masters"] }), widgetDefinition(versions));
});
after(() => server.close());

test("a created one is answered, read, updated and watched by key", async () => {
  const made = await ask(widgets, { method: "POST", headers: json, body: body("a") });
  assert.equal(plain(made.text), `${written("a")}\n`);
  assert.match(
    made.text,
    /"managedFields":\[\{"apiVersion":.*"fieldsType":.*"fieldsV1":.*"manager":.*"operation":.*"time":/,
  );
  assert.equal((await ask(`${widgets}/a`)).text, made.text);
  const pretty = await ask(`${widgets}/a?pretty=1`);
  assert.ok(pretty.text.includes('"-": 3,\n      "10": 1,\n      "9": 2,\n      "b": {'), pretty.text);
  assert.ok(
    pretty.text.startsWith('{\n  "apiVersion": "example.com/v1",\n  "kind": "Widget",\n  "metadata": {'),
  );
  const other = await ask(`${widgets.replace("v1", "v2")}/a`);
  assert.equal(plain(other.text), `${written("a").replace("v1", "v2")}\n`);
  const patched = await ask(`${widgets}/a?dryRun=All`, {
    method: "PATCH",
    headers: { "content-type": "application/merge-patch+json" },
    body: '{"spec":{"size":1,"a":{"2":1,"1":0}}}',
  });
  assert.ok(patched.text.includes('"spec":{"a":{"1":0,"2":1},"size":1,"z":{"-":3,'), patched.text);
  const event = await ask(
    `${widgets}?watch=1&resourceVersion=0&timeoutSeconds=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`,
  );
  const [added = "", bookmark = ""] = event.text.split("\n");
  assert.equal(plain(added), `{"type":"ADDED","object":${written("a")}}`);
  assert.equal(
    plain(bookmark),
    '{"type":"BOOKMARK","object":{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"annotations":{"k8s.io/initial-events-end":"true"},"resourceVersion":""}}}',
  );
});

test("so is a list, which has a token even where it is empty", async () => {
  await ask(widgets, { method: "POST", headers: json, body: body("b") });
  const list = await ask(`${widgets}?fieldSelector=metadata.name=b`);
  assert.equal(
    plain(list.text),
    `{"apiVersion":"example.com/v1","items":[${written("b")}],"kind":"WidgetList","metadata":{"continue":"","resourceVersion":""}}\n`,
  );
  const pretty = await ask(`${widgets}?fieldSelector=metadata.name=b&pretty=1`);
  assert.equal(
    plain(pretty.text.replaceAll(/\n */g, "").replaceAll(/": /g, '":')),
    plain(list.text.trimEnd()),
  );
  const none = await ask(`${widgets}?fieldSelector=metadata.name=none&pretty=1`);
  assert.match(
    none.text,
    /^\{\n  "apiVersion": "example.com\/v1",\n  "items": \[\],\n  "kind": "WidgetList",\n  "metadata": \{\n    "continue": "",\n    "resourceVersion": "\d+"\n  \}\n\}$/,
  );
});

test("metadata alone has a type, and that type's order", async () => {
  const accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
  const { text } = await ask(`${widgets}/a`, { headers: { accept } });
  assert.match(
    text,
    /"metadata":\{"name":.*"namespace":.*"uid":.*"resourceVersion":.*"generation":.*"creationTimestamp":.*"labels":.*"managedFields":\[\{"manager":.*"operation":.*"apiVersion":.*"time":.*"fieldsType":.*"fieldsV1":/,
  );
  const table = await ask(`${widgets}/a`, {
    headers: { accept: accept.replace("PartialObjectMetadata", "Table") },
  });
  assert.match(
    table.text,
    /"object":\{"kind":"PartialObjectMetadata","apiVersion":"[^"]+","metadata":\{"name":"a"/,
  );
});

test("one is created at a name, which is not its own", async () => {
  const made = await ask(`${widgets}/somebody`, { method: "POST", headers: json, body: body("c") });
  assert.equal(made.status, 201);
  assert.equal(plain(made.text), `${written("c")}\n`);
  assert.equal((await ask(`${widgets}/somebody`)).status, 404);
  const nameless = await ask(`${widgets}/d`, { method: "POST", headers: json, body: body("") });
  assert.equal(nameless.status, 422);
  assert.ok(
    nameless.text.includes("metadata.name: Required value: name or generateName is required"),
    nameless.text,
  );
});

test("a ConfigMap's keys and labels are in their bytes' order, too", async () => {
  const maps = "/api/v1/namespaces/default/configmaps";
  const labels = '"labels":{"b":"","10":"","9":""}';
  const made = await ask(maps, {
    method: "POST",
    headers: json,
    body: `{"metadata":{"name":"n",${labels}},"data":{"9":"","10":"","-":""}}`,
  });
  for (const { text } of [made, await ask(`${maps}/n`), await ask(`${maps}?labelSelector=b`)]) {
    assert.ok(text.includes('"labels":{"10":"","9":"","b":""}'), text);
    assert.ok(text.includes('"data":{"-":"","10":"","9":""}'), text);
  }
});

test("other kinds of patches are refused by naming those there are", async () => {
  for (const type of ["text/plain", "application/strategic-merge-patch+json"]) {
    const { status, text } = await ask(`${widgets}/a`, {
      method: "PATCH",
      headers: { "content-type": type },
      body: "{}",
    });
    assert.equal(status, 415);
    assert.ok(
      text.includes(
        "accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
      ),
      text,
    );
  }
});

test("keys given twice are told of, in YAML and in JSON", async () => {
  const cases: readonly [type: string, body: string, faults: string][] = [
    [
      "json",
      '{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"b"},"spec":{},"spec":{},"foo":1}',
      'duplicate field "spec", unknown field "foo"',
    ],
    [
      "yaml",
      "apiVersion: example.com/v1\nkind: Widget\nmetadata:\n  name: b\nspec: {}\nspec: {}\nfoo: 1\n",
      'yaml: unmarshal errors:\n  line 6: key "spec" already set in map, unknown field "foo"',
    ],
  ];
  for (const [type, twice, faults] of cases) {
    const headers = { "content-type": `application/${type}` };
    const { text } = await ask(`${widgets}?fieldValidation=Strict`, { method: "POST", headers, body: twice });
    assert.equal(
      (JSON.parse(text) as { message: string }).message,
      `Widget in version "v1" cannot be handled as a Widget: strict decoding error: ${faults}`,
    );
  }
});
