/** What upstream's conformance demands of custom resources, and of policies and webhooks about them. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { startHookServer, type HookServer } from "#apiserver/admission/testing/hook-server.ts";
import { startBareServer, type BareServer } from "../bare-server.ts";
import { eventually } from "../wait.ts";
import { ApiClient, at, textAt, type Answer, type Json } from "./api-client.ts";

const waitMs = 15_000;
const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const strict = "fieldValidation=Strict&fieldManager=test";

let server: BareServer;
let api: ApiClient;
let hooks: HookServer;

const openObject = { type: "object", "x-kubernetes-preserve-unknown-fields": true };

const specSchema = {
  type: "object",
  properties: {
    spec: {
      type: "object",
      required: ["cronSpec"],
      properties: {
        cronSpec: { type: "string" },
        kept: openObject,
        ports: { type: "array", items: { type: "object", properties: { port: { type: "integer" } } } },
      },
    },
  },
};

interface Defined {
  readonly kind: string;
  readonly group?: string;
  readonly schema?: Json;
  readonly more?: Json;
  readonly versions?: readonly Json[];
}

const pluralOf = ({ kind }: Defined): string => `${kind.toLowerCase()}s`;

function definition(defined: Defined): Json {
  const { kind, group = "e2e.example.com", schema = openObject, more = {} } = defined;
  const { versions = [{ name: "v1", served: true, storage: true }] } = defined;
  return {
    metadata: { name: `${pluralOf(defined)}.${group}` },
    spec: {
      group,
      scope: "Cluster",
      names: { plural: pluralOf(defined), kind },
      versions: versions.map((version) => ({ schema: { openAPIV3Schema: schema }, ...more, ...version })),
    },
  };
}

/** The path of its objects, once they are served. */
async function define(defined: Defined): Promise<string> {
  const { metadata } = await api.create(definitions, definition(defined));
  const name = textAt(metadata, "name");
  await eventually(`${name} is established`, waitMs, async () => {
    const conditions = (at(await api.get(`${definitions}/${name}`), "status.conditions") ?? []) as Json[];
    return conditions.some(({ type, status }) => type === "Established" && status === "True");
  });
  const version = textAt(defined.versions?.[0], "name") || "v1";
  const path = `/apis/${defined.group ?? "e2e.example.com"}/${version}/${pluralOf(defined)}`;
  await eventually(`${path} is served`, waitMs, async () => (await api.call("GET", path)).code === 200);
  return path;
}

const object = (defined: Defined, name: string, rest: Json = {}): Json => ({
  apiVersion: `${defined.group ?? "e2e.example.com"}/v1`,
  kind: defined.kind,
  metadata: { name },
  ...rest,
});

const applied = (path: string, name: string, body: string): Promise<Answer> =>
  api.call("PATCH", `${path}/${name}?${strict}`, { body, type: "application/apply-patch+yaml" });

function fieldValidation(): void {
  test("a CR with unknown fields is created and applied where there is no validation schema", async () => {
    const kind = { kind: "Schemaless" };
    const path = await define(kind);
    const body = object(kind, "a", { spec: { any: { thing: 1 } }, more: "x" });
    const made = await api.must("POST", `${path}?${strict}`, { body });
    assert.deepEqual([at(made, "spec.any.thing"), made["more"]], [1, "x"]);
    const { code } = await applied(path, "b", JSON.stringify(object(kind, "b", { spec: { foo: "bar" } })));
    assert.equal(code, 201);
  });

  test("a CR is judged by its schema: valid, with extra properties, with duplicates, with unknown metadata", async () => {
    const kind = { kind: "Judged", schema: specSchema };
    const path = await define(kind);
    const good = object(kind, "good", { spec: { cronSpec: "x", kept: { any: 1 } } });
    assert.equal((await api.call("POST", `${path}?${strict}`, { body: good })).code, 201);
    const alsoGood = JSON.stringify(object(kind, "also", { spec: { cronSpec: "x" } }));
    assert.equal((await applied(path, "also", alsoGood)).code, 201);
    const extra = object(kind, "extra", {
      spec: { cronSpec: "x", extra: 1, ports: [{ port: 1, hostIP: "x" }] },
    });
    const refused = await api.call("POST", `${path}?${strict}`, { body: extra });
    assert.equal(refused.code, 400);
    assert.match(
      refused.text,
      /strict decoding error: unknown field \\"spec\.extra\\", unknown field \\"spec\.ports\[0\]\.hostIP\\"/,
    );
    const untyped = await applied(path, "extra", JSON.stringify(extra));
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
    const path = await define(kind);
    const template = { apiVersion: "v1", kind: "Pod", metadata: { name: "p", unknownSubMeta: "x" } };
    const body = object(kind, "a", { spec: { template } });
    const { code, text } = await api.call("POST", `${path}?${strict}`, { body });
    assert.equal(code, 400);
    assert.match(text, /strict decoding error: unknown field \\"spec\.template\.metadata\.unknownSubMeta\\"/);
  });
}

function definitionObjects(): void {
  test("definitions are created, listed by label, deleted as a collection", async () => {
    for (const kind of ["Lista", "Listb"]) {
      const own = definition({ kind });
      await api.create(definitions, {
        ...own,
        metadata: { ...(own["metadata"] as Json), labels: { e2e: "list" } },
      });
    }
    const selected = `${definitions}?labelSelector=e2e%3Dlist`;
    assert.equal(((await api.get(selected))["items"] as unknown[]).length, 2);
    await api.must("DELETE", selected);
    await eventually("both are gone", waitMs, async () => {
      return ((await api.get(selected))["items"] as unknown[]).length === 0;
    });
  });

  test("a definition's status is got, patched and updated", async () => {
    await define({ kind: "Stated" });
    const path = `${definitions}/stateds.e2e.example.com/status`;
    const condition = { type: "StatusUpdate", status: "True", reason: "E2E", message: "by a test" };
    const found = await api.get(path);
    const conditions = [...(at(found, "status.conditions") as Json[]), condition];
    const status = { ...(found["status"] as Json), conditions };
    const updated = await api.must("PUT", path, { body: { ...found, status } });
    assert.ok((at(updated, "status.conditions") as Json[]).some(({ type }) => type === "StatusUpdate"));
    const patched = await api.merge(path, { metadata: { annotations: { a: "b" } } });
    assert.ok((at(patched, "status.conditions") as Json[]).some(({ type }) => type === "StatusUpdate"));
  });

  test("definitions are in the discovery documents, and what they define is, too", async () => {
    const group = {
      name: "apiextensions.k8s.io",
      versions: [{ groupVersion: "apiextensions.k8s.io/v1", version: "v1" }],
    };
    const groups = (await api.get("/apis"))["groups"] as Json[];
    assert.deepEqual(groups.find(({ name }) => name === group.name)?.["versions"], group.versions);
    const resources = (await api.get("/apis/apiextensions.k8s.io/v1"))["resources"] as Json[];
    assert.ok(resources.some(({ name }) => name === "customresourcedefinitions"));
    await define({ kind: "Discovered", more: { subresources: { status: {} } } });
    const v2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    await eventually("aggregated discovery has it", waitMs, async () => {
      const { text } = await api.call("GET", "/apis", { accept: v2 });
      const { items } = JSON.parse(text) as { items: Json[] };
      const own = items.find((item) => at(item, "metadata.name") === "e2e.example.com");
      const versions = (own?.["versions"] ?? []) as { version: string; resources: Json[] }[];
      const found = versions[0]?.resources.find(({ resource }) => resource === "discovereds");
      return JSON.stringify(found ?? {}).includes('"subresource":"status"');
    });
  });

  test("custom resources are watched by name", async () => {
    const kind = { kind: "Watched", schema: specSchema };
    const path = await define(kind);
    using watching = await api.watch(`${path}?watch=1&fieldSelector=metadata.name%3Da`);
    for (const name of ["a", "b"]) await api.create(path, object(kind, name, { spec: { cronSpec: "x" } }));
    await api.merge(`${path}/a`, { spec: { cronSpec: "y" } });
    await api.must("DELETE", path);
    assert.deepEqual(await watching.until(3), ["ADDED a", "MODIFIED a", "DELETED a"]);
  });

  test("defaults are filled in on requests and from storage", async () => {
    const kind = {
      kind: "Defaulted",
      schema: { type: "object", properties: { a: { type: "string", default: "A" } } },
    };
    const path = await define(kind);
    const name = "defaulteds.e2e.example.com";
    assert.equal((await api.create(path, object(kind, "x")))["a"], "A");
    const properties = { a: { type: "string", default: "A" }, b: { type: "string", default: "B" } };
    const schema = { openAPIV3Schema: { type: "object", properties } };
    await api.must("PATCH", `${definitions}/${name}`, {
      body: JSON.stringify([{ op: "replace", path: "/spec/versions/0/schema", value: schema }]),
      type: "application/json-patch+json",
    });
    await eventually("the new default is read", waitMs, async () => {
      const { code, body } = await api.call("GET", `${path}/x`);
      return code === 200 && body["b"] === "B" && body["a"] === "A";
    });
  });

  test("custom resources are listed and watched by the fields that may select them", async () => {
    const schema = { type: "object", properties: { host: { type: "string" }, port: { type: "string" } } };
    const kind = {
      kind: "Selected",
      schema,
      more: { selectableFields: [{ jsonPath: ".host" }, { jsonPath: ".port" }] },
    };
    const path = await define(kind);
    using watching = await api.watch(`${path}?watch=1&fieldSelector=host%3Dh1`);
    await api.create(path, object(kind, "a", { host: "h1", port: "80" }));
    await api.create(path, object(kind, "b", { host: "h1", port: "8080" }));
    await api.create(path, object(kind, "c", { host: "h2", port: "80" }));
    const names = async (selector: string): Promise<unknown> => {
      const { items } = await api.get(`${path}?fieldSelector=${encodeURIComponent(selector)}`);
      return (items as Json[]).map((item) => at(item, "metadata.name"));
    };
    assert.deepEqual(await names("host=h1"), ["a", "b"]);
    assert.deepEqual(await names("host=h1,port=80"), ["a"]);
    await api.merge(`${path}/a`, { host: "h2" });
    assert.deepEqual(await watching.until(3), ["ADDED a", "ADDED b", "DELETED a"]);
  });
}

/** The properties of a kind's definition in /openapi/v2; undefined while there is none. */
async function published(definitionName: string): Promise<Json | undefined> {
  const { text } = await api.call("GET", "/openapi/v2", { accept: "application/json" });
  return (JSON.parse(text) as { definitions: Record<string, Json> }).definitions[definitionName];
}

const appears = (name: string): Promise<Json> =>
  eventually(`${name} is published`, waitMs, () => published(name));

const vanishes = (name: string): Promise<unknown> =>
  eventually(`${name} is no longer published`, waitMs, async () => (await published(name)) === undefined);

function openApi(): void {
  test("OpenAPI tells of CRDs with a validation schema, without one, preserving unknown fields at the root and inside", async () => {
    await define({ kind: "Withschema", schema: specSchema });
    const withSchema = await appears("com.example.e2e.v1.Withschema");
    assert.deepEqual(at(withSchema, "properties.spec.required"), ["cronSpec"]);
    assert.ok(at(withSchema, "properties.metadata"));
    await define({ kind: "Root", schema: openObject });
    assert.equal((await appears("com.example.e2e.v1.Root"))["type"], "object");
    const schema = { type: "object", properties: { spec: openObject } };
    await define({ kind: "Inside", schema });
    const inside = await appears("com.example.e2e.v1.Inside");
    assert.equal((at(inside, "properties.spec") as Json)["x-kubernetes-preserve-unknown-fields"], true);
  });

  test("OpenAPI tells of CRDs of different groups, of different versions, of different kinds", async () => {
    await define({ kind: "Foo", group: "one.example.com", schema: specSchema });
    await define({ kind: "Foo", group: "two.example.com", schema: specSchema });
    await define({ kind: "Bar", group: "one.example.com", schema: specSchema });
    const versions = [
      { name: "v1", served: true, storage: true },
      { name: "v2", served: true, storage: false },
    ];
    await define({ kind: "Both", group: "one.example.com", schema: specSchema, versions });
    for (const name of ["one.v1.Foo", "two.v1.Foo", "one.v1.Bar", "one.v1.Both", "one.v2.Both"]) {
      await appears(`com.example.${name}`);
    }
  });

  test("OpenAPI follows a version that is renamed, and one that is no longer served", async () => {
    const versions = [
      { name: "v2", served: true, storage: true },
      { name: "v3", served: true, storage: false },
    ];
    await define({ kind: "Renamed", group: "three.example.com", schema: specSchema, versions });
    await appears("com.example.three.v3.Renamed");
    const path = `${definitions}/renameds.three.example.com`;
    const patch = (where: string, value: unknown): Promise<Json> =>
      api.must("PATCH", path, {
        body: JSON.stringify([{ op: "replace", path: where, value }]),
        type: "application/json-patch+json",
      });
    await patch("/spec/versions/1/name", "v4");
    await appears("com.example.three.v4.Renamed");
    await vanishes("com.example.three.v3.Renamed");
    await patch("/spec/versions/1/served", false);
    await vanishes("com.example.three.v4.Renamed");
    assert.ok(await published("com.example.three.v2.Renamed"));
  });
}

const admission = "/apis/admissionregistration.k8s.io/v1";

function hook(path: string, rules: Json, more: Json = {}): Json {
  return {
    name: "e2e.example.com",
    clientConfig: { url: `https://127.0.0.1:${hooks.port}${path}`, caBundle: hooks.caBundle },
    rules: [{ apiGroups: ["*"], apiVersions: ["*"], ...rules }],
    admissionReviewVersions: ["v1"],
    sideEffects: "None",
    ...more,
  };
}

function judging(): void {
  test("a webhook denies the creation of definitions, and creation, update and deletion of custom resources", async () => {
    const kind = { kind: "Denied", schema: openObject };
    const path = await define(kind);
    await api.create(path, object(kind, "a"));
    const selector = { matchConditions: [{ name: "own", expression: "request.resource.group != 'none'" }] };
    await api.create(`${admission}/validatingwebhookconfigurations`, {
      metadata: { name: "denying" },
      webhooks: [
        hook(
          "/deny",
          { operations: ["CREATE", "UPDATE", "DELETE"], resources: ["denieds", "customresourcedefinitions"] },
          selector,
        ),
      ],
    });
    const denied = /admission webhook \\"e2e\.example\.com\\" denied the request: no/;
    await eventually("creation is denied", waitMs, async () => {
      const { code, text } = await api.call("POST", `${path}?dryRun=All`, { body: object(kind, "b") });
      return code === 400 && denied.test(text);
    });
    const merge = { body: { x: 1 }, type: "application/merge-patch+json" };
    assert.match((await api.call("PATCH", `${path}/a`, merge)).text, denied);
    assert.match((await api.call("DELETE", `${path}/a`)).text, denied);
    assert.match((await api.call("POST", definitions, { body: definition({ kind: "Never" }) })).text, denied);
    await api.must("DELETE", `${admission}/validatingwebhookconfigurations/denying`);
  });

  test("a webhook mutates custom resources, and what their schema doesn't know is pruned", async () => {
    const properties = { data: { type: "object", additionalProperties: { type: "string" } } };
    const versions = [
      { name: "v1", served: true, storage: true },
      { name: "v2", served: true, storage: false },
    ];
    const kind = { kind: "Mutated", schema: { type: "object", properties }, versions };
    const path = await define(kind);
    await api.create(`${admission}/mutatingwebhookconfigurations`, {
      metadata: { name: "mutating" },
      webhooks: [hook("/mutate", { operations: ["CREATE"], resources: ["mutateds"] })],
    });
    const made = await eventually("it is mutated", waitMs, async () => {
      const answer = await api.must("POST", `${path}?dryRun=All`, {
        body: object(kind, "a", { data: { a: "b" } }),
      });
      return at(answer, "data.mutated") === undefined ? undefined : answer;
    });
    assert.deepEqual(made["data"], { a: "b", mutated: "yes" });
    assert.equal(made["unknown"], undefined);
    const stored = [false, true].map((value, index) => ({
      op: "replace",
      path: `/spec/versions/${index}/storage`,
      value,
    }));
    await api.must("PATCH", `${definitions}/mutateds.e2e.example.com`, {
      body: JSON.stringify(stored),
      type: "application/json-patch+json",
    });
    await eventually("it is mutated in the other version", waitMs, async () => {
      const { code, body } = await api.call("POST", path, { body: object(kind, "b", { data: {} }) });
      return code === 201 && at(body, "data.mutated") === "yes";
    });
    assert.equal(at(await api.get(`${path.replace("/v1/", "/v2/")}/b`), "data.mutated"), "yes");
  });

  test("a policy judges Deployments, by variables", async () => {
    await api.create(`${admission}/validatingadmissionpolicies`, {
      metadata: { name: "few" },
      spec: {
        matchConstraints: {
          resourceRules: [
            { apiGroups: ["apps"], apiVersions: ["v1"], operations: ["CREATE"], resources: ["deployments"] },
          ],
        },
        variables: [
          { name: "replicas", expression: "object.spec.replicas" },
          { name: "oddly", expression: "variables.replicas % 2 == 1" },
        ],
        validations: [
          { expression: "variables.replicas > 1", message: "too few" },
          { expression: "variables.oddly", messageExpression: "'even: ' + string(variables.replicas)" },
        ],
      },
    });
    await api.create(`${admission}/validatingadmissionpolicybindings`, {
      metadata: { name: "few" },
      spec: { policyName: "few", validationActions: ["Deny"] },
    });
    const asked = (replicas: number): Promise<Answer> => {
      const labels = { app: "d" };
      const template = { metadata: { labels }, spec: { containers: [{ name: "c", image: "i" }] } };
      return api.call("POST", "/apis/apps/v1/namespaces/default/deployments?dryRun=All", {
        body: { metadata: { name: "d" }, spec: { replicas, selector: { matchLabels: labels }, template } },
      });
    };
    await eventually("the policy counts", waitMs, async () => (await asked(1)).code === 422);
    assert.match(
      (await asked(1)).text,
      /ValidatingAdmissionPolicy 'few' with binding 'few' denied request: too few/,
    );
    assert.match((await asked(2)).text, /denied request: even: 2/);
    assert.equal((await asked(3)).code, 201);
  });
}

/** Resolves when a configmap that is created is changed, or refused, by `hooked`; or isn't. */
function judged(isJudged: boolean, name = "judged"): Promise<unknown> {
  return eventually(`${name} is ${isJudged ? "" : "not "}judged`, waitMs, async () => {
    const path = "/api/v1/namespaces/default/configmaps?dryRun=All";
    const { code, body } = await api.call("POST", path, { body: { metadata: { name }, data: { a: "b" } } });
    return (code === 400 || at(body, "data.mutated") === "yes") === isJudged;
  });
}

const conditions = (expression: string): Json => ({ matchConditions: [{ name: "own", expression }] });

function configurations(): void {
  for (const [kind, path] of [
    ["validating", "/deny"],
    ["mutating", "/mutate"],
  ] as const) {
    const collection = `${admission}/${kind}webhookconfigurations`;
    const rules = { operations: ["CREATE"], resources: ["configmaps"] };

    test(`${kind} webhooks are listed, patched, updated and deleted together, and each change counts`, async () => {
      const { resources } = await api.get(admission);
      assert.ok((resources as Json[]).some(({ name }) => name === `${kind}webhookconfigurations`));
      for (const name of ["one", "two"]) {
        const metadata = { name, labels: { e2e: kind } };
        await api.create(collection, { metadata, webhooks: [hook(path, rules)] });
      }
      const selected = `${collection}?labelSelector=e2e%3D${kind}`;
      assert.equal(((await api.get(selected))["items"] as unknown[]).length, 2);
      await judged(true);
      await api.must("DELETE", selected);
      await judged(false);
      await api.create(collection, { metadata: { name: "one" }, webhooks: [hook(path, rules)] });
      await judged(true);
      await api.must("PATCH", `${collection}/one`, {
        body: JSON.stringify([{ op: "replace", path: "/webhooks/0/rules/0/operations", value: ["UPDATE"] }]),
        type: "application/json-patch+json",
      });
      await judged(false);
      const found = await api.get(`${collection}/one`);
      await api.must("PUT", `${collection}/one`, { body: { ...found, webhooks: [hook(path, rules)] } });
      await judged(true);
      await api.must("DELETE", `${collection}/one`);
      await judged(false);
    });

    test(`${kind} webhooks have match conditions, which are checked and count`, async () => {
      const metadata = { name: "conditional" };
      const refused = await api.call("POST", collection, {
        body: { metadata, webhooks: [hook(path, rules, conditions("... [] bad expression"))] },
      });
      assert.equal(refused.code, 422);
      assert.match(
        refused.text,
        /webhooks\[0\]\.matchConditions\[0\]\.expression: Invalid value: .*compilation failed/,
      );
      const made = await api.create(collection, {
        metadata,
        webhooks: [hook(path, rules, conditions("object.metadata.name != 'skip-me'"))],
      });
      await judged(true);
      await judged(false, "skip-me");
      const webhooks = [hook(path, rules, conditions("object.metadata.name != 'judged'"))];
      const updated = await api.must("PUT", `${collection}/conditional`, { body: { ...made, webhooks } });
      const [first] = updated["webhooks"] as Json[];
      assert.deepEqual(
        first?.["matchConditions"],
        conditions("object.metadata.name != 'judged'")["matchConditions"],
      );
      await judged(false);
      await judged(true, "skip-me");
      await api.must("DELETE", `${collection}/conditional`);
      await judged(false, "skip-me");
    });
  }
}

suite("conformance: custom resources", { timeout: 240_000 }, () => {
  before(async () => {
    const patch = [
      { op: "add", path: "/data/mutated", value: "yes" },
      { op: "add", path: "/unknown", value: "pruned" },
    ];
    hooks = await startHookServer({
      "/deny": () => ({ allowed: false, status: { message: "no" } }),
      "/mutate": () => ({
        allowed: true,
        patchType: "JSONPatch",
        patch: Buffer.from(JSON.stringify(patch)).toString("base64"),
      }),
    });
    server = await startBareServer();
    api = await ApiClient.of(server.kubeconfig);
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await hooks[Symbol.asyncDispose]();
  });

  suite("field validation", fieldValidation);
  suite("definitions", definitionObjects);
  suite("published OpenAPI", openApi);
  suite("policies and webhooks", judging);
  suite("webhook configurations", configurations);
});
