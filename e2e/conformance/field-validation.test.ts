/** What upstream's conformance demands when fields are validated strictly, of typed objects and of custom resources. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { startBareServer, type BareServer } from "../bare-server.ts";
import { ApiClient, at, type Answer, type Json } from "./api-client.ts";
import { define, object, specSchema, type Defined } from "./definitions.ts";

const strict = "fieldValidation=Strict&fieldManager=test";

let server: BareServer;
let api: ApiClient;

const applyAt = (path: string, name: string, body: string): Promise<Answer> =>
  api.call("PATCH", `${path}/${name}?${strict}`, { body, type: "application/apply-patch+yaml" });

function customResources(): void {
  test("a CR with unknown fields is created and applied where there is no validation schema", async () => {
    const kind = { kind: "Schemaless" };
    const path = await define(api, kind);
    const body = object(kind, "a", { spec: { any: { thing: 1 } }, more: "x" });
    const made = await api.must("POST", `${path}?${strict}`, { body });
    assert.deepEqual([at(made, "spec.any.thing"), made["more"]], [1, "x"]);
    const { code } = await applyAt(path, "b", JSON.stringify(object(kind, "b", { spec: { foo: "bar" } })));
    assert.equal(code, 201);
  });

  test("a CR is judged by its schema: valid, with extra properties, with duplicates, with unknown metadata", async () => {
    const kind = { kind: "Judged", schema: specSchema };
    const path = await define(api, kind);
    const good = object(kind, "good", { spec: { cronSpec: "x", kept: { any: 1 } } });
    assert.equal((await api.call("POST", `${path}?${strict}`, { body: good })).code, 201);
    const alsoGood = JSON.stringify(object(kind, "also", { spec: { cronSpec: "x" } }));
    assert.equal((await applyAt(path, "also", alsoGood)).code, 201);
    const extra = object(kind, "extra", {
      spec: { cronSpec: "x", extra: 1, ports: [{ port: 1, hostIP: "x" }] },
    });
    const refused = await api.call("POST", `${path}?${strict}`, { body: extra });
    assert.equal(refused.code, 400);
    assert.match(
      refused.text,
      /strict decoding error: unknown field \\"spec\.extra\\", unknown field \\"spec\.ports\[0\]\.hostIP\\"/,
    );
    const untyped = await applyAt(path, "extra", JSON.stringify(extra));
    assert.equal(untyped.code, 500);
    assert.match(
      untyped.text,
      /failed to create typed patch object.*\.spec\.extra: field not declared in schema/,
    );
    const text = JSON.stringify(object(kind, "twice", { spec: { cronSpec: "x", kept: { a: 1 } } }));
    const twice = await api.call("POST", `${path}?${strict}`, { body: text.replace('"a":1', '"a":1,"a":2') });
    assert.equal(twice.code, 400);
    assert.match(twice.text, /strict decoding error: duplicate field \\"spec\.kept\.a\\"/);
    const withMeta = text.replace('"name":"twice"', '"name":"twice","unknownMeta":"x"');
    const meta = await api.call("POST", `${path}?${strict}`, { body: withMeta });
    assert.equal(meta.code, 400);
    assert.match(meta.text, /strict decoding error: unknown field \\"metadata\.unknownMeta\\"/);
  });

  test("unknown metadata fields of an embedded object in a CR are detected", async () => {
    const embedded = {
      type: "object",
      "x-kubernetes-embedded-resource": true,
      "x-kubernetes-preserve-unknown-fields": true,
    };
    const kind = {
      kind: "Embedding",
      schema: {
        type: "object",
        properties: { spec: { type: "object", properties: { template: embedded } } },
      },
    };
    const path = await define(api, kind);
    const template = { apiVersion: "v1", kind: "Pod", metadata: { name: "p", unknownSubMeta: "x" } };
    const body = object(kind, "a", { spec: { template } });
    const { code, text } = await api.call("POST", `${path}?${strict}`, { body });
    assert.equal(code, 400);
    assert.match(text, /strict decoding error: unknown field \\"spec\.template\.metadata\.unknownSubMeta\\"/);
  });
}

const deploymentPath = "/apis/apps/v1/namespaces/default/deployments";

const deployment = (metadata: string, spec: string): string =>
  `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d","labels":{"app":"d"}${metadata}},` +
  `"spec":{"selector":{"matchLabels":{"app":"d"}},"template":{"metadata":{"labels":{"app":"d"}},` +
  `"spec":{"containers":[{"name":"c","image":"busybox"}]}}${spec}}}`;

const strictly = "fieldValidation=Strict&dryRun=All";

function typedObjects(): void {
  test("unknown and duplicate fields of a typed object are detected", async () => {
    const body = deployment("", ',"unknownField":"x","paused":true,"paused":false');
    const refused = await api.call("POST", `${deploymentPath}?${strictly}`, { body });
    assert.equal(refused.code, 400);
    assert.equal(
      refused.body["message"],
      'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "spec.unknownField", duplicate field "spec.paused"',
    );
    const warned = await api.call("POST", `${deploymentPath}?dryRun=All`, { body });
    assert.equal(warned.code, 201);
    assert.equal(
      warned.headers["warning"],
      '299 - "unknown field \\"spec.unknownField\\"", 299 - "duplicate field \\"spec.paused\\""',
    );
    const ignored = await api.call("POST", `${deploymentPath}?fieldValidation=Ignore&dryRun=All`, { body });
    assert.deepEqual([ignored.code, ignored.headers["warning"]], [201, undefined]);
    const yaml =
      "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: d }\nspec:\n  paused: true\n  paused: false\n";
    const applied = await api.call("PATCH", `${deploymentPath}/d?fieldManager=m&${strictly}`, {
      body: yaml,
      type: "application/apply-patch+yaml",
    });
    assert.equal(applied.code, 400);
    assert.match(String(applied.body["message"]), /key "paused" already set in map/);
  });

  test("unknown metadata fields of a typed object are detected", async () => {
    const body = deployment(',"unknownMeta":"x"', "");
    const { code, body: status } = await api.call("POST", `${deploymentPath}?${strictly}`, { body });
    assert.equal(code, 400);
    assert.match(String(status["message"]), /strict decoding error: unknown field "metadata\.unknownMeta"$/);
  });

  test("unknown fields in a patch of a typed object are detected", async () => {
    await api.must("POST", deploymentPath, { body: deployment("", ',"replicas":0') });
    for (const type of ["application/merge-patch+json", "application/strategic-merge-patch+json"]) {
      const { code, body } = await api.call("PATCH", `${deploymentPath}/d?fieldValidation=Strict`, {
        body: { spec: { unknownField: 1 } },
        type,
      });
      assert.equal(code, 422, type);
      assert.match(String(body["message"]), /strict decoding error: unknown field "spec\.unknownField"/);
    }
    await api.must("DELETE", `${deploymentPath}/d`);
  });
}

const cron = "^(\\d+|\\*)(/\\d+)?(\\s+(\\d+|\\*)(/\\d+)?){4}$";

/** As upstream's tests have it: a pattern, and a list that is a map by two keys. */
const specProperties = {
  foo: { type: "string" },
  cronSpec: { type: "string", pattern: cron },
  ports: {
    type: "array",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["containerPort", "protocol"],
    items: {
      type: "object",
      required: ["containerPort", "protocol"],
      properties: {
        containerPort: { type: "integer", format: "int32" },
        hostPort: { type: "integer", format: "int32" },
        name: { type: "string" },
        protocol: { type: "string" },
      },
    },
  },
};

const schemaOf = (spec: object): Json => ({
  type: "object",
  properties: { spec: { type: "object", properties: specProperties, ...spec } },
});

/** Begins with an empty line: a parser's faults are counted from there. */
const yaml = (kind: Defined, { root = "", meta = "", spec = "  foo: foo1" } = {}): string => `
apiVersion: e2e.example.com/v1
kind: ${kind.kind}
metadata:
  name: mytest${meta}
  finalizers:
  - test-finalizer${root}
spec:
${spec}
  cronSpec: "* * * * */5"
  ports:
  - name: x
    containerPort: 80
    protocol: TCP`;

/** In YAML, as a client applies it. */
function applying(): void {
  test("a valid CR is applied", async () => {
    const kind = { kind: "Applied", schema: schemaOf({}) };
    const path = await define(api, kind);
    const { code, text } = await applyAt(path, "mytest", yaml(kind));
    assert.equal(code, 201, text);
    const wrong = yaml(kind).replace("* * * * */5", "whenever");
    const refused = await applyAt(path, "mytest", wrong);
    assert.equal(refused.code, 422);
    assert.match(refused.text, /spec\.cronSpec in body should match/);
  });

  test("a CR with a field that is not in the schema is refused", async () => {
    const kind = { kind: "Extra", schema: schemaOf({}) };
    const path = await define(api, kind);
    const { code, text } = await applyAt(path, "mytest", yaml(kind, { root: "\nunknownField: unknown" }));
    assert.equal(code, 500);
    assert.match(text, /\.unknownField: field not declared in schema/);
  });

  test("a CR with unknown metadata at its root and inside is refused", async () => {
    const template = {
      type: "object",
      "x-kubernetes-embedded-resource": true,
      properties: {
        metadata: { type: "object", properties: { name: { type: "string" } } },
        spec: { type: "object" },
      },
    };
    const kind = {
      kind: "Metas",
      schema: schemaOf({
        "x-kubernetes-preserve-unknown-fields": true,
        properties: { ...specProperties, template },
      }),
    };
    const path = await define(api, kind);
    const inside = `  template:
    apiversion: foo/v1
    kind: Sub
    metadata:
        unknownSubMeta: unknown
        name: subobject
        namespace: default
  foo: foo1`;
    const both = yaml(kind, { meta: "\n  unknownMeta: unknown", spec: inside });
    const { code, text } = await applyAt(path, "mytest", both);
    assert.equal(code, 500);
    assert.match(text, /\.metadata\.unknownMeta: field not declared in schema/);
    assert.match(text, /\.spec\.template\.metadata\.unknownSubMeta: field not declared in schema/);
  });

  test("a CR with a field twice is refused, and told where, although unknown fields are kept", async () => {
    const kind = { kind: "Twice", schema: schemaOf({ "x-kubernetes-preserve-unknown-fields": true }) };
    const path = await define(api, kind);
    const spec = "  unknown: uk1\n  foo: foo1\n  foo: foo2";
    const { code, text } = await applyAt(path, "mytest", yaml(kind, { spec }));
    assert.equal(code, 400);
    assert.match(text, /line 11: key \\"foo\\" already set in map/);
  });
}

suite("conformance: field validation", { timeout: 240_000 }, () => {
  before(async () => {
    server = await startBareServer();
    api = await ApiClient.of(server.kubeconfig);
  });
  after(() => server[Symbol.asyncDispose]());

  suite("typed objects", typedObjects);
  suite("custom resources", customResources);
  suite("custom resources that are applied", applying);
});
