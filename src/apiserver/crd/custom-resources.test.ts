import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
} from "#api/generated/types/apiextensions-v1.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { StatusError, type Status } from "#api/meta/status.ts";
import { customResourceDefinitions, namespaces } from "#api/resources.ts";
import type { ApiRequest, Client } from "#client/client.ts";
import { startTestApiserver, type TestApiserver } from "#testing/cluster.ts";
import { conditionOf, define, isEstablished, version, widgetDefinition, widgets } from "./testing/widgets.ts";

const widget = (name: string, spec: object = {}, more: object = {}): AnyObject => ({
  apiVersion: "example.com/v1",
  kind: "Widget",
  metadata: { name, namespace: "default" },
  spec,
  ...more,
});

async function started(crd?: CustomResourceDefinition): Promise<{ server: TestApiserver; client: Client }> {
  const server = await startTestApiserver();
  const client = server.client();
  await client.resource(namespaces).create({ metadata: { name: "default" } });
  if (crd !== undefined) await define(client, crd);
  return { server, client };
}

async function refusal(run: Promise<unknown>): Promise<Status> {
  try {
    await run;
  } catch (error) {
    if (error instanceof StatusError) return error.status;
    throw error;
  }
  throw new Error("it wasn't refused");
}

const ofDefault = (client: Client): ReturnType<typeof client.resource<AnyObject>> =>
  client.resource(widgets, "default");

suite("custom resources", () => {
  test("are not there before their definition, nor after it", async () => {
    const { server, client } = await started();
    await using _ = server;
    assert.equal((await refusal(ofDefault(client).list())).code, 404);
    await define(client);
    await ofDefault(client).create(widget("a"));
    await client.resource(customResourceDefinitions).delete("widgets.example.com");
    await conditionOf(client, "widgets.example.com", (crd) => crd === undefined);
    assert.equal((await refusal(ofDefault(client).list())).code, 404);
    await define(client);
    assert.deepEqual((await ofDefault(client).list()).items, []);
  });

  test("are defaulted, counted in generations, and keep their status apart", async () => {
    const { server, client } = await started(
      widgetDefinition([version("v1", { subresources: { status: {} } })]),
    );
    await using _ = server;
    const made = await ofDefault(client).create(widget("a", { color: "red" }, { status: { seen: 1 } }));
    assert.deepEqual(
      [made["spec"], made["status"], made.metadata?.generation],
      [{ color: "red", size: 3 }, undefined, 1],
    );
    const seen = await ofDefault(client).updateStatus({
      ...made,
      spec: { color: "blue" },
      status: { seen: 2 },
    });
    assert.deepEqual(
      [seen["spec"], seen["status"], seen.metadata?.generation],
      [{ color: "red", size: 3 }, { seen: 2 }, 1],
    );
    const changed = await ofDefault(client).update({ ...seen, spec: { color: "blue" }, status: {} });
    assert.deepEqual(
      [changed["spec"], changed["status"], changed.metadata?.generation],
      [{ color: "blue", size: 3 }, { seen: 2 }, 2],
    );
  });

  test("are checked by their schema, in upstream's words", async () => {
    const { server, client } = await started(widgetDefinition());
    await using _ = server;
    const { message, code } = await refusal(ofDefault(client).create(widget("a", { size: 0, color: 1 })));
    assert.equal(code, 422);
    assert.equal(
      message,
      'Widget.example.com "a" is invalid: [spec.color: Invalid value: "integer": spec.color in body must be of type string: "integer", spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1]',
    );
  });

  test("need a resourceVersion to be replaced, and take no strategic patch", async () => {
    const { server, client } = await started(widgetDefinition());
    await using _ = server;
    await ofDefault(client).create(widget("a"));
    assert.match(
      (await refusal(ofDefault(client).update(widget("a")))).message ?? "",
      /metadata.resourceVersion: Invalid value: 0: must be specified for an update/,
    );
    const strategic = await refusal(ofDefault(client).patch("a", "strategic", { spec: { color: "x" } }));
    assert.deepEqual([strategic.code, strategic.reason], [415, "UnsupportedMediaType"]);
    const merged = await ofDefault(client).patch("a", "merge", { spec: { color: "x", unknown: 1 } });
    assert.deepEqual(merged["spec"], { color: "x", size: 3 });
    const patched = await ofDefault(client).patch("a", "json", [
      { op: "replace", path: "/spec/color", value: "y" },
    ]);
    assert.deepEqual(patched["spec"], { color: "y", size: 3 });
    const applied = await ofDefault(client).patch("a", "apply", widget("a", { size: 4 }), {
      fieldManager: "tests",
      force: true,
    });
    assert.deepEqual(applied["spec"], { color: "y", size: 4 });
  });

  test("unknown fields are refused or warned of where the client asks", async () => {
    const { server } = await started(widgetDefinition());
    await using _ = server;
    const transport = server.transport();
    const post = (fieldValidation: string): ReturnType<typeof transport.request> =>
      transport.request({
        method: "POST",
        path: "/apis/example.com/v1/namespaces/default/widgets",
        query: { fieldValidation },
        body: { ...widget(`w-${fieldValidation.toLowerCase()}`, { foo: 1 }), bar: 1 },
      });
    const strict = await refusal(post("Strict"));
    assert.equal(
      strict.message,
      'Widget in version "v1" cannot be handled as a Widget: strict decoding error: unknown field "bar", unknown field "spec.foo"',
    );
    const { headers, body } = await post("Warn");
    assert.match(headers["warning"] ?? "", /unknown field \\"bar\\"/);
    assert.deepEqual((body as AnyObject)["spec"], { size: 3 });
    assert.equal((await post("Ignore")).headers["warning"], undefined);
  });

  test("what rules say of unchanged parts is told, and refuses nothing", async () => {
    const { server, client } = await started(widgetDefinition());
    await using _ = server;
    await ofDefault(client).create(widget("a", { color: "red" }));
    const schema = version("v1").schema?.openAPIV3Schema ?? {};
    const color = { type: "string", "x-kubernetes-validations": [{ rule: "self == 'blue'" }] };
    const spec = { ...schema.properties?.["spec"], properties: { size: { type: "integer" }, color } };
    const openAPIV3Schema = { ...schema, properties: { ...schema.properties, spec } };
    const definitions = client.resource(customResourceDefinitions);
    const crd = await definitions.get("widgets.example.com");
    const versions = [version("v1", { schema: { openAPIV3Schema } })];
    await definitions.update({ ...crd, spec: { ...crd.spec, versions } });
    const patch = (body: object): ReturnType<ReturnType<TestApiserver["transport"]>["request"]> =>
      server.transport().request({
        method: "PATCH",
        path: "/apis/example.com/v1/namespaces/default/widgets/a",
        contentType: "application/merge-patch+json",
        body,
      });
    const { headers } = await patch({ spec: { size: 4 } });
    assert.match(
      headers["warning"] ?? "",
      /spec.color: Invalid value: \\"red\\": failed rule: self == 'blue'/,
    );
    assert.match(
      (await refusal(patch({ spec: { color: "green" } }))).message ?? "",
      /spec.color: Invalid value: "green": failed rule: self == 'blue'$/,
    );
  });

  test("bodies of another version or kind, or without one, are refused", async () => {
    const { server, client } = await started(widgetDefinition());
    await using _ = server;
    const cases: readonly [object: AnyObject, message: RegExp][] = [
      [
        { ...widget("a"), apiVersion: "example.com/v2" },
        /the API version in the data \(example.com\/v2\) does not match the expected API version \(example.com\/v1\)/,
      ],
      [{ ...widget("a"), kind: "Gadget" }, /kind: Invalid value: "Gadget": must be Widget/],
      [{ metadata: { name: "a" } }, /Object 'Kind' is missing/],
    ];
    const transport = server.transport();
    for (const [body, message] of cases) {
      const path = "/apis/example.com/v1/namespaces/default/widgets";
      assert.match((await refusal(transport.request({ method: "POST", path, body }))).message ?? "", message);
    }
    assert.deepEqual((await ofDefault(client).list()).items, []);
  });

  test("are selected by the fields that the definition offers, in lists and watches", async () => {
    const { server, client } = await started(
      widgetDefinition([
        version("v1", { selectableFields: [{ jsonPath: ".spec.color" }, { jsonPath: ".spec.size" }] }),
      ]),
    );
    await using _ = server;
    for (const color of ["red", "blue"]) await ofDefault(client).create(widget(color, { color }));
    const named = async (fieldSelector: string): Promise<(string | undefined)[]> =>
      (await ofDefault(client).list({ fieldSelector })).items.map(({ metadata }) => metadata?.name);
    assert.deepEqual(await named("spec.color=red"), ["red"]);
    // A default that was never written counts, too.
    assert.deepEqual(await named("spec.size=3,spec.color!=red"), ["blue"]);
    const unknown = await refusal(ofDefault(client).list({ fieldSelector: "spec.other=1" }));
    assert.deepEqual([unknown.code, unknown.message], [400, "field label not supported: spec.other"]);
    const stop = new AbortController();
    const seen: string[] = [];
    const events = ofDefault(client).watch(
      { fieldSelector: "spec.color=red", resourceVersion: "" },
      stop.signal,
    );
    for await (const { type, object } of events) {
      seen.push(`${type} ${object.metadata?.name ?? ""}`);
      if (seen.length === 1) await ofDefault(client).patch("red", "merge", { spec: { color: "blue" } });
      if (type === "DELETED") break;
    }
    stop.abort();
    assert.deepEqual(seen, ["ADDED red", "DELETED red"]);
  });

  test("scale where their definition says", async () => {
    const scale = { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" };
    const { server, client } = await started(widgetDefinition([version("v1", { subresources: { scale } })]));
    await using _ = server;
    const path = "/apis/example.com/v1/namespaces/default/widgets/a/scale";
    await ofDefault(client).create(widget("a"));
    const missing = await refusal(server.transport().request({ method: "GET", path }));
    assert.match(missing.message ?? "", /the spec replicas field ".spec.replicas" does not exist/);
    const contentType = "application/merge-patch+json";
    const patch = (body: object): ApiRequest => ({ method: "PATCH", path, body, contentType });
    const empty = await refusal(server.transport().request(patch({ status: {} })));
    assert.deepEqual(
      [empty.code, empty.message],
      [400, 'the spec replicas field ".spec.replicas" cannot be empty'],
    );
    const put = { method: "PUT", path, body: { metadata: { name: "a" }, spec: { replicas: 4 } } } as const;
    const { body: first } = await server.transport().request(put);
    assert.deepEqual((first as AnyObject)["spec"], { replicas: 4 });
    await ofDefault(client).patch("a", "merge", { spec: { replicas: 2 }, status: { replicas: 1 } });
    const body = { metadata: { uid: "other" }, spec: { replicas: 5 } };
    const { body: answer } = await server.transport().request(patch(body));
    const { spec, status, kind } = answer as AnyObject;
    assert.deepEqual([kind, spec, status], ["Scale", { replicas: 5 }, { replicas: 1 }]);
    assert.deepEqual((await ofDefault(client).get("a"))["spec"], { replicas: 5, size: 3 });
    const refused = await refusal(server.transport().request(patch({ spec: { replicas: -1 } })));
    assert.deepEqual(
      [refused.code, refused.message],
      [
        422,
        'Widget.example.com "a" is invalid: .spec.replicas: Invalid value: -1: should be a non-negative integer',
      ],
    );
  });

  test("what was there before their scale and doesn't fit it is told of without a reason", async () => {
    const { server, client } = await started(widgetDefinition());
    await using _ = server;
    await ofDefault(client).create(widget("a", { color: "red" }));
    const scale = { specReplicasPath: ".spec.color", statusReplicasPath: ".status.replicas" };
    const definitions = client.resource(customResourceDefinitions);
    const crd = await definitions.get("widgets.example.com");
    const versions = [version("v1", { subresources: { scale } })];
    await definitions.update({ ...crd, spec: { ...crd.spec, versions } });
    const path = "/apis/example.com/v1/namespaces/default/widgets/a/scale";
    const status = await refusal(server.transport().request({ method: "GET", path }));
    assert.deepEqual(
      [status.code, status.reason, status.message],
      [500, undefined, ".spec.color accessor error: red is of the type string, expected int64"],
    );
  });

  test("come in every served version, and are stored in one", async () => {
    const { server, client } = await started(
      widgetDefinition([version("v1"), version("v2", { deprecated: true })]),
    );
    await using _ = server;
    await ofDefault(client).create(widget("a", { color: "red" }));
    const v2 = client.resource({ ...widgets, version: "v2" }, "default");
    const got = await v2.get("a");
    assert.deepEqual([got.apiVersion, got["spec"]], ["example.com/v2", { color: "red", size: 3 }]);
    await v2.update({ ...got, spec: { color: "blue" } });
    assert.deepEqual((await ofDefault(client).get("a"))["spec"], { color: "blue", size: 3 });
    const path = "/apis/example.com/v2/namespaces/default/widgets/a";
    const { headers } = await server.transport().request({ method: "GET", path });
    assert.equal(headers["warning"], '299 - "example.com/v2 Widget is deprecated"');
  });

  const deprecations: readonly [version: string, others: CustomResourceDefinitionVersion[], text: string][] =
    [
      [
        "v1beta1",
        [version("v1alpha1"), version("v1beta2"), version("v1"), version("v2", { served: false })],
        "is deprecated; use example.com/v1 Widget",
      ],
      [
        "v2",
        [version("v1"), version("v3alpha1"), version("v3beta1"), version("v4", { deprecated: true })],
        "is deprecated",
      ],
      ["v2", [version("v1"), version("v10"), version("v9")], "is deprecated; use example.com/v10 Widget"],
    ];
  for (const [name, others, text] of deprecations) {
    test(`a deprecated ${name} beside ${others.map((other) => other.name).join(", ")} ${text}`, async () => {
      const { server } = await started(widgetDefinition([version(name, { deprecated: true }), ...others]));
      await using _ = server;
      const path = `/apis/example.com/${name}/namespaces/default/widgets`;
      const { headers } = await server.transport().request({ method: "GET", path });
      assert.equal(headers["warning"], `299 - "example.com/${name} Widget ${text}"`);
    });
  }

  test("are rewritten in the new storage version by their next write, even one that changes nothing", async () => {
    const { server, client } = await started(widgetDefinition([version("v1"), version("v2")]));
    await using _ = server;
    const before = await ofDefault(client).create(widget("a"));
    const definitions = client.resource(customResourceDefinitions);
    const crd = await definitions.get("widgets.example.com");
    const versions = [version("v1", { storage: false }), version("v2", { storage: true })];
    const changed = await definitions.update({ ...crd, spec: { ...crd.spec, versions } });
    assert.deepEqual(changed.status?.storedVersions, ["v1", "v2"]);
    const same = await ofDefault(client).get("a");
    const after = await ofDefault(client).update(same);
    assert.notEqual(after.metadata?.resourceVersion, before.metadata?.resourceVersion);
    const again = await ofDefault(client).update(after);
    assert.equal(again.metadata?.resourceVersion, after.metadata?.resourceVersion);
  });

  test("what a newer schema no longer knows is dropped when read; what it defaults is there", async () => {
    const { server, client } = await started(widgetDefinition());
    await using _ = server;
    await ofDefault(client).create(widget("a", { color: "red" }));
    const definitions = client.resource(customResourceDefinitions);
    const crd = await definitions.get("widgets.example.com");
    const schema = {
      openAPIV3Schema: {
        type: "object",
        properties: {
          spec: {
            type: "object",
            properties: { size: { type: "integer" }, shape: { type: "string", default: "round" } },
          },
        },
      },
    };
    await definitions.update({ ...crd, spec: { ...crd.spec, versions: [version("v1", { schema })] } });
    assert.deepEqual((await ofDefault(client).get("a"))["spec"], { size: 3, shape: "round" });
  });

  test("with finalizers of their own hold their definition, which takes no new ones", async () => {
    const { server, client } = await started(widgetDefinition());
    await using _ = server;
    const held = widget("held");
    await ofDefault(client).create({
      ...held,
      metadata: { ...held.metadata, finalizers: ["example.com/hold"] },
    });
    await ofDefault(client).create(widget("free"));
    await client.resource(customResourceDefinitions).delete("widgets.example.com");
    await conditionOf(
      client,
      "widgets.example.com",
      (crd) =>
        crd?.status?.conditions?.some(({ reason }) => reason === "InstanceDeletionInProgress") === true,
    );
    const refused = await refusal(ofDefault(client).create(widget("late")));
    assert.deepEqual(
      [refused.code, refused.message],
      [405, "create not allowed while custom resource definition is terminating"],
    );
    await ofDefault(client).patch("held", "merge", { metadata: { finalizers: null } });
    await conditionOf(client, "widgets.example.com", (crd) => crd === undefined);
  });

  test("are still served after a restart, with what was stored", async () => {
    const { server, client } = await started(widgetDefinition());
    await ofDefault(client).create(widget("a", { color: "red" }));
    const again = await startTestApiserver({ store: server.store });
    const { items } = await ofDefault(again.client()).list();
    assert.deepEqual(
      items.map(({ metadata }) => metadata?.name),
      ["a"],
    );
    await again.close();
    await server.close();
  });

  test("a watch ends when its definition changes, so that clients come again", async () => {
    const { server, client } = await started(widgetDefinition());
    await using _ = server;
    const events = ofDefault(client).watch({}, new AbortController().signal);
    const ended = (async (): Promise<number> => {
      let count = 0;
      for await (const event of events) count += event.type === "ADDED" ? 1 : 0;
      return count;
    })();
    const definitions = client.resource(customResourceDefinitions);
    await ofDefault(client).create(widget("a"));
    const crd = await definitions.get("widgets.example.com");
    await definitions.update({
      ...crd,
      spec: { ...crd.spec, versions: [version("v1", { subresources: { status: {} } })] },
    });
    assert.equal(await ended, 1);
  });
});

suite("definitions", () => {
  test("two may not have the same names: the second waits until they are free", async () => {
    const { server, client } = await started(widgetDefinition());
    await using _ = server;
    const rival: CustomResourceDefinition = {
      ...widgetDefinition([version("v1")], {
        names: { plural: "gadgets", kind: "Widget", singular: "gadget", shortNames: ["wd"] },
      }),
      metadata: { name: "gadgets.example.com" },
    };
    await client.resource(customResourceDefinitions).create(rival);
    await conditionOf(
      client,
      "gadgets.example.com",
      (crd) => crd?.status?.conditions?.some(({ type }) => type === "NamesAccepted") === true,
    );
    const { status } = await client.resource(customResourceDefinitions).get("gadgets.example.com");
    const said = status?.conditions?.map(({ type, status: is, reason, message }) => [
      type,
      is,
      reason,
      message,
    ]);
    assert.deepEqual(said, [
      ["NamesAccepted", "False", "ListKindConflict", '"WidgetList" is already in use'],
      ["Established", "False", "NotAccepted", "not all names are accepted"],
    ]);
    await client.resource(customResourceDefinitions).delete("widgets.example.com");
    await conditionOf(client, "gadgets.example.com", isEstablished);
  });

  test("of protected groups say whether they were approved", async () => {
    const { server, client } = await started();
    await using _ = server;
    const spec = { group: "sample.k8s.io" };
    const crd = { ...widgetDefinition([version("v1")], spec), metadata: { name: "widgets.sample.k8s.io" } };
    const definitions = client.resource(customResourceDefinitions);
    assert.match(
      (await refusal(definitions.create(crd))).message ?? "",
      /metadata.annotations\[api-approved.kubernetes.io\]: Required value: protected groups must have approval annotation/,
    );
    const annotations = { "api-approved.kubernetes.io": "unapproved, a test" };
    await definitions.create({ ...crd, metadata: { ...crd.metadata, annotations } });
    await conditionOf(client, "widgets.sample.k8s.io", isEstablished);
    const { status } = await definitions.get("widgets.sample.k8s.io");
    const said = status?.conditions?.find(({ type }) => type === "KubernetesAPIApprovalPolicyConformant");
    assert.deepEqual([said?.status, said?.reason], ["False", "UnapprovedAnnotation"]);
  });
});
