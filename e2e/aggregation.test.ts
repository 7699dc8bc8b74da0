/** An aggregated API server behind the real server, reached with the real kubectls. */
import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ExtensionServer } from "#apiserver/aggregation/testing/extension-server.ts";
import { ApiClient, at, type Json } from "./conformance/api-client.ts";
import { PlainServer } from "./plain-server.ts";
import { eventually } from "./wait.ts";

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

const widgetsPath = "/apis/demo.example.com/v1/namespaces/default/widgets";
const servicesPath = "/apis/apiregistration.k8s.io/v1/apiservices";
const condition = (type: string): Json => ({ type, status: "True", reason: "E2E", message: "by a test" });
const servicePath = `${servicesPath}/v1.demo.example.com`;

/** A server with an extension behind it, that has been found to be there. */
async function extended(stack: AsyncDisposableStack): Promise<ApiClient> {
  const server = stack.use(await PlainServer.start());
  const extension = stack.use(await ExtensionServer.start({ host, serverName: "extension.default.svc" }));
  const api = await ApiClient.of(join(server.directory, "kubeconfig"));
  const { data } = await api.get(
    "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication",
  );
  const config = data as Record<string, string>;
  extension.trust({
    caPem: config["requestheader-client-ca-file"] ?? "",
    allowedNames: JSON.parse(config["requestheader-allowed-names"] ?? "[]") as string[],
  });
  await server.kubectl("1.35", ["apply", "-f", "-"], manifests(extension.port, extension.caBundle));
  await server.kubectl("1.35", [
    "wait",
    "apiservice/v1.demo.example.com",
    "--for=condition=Available",
    "--timeout=20s",
  ]);
  return api;
}

test(
  "an APIService goes through its life, and what it leads to is made, listed and deleted",
  { timeout: 60_000 },
  async () => {
    await using stack = new AsyncDisposableStack();
    const api = await extended(stack);
    const items = async (): Promise<unknown[]> => (await api.get(widgetsPath))["items"] as unknown[];
    const made = await api.call("POST", widgetsPath, { body: widget("rest") });
    const { kind, apiVersion } = made.body;
    assert.deepEqual(
      [made.code, kind, apiVersion, at(made.body, "metadata.name")],
      [201, "Widget", "demo.example.com/v1", "rest"],
    );
    assert.equal((await items()).length, 1);
    await api.must("DELETE", `${widgetsPath}/rest`);
    assert.deepEqual(await items(), []);
    await api.must("POST", widgetsPath, { body: widget("dynamic") });

    const conditionsOf = async (): Promise<Json[]> =>
      at(await api.get(`${servicePath}/status`), "status.conditions") as Json[];
    assert.equal((await conditionsOf())[0]?.["message"], "all checks passed");
    const patched = await api.merge(servicePath, { spec: { versionPriority: 400 } });
    assert.equal(at(patched, "spec.versionPriority"), 400);
    const listed = (await api.get(servicesPath))["items"] as Json[];
    assert.ok(listed.some((one) => at(one, "metadata.name") === "v1.demo.example.com"));
    await api.strategic(servicePath, { metadata: { labels: { "e2e-apiservice": "patched" } } });
    assert.equal(at(await api.get(servicePath), "metadata.labels.e2e-apiservice"), "patched");

    /** By a PUT; the controller may write in between. */
    const updated = async (path: string, change: (object: Json) => Json): Promise<void> => {
      await eventually(`PUT ${path}`, 10_000, async () => {
        const { code, text } = await api.call("PUT", path, { body: change(await api.get(path)) });
        assert.ok(code === 200 || code === 409, text);
        return code === 200;
      });
    };
    const types = async (): Promise<unknown[]> => (await conditionsOf()).map(({ type }) => type);
    await updated(`${servicePath}/status`, (object) => {
      const conditions = at(object, "status.conditions") as Json[];
      return { ...object, status: { conditions: [...conditions, condition("StatusUpdated")] } };
    });
    assert.deepEqual(await types(), ["Available", "StatusUpdated"]);
    await updated(servicePath, (object) => ({
      ...object,
      metadata: { ...(object["metadata"] as Json), labels: { "v1.demo.example.com": "updated" } },
    }));
    const { labels } = (await api.get(servicePath))["metadata"] as { labels: Json };
    assert.deepEqual(labels, { "v1.demo.example.com": "updated" });
    const conditions = [...(await conditionsOf()), condition("StatusPatched")];
    await api.merge(`${servicePath}/status`, { status: { conditions } });
    assert.deepEqual(await types(), ["Available", "StatusUpdated", "StatusPatched"]);

    assert.equal((await items()).length, 1);
    await api.must("DELETE", `${widgetsPath}/dynamic`);
    assert.deepEqual(await items(), []);
    await api.must("POST", widgetsPath, { body: widget("dynamic") });
    assert.equal((await items()).length, 1);
    const selector = "labelSelector=v1.demo.example.com%3Dupdated";
    await api.must("DELETE", `${servicesPath}?${selector}`);
    assert.deepEqual((await api.get(`${servicesPath}?${selector}`))["items"], []);
    await eventually("nothing leads there", 10_000, async () => {
      return (await api.call("GET", widgetsPath)).code === 404;
    });
  },
);
