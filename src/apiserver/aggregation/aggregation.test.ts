import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { networkInterfaces } from "node:os";
import { buffer } from "node:stream/consumers";
import { connect as connectTls } from "node:tls";
import { suite, test } from "node:test";
import type { APIService } from "#api/generated/types/apiregistration-v1.ts";
import { apiServices, configMaps, endpointSlices, services } from "#api/resources.ts";
import type { Client } from "#client/client.ts";
import { systemClock } from "#base/clock.ts";
import type { KeyPair } from "#pki/ca.ts";
import { FuzzClient } from "#testing/fuzz/http-case.ts";
import { startTestServer, type TestServer } from "#testing/server.ts";
import { valueIn } from "#apiserver/metrics/testing/measured-server.ts";
import {
  brokenOff,
  moved,
  paged,
  ExtensionServer,
  type ExtensionOptions,
} from "./testing/extension-server.ts";

const admin = { name: "admin", groups: ["system:masters", "system:authenticated"] };
/** Endpoints may not be on the loopback. */
const host =
  Object.values(networkInterfaces())
    .flat()
    .find((each) => each?.family === "IPv4" && !each.internal)?.address ?? "";

const apiService = (caBundle: string): APIService => ({
  metadata: { name: "v1.demo.example.com" },
  spec: {
    group: "demo.example.com",
    version: "v1",
    service: { namespace: "default", name: "extension", port: 443 },
    caBundle,
    groupPriorityMinimum: 2000,
    versionPriority: 10,
  },
});

async function exposed(client: Client, port: number): Promise<void> {
  await client.resource(services, "default").create({
    metadata: { name: "extension", namespace: "default" },
    spec: { ports: [{ port: 443, targetPort: port }] },
  });
  await client.resource(endpointSlices, "default").create({
    metadata: {
      name: "extension-1",
      namespace: "default",
      labels: { "kubernetes.io/service-name": "extension" },
    },
    addressType: "IPv4",
    endpoints: [{ addresses: [host], conditions: { ready: true } }],
    ports: [{ name: "", port, protocol: "TCP" }],
  });
}

/** Follows the condition until it is the wanted one. */
async function becomes(client: Client, reason: string): Promise<string> {
  const query = {
    fieldSelector: "metadata.name=v1.demo.example.com",
    sendInitialEvents: true,
    resourceVersionMatch: "NotOlderThan",
  } as const;
  const watch = client.resource(apiServices).watch(query, AbortSignal.timeout(20_000));
  for await (const { object } of watch) {
    const [condition] = object.status?.conditions ?? [];
    if (condition?.reason === reason) return condition.message ?? "";
  }
  throw new Error(`the watch ended before the reason was ${reason}`);
}

/** Its API is part of the server's. */
async function available({ client, extension }: Started): Promise<void> {
  await exposed(client, extension.port);
  await client.resource(apiServices).create(apiService(extension.caBundle));
  await becomes(client, "Passed");
}

interface Started extends AsyncDisposable {
  readonly server: TestServer;
  readonly extension: ExtensionServer;
  readonly client: Client;
}

const named = { serverName: "extension.default.svc" };

async function started({ serverName }: Partial<ExtensionOptions> = named): Promise<Started> {
  const stack = new AsyncDisposableStack();
  const server = stack.use(await startTestServer());
  const extension = stack.use(await ExtensionServer.start({ host, serverName }));
  const client = server.client(admin);
  const { data = {} } = await client
    .resource(configMaps, "kube-system")
    .get("extension-apiserver-authentication");
  extension.trust({
    caPem: data["requestheader-client-ca-file"] ?? "",
    allowedNames: JSON.parse(data["requestheader-allowed-names"] ?? "[]") as string[],
  });
  return { server, extension, client, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

const get = async (client: Client, path: string, accept?: string): Promise<unknown> =>
  (
    await client.transport.request({
      method: "GET",
      path,
      ...(accept === undefined ? {} : { headers: { accept } }),
    })
  ).body;

interface Heard {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** As a client of its own, to the end of the answer. */
async function overHttp(server: TestServer, path: string): Promise<Heard> {
  const { port, caPem: ca } = server;
  const { certificatePem: cert, keyPem: key } = server.certificate("admin", ["system:masters"]);
  const asked = httpsRequest({ host: "127.0.0.1", port, path, ca, cert, key, agent: false }).end();
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  const body = (await buffer(answer)).toString();
  return { status: answer.statusCode, headers: answer.headers, body };
}

suite("a server that extends the API", () => {
  test("is found, asked under the user's name, published, and gone with its APIService", async () => {
    await using world = await started();
    const { server, extension, client } = world;
    await client.resource(apiServices).create(apiService(extension.caBundle));
    assert.equal(await becomes(client, "ServiceNotFound"), 'service/extension in "default" is not present');
    await assert.rejects(get(client, "/apis/demo.example.com/v1/widgets"), { code: 503 });
    await exposed(client, extension.port);
    assert.equal(await becomes(client, "Passed"), "all checks passed");

    const jane = server.client({
      name: "jané",
      groups: ["system:masters", "a b"],
      uid: "u-1",
      extra: { "example.com/x": ["1"] },
    });
    const sent = {
      kind: "Widget",
      apiVersion: "demo.example.com/v1",
      metadata: { name: "one" },
      spec: { size: 3 },
    };
    const path = "/apis/demo.example.com/v1/namespaces/default/widgets";
    const { body } = await jane.transport.request({ method: "POST", path, body: sent });
    assert.equal((body as { metadata: { resourceVersion: string } }).metadata.resourceVersion, "101");
    const { user, groups, extra, url } = extension.asked.at(-1) ?? assert.fail("nothing was asked");
    assert.deepEqual(
      { user: Buffer.from(user, "latin1").toString(), groups, extra, url },
      {
        user: "jané",
        groups: "system:masters, a b",
        extra: { "x-remote-extra-example.com%2fx": "1" },
        url: path,
      },
    );
    for await (const { type, object } of client.transport.watch({ method: "GET", path })) {
      assert.deepEqual([type, object.metadata?.name], ["ADDED", "one"]);
      break;
    }
    await assert.rejects(get(client, `${path}/two`), { message: 'widgets.demo.example.com "two" not found' });

    const groupsNow = async (): Promise<string[]> =>
      ((await get(client, "/apis")) as { groups: { name: string }[] }).groups.map(({ name }) => name);
    assert.equal((await groupsNow()).at(-1), "demo.example.com");
    assert.ok(
      JSON.stringify(await get(client, "/openapi/v3/apis/demo.example.com/v1")).includes("Size in feet."),
    );
    assert.ok(JSON.stringify(await get(client, "/openapi/v2", "application/json")).includes("Size in feet."));
    await client.resource(apiServices).delete("v1.demo.example.com");
    await assert.rejects(get(client, path), { code: 404 });
    assert.equal((await groupsNow()).includes("demo.example.com"), false);
  });

  test("that answers no more is Unavailable and Stale, and what it has served is known still", async () => {
    await using world = await started();
    const { extension, client } = world;
    await exposed(client, extension.port);
    extension.isBroken = true;
    await client.resource(apiServices).create(apiService(extension.caBundle));
    const asked = `https://${host}:${extension.port}/apis/demo.example.com/v1`;
    assert.equal(
      await becomes(client, "FailedDiscoveryCheck"),
      `failing or missing response from ${asked}: bad status from ${asked}: 500`,
    );
    const aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    interface Group {
      readonly metadata: { readonly name?: string };
      readonly versions: readonly { readonly freshness: string; readonly resources: readonly unknown[] }[];
    }
    const version = async (): Promise<readonly [string | undefined, number | undefined]> => {
      const { items } = (await get(client, "/apis", aggregated)) as { items: readonly Group[] };
      const [found] = items.find(({ metadata }) => metadata.name === "demo.example.com")?.versions ?? [];
      return [found?.freshness, found?.resources.length];
    };
    assert.deepEqual(await version(), ["Stale", 0]);
    extension.isBroken = false;
    await becomes(client, "Passed");
    await get(client, "/apis/demo.example.com/v1/widgets");
    assert.ok(extension.asked.some(({ url }) => url === "/apis/demo.example.com/v1/widgets"));
  });

  test("is told of in metrics while it is unavailable, and when it became so", async () => {
    await using world = await started();
    const { extension, client } = world;
    const metrics = async (): Promise<string> => String(await get(client, "/metrics"));
    const lost = { name: "v1.demo.example.com", reason: "EndpointsNotFound" };
    await client.resource(apiServices).create(apiService(extension.caBundle));
    await becomes(client, "ServiceNotFound");
    const gauge = "aggregator_unavailable_apiservice";
    assert.equal(valueIn(await metrics(), gauge, { name: "v1.demo.example.com" }), 1);
    // It hasn't been available before.
    assert.equal(valueIn(await metrics(), `${gauge}_total`), 0);
    await exposed(client, extension.port);
    await becomes(client, "Passed");
    assert.equal(valueIn(await metrics(), gauge, { name: "v1.demo.example.com" }), 0);
    assert.match(await metrics(), /^aggregator_unavailable_apiservice\{name="v1.apps"\} 0$/m);
    await overHttp(world.server, "/apis/demo.example.com/v1/namespaces/default/widgets");
    await overHttp(world.server, "/apis/demo.example.com/v1/namespaces/default/surprises");
    // Who answers them counts them.
    assert.equal(valueIn(await metrics(), "apiserver_request_total", { group: "demo.example.com" }), 0);
    const aggregations = "aggregator_discovery_aggregation_count_total";
    await get(client, "/apis");
    const aggregated = valueIn(await metrics(), aggregations);
    await get(client, "/apis");
    assert.equal(valueIn(await metrics(), aggregations), aggregated);
    await client.resource(endpointSlices, "default").delete("extension-1");
    await becomes(client, "EndpointsNotFound");
    await overHttp(world.server, "/apis/demo.example.com/v1/namespaces/default/widgets");
    const ended = { component: "aggregator", code: "503", group: "demo.example.com", resource: "widgets" };
    assert.equal(valueIn(await metrics(), "apiserver_request_terminations_total", ended), 1);
    assert.equal(valueIn(await metrics(), gauge, { name: "v1.demo.example.com" }), 1);
    assert.equal(valueIn(await metrics(), `${gauge}_total`, lost), 1);
    await client.resource(apiServices).delete("v1.demo.example.com");
    await get(client, "/apis");
    assert.equal(valueIn(await metrics(), aggregations), aggregated + 1);
    assert.doesNotMatch(await metrics(), /^aggregator_unavailable_apiservice\{name="v1.demo.example.com"/m);
  });

  test("whose certificate names nobody gets no request, and is counted", async () => {
    await using world = await started({ serverName: undefined });
    const { client } = world;
    await available(world);
    const counted = "apiserver_kube_aggregator_x509_missing_san_total";
    const before = valueIn(String(await get(client, "/metrics")), counted);
    await assert.rejects(get(client, "/apis/demo.example.com/v1/widgets"), {
      message:
        "error trying to reach service: tls: failed to verify certificate: x509: certificate relies on legacy Common Name field, use SANs instead",
    });
    assert.ok(valueIn(String(await get(client, "/metrics")), counted) > before);
  });

  test("is handed connections that are upgraded", async () => {
    await using world = await started();
    const { server } = world;
    await available(world);
    const { certificatePem, keyPem } = server.certificate("admin", ["system:masters"]);
    const socket = connectTls({ port: server.port, ca: server.caPem, cert: certificatePem, key: keyPem });
    const path = "/apis/demo.example.com/v1/namespaces/default/widgets/one/echo";
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n`);
    let text = "";
    for await (const chunk of socket) {
      text += String(chunk);
      if (text.endsWith("hello admin\n")) socket.write("ping");
      if (text.endsWith("ping")) break;
    }
    assert.match(text, /^HTTP\/1\.1 101 Switching Protocols\r\n[^]*hello admin\nping$/);
  });

  test("says itself what it refuses, and without anything of ours, and when it ignores it that is told in plain text", async () => {
    await using world = await started();
    const { server } = world;
    await available(world);
    const saidTo = async (rest: string): Promise<string> => {
      const { certificatePem, keyPem } = server.certificate("admin", ["system:masters"]);
      const socket = connectTls({ port: server.port, ca: server.caPem, cert: certificatePem, key: keyPem });
      const path = `/apis/demo.example.com/v1/namespaces/default/widgets/one/${rest}`;
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n`);
      return (await buffer(socket)).toString();
    };
    assert.equal(
      await saidTo("refused"),
      "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nX-Why: so\r\n\r\nno",
    );
    const ignored = await saidTo("ignored");
    assert.match(ignored, /^HTTP\/1\.1 503 Service Unavailable\r\n/);
    assert.match(ignored, /\r\n\r\ninvalid upgrade response: status code 200\n$/);
  });

  test("says nothing of browsers' rights here, and leads nowhere else", async () => {
    await using world = await started();
    const { server } = world;
    await available(world);
    const path = "/apis/demo.example.com/v1/namespaces/default/widgets";
    const page = await overHttp(server, `${path}/${paged}`);
    const { "access-control-allow-origin": origin, "cache-control": cached, "x-seen": seen } = page.headers;
    assert.deepEqual([origin, cached, seen], [undefined, "no-cache, private, no-store", `${path}/${paged}`]);
    assert.match(page.body, /^<a href="https:\/\/[^/]+\/x">x<\/a><a href="http:\/\/other\/x">x<\/a>$/);
    const other = await overHttp(server, `${path}/${moved}`);
    assert.deepEqual(
      [other.status, other.headers["content-type"], other.body],
      [
        502,
        "text/plain; charset=utf-8",
        "the backend attempted to redirect this request, which is not permitted",
      ],
    );
  });

  for (const method of ["GET", "DELETE"]) {
    test(`takes the body of a ${method} for nobody's request`, async () => {
      await using world = await started();
      const { server, extension, client } = world;
      await available(world);
      const { certificatePem, keyPem } = server.certificate("admin", ["system:masters"]);
      const socket = connectTls({ port: server.port, ca: server.caPem, cert: certificatePem, key: keyPem });
      const path = "/apis/demo.example.com/v1/namespaces/default/widgets/one";
      const smuggled = `GET ${path} HTTP/1.1\r\nHost: x\r\nX-Remote-User: smuggler\r\n\r\n`;
      socket.write(
        `${method} ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n`,
      );
      socket.write(`${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`);
      for await (const _ of socket);
      // Another one, on the same connection, comes behind it.
      await get(client, "/apis/demo.example.com/v1/namespaces/default/widgets");
      const users = extension.asked.map(({ user }) => user);
      assert.ok(users.includes("admin"));
      assert.ok(!users.includes("smuggler"));
    });
  }

  test("what it breaks off is broken off for the client, and counted", async () => {
    await using world = await started();
    const { server, client } = world;
    await available(world);
    const certificate = (): KeyPair => server.certificate("admin", ["system:masters"]);
    const outside = new FuzzClient({ ...server, certificate }, systemClock);
    const path = `/apis/demo.example.com/v1/namespaces/default/widgets/${brokenOff}`;
    const request = { method: "GET", path, headers: {}, body: Buffer.alloc(0) };
    const answer = await outside.send(request, "h1").catch(() => undefined);
    outside.close();
    assert.equal(answer, undefined);
    // What is served elsewhere has no series of its own.
    const labels = { verb: "GET", group: "", resource: "" };
    const text = String(await get(client, "/metrics"));
    assert.equal(valueIn(text, "apiserver_request_aborts_total", labels), 1);
  });

  test("whose certificate isn't of the given authority gets no request", async () => {
    await using world = await started();
    const { server, extension, client } = world;
    await exposed(client, extension.port);
    await client.resource(apiServices).create(apiService(Buffer.from(server.caPem).toString("base64")));
    await becomes(client, "Passed");
    await assert.rejects(get(client, "/apis/demo.example.com/v1/widgets"), {
      message:
        "error trying to reach service: tls: failed to verify certificate: x509: certificate signed by unknown authority",
    });
  });
});

test("every group version that is served has an APIService, available from the start", async () => {
  await using server = await startTestServer();
  const client = server.client(admin);
  const watch = client
    .resource(apiServices)
    .watch({ sendInitialEvents: true, resourceVersionMatch: "NotOlderThan" }, AbortSignal.timeout(20_000));
  const seen = new Map<string, APIService>();
  for await (const { object } of watch) {
    seen.set(object.metadata?.name ?? "", object);
    if (seen.has("v1.apps") && seen.has("v1.") && seen.has("v2.autoscaling")) break;
  }
  const core = seen.get("v1.");
  assert.deepEqual(core?.spec, { version: "v1", groupPriorityMinimum: 18_000, versionPriority: 1 });
  assert.deepEqual(core.metadata?.labels, { "kube-aggregator.kubernetes.io/automanaged": "onstart" });
  assert.deepEqual(
    core.status?.conditions?.map(({ type, status, reason, message }) => [type, status, reason, message]),
    [["Available", "True", "Local", "Local APIServices are always available"]],
  );
});
