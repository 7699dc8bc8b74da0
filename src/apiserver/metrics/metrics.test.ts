/** What a server tells of itself after requests, under upstream's names. */
import assert from "node:assert/strict";
import { after, suite, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { systemClock } from "#base/clock.ts";
import { FuzzClient, type HttpAnswer } from "#testing/fuzz/http-case.ts";
import { startTestServer } from "#testing/server.ts";

const map = (name: string): object => ({ metadata: { name } });
const maps = "/api/v1/namespaces/default/configmaps";

suite("metrics", async () => {
  const server = await startTestServer();
  const client = new FuzzClient(server, systemClock);
  after(async () => {
    client.close();
    await server.close();
  });
  const send = async (method: string, path: string, body?: object): Promise<HttpAnswer> => {
    const headers = { "content-type": "application/json" };
    const bytes = Buffer.from(body === undefined ? "" : JSON.stringify(body), "utf8");
    const answer = await client.send({ method, path, headers, body: bytes }, "h1");
    assert.ok(answer !== undefined);
    return answer;
  };
  const shown = async (headers: Readonly<Record<string, string>>): Promise<HttpAnswer> => {
    const answer = await client.send(
      { method: "GET", path: "/metrics", headers, body: Buffer.alloc(0) },
      "h1",
    );
    assert.ok(answer?.status === 200);
    return answer;
  };
  /** The sum of all series of that name that have these labels. */
  const value = async (name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> => {
    const text = (await send("GET", "/metrics")).body.toString("utf8");
    assert.match(text, new RegExp(`^${name}[{ ]`, "m"));
    const wanted = Object.entries(labels).map(([label, each]) => `${label}="${each}"`);
    return text
      .split("\n")
      .filter(
        (line) =>
          (line.startsWith(`${name}{`) || line.startsWith(`${name} `)) &&
          wanted.every((each) => line.includes(each)),
      )
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
  };
  const total = (labels: Readonly<Record<string, string>>): Promise<number> =>
    value("apiserver_request_total", labels);

  test("the store's requests are timed by operation and resource; a conflict is no error", async () => {
    const labels = { operation: "create", group: "", resource: "configmaps" };
    const before = await value("etcd_request_duration_seconds_count", labels).catch(() => 0);
    assert.equal((await send("POST", maps, map("stored"))).status, 201);
    assert.equal((await send("POST", maps, map("stored"))).status, 409);
    assert.equal(await value("etcd_request_duration_seconds_count", labels), before + 2);
    assert.equal(await value("etcd_requests_total", labels), before + 2);
    assert.equal(await value("etcd_request_errors_total", labels), 0);
    const roles = { operation: "create", group: "rbac.authorization.k8s.io", resource: "clusterroles" };
    assert.ok((await value("etcd_request_duration_seconds_bucket", { ...roles, le: "60" })) > 0);
  });

  test("all of it is as upstream prints it: promises, order, type of content", async () => {
    const { headers, body } = await send("GET", "/metrics");
    assert.equal(headers["content-type"], "text/plain; version=0.0.4; charset=utf-8; escaping=underscores");
    const lines = body.toString("utf8").split("\n");
    const helps = lines.filter((line) => line.startsWith("# HELP "));
    assert.deepEqual(helps, [...new Set(helps)].toSorted());
    const unpromised = helps.filter((line) => !/^# HELP \w+ \[(ALPHA|BETA|STABLE)\] \S/.test(line));
    assert.deepEqual(
      unpromised.filter((line) => !/^# HELP (process|go|nodejs)_\w+ \S/.test(line)),
      [],
    );
    assert.ok(lines.some((line) => line.startsWith('registered_metrics_total{deprecated_version="",')));
  });

  test("they come compressed to who takes it, and as protobuf to who prefers that", async () => {
    const zipped = await shown({ "accept-encoding": "gzip" });
    assert.equal(zipped.headers["content-encoding"], "gzip");
    assert.match(gunzipSync(zipped.body).toString("utf8"), /^# HELP aggregator_/);
    const plain = await shown({ "accept-encoding": "identity" });
    assert.equal(plain.headers["content-encoding"], undefined);
    const accept =
      "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
    const { headers, body } = await shown({ accept });
    assert.match(String(headers["content-type"]), /^application\/vnd\.google\.protobuf; proto=/);
    // Its length, its name.
    const name = "aggregator_discovery_aggregation_count_total";
    assert.equal(body.indexOf(Buffer.from([0x0a, name.length, ...Buffer.from(name)])), 1);
    const slis = await send("GET", "/metrics/slis");
    assert.equal(slis.status, 200);
  });

  test("what the process takes is told in the names that Go's client has", async () => {
    for (const name of [
      "cpu_seconds_total",
      "resident_memory_bytes",
      "virtual_memory_bytes",
      "open_fds",
      "max_fds",
    ]) {
      assert.ok((await value(`process_${name}`)) > 0, name);
    }
    const started = await value("process_start_time_seconds");
    assert.ok(Math.abs(started - performance.timeOrigin / 1000) < 1, String(started));
    assert.ok((await value("go_threads")) > 1);
  });

  test("admission is timed by plugin and by step, refusals apart", async () => {
    const plugin = { name: "NamespaceLifecycle", type: "admit", operation: "CREATE" };
    const name = "apiserver_admission_controller_admission_duration_seconds_count";
    const step = "apiserver_admission_step_admission_duration_seconds_count";
    const refused = { type: "admit", operation: "CREATE", rejected: "true" };
    const passed = await value(name, { ...plugin, rejected: "false" });
    assert.equal((await send("POST", "/api/v1/namespaces/none/configmaps", map("x"))).status, 404);
    assert.equal(await value(name, { ...plugin, rejected: "true" }), 1);
    assert.equal(await value(step, refused), 1);
    assert.equal((await send("POST", maps, map("admitted"))).status, 201);
    assert.equal(await value(name, { ...plugin, rejected: "false" }), passed + 1);
  });

  test("who asks is found out or not", async () => {
    const failed = await value("authentication_attempts", { result: "error" });
    const stranger = new FuzzClient(
      { ...server, certificate: () => server.frontProxy("stranger") },
      systemClock,
    );
    const headers = { authorization: "Bearer no-such-token" };
    const answer = await stranger.send({ method: "GET", path: maps, headers, body: Buffer.alloc(0) }, "h1");
    stranger.close();
    assert.equal(answer?.status, 401);
    assert.equal(
      (await value("authentication_attempts", { result: "error" })) +
        (await value("authentication_attempts", { result: "failure" })),
      failed + 1,
    );
    assert.ok((await value("authentication_duration_seconds_count", { result: "success" })) > 0);
    // One connection, whose user is known from its first request on: each is counted all the same.
    const succeeded = await value("authentication_attempts", { result: "success" });
    const users = await value("authenticated_user_requests", { username: "other" });
    for (let sent = 0; sent < 3; sent++) await send("GET", maps);
    assert.equal(await value("authentication_attempts", { result: "success" }), succeeded + 5);
    assert.equal(await value("authenticated_user_requests", { username: "other" }), users + 5);
  });

  test("answers to reads have a size, and every request a time without what kept it", async () => {
    const place = { verb: "LIST", resource: "configmaps", scope: "namespace", component: "apiserver" };
    const before = await value("apiserver_response_sizes_sum", place).catch(() => 0);
    const { body, status } = await send("GET", maps);
    assert.equal(status, 200);
    assert.equal(await value("apiserver_response_sizes_sum", place), before + body.length);
    assert.ok((await value("apiserver_request_sli_duration_seconds_count", place)) > 0);
    const created = { verb: "POST", resource: "configmaps", scope: "resource" };
    assert.ok((await value("apiserver_request_sli_duration_seconds_bucket", { ...created, le: "60" })) > 0);
    assert.equal(await value("apiserver_response_sizes_count", { verb: "POST" }), 0);
  });

  test("a patch that is applied is one of its own", async () => {
    const path = `${maps}/applied?fieldManager=me`;
    const object = { apiVersion: "v1", kind: "ConfigMap", ...map("applied") };
    const headers = { "content-type": "application/apply-patch+yaml" };
    const bytes = Buffer.from(JSON.stringify(object), "utf8");
    const answer = await client.send({ method: "PATCH", path, headers, body: bytes }, "h1");
    assert.equal(answer?.status, 201);
    assert.equal(await value("apiserver_request_total", { verb: "APPLY", code: "201" }), 1);
    assert.equal(await value("apiserver_request_total", { verb: "PATCH", resource: "configmaps" }), 0);
  });

  test("what comes to no handler isn't counted as a request, and of documents only health is", async () => {
    await send("GET", maps);
    await send("GET", "/readyz");
    const counted = await total({});
    const forbidden = { "impersonate-user": "nobody" };
    const get = { method: "GET", path: maps, body: Buffer.alloc(0) };
    assert.equal((await client.send({ ...get, headers: forbidden }, "h1"))?.status, 403);
    for (const path of ["/apis", "/apis/apps/v1", "/version", "/readyz/ping", "/none", "/api/v1/nones"]) {
      await send("GET", path);
    }
    assert.equal((await send("PATCH", maps)).status, 405);
    assert.equal(await total({}), counted);
    for (const code of ["401", "403", "405"]) assert.equal(await total({ code }), 0, code);
    const health = { verb: "GET", subresource: "/readyz", code: "200" };
    const healthy = await total(health);
    assert.equal((await send("GET", "/readyz")).status, 200);
    assert.equal((await send("GET", `${maps}/none`)).status, 404);
    assert.equal(await total(health), healthy + 1);
    assert.equal(await total({ resource: "configmaps", code: "404", scope: "resource", verb: "GET" }), 1);
    assert.equal(await total({}), counted + 2);
  });

  test("what is deprecated is told once somebody asks for it", async () => {
    const asked = { group: "", version: "v1", resource: "endpoints", removed_release: "" };
    assert.equal(await value("apiserver_requested_deprecated_apis").catch(() => 0), 0);
    await send("GET", "/api/v1/namespaces/default/endpoints");
    await send("GET", maps);
    assert.equal(await value("apiserver_requested_deprecated_apis", asked), 1);
    assert.equal(await value("apiserver_requested_deprecated_apis"), 1);
  });

  test("admission's steps have quantiles, too; nothing is audited, and it says so", async () => {
    const name = "apiserver_admission_step_admission_duration_seconds_summary";
    const step = { type: "admit", operation: "CREATE", rejected: "false" };
    assert.ok((await value(`${name}_count`, step)) > 0);
    assert.ok((await value(name, { ...step, quantile: "0.99" })) > 0);
    const text = (await send("GET", "/metrics")).body.toString("utf8");
    assert.match(text, /^apiserver_audit_event_total 0$/m);
    assert.match(text, /^apiserver_audit_requests_rejected_total 0$/m);
    assert.match(text, /^kubernetes_build_info\{.*,major="1",minor="35",platform=.*\} 1$/m);
  });

  test("what priority and fairness does now is told as upstream's tables, to who may see it", async () => {
    const dump = "/debug/api_priority_and_fairness/dump_";
    const levels = (await send("GET", `${dump}priority_levels`)).body.toString("utf8");
    assert.match(levels, /^PriorityLevelName, ActiveQueues, IsIdle, IsQuiescing, WaitingRequests, Exec/);
    assert.match(levels, /^exempt, +0, +false, +false, +0, +1, +[1-9]\d*, +0, +0, +0$/m);
    const queues = (await send("GET", `${dump}queues`)).body.toString("utf8");
    assert.match(queues, /^workload-low, +63, +0, +0, +0, +\d+\.\d{8}ss, +0, +0, +0\.00000000ss$/m);
    const requests = (await send("GET", `${dump}requests?includeRequestDetails=1`)).body.toString("utf8");
    const running = /^exempt, +exempt, +-1, +-1, .*Z, +1, +0, +0s, +\S+Z, +fuzz, +get, +\/debug\/\S+, /m;
    assert.match(requests, running);
    const nobody = new FuzzClient(
      { ...server, certificate: () => server.certificate("nobody") },
      systemClock,
    );
    const request = { method: "GET", path: `${dump}requests`, headers: {}, body: Buffer.alloc(0) };
    assert.equal((await nobody.send(request, "h1"))?.status, 403);
    nobody.close();
  });

  test("what is allowed and what isn't", async () => {
    const allowed = await value("authorization_attempts_total", { result: "allowed" });
    const refused = await value("authorization_attempts_total", { result: "no-opinion" });
    const nobody = new FuzzClient(
      { ...server, certificate: () => server.certificate("nobody") },
      systemClock,
    );
    const request = { method: "GET", path: maps, headers: {}, body: Buffer.alloc(0) };
    assert.equal((await nobody.send(request, "h1"))?.status, 403);
    nobody.close();
    assert.equal(await value("authorization_attempts_total", { result: "no-opinion" }), refused + 1);
    assert.ok((await value("authorization_attempts_total", { result: "allowed" })) > allowed);
    assert.equal(await value("authorization_duration_seconds_count", { result: "no-opinion" }), refused + 1);
  });
});
