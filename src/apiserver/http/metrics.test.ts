import assert from "node:assert/strict";
import { test } from "node:test";
import { Registry } from "prom-client";
import { parseRequestInfo } from "#apiserver/request/info.ts";
import { RequestMetrics, type RequestKind } from "./metrics.ts";

function kindOf(metrics: RequestMetrics, method: string, url: string, isKnown: boolean): RequestKind {
  const [path = "", query = ""] = url.split("?");
  const parameters = new URLSearchParams(query);
  return metrics.kindOf(parseRequestInfo(method, path, parameters), parameters, isKnown);
}

test("requests of one kind share their series, whatever their names", () => {
  const metrics = new RequestMetrics(new Registry(), () => undefined);
  const one = kindOf(metrics, "GET", "/api/v1/namespaces/a/pods/x", true);
  assert.equal(kindOf(metrics, "GET", "/api/v1/namespaces/b/pods/y", true), one);
  assert.notEqual(kindOf(metrics, "GET", "/api/v1/namespaces/b/pods", true), one);
});

const madeUp: readonly [what: string, method: string, (n: number) => string][] = [
  ["resources", "GET", (n) => `/apis/made-${n}.example.com/v${n}/things-${n}/x`],
  ["subresources", "GET", (n) => `/api/v1/namespaces/a/pods/x/part-${n}`],
  ["dry runs", "POST", (n) => `/api/v1/namespaces/a/things?dryRun=${n}`],
];
for (const [what, method, urlOf] of madeUp) {
  test(`made up ${what} have no series of their own`, () => {
    const metrics = new RequestMetrics(new Registry(), () => undefined);
    const kinds = new Set([1, 2, 3].map((n) => kindOf(metrics, method, urlOf(n), false)));
    assert.equal(kinds.size, 1);
  });
}

test("nor have methods that are none", async () => {
  const registry = new Registry();
  const metrics = new RequestMetrics(registry, () => undefined);
  const kinds = new Set(["FOO", "BAR"].map((method) => kindOf(metrics, method, "/version", true)));
  assert.equal(kinds.size, 1);
  for (const kind of kinds) kind.finish({ code: 405, ms: 100, heldMs: 0, bodyBytes: 9 });
  assert.match(await registry.metrics(), /apiserver_request_total\{verb="other",/);
});

test("what webhooks took is in a request's time, but not in what the server answers for", async () => {
  const registry = new Registry();
  const metrics = new RequestMetrics(registry, () => undefined);
  kindOf(metrics, "POST", "/api/v1/namespaces/a/pods", true).finish({
    code: 201,
    ms: 3000,
    heldMs: 2500,
    bodyBytes: 0,
  });
  const text = await registry.metrics();
  assert.match(text, /^apiserver_request_duration_seconds_sum\{.*\} 3$/m);
  assert.match(text, /^apiserver_request_sli_duration_seconds_sum\{.*\} 0\.5$/m);
});

const place = { group: "", version: "v1", resource: "pods", subresource: "", component: "apiserver" };
const outside = { ...place, version: "", resource: "", scope: "" };
/** As upstream's MonitorRequest has them: the verb by the method, the scope by the route. */
const labelled: readonly [method: string, url: string, labels: Record<string, string>][] = [
  ["GET", "/api/v1/namespaces/a/pods/x", { ...place, verb: "GET", scope: "resource" }],
  ["HEAD", "/api/v1/namespaces/a/pods/x", { ...place, verb: "GET", scope: "resource" }],
  ["GET", "/api/v1/namespaces/a/pods", { ...place, verb: "LIST", scope: "namespace" }],
  ["GET", "/api/v1/pods?watch=1", { ...place, verb: "WATCH", scope: "cluster" }],
  [
    "GET",
    "/api/v1/namespaces/a/pods?fieldSelector=metadata.name=x",
    { ...place, verb: "LIST", scope: "namespace" },
  ],
  ["POST", "/api/v1/namespaces/a/pods", { ...place, verb: "POST", scope: "resource" }],
  ["DELETE", "/api/v1/namespaces/a/pods/x", { ...place, verb: "DELETE", scope: "resource" }],
  ["DELETE", "/api/v1/namespaces/a/pods", { ...place, verb: "DELETE", scope: "namespace" }],
  [
    "POST",
    "/api/v1/namespaces/a/pods/x/exec",
    { ...place, verb: "CONNECT", scope: "resource", subresource: "exec" },
  ],
  [
    "GET",
    "/api/v1/namespaces/a/pods/x/log",
    { ...place, verb: "CONNECT", scope: "resource", subresource: "log" },
  ],
  ["OPTIONS", "/version", { ...outside, verb: "other" }],
  ["GET", "/livez", { ...outside, verb: "GET", subresource: "/livez", component: "" }],
];
for (const [method, url, labels] of labelled) {
  test(`${method} ${url} is counted as ${labels["verb"]} of ${labels["scope"] || "no scope"}`, () => {
    const metrics = new RequestMetrics(new Registry(), () => undefined);
    assert.deepEqual(kindOf(metrics, method, url, true).labels, labels);
  });
}

test("while a watch of one name is open, the name is its scope", async () => {
  const registry = new Registry();
  const metrics = new RequestMetrics(registry, () => undefined);
  kindOf(metrics, "GET", "/api/v1/namespaces/a/pods?watch=1&fieldSelector=metadata.name=x", true).open = 1;
  assert.match(await registry.metrics(), /^apiserver_longrunning_requests\{.*scope="resource".*\} 1$/m);
});

test("deletions of many have bodies of their own, and logs have a size", async () => {
  const registry = new Registry();
  const metrics = new RequestMetrics(registry, () => undefined);
  const finished = { code: 200, ms: 1, heldMs: 0, bodyBytes: 7, readBytes: 3 };
  kindOf(metrics, "DELETE", "/api/v1/namespaces/a/pods", true).finish(finished);
  kindOf(metrics, "GET", "/api/v1/namespaces/a/pods/x/log", true).finish(finished);
  const text = await registry.metrics();
  assert.match(text, /^apiserver_request_body_size_bytes_sum\{.*verb="delete_collection".*\} 3$/m);
  assert.match(text, /^apiserver_response_sizes_sum\{.*subresource="log".*\} 7$/m);
});
