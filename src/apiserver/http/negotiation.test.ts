/** In which form answers come, over real connections. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { AnyObject } from "#api/meta/object.ts";
import { asking, type Got } from "#testing/asking.ts";
import { startTestServer } from "#testing/server.ts";

const server = await startTestServer();
const admin = server.certificate("admin", ["system:masters"]);
after(() => server.close());

const maps = "/api/v1/namespaces/default/configmaps";

const ask = asking(server, admin);
const create = (body: unknown): Promise<Got> =>
  ask(maps, { method: "POST", headers: json, body: JSON.stringify(body) });

const json = { "content-type": "application/json" };
const curl = { "user-agent": "curl/8.5.0" };
const indented = (text: string): string => JSON.stringify(JSON.parse(text), undefined, 2);

/** The order of fields is nobody's business. */
function assertIndentedFormOf(text: string, plain: string): void {
  assert.equal(text, indented(text));
  assert.deepEqual(JSON.parse(text), JSON.parse(plain));
}

for (const [name, path] of [
  ["an object", `${maps}/kube-root-ca.crt-of-nobody`],
  ["a list", "/api/v1/namespaces"],
  ["an empty list", "/api/v1/namespaces/nowhere/pods"],
  // Of what shows no age: that may be another one a moment later.
  ["a table", "/apis/rbac.authorization.k8s.io/v1/namespaces/kube-public/roles"],
  ["a failure", `${maps}/none`],
  ["what is not a resource", "/api/v1/foo"],
  ["discovery, one by one", "/apis/apps/v1"],
  ["discovery of the core", "/api"],
] as const) {
  test(`people read ${name} indented; programs get a line`, async () => {
    if (name === "an object") {
      const metadata = { name: "kube-root-ca.crt-of-nobody" };
      const data = { text: "a\nb", empty: "" };
      await create({ metadata, data });
    }
    const table = { accept: "application/json;as=Table;g=meta.k8s.io;v=v1" };
    const accept = name === "a table" ? table : {};
    const plain = await ask(path, { headers: accept });
    const pretty = await ask(path, { headers: { ...accept, ...curl } });
    assert.equal(pretty.status, plain.status);
    assert.equal(pretty.headers["content-type"], plain.headers["content-type"]);
    assertIndentedFormOf(pretty.text, plain.text);
    assert.equal(plain.text, `${JSON.stringify(JSON.parse(plain.text))}\n`);
    assert.equal((await ask(`${path}?pretty=0`, { headers: { ...accept, ...curl } })).text, plain.text);
    assert.equal((await ask(`${path}?pretty=true`, { headers: accept })).text, pretty.text);
  });
}

test("a long list is indented piece by piece, and says the same", async () => {
  const data = { text: "x\n".repeat(30_000) };
  for (const at of [1, 2, 3, 4, 5]) {
    const metadata = { name: `long-${at}`, labels: { long: "" } };
    await create({ metadata, data });
  }
  const path = `${maps}?labelSelector=long`;
  const pretty = await ask(path, { headers: curl });
  assert.equal(pretty.headers["content-length"], undefined);
  assertIndentedFormOf(pretty.text, (await ask(path)).text);
});

test("what is no line's end to JSON is left alone in an indented list", async () => {
  const text = "a\u2028b\u2029c\rd";
  await create({ metadata: { name: "line-ends", labels: { ends: "" } }, data: { text } });
  const { text: list } = await ask(`${maps}?labelSelector=ends`, { headers: curl });
  const { items } = JSON.parse(list) as { items: { data: { text: string } }[] };
  assert.deepEqual(
    items.map(({ data }) => data.text),
    [text],
  );
});

test("a watch is never pretty, and never YAML", async () => {
  const path = `${maps}?watch=true&timeoutSeconds=1&fieldSelector=metadata.name%3Dkube-root-ca.crt`;
  await create({ metadata: { name: "kube-root-ca.crt" } });
  const { text } = await ask(path, { headers: curl });
  assert.match(text, /^\{"type":"ADDED","object":\{"kind":"ConfigMap".*\}\n$/);
  const refused = await ask(path, { headers: { accept: "application/yaml" } });
  assert.equal(refused.status, 406);
  assert.equal(refused.headers["content-type"], "application/yaml");
  assert.match(
    refused.text,
    /message: .*application\/json;stream=watch,\s+application\/vnd.kubernetes.protobuf;stream=watch/s,
  );
});

test("who may not have it isn't told in which forms there would be any", async () => {
  const accept = "text/html";
  const stranger = await asking(server)(maps, { headers: { accept } });
  const anybody = await ask(maps, { headers: { accept } });
  const unknown = await ask("/api/v1/namespaces/default/nothing", { headers: { accept } });
  assert.deepEqual([stranger.status, anybody.status, unknown.status], [403, 406, 404]);
  for (const { text } of [stranger, anybody]) assert.equal(text, indented(text));
  assert.equal(
    (JSON.parse(anybody.text) as AnyObject)["message"],
    "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, application/vnd.kubernetes.protobuf, application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch",
  );
});

test("discovery comes in YAML and protobuf, too", async () => {
  const yaml = await ask("/apis/apps", { headers: { accept: "application/yaml" } });
  assert.equal(yaml.headers["content-type"], "application/yaml");
  assert.match(yaml.text, /^apiVersion: v1\nkind: APIGroup\n/);
  const accept = "application/vnd.kubernetes.protobuf";
  const protobuf = await ask("/api", { headers: { accept } });
  assert.equal(protobuf.headers["content-type"], accept);
  assert.ok(protobuf.text.startsWith("k8s\0"));
});
