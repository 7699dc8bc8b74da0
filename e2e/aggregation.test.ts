/** An aggregated API server behind the real server, reached with the real kubectls. */
import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import { ExtensionServer } from "#apiserver/aggregation/testing/extension-server.ts";
import { PlainServer } from "./plain-server.ts";

/** Endpoints may not be on the loopback. */
const host =
  Object.values(networkInterfaces())
    .flat()
    .find((each) => each?.family === "IPv4" && !each.internal)?.address ?? "";

const manifests = (port: number, caBundle: string): string => `
apiVersion: v1
kind: Service
metadata: {name: extension}
spec: {ports: [{port: 443, targetPort: ${port}}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: extension-1, labels: {kubernetes.io/service-name: extension}}
addressType: IPv4
endpoints: [{addresses: ["${host}"], conditions: {ready: true}}]
ports: [{name: "", port: ${port}}]
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1.demo.example.com}
spec:
  group: demo.example.com
  version: v1
  service: {namespace: default, name: extension}
  caBundle: ${caBundle}
  groupPriorityMinimum: 2000
  versionPriority: 10
`;
const widget = (name: string): string =>
  `{"apiVersion": "demo.example.com/v1", "kind": "Widget", "metadata": {"name": "${name}"}, "spec": {"size": 3}}`;

test("an aggregated API server", { timeout: 60_000 }, async () => {
  await using server = await PlainServer.start();
  await using extension = await ExtensionServer.start({ host, serverName: "extension.default.svc" });
  const kubectl = (...args: string[]): Promise<string> => server.kubectl("1.35", args);
  const config = JSON.parse(
    await kubectl(
      "get",
      "configmap",
      "-n",
      "kube-system",
      "extension-apiserver-authentication",
      "-o",
      "json",
    ),
  ) as { readonly data: Readonly<Record<string, string>> };
  extension.trust({
    caPem: config.data["requestheader-client-ca-file"] ?? "",
    allowedNames: JSON.parse(config.data["requestheader-allowed-names"] ?? "[]") as string[],
  });
  assert.deepEqual(Object.keys(config.data).toSorted(), [
    "client-ca-file",
    "requestheader-allowed-names",
    "requestheader-client-ca-file",
    "requestheader-extra-headers-prefix",
    "requestheader-group-headers",
    "requestheader-uid-headers",
    "requestheader-username-headers",
  ]);
  assert.match(await kubectl("get", "apiservices"), /^v1\. +Local +True +\d+s$/m);
  assert.match(await kubectl("get", "apiservices"), /^v1\.rbac\.authorization\.k8s\.io +Local +True +\d+s$/m);

  await server.kubectl("1.35", ["apply", "-f", "-"], manifests(extension.port, extension.caBundle));
  await kubectl("wait", "apiservice/v1.demo.example.com", "--for=condition=Available", "--timeout=20s");
  assert.match(
    await kubectl("get", "apiservices", "v1.demo.example.com"),
    /^v1\.demo\.example\.com +default\/extension +True +\d+s$/m,
  );
  await server.kubectl("1.35", ["create", "--validate=false", "-f", "-"], widget("one"));
  for (const version of ["1.27", "1.35"] as const) {
    const of = (...args: string[]): Promise<string> => server.kubectl(version, args);
    assert.match(await of("get", "wd"), /^one +/m);
    assert.match(
      await of("api-resources", "--api-group=demo.example.com"),
      /^widgets +wd +demo\.example\.com\/v1 +true +Widget$/m,
    );
    assert.match(await of("explain", "widget.spec.size"), /Size in feet\./);
    assert.match(await of("api-versions"), /^demo\.example\.com\/v1$/m);
  }
  assert.match(await kubectl("get", "all"), /widget\.demo\.example\.com\/one/);
  const seen = extension.asked.filter(({ url }) => url.includes("/widgets"));
  assert.ok(seen.length > 0 && seen.every(({ user }) => user !== "undefined"));
  await kubectl("get", "widgets", "--as=jane", "--as-group=system:masters");
  const last = extension.asked.findLast(({ url }) => url.includes("/widgets"));
  assert.deepEqual([last?.user, last?.groups], ["jane", "system:masters, system:authenticated"]);
  assert.match(
    await server.fails(kubectl("get", "widgets", "--as=joe")),
    /User "joe" cannot list resource "widgets" in API group "demo\.example\.com" in the namespace "default"/,
  );
  await server.kubectl("1.35", ["create", "--validate=false", "-f", "-"], widget("two"));
  const gone = kubectl("wait", "widget/one", "--for=delete", "--timeout=20s");
  await kubectl("delete", "widget", "one", "--wait=false");
  await gone;
  assert.equal(await kubectl("get", "widgets", "-o", "name"), "widget.demo.example.com/two\n");

  await kubectl("delete", "apiservice", "v1.demo.example.com");
  assert.match(
    await server.fails(kubectl("get", "widgets", "--cache-dir", `${server.directory}/fresh`)),
    /the server doesn't have a resource type "widgets"/,
  );
  assert.doesNotMatch(await kubectl("api-versions"), /demo\.example\.com/);
});
