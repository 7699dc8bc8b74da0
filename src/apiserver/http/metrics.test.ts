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
  assert.match(await registry.metrics(), /apiserver_request_total\{verb="OTHER",/);
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
