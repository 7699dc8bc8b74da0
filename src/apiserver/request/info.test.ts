import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRequestInfo } from "./info.ts";

type Expected = [
  verb: string,
  group: string,
  version: string,
  namespace: string,
  resource: string,
  subresource: string,
  name: string,
];

/** upstream: apiserver/pkg/endpoints/request/requestinfo_test.go */
const resources: readonly [method: string, url: string, expected: Expected][] = [
  ["GET", "/api/v1/namespaces", ["list", "", "v1", "", "namespaces", "", ""]],
  ["GET", "/api/v1/namespaces/other", ["get", "", "v1", "other", "namespaces", "", "other"]],
  ["GET", "/api/v1/namespaces/other/pods", ["list", "", "v1", "other", "pods", "", ""]],
  ["GET", "/api/v1/namespaces/other/pods/foo", ["get", "", "v1", "other", "pods", "", "foo"]],
  ["HEAD", "/api/v1/namespaces/other/pods/foo", ["get", "", "v1", "other", "pods", "", "foo"]],
  ["GET", "/api/v1/pods", ["list", "", "v1", "", "pods", "", ""]],
  ["HEAD", "/api/v1/pods", ["list", "", "v1", "", "pods", "", ""]],
  ["GET", "/api/v1/proxy/namespaces/other/pods/foo", ["proxy", "", "v1", "other", "pods", "", "foo"]],
  [
    "GET",
    "/api/v1/proxy/namespaces/other/pods/foo/sub/path",
    ["proxy", "", "v1", "other", "pods", "", "foo"],
  ],
  ["GET", "/api/v1/watch/pods", ["watch", "", "v1", "", "pods", "", ""]],
  ["GET", "/api/v1/pods?watch=true", ["watch", "", "v1", "", "pods", "", ""]],
  ["GET", "/api/v1/pods?watch=1", ["watch", "", "v1", "", "pods", "", ""]],
  ["GET", "/api/v1/pods?watch=false", ["list", "", "v1", "", "pods", "", ""]],
  ["GET", "/api/v1/pods?watch", ["watch", "", "v1", "", "pods", "", ""]],
  ["GET", "/api/v1/watch/namespaces/other/pods", ["watch", "", "v1", "other", "pods", "", ""]],
  ["GET", "/api/v1/namespaces/other/pods/foo/status", ["get", "", "v1", "other", "pods", "status", "foo"]],
  [
    "PUT",
    "/api/v1/namespaces/other/finalize",
    ["update", "", "v1", "other", "namespaces", "finalize", "other"],
  ],
  ["PUT", "/api/v1/namespaces/other/status", ["update", "", "v1", "other", "namespaces", "status", "other"]],
  ["PATCH", "/api/v1/namespaces/other/pods/foo", ["patch", "", "v1", "other", "pods", "", "foo"]],
  ["DELETE", "/api/v1/namespaces/other/pods/foo", ["delete", "", "v1", "other", "pods", "", "foo"]],
  ["POST", "/api/v1/namespaces/other/pods", ["create", "", "v1", "other", "pods", "", ""]],
  ["DELETE", "/api/v1/nodes", ["deletecollection", "", "v1", "", "nodes", "", ""]],
  ["DELETE", "/api/v1/namespaces", ["deletecollection", "", "v1", "", "namespaces", "", ""]],
  ["DELETE", "/api/v1/namespaces/other/pods", ["deletecollection", "", "v1", "other", "pods", "", ""]],
  ["GET", "/apis/extensions/v1/namespaces/other/pods", ["list", "extensions", "v1", "other", "pods", "", ""]],
  [
    "POST",
    "/apis/apps/v1/namespaces/a/deployments/w/scale",
    ["create", "apps", "v1", "a", "deployments", "scale", "w"],
  ],
  ["GET", "/api/v1/pods?fieldSelector=metadata.name%3Dfoo", ["list", "", "v1", "", "pods", "", "foo"]],
  [
    "GET",
    "/api/v1/pods?fieldSelector=metadata.name%3Dfoo,spec.nodeName%3Dn",
    ["list", "", "v1", "", "pods", "", ""],
  ],
  [
    "DELETE",
    "/api/v1/pods?fieldSelector=metadata.name%3Dfoo",
    ["deletecollection", "", "v1", "", "pods", "", ""],
  ],
  ["constructor", "/api/v1/pods", ["", "", "v1", "", "pods", "", ""]],
  ["GET", "/api/v1/namespaces/a/pods/p/proxy/some/path", ["get", "", "v1", "a", "pods", "proxy", "p"]],
];

for (const [method, url, expected] of resources) {
  test(`${method} ${url} is about a resource`, () => {
    const { pathname, searchParams } = new URL(url, "http://x");
    const info = parseRequestInfo(method, pathname, searchParams);
    const { verb, group, version, namespace, resource, subresource, name } = info;
    assert.deepEqual([verb, group, version, namespace, resource, subresource, name], expected);
    assert.equal(info.isResourceRequest, true);
  });
}

const misplaced = [
  "/api/v1/namespaces/a/pods/p/log/more",
  "/api/v1/namespaces/a/pods/p/exec/",
  "/api/v1/namespaces//pods",
  "/api/v1//pods",
  "/api/v1/proxy/nodes/n",
  "/api/v1/nodes/n/proxy/a//b",
  "/api/v1/namespaces/a/services/s/proxy/",
];
for (const [at, path] of misplaced.entries()) {
  test(`${path} is ${[0, 2, 3, 4].includes(at) ? "nowhere" : "in its place"}`, () => {
    const { isMisplaced } = parseRequestInfo("GET", path, new URLSearchParams());
    assert.equal(isMisplaced, [0, 2, 3, 4].includes(at) ? true : undefined);
  });
}

const outside = [
  "/",
  "/version",
  "/api",
  "/apis",
  "/api/v1",
  "/apis/apps",
  "/apis/apps/v1",
  "/healthz/etcd",
  "/metrics/a/b",
];
for (const path of outside) {
  test(`${path} is not about a resource`, () => {
    const info = parseRequestInfo("POST", path, new URLSearchParams());
    assert.deepEqual([info.isResourceRequest, info.verb, info.path], [false, "post", path]);
  });
}
