/** What is counted of requests, by requests that go so. */
import assert from "node:assert/strict";
import { after, suite, test } from "node:test";
import { Registry } from "prom-client";
import type {
  FlowSchema,
  PriorityLevelConfiguration,
  Subject as FlowSubject,
} from "#api/generated/types/flowcontrol-v1.ts";
import type { KeyPair } from "#pki/ca.ts";
import { FuzzClient } from "#testing/fuzz/http-case.ts";
import { ManualClock, settle, systemClock } from "#base/clock.ts";
import { FlowControl } from "#apiserver/flowcontrol/flow-control.ts";
import { FlowMetrics, registerLevelGauges } from "#apiserver/flowcontrol/flow-metrics.ts";
import { RequestEndings } from "#apiserver/http/request-endings.ts";
import { parseRequestInfo } from "#apiserver/request/info.ts";
import { metricsText } from "./exposition.ts";
import { MeasuredServer, valueIn } from "./testing/measured-server.ts";

const maps = "/api/v1/namespaces/default/configmaps";

suite("requests", async () => {
  const measured = await MeasuredServer.start();
  after(() => measured[Symbol.asyncDispose]());
  const ofMaps = { group: "", resource: "configmaps" };

  test("updates are timed while they are compared with what they replace, by how far that has to go", async () => {
    const path = `${maps}/compared`;
    const body = { metadata: { name: "compared" }, data: { a: "1" } };
    await measured.send("POST", maps, body);
    const grown = async (code_path: string, method: string, sent: object): Promise<number> =>
      measured.growth("apiserver_request_timestamp_comparison_time_count", { code_path }, () =>
        measured.send(
          method,
          path,
          sent,
          method === "PATCH" ? "application/merge-patch+json" : "application/json",
        ),
      );
    // Other fields are managed than before.
    assert.equal(await grown("unequal_objects_fast", "PUT", { ...body, data: { b: "2" } }), 1);
    // Nothing is written anew, and so no manager has another time.
    assert.equal(await grown("unequal_objects_fast", "PATCH", { data: { b: "2" } }), 1);
  });

  test("bodies have a size by what is done with them", async () => {
    const name = "apiserver_request_body_size_bytes";
    const body = { metadata: { name: "big" }, data: { text: "x".repeat(60_000) } };
    const before = await measured.text();
    await measured.send("POST", maps, body);
    await measured.send("PATCH", `${maps}/big`, { data: { more: "x" } }, "application/merge-patch+json");
    await measured.send("GET", `${maps}/big`);
    await measured.send("POST", "/apis/made-up.example.com/v1/things", body);
    const now = await measured.text();
    const grown = (rest: string, labels: Record<string, string>): number =>
      valueIn(now, `${name}_${rest}`, labels) - valueIn(before, `${name}_${rest}`, labels);
    assert.equal(grown("sum", { ...ofMaps, verb: "create" }), JSON.stringify(body).length);
    assert.equal(grown("bucket", { ...ofMaps, verb: "create", le: "50000" }), 0);
    assert.equal(grown("bucket", { ...ofMaps, verb: "create", le: "150000" }), 1);
    assert.equal(grown("count", { ...ofMaps, verb: "patch" }), 1);
    assert.equal(valueIn(now, `${name}_count`, { resource: "things" }), 0);
    assert.equal(valueIn(now, `${name}_count`, { resource: "" }), 0);
  });

  test("a watch that begins as a list is timed to the end of that, another isn't", async () => {
    const list = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    const labels = { ...ofMaps, version: "v1", scope: "namespace" };
    const name = "apiserver_watch_list_duration_seconds_count";
    const grown = await measured.growth(name, labels, async () => {
      await measured.send("GET", `${maps}?watch=true&timeoutSeconds=1&${list}`);
      await measured.send("GET", `${maps}?watch=true&timeoutSeconds=1&allowWatchBookmarks=true`);
    });
    assert.equal(grown, 1);
  });

  test("what a request passes has its time, and a certificate its rest of life", async () => {
    const before = await measured.text();
    for (let sent = 0; sent < 3; sent++) await measured.send("GET", maps);
    const now = await measured.text();
    const grown = (name: string, labels: Record<string, string>): number =>
      valueIn(now, name, labels) - valueIn(before, name, labels);
    for (const filter of ["authentication", "authorization", "impersonation", "priorityandfairness"]) {
      // The three, and one of the two that asked for metrics. What the server asks of itself meanwhile has a name already.
      const count = grown("apiserver_request_filter_duration_seconds_count", { filter });
      assert.ok(filter === "authentication" ? count === 4 : count >= 4 && count < 8, `${filter} ${count}`);
    }
    const name = "apiserver_client_certificate_expiration_seconds";
    assert.equal(grown(`${name}_count`, {}), 4);
    const days = grown(`${name}_sum`, {}) / 4 / 86_400;
    assert.ok(days > 0.9 && days <= 1, String(days));
    assert.equal(grown(`${name}_bucket`, { le: "43200" }), 0);
  });

  test("requests have their time by what becomes of fields that nobody knows", async () => {
    const name = "field_validation_request_duration_seconds_count";
    const [total, read] = [
      "apiserver_request_duration_seconds_count",
      { resource: "configmaps", verb: "LIST" },
    ];
    const before = await measured.text();
    for (const query of [
      "fieldValidation=Strict",
      "fieldValidation=Strict&limit=1",
      "fieldValidation=surprise",
    ]) {
      await measured.send("GET", `${maps}?${query}`);
    }
    const now = await measured.text();
    const grown = (labels: Record<string, string>, of = name): number =>
      valueIn(now, of, labels) - valueIn(before, of, labels);
    assert.equal(grown({ field_validation: "Strict" }), 2);
    assert.equal(grown({ field_validation: "invalid" }), 1);
    assert.equal(grown(read, total), 3);
    const series = now.split("\n").filter((line) => line.startsWith(`${total}{`));
    assert.equal(new Set(series.map((line) => line.replace(/ \S+$/, ""))).size, series.length);
  });

  test("the server counts what it asks of itself", async () => {
    // At its start it has made what every cluster has.
    const labels = { verb: "POST", group: "rbac.authorization.k8s.io", resource: "clusterroles" };
    assert.ok((await measured.value("apiserver_selfrequest_total", labels)) > 10);
  });

  test("who gets no seat is counted among what the server ended in its own defence", async () => {
    const group = "/apis/flowcontrol.apiserver.k8s.io/v1";
    const limited = {
      nominalConcurrencyShares: 0,
      borrowingLimitPercent: 0,
      limitResponse: { type: "Reject" },
    };
    const level = { metadata: { name: "closed" }, spec: { type: "Limited", limited } };
    assert.equal((await measured.send("POST", `${group}/prioritylevelconfigurations`, level)).status, 201);
    const schema = schemaFor("closed", { kind: "User", user: { name: "nobody" } });
    assert.equal((await measured.send("POST", `${group}/flowschemas`, schema)).status, 201);
    const certificate = (): KeyPair => measured.server.certificate("nobody");
    const nobody = new FuzzClient({ ...measured.server, certificate }, systemClock);
    const request = { method: "GET", path: maps, headers: {}, body: Buffer.alloc(0) };
    const labels = { verb: "LIST", resource: "configmaps", code: "429" };
    const grown = await measured.growth("apiserver_request_terminations_total", labels, async () => {
      let status = 0;
      // Until the server has taken in what it was given.
      while (status !== 429) status = (await nobody.send(request, "h1"))?.status ?? 0;
    });
    assert.equal(grown, 1);
    nobody.close();
  });

  test("the server itself counts what it has given up for want of time", async () => {
    const pods = "/api/v1/namespaces/default/pods";
    const hook = {
      metadata: { name: "slow.example.com" },
      webhooks: [
        {
          name: "slow.example.com",
          admissionReviewVersions: ["v1"],
          sideEffects: "None",
          timeoutSeconds: 3,
          failurePolicy: "Ignore",
          // Nobody answers there.
          clientConfig: { url: "https://192.0.2.1:9443/" },
          rules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] }],
        },
      ],
    };
    const hooks = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    assert.equal((await measured.send("POST", hooks, hook)).status, 201);
    const pod = { metadata: { name: "x" }, spec: { containers: [{ name: "c", image: "i" }] } };
    const labels = { verb: "POST", resource: "pods", code: "504", component: "apiserver" };
    const grown = await measured.growth("apiserver_request_terminations_total", labels, async () => {
      let status = 0;
      for (let tries = 0; status !== 504 && tries < 50; tries++) {
        ({ status } = await measured.send("POST", `${pods}?timeout=500ms&dryRun=All`, pod));
      }
      assert.equal(status, 504);
    });
    assert.equal(grown, 1);
    await measured.send("DELETE", `${hooks}/slow.example.com`);
  });
});

test("what goes on behind a request that was given up is told when it ends, or that it doesn't", async () => {
  const registry = new Registry();
  const endings = new RequestEndings(registry);
  const clock = new ManualClock();
  const following = [
    endings.followLate(Promise.resolve(1), clock),
    endings.followLate(Promise.reject(new Error("late")), clock),
    endings.followLate(new Promise(() => undefined), clock),
  ];
  await settle();
  await clock.advance(300_000);
  await Promise.all(following);
  const text = await metricsText(registry);
  for (const status of ["ok", "error", "pending"]) {
    const labels = { source: "timeout-handler", status };
    assert.equal(valueIn(text, "apiserver_request_post_timeout_total", labels), 1, status);
  }
  assert.equal(clock.waiting, 0);
});

const everything = [
  { verbs: ["*"], apiGroups: ["*"], resources: ["*"], namespaces: ["*"], clusterScope: true },
];

const schemaFor = (level: string, subject: FlowSubject): FlowSchema => ({
  metadata: { name: `to-${level}` },
  spec: {
    priorityLevelConfiguration: { name: level },
    matchingPrecedence: 500,
    rules: [{ subjects: [subject], resourceRules: everything }],
  },
});

const flowName = (what: string): string => `apiserver_flowcontrol_${what}`;

const rejecting = (name: string, more: object): PriorityLevelConfiguration => {
  const limited = { nominalConcurrencyShares: 45, limitResponse: { type: "Reject" }, ...more };
  return { metadata: { name }, spec: { type: "Limited", limited } };
};

test("what a level may have goes with what others lend", async () => {
  const registry = new Registry();
  const clock = new ManualClock();
  const flow = new FlowControl(
    { seats: 100, waitMaxMs: 1000 },
    { clock, metrics: new FlowMetrics(registry) },
  );
  registerLevelGauges(registry, () => flow.levels);
  const schema = schemaFor("lender", { kind: "Group", group: { name: "system:authenticated" } });
  flow.configure(
    [schema],
    [rejecting("lender", { lendablePercent: 50 }), rejecting("borrower", { borrowingLimitPercent: 40 })],
  );
  const said = async (rest: string, of: string): Promise<number> =>
    valueIn(await metricsText(registry), flowName(`${rest}_seats`), { priority_level: of });
  const nominal = await said("nominal_limit", "lender");
  const lent = Math.round(nominal / 2);
  const borrowed = Math.round(nominal * 0.4);
  assert.equal(await said("lower_limit", "lender"), nominal - lent);
  assert.equal(await said("upper_limit", "lender"), 100);
  assert.equal(await said("upper_limit", "borrower"), nominal + borrowed);
  assert.equal(await said("current_limit", "borrower"), nominal + borrowed);
  // The lender takes all but three seats for itself.
  const gate = Promise.withResolvers<void>();
  const info = parseRequestInfo("GET", maps, new URLSearchParams());
  const user = { name: "alice", groups: ["system:authenticated"] };
  const waiter = { info, signal: new AbortController().signal };
  const running = flow.run(flow.classify({ user, info }), nominal - 3, () => gate.promise, waiter);
  assert.equal(await said("current_limit", "borrower"), nominal + 3);
  gate.resolve();
  await running;
});

test("who waits for a seat is counted by whether he only reads, who gets none is told of", async () => {
  const registry = new Registry();
  const clock = new ManualClock();
  const flow = new FlowControl({ seats: 1, waitMaxMs: 5000 }, { clock, metrics: new FlowMetrics(registry) });
  registerLevelGauges(registry, () => flow.levels);
  const queuing = { queues: 1, handSize: 1, queueLengthLimit: 2 };
  const limited = { nominalConcurrencyShares: 1, limitResponse: { type: "Queue", queuing } };
  const level = { metadata: { name: "narrow" }, spec: { type: "Limited", limited } };
  flow.configure([schemaFor("narrow", { kind: "Group", group: { name: "system:authenticated" } })], [level]);
  const user = { name: "alice", groups: ["system:authenticated"] };
  const gate = Promise.withResolvers<void>();
  let refused = 0;
  const refuse = (): void => {
    refused += 1;
  };
  const ask = (method: string): Promise<void> => {
    const info = parseRequestInfo(method, maps, new URLSearchParams());
    const waiter = { info, signal: new AbortController().signal, refused: refuse };
    return Promise.resolve(flow.run(flow.classify({ user, info }), 1, () => gate.promise, waiter));
  };
  const running = ask("GET");
  const others = [ask("GET"), ask("POST"), ask("POST")].map((each) => each.catch(() => undefined));
  await settle();
  await clock.advance(1000);
  const name = "apiserver_current_inqueue_requests";
  const text = await metricsText(registry);
  assert.equal(valueIn(text, name, { request_kind: "readOnly" }), 1);
  assert.equal(valueIn(text, name, { request_kind: "mutating" }), 1);
  assert.equal(refused, 1);
  const of = { flow_schema: "to-narrow", priority_level: "narrow" };
  assert.equal(valueIn(text, flowName("current_inqueue_seats"), of), 2);
  assert.equal(valueIn(text, flowName("work_estimated_seats_count"), of), 4);
  assert.equal(valueIn(text, flowName("work_estimated_seats_bucket"), { ...of, le: "1" }), 4);
  assert.equal(valueIn(text, flowName("request_queue_length_after_enqueue_sum"), of), 1 + 2);
  const limits = ["nominal_limit_seats", "lower_limit_seats", "upper_limit_seats", "current_limit_seats"];
  const seats = limits.map((limit) => valueIn(text, flowName(limit), { priority_level: "narrow" }));
  // Of the two seats of the levels, rounded up, nobody lends any, and the server has but one.
  assert.deepEqual(seats, [1, 1, 1, 1]);
  gate.resolve();
  await Promise.all([running, ...others]);
  await clock.advance(2000);
  const later = await metricsText(registry);
  assert.equal(valueIn(later, name), 0);
  const executed = flowName("request_execution_seconds_count");
  assert.equal(valueIn(later, executed, { ...of, type: "regular" }), 3);
  assert.equal(valueIn(later, executed, { ...of, type: "watch" }), 0);
});
