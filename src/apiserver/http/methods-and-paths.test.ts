/** What a method or a path is answered that few clients try: as kube-apiserver's routers answer it. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createClient } from "#client/rest.ts";
import { openDoor, parsed, type Got } from "#testing/door-client.ts";
import {
  conditionOf,
  define,
  isEstablished,
  version,
  widgetDefinition,
} from "#apiserver/crd/testing/widgets.ts";

const { server, admin, h1, h2, close } = await openDoor();
after(close);

const local = createClient(server.apiserver.local({ name: "system:admin", groups: ["system:masters"] }));
await define(local, widgetDefinition([version("v1", { subresources: { status: {} } })]));
await conditionOf(local, "widgets.example.com", isEstablished);

const maps = "/api/v1/namespaces/default/configmaps";
const widgets = "/apis/example.com/v1/namespaces/default/widgets";

function ask(method: string, path: string): Promise<Got> {
  const isRead = !["POST", "PUT", "PATCH"].includes(method);
  const headers = isRead ? {} : { "content-type": "application/json" };
  const options = { method, path, headers, cert: admin.certificatePem, key: admin.keyPem };
  return h1(options, isRead ? undefined : "{}");
}

const notAllowed = "the server does not allow this method on the requested resource";
const notThere = "the server could not find the requested resource";

const refused: readonly (readonly [method: string, path: string, code: number, message: string])[] = [
  ["OPTIONS", maps, 405, notAllowed],
  ["TRACE", `${maps}/a`, 405, notAllowed],
  ["PUT", maps, 405, notAllowed],
  ["POST", "/api/v1/configmaps", 405, notAllowed],
  ["POST", "/version", 405, notAllowed],
  ["POST", "/api", 405, notAllowed],
  ["GET", `${maps}/a/status`, 404, notThere],
  ["GET", `${maps}/a/b/c`, 404, notThere],
  ["GET", "/api//v1", 404, notThere],
  ["GET", "/api/v1/nodes/a/b", 404, notThere],
  ["PUT", widgets, 400, "name must be provided"],
  ["PATCH", widgets, 400, "name must be provided"],
  ["OPTIONS", widgets, 405, ' is not supported on resources of kind "widgets.example.com"'],
  [
    "DELETE",
    `${widgets}/a/status`,
    405,
    'delete is not supported on resources of kind "widgets.example.com"',
  ],
  ["GET", `${widgets}/a/scale`, 404, 'widgets.example.com "a" not found'],
  ["PUT", `${widgets}/a/b`, 404, 'widgets.example.com "a" not found'],
];
for (const [method, path, code, message] of refused) {
  test(`${method} ${path} is refused with ${code}`, async () => {
    const got = await ask(method, path);
    assert.deepEqual([got.status, parsed(got)["message"]], [code, message]);
  });
}

for (const [method, path] of [
  ["GET", "/healthz/"],
  ["GET", "/livez/ping/"],
  ["GET", "/readyz/poststarthook"],
  ["GET", "/metrics/"],
  ["GET", "/openapi/v2/"],
  ["GET", `/${maps}`],
  ["GET", "/apis/example.com/v1/wodgets"],
  ["POST", "/apis/example.com/v1/widgets"],
] as const) {
  test(`${method} ${path} isn't there`, async () => {
    const got = await ask(method, path);
    assert.deepEqual([got.status, got.body.toString()], [404, "404 page not found\n"]);
  });
}

for (const [path, code] of [
  [maps, 405],
  [`${maps}/a`, 405],
  ["/version", 405],
  ["/api/v1", 405],
  ["/apis/apps/v1", 405],
  ["/openid/v1/jwks", 405],
  ["/apis", 200],
  ["/apis/apps", 200],
  ["/apis/example.com/v1", 200],
  ["/healthz", 200],
  ["/readyz/ping", 200],
  ["/openapi/v2", 200],
  ["/metrics", 200],
  ["/nowhere", 404],
  [widgets, 200],
  [`${widgets}/a`, 404],
] as const) {
  test(`HEAD ${path} is answered ${code}, without a body`, async () => {
    const got = await ask("HEAD", path);
    assert.deepEqual([got.status, got.body.length], [code, 0]);
    assert.ok(Number(got.headers["content-length"]) > 0);
  });
}

test("HEAD of a watch is a head, and over", async () => {
  const got = await h2("HEAD", `${widgets}?watch=true`);
  assert.deepEqual([got.status, got.body.length], [200, 0]);
});

const big = (name: string): string =>
  JSON.stringify({
    apiVersion: "example.com/v1",
    kind: "Widget",
    metadata: { name },
    spec: { color: "y".repeat(100_000) },
  });

test("HEAD of a list that is sent in pieces is a head", async () => {
  for (const name of ["a1", "a2", "a3", "a4"]) {
    const made = await h2("POST", widgets, { "content-type": "application/json" }, big(name));
    assert.equal(made.status, 201);
  }
  const got = await h2("HEAD", widgets);
  assert.deepEqual([got.status, got.body.length], [200, 0]);
});

for (const path of [
  `${maps}/`,
  "/version/",
  "/api/",
  "/apis/",
  "/apis/apps/",
  "/apis/apps/v1/",
  `${widgets}/`,
]) {
  test(`a slash at the end of ${path} changes nothing`, async () => {
    const [with_, without] = await Promise.all([ask("GET", path), ask("GET", path.slice(0, -1))]);
    assert.deepEqual([with_.status, with_.body.toString()], [200, without.body.toString()]);
  });
}

test("the root lists what there is, down to each version and each check", async () => {
  const paths = parsed(await ask("GET", "/"))["paths"] as string[];
  assert.deepEqual(paths, paths.toSorted());
  for (const path of [
    "/api/v1",
    "/apis/",
    "/apis/apps/v1",
    "/apis/example.com/v1",
    "/livez/poststarthook/rbac/bootstrap-roles",
    "/readyz/shutdown",
  ]) {
    assert.ok(paths.includes(path), path);
  }
});

for (const [what, path, status, statusText, code] of [
  ["of nobody's", `${maps.replace("configmaps", "pods")}/a/exec`, 403, "Forbidden", 403],
  ["of what isn't there", "/nowhere", 403, "Forbidden", 403],
] as const) {
  test(`an upgrade ${what} is refused with the headers that every answer has`, async () => {
    const headers = { connection: "Upgrade", upgrade: "websocket", "audit-id": "mine" };
    const got = await h1({ path, headers });
    assert.deepEqual([got.status, got.statusText, parsed(got)["code"]], [status, statusText, code]);
    const { "audit-id": auditId, "cache-control": caching, "content-type": type } = got.headers;
    assert.deepEqual([auditId, caching, type], ["mine", "no-cache, private", "application/json"]);
  });
}
