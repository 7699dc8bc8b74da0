/** Server-side apply and managed fields through the whole chain. upstream: test/integration/apiserver/apply/apply_test.go */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnyObject, ManagedFieldsEntry } from "#api/meta/object.ts";
import { StatusError } from "#api/meta/status.ts";
import { ManualClock } from "#base/clock.ts";
import type { Query, Transport } from "#client/client.ts";
import { startTestApiserver } from "#testing/cluster.ts";

const core = "/api/v1/namespaces/default";
const apps = "/apis/apps/v1/namespaces/default";

interface Called {
  readonly status: number;
  readonly body: AnyObject;
  readonly warning: string | undefined;
}

async function send(
  transport: Transport,
  method: "DELETE" | "GET" | "PATCH" | "POST" | "PUT",
  path: string,
  rest: { readonly body?: unknown; readonly query?: Query; readonly contentType?: string } = {},
): Promise<Called> {
  try {
    const { status, body, headers } = await transport.request({ method, path, ...rest });
    return { status, body: body as AnyObject, warning: headers["warning"] };
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    return { status: error.code, body: { ...error.status }, warning: undefined };
  }
}

/** `at` is the path, with the manager before it: "me /api/v1/…". */
function applyAs(transport: Transport, at: string, body: unknown, query: Query = {}): Promise<Called> {
  const [fieldManager = "", path = ""] = at.split(" ");
  return send(transport, "PATCH", path, {
    body,
    query: { fieldManager, ...query },
    contentType: "application/apply-patch+yaml",
  });
}

const merge = (transport: Transport, path: string, body: unknown, query: Query = {}): Promise<Called> =>
  send(transport, "PATCH", path, { body, query, contentType: "application/merge-patch+json" });

const get = (transport: Transport, path: string): Promise<Called> => send(transport, "GET", path);

const configMap = (data: Readonly<Record<string, string>>, metadata: object = {}): object => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "c", namespace: "default", ...metadata },
  data,
});

const deployment = (spec: object, metadata: object = {}): object => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web", ...metadata },
  spec,
});

const template = {
  metadata: { labels: { app: "web" } },
  spec: { containers: [{ name: "nginx", image: "nginx:1" }] },
};
const webSpec = { selector: { matchLabels: { app: "web" } }, template };

/** "manager operation[/subresource]" to its fields. */
function managersOf({ metadata }: AnyObject): Record<string, unknown> {
  return Object.fromEntries(
    (metadata?.managedFields ?? []).map((entry: ManagedFieldsEntry) => {
      const where = entry.subresource === undefined ? "" : `/${entry.subresource}`;
      return [`${entry.manager ?? ""} ${entry.operation ?? ""}${where}`, entry.fieldsV1];
    }),
  );
}

const dataFields = (...keys: readonly string[]): object => ({
  "f:data": Object.fromEntries(keys.map((key) => [`f:${key}`, {}])),
});

test("apply creates what isn't there and changes what is; the same again changes nothing", async () => {
  const clock = new ManualClock();
  await using server = await startTestApiserver({ clock });
  const transport = server.transport();
  const path = `${core}/configmaps/c`;
  const created = await applyAs(transport, `me ${path}`, configMap({ a: "1" }));
  assert.equal(created.status, 201);
  assert.deepEqual(managersOf(created.body), { "me Apply": dataFields("a") });
  await clock.advance(5000);
  const again = await applyAs(transport, `me ${path}`, configMap({ a: "1" }));
  assert.equal(again.status, 200);
  assert.deepEqual(again.body, created.body);
  const changed = await applyAs(transport, `me ${path}`, configMap({ a: "2" }));
  assert.deepEqual([changed.status, changed.body["data"]], [200, { a: "2" }]);
  assert.notEqual(changed.body.metadata?.resourceVersion, created.body.metadata?.resourceVersion);
  assert.equal(changed.body.metadata?.managedFields?.[0]?.time, "2026-01-01T00:00:05Z");
});

test("a field goes when its last owner drops it, and stays as long as anybody has it", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const path = `${core}/configmaps/c`;
  await applyAs(transport, `one ${path}`, configMap({ a: "1", b: "1" }));
  await applyAs(transport, `two ${path}`, configMap({ a: "1" }));
  const kept = await applyAs(transport, `one ${path}`, configMap({}));
  assert.deepEqual(kept.body["data"], { a: "1" });
  const gone = await applyAs(transport, `two ${path}`, configMap({}));
  assert.equal(gone.body["data"], undefined);
});

test("a conflict names the managers and fields; force takes the fields", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const path = `${apps}/deployments/web`;
  await applyAs(transport, `one ${path}`, deployment({ ...webSpec, replicas: 1 }));
  const one = await applyAs(transport, `two ${path}`, deployment({ replicas: 2 }));
  assert.deepEqual(
    [one.status, one.body["reason"], one.body["message"], one.body["details"]],
    [
      409,
      "Conflict",
      'Apply failed with 1 conflict: conflict with "one": .spec.replicas',
      {
        causes: [{ reason: "FieldManagerConflict", message: 'conflict with "one"', field: ".spec.replicas" }],
      },
    ],
  );
  await merge(transport, path, { spec: { paused: true } }, { fieldManager: "three" });
  const image = { spec: { containers: [{ name: "nginx", image: "nginx:2" }] } };
  const more = await applyAs(
    transport,
    `two ${path}`,
    deployment({ replicas: 2, paused: false, template: image }),
  );
  assert.equal(
    more.body["message"],
    [
      'Apply failed with 3 conflicts: conflicts with "one":',
      "- .spec.replicas",
      '- .spec.template.spec.containers[name="nginx"].image',
      'conflicts with "three" using apps/v1:',
      "- .spec.paused",
    ].join("\n"),
  );
  const forced = await applyAs(transport, `two ${path}`, deployment({ replicas: 2 }), { force: "true" });
  assert.equal(forced.status, 200);
  assert.deepEqual(managersOf(forced.body)["two Apply"], { "f:spec": { "f:replicas": {} } });
  const spec = (managersOf(forced.body)["one Apply"] as { "f:spec": object })["f:spec"];
  assert.equal("f:replicas" in spec, false);
});

test("a status belongs to its subresource, the rest to the resource", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const path = `${apps}/deployments/web`;
  const body = { ...deployment(webSpec), status: { replicas: 3 } };
  const created = await applyAs(transport, `one ${path}`, body);
  assert.equal("f:status" in (managersOf(created.body)["one Apply"] as object), false);
  const status = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web" },
    status: { replicas: 3 },
  };
  const applied = await applyAs(transport, `one ${path}/status`, status);
  assert.deepEqual(managersOf(applied.body)["one Apply/status"], { "f:status": { "f:replicas": {} } });
  const missing = await applyAs(transport, `one ${apps}/deployments/none/status`, status);
  assert.equal(missing.status, 404);
});

const refused: readonly [name: string, body: unknown, query: Query, code: number, message: string][] = [
  [
    "without a manager",
    configMap({}),
    { fieldManager: "" },
    422,
    'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
  ],
  ["with managedFields", configMap({}, { managedFields: [] }), {}, 400, "metadata.managedFields must be nil"],
  ["of no kind", { metadata: { name: "c" } }, {}, 400, "invalid object type: /, Kind="],
  [
    "of another version",
    { apiVersion: "v2", kind: "ConfigMap", metadata: { name: "c" } },
    {},
    400,
    "invalid object type: /v2, Kind=ConfigMap",
  ],
  [
    "under another name",
    configMap({}, { name: "d" }),
    {},
    400,
    "the name of the object (d) does not match the name on the URL (c)",
  ],
  [
    "in another namespace",
    configMap({}, { namespace: "other" }),
    {},
    400,
    "the namespace of the provided object does not match the namespace sent on the request",
  ],
  [
    "with an unknown field",
    { ...configMap({}), datas: {} },
    { fieldValidation: "Ignore" },
    500,
    "failed to create typed patch object (default/c; /v1, Kind=ConfigMap): .datas: field not declared in schema",
  ],
  [
    "with a value of another type",
    configMap({ a: 5 as unknown as string }),
    {},
    500,
    "failed to create typed patch object (default/c; /v1, Kind=ConfigMap): .data.a: expected string, got &value.valueUnstructured{Value:5}",
  ],
  [
    "with a uid where nothing is",
    configMap({}, { uid: "x" }),
    {},
    409,
    'Operation cannot be fulfilled on configmaps "c": uid mismatch: the provided object specified uid x, and no existing object was found',
  ],
];
for (const [name, body, query, code, message] of refused) {
  test(`apply refuses a configuration ${name}`, async () => {
    await using server = await startTestApiserver();
    const answer = await applyAs(server.transport(), `me ${core}/configmaps/c`, body, query);
    assert.deepEqual([answer.status, answer.body["message"]], [code, message]);
  });
}

test("only an apply may be forced", async () => {
  await using server = await startTestApiserver();
  const answer = await merge(server.transport(), `${core}/configmaps/c`, {}, { force: "true" });
  assert.deepEqual(
    [answer.status, answer.body["message"]],
    [
      422,
      'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
    ],
  );
});

test("an applied resourceVersion that isn't the object's is a conflict; the uid doesn't change", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const path = `${core}/configmaps/c`;
  const { body } = await applyAs(transport, `me ${path}`, configMap({}));
  const right = { resourceVersion: body.metadata?.resourceVersion, uid: body.metadata?.uid };
  assert.equal((await applyAs(transport, `me ${path}`, configMap({ a: "1" }, right))).status, 200);
  const stale = await applyAs(transport, `me ${path}`, configMap({ a: "2" }, right));
  assert.deepEqual(
    [stale.status, stale.body["message"]],
    [
      409,
      'Operation cannot be fulfilled on configmaps "c": the object has been modified; please apply your changes to the latest version and try again',
    ],
  );
  const other = await applyAs(transport, `me ${path}`, configMap({}, { uid: "x" }));
  assert.match(String(other.body["message"]), /metadata.uid: Invalid value: "x": field is immutable/);
});

test("managers by update: by fieldManager, else by the program; through each subresource on its own", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const path = `${core}/configmaps/c`;
  const agent = { "user-agent": "curl/8.0 (x)" };
  await transport.request({
    method: "POST",
    path: `${core}/configmaps`,
    body: configMap({ a: "1" }),
    headers: agent,
  });
  const { body } = await merge(transport, path, { data: { b: "1" } }, { fieldManager: "patcher" });
  assert.deepEqual(managersOf(body), {
    "curl Update": { "f:data": { ".": {}, "f:a": {} } },
    "patcher Update": dataFields("b"),
  });
});

test("[] or [{}] forgets the managers; what can't be read or is absent leaves them", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const path = `${core}/configmaps/c`;
  for (const reset of [[], [{}]]) {
    await applyAs(transport, `me ${path}`, configMap({ a: "1" }), { force: "true" });
    for (const kept of [undefined, [{ manager: "x", operation: "Patch" }], [{ operation: "Update" }]]) {
      const { body } = await send(transport, "PUT", path, {
        body: configMap({ a: "1" }, { managedFields: kept }),
      });
      assert.deepEqual(managersOf(body), { "me Apply": dataFields("a") });
    }
    const { body } = await merge(transport, path, { metadata: { managedFields: reset } });
    assert.equal(body.metadata?.managedFields, undefined);
    const untracked = await merge(transport, path, { data: { b: "1" } });
    assert.equal(untracked.body.metadata?.managedFields, undefined);
    const first = await applyAs(transport, `new ${path}`, configMap({ c: "1" }));
    assert.deepEqual(managersOf(first.body), {
      "before-first-apply Update": { "f:data": { ".": {}, "f:a": {}, "f:b": {} } },
      "new Apply": dataFields("c"),
    });
    await send(transport, "DELETE", path);
  }
});

test("a client may set managers itself", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const path = `${core}/configmaps/c`;
  await applyAs(transport, `me ${path}`, configMap({ a: "1" }));
  const entry = {
    manager: "you",
    operation: "Apply",
    apiVersion: "v1",
    fieldsType: "FieldsV1",
    fieldsV1: { "f:data": { "x:y": {}, "f:b": {}, "f:a": {} } },
  };
  const { body } = await merge(transport, path, { metadata: { managedFields: [entry] } });
  assert.deepEqual(managersOf(body), { "you Apply": dataFields("a", "b") });
});

test("client-side apply goes over to the server without conflict, and its annotation follows", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const path = `${core}/configmaps/c`;
  const annotation = "kubectl.kubernetes.io/last-applied-configuration";
  const annotations = { [annotation]: `${JSON.stringify(configMap({ a: "1", b: "1" }))}\n` };
  await send(transport, "POST", `${core}/configmaps`, {
    body: configMap({ a: "1", b: "1" }, { annotations }),
    query: { fieldManager: "kubectl-client-side-apply" },
  });
  const other = await applyAs(transport, `other ${path}`, configMap({ a: "2" }));
  assert.equal(other.status, 409);
  const { status, body } = await applyAs(transport, `kubectl ${path}`, configMap({ a: "2" }));
  assert.deepEqual([status, body["data"]], [200, { a: "2", b: "1" }]);
  assert.equal(
    body.metadata?.annotations?.[annotation],
    '{"apiVersion":"v1","data":{"a":"2"},"kind":"ConfigMap","metadata":{"name":"c","namespace":"default"}}\n',
  );
});

test("whoever may not create can't create by applying", async () => {
  await using server = await startTestApiserver({
    authorizer: {
      authorize: ({ verb }) => ({ allowed: verb !== "create", denied: false, reason: "" }),
      rulesFor: () => Promise.resolve({ resourceRules: [], nonResourceRules: [], incomplete: false }),
    },
  });
  const { status, body } = await applyAs(server.transport("eve"), `me ${core}/configmaps/c`, configMap({}));
  assert.equal(status, 403);
  assert.match(String(body["message"]), /^configmaps "c" is forbidden: User "eve" cannot create resource/);
});

test("a dry run applies and leaves nothing", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const path = `${core}/configmaps/c`;
  const { status, body } = await applyAs(transport, `me ${path}`, configMap({ a: "1" }), { dryRun: "All" });
  assert.deepEqual([status, managersOf(body)], [201, { "me Apply": dataFields("a") }]);
  assert.equal((await get(transport, path)).status, 404);
});

test("a write that changes nothing leaves the times of managers", async () => {
  const clock = new ManualClock();
  await using server = await startTestApiserver({ clock });
  const transport = server.transport();
  const path = `${core}/pods/p`;
  const pod = { metadata: { name: "p" }, spec: { containers: [{ name: "c", image: "nginx" }] } };
  const created = await send(transport, "POST", `${core}/pods`, { body: pod });
  await clock.advance(60_000);
  const put = await send(transport, "PUT", path, { body: created.body });
  assert.deepEqual(put.body, created.body);
  const status = await send(transport, "PUT", `${path}/status`, { body: created.body });
  assert.deepEqual(status.body, created.body);
});

test("replicas set through the scale are managed through the scale", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const path = `${apps}/deployments/web`;
  await applyAs(transport, `one ${path}`, deployment({ ...webSpec, replicas: 1 }));
  await merge(transport, `${path}/scale`, { spec: { replicas: 3 } }, { fieldManager: "hpa" });
  const scaled = await get(transport, path);
  const managers = managersOf(scaled.body);
  assert.deepEqual(managers["hpa Update/scale"], { "f:spec": { "f:replicas": {} } });
  assert.equal("f:replicas" in (managers["one Apply"] as { "f:spec": object })["f:spec"], false);
  const conflict = await applyAs(transport, `one ${path}`, deployment({ ...webSpec, replicas: 1 }));
  assert.equal(
    conflict.body["message"],
    'Apply failed with 1 conflict: conflict with "hpa" with subresource "scale" using apps/v1: .spec.replicas',
  );
  const dropped = await applyAs(transport, `one ${path}`, deployment(webSpec));
  assert.deepEqual((dropped.body["spec"] as { replicas: number }).replicas, 3);
  const scale = {
    apiVersion: "autoscaling/v1",
    kind: "Scale",
    metadata: { name: "web" },
    spec: { replicas: 4 },
  };
  const conflicted = await applyAs(transport, `two ${path}/scale`, scale);
  assert.equal(
    conflicted.body["message"],
    'Apply failed with 1 conflict: conflict with "hpa" with subresource "scale" using autoscaling/v1: .spec.replicas',
  );
  const forced = await applyAs(transport, `two ${path}/scale`, scale, { force: "true" });
  assert.deepEqual([forced.status, forced.body["spec"]], [200, { replicas: 4 }]);
  const after = managersOf((await get(transport, path)).body);
  assert.deepEqual(Object.keys(after).toSorted(), ["one Apply", "two Apply/scale"]);
});
