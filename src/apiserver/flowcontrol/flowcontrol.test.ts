import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Registry } from "prom-client";
import type { FlowSchema, PriorityLevelConfiguration } from "#api/generated/types/flowcontrol-v1.ts";
import { ManualClock } from "#base/clock.ts";
import { parseRequestInfo } from "#apiserver/request/info.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import { mandatoryLevels, mandatorySchemas } from "#api/flowcontrol/mandatory-objects.ts";
import { suggestedLevels, suggestedSchemas } from "./defaults.ts";
import { DroppedError } from "./dropped-requests.ts";
import { FlowControl, type Classified } from "./flow-control.ts";
import { FlowMetrics } from "./flow-metrics.ts";
import { LevelTimes } from "./level-times.ts";
import { handOf, PriorityLevel, type LevelOptions } from "./priority-level.ts";
import { planMandatory, planSuggested } from "./reconcile.ts";
import { seatsOf } from "./seats.ts";

const noQuery = new URLSearchParams();
const never = new AbortController().signal;
const request = (user: UserInfo, method: string, path: string): Parameters<FlowControl["classify"]>[0] => ({
  info: parseRequestInfo(method, path, noQuery),
  user,
});
const user = (name: string, ...groups: string[]): UserInfo => ({
  name,
  groups: [...groups, "system:authenticated"],
});
const account = (namespace: string, name: string): UserInfo =>
  user(
    `system:serviceaccount:${namespace}:${name}`,
    "system:serviceaccounts",
    `system:serviceaccounts:${namespace}`,
  );

function controlOf(
  seats = 600,
  schemas: readonly FlowSchema[] = [...mandatorySchemas(), ...suggestedSchemas()],
  levels: readonly PriorityLevelConfiguration[] = [...mandatoryLevels(), ...suggestedLevels()],
): { control: FlowControl; clock: ManualClock; registry: Registry } {
  const clock = new ManualClock();
  const registry = new Registry();
  const control = new FlowControl(
    { seats, waitMaxMs: 15_000 },
    { clock, metrics: new FlowMetrics(registry) },
  );
  control.configure(schemas, levels);
  return { control, clock, registry };
}

suite("the default schemas sort requests as upstream's do", () => {
  const { control } = controlOf();
  const node = user("system:node:a", "system:nodes");
  const lease = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/a";
  const cases: readonly [
    what: string,
    of: UserInfo,
    method: string,
    path: string,
    schema: string,
    level: string,
  ][] = [
    ["an administrator", user("admin", "system:masters"), "GET", "/api/v1/pods", "exempt", "exempt"],
    [
      "a probe",
      { name: "system:anonymous", groups: ["system:unauthenticated"] },
      "GET",
      "/readyz",
      "probes",
      "exempt",
    ],
    ["a node's lease", node, "PUT", lease, "system-node-high", "node-high"],
    ["a node's status", node, "PATCH", "/api/v1/nodes/a/status", "system-node-high", "node-high"],
    ["a node's pods", node, "GET", "/api/v1/pods", "system-nodes", "system"],
    [
      "an election",
      user("system:kube-scheduler"),
      "PUT",
      "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-scheduler",
      "system-leader-election",
      "leader-election",
    ],
    [
      "the scheduler",
      user("system:kube-scheduler"),
      "GET",
      "/api/v1/pods",
      "kube-scheduler",
      "workload-high",
    ],
    [
      "a controller",
      account("kube-system", "deployment-controller"),
      "GET",
      "/api/v1/pods",
      "kube-system-service-accounts",
      "workload-high",
    ],
    [
      "the endpoints controller",
      account("kube-system", "endpoint-controller"),
      "PUT",
      "/api/v1/namespaces/a/endpoints/b",
      "endpoint-controller",
      "workload-high",
    ],
    ["a workload", account("default", "x"), "GET", "/api/v1/pods", "service-accounts", "workload-low"],
    ["a person", user("jane"), "GET", "/api/v1/pods", "global-default", "global-default"],
    ["a person outside the API", user("jane"), "GET", "/version", "global-default", "global-default"],
  ];
  for (const [what, of, method, path, schema, level] of cases) {
    test(what, () => {
      const found = control.classify(request(of, method, path));
      assert.deepEqual([found.schemaName, found.level.name], [schema, level]);
    });
  }

  test("who belongs nowhere is caught", () => {
    const found = control.classify(request({ name: "x", groups: [] }, "GET", "/api/v1/pods"));
    assert.equal(found.schemaName, "catch-all");
  });

  test("flows are told apart by what the schema says", () => {
    const scheduler = user("system:kube-scheduler");
    const flows = [
      request(user("a"), "GET", "/api/v1/pods"),
      request(user("b"), "GET", "/api/v1/pods"),
      request(scheduler, "GET", "/api/v1/namespaces/a/pods"),
      request(scheduler, "GET", "/api/v1/namespaces/b/pods"),
    ].map((each) => control.classify(each).flow);
    assert.equal(new Set(flows).size, 4);
  });

  test("seats are shared out by shares, rounded up", () => {
    const nominal = Object.fromEntries(
      [...control.levels].map((level) => [level.name, level.options.nominalSeats]),
    );
    assert.deepEqual(nominal, {
      exempt: 0,
      "catch-all": 13,
      system: 74,
      "node-high": 98,
      "leader-election": 25,
      "workload-high": 98,
      "workload-low": 245,
      "global-default": 49,
    });
  });
});

const options = (some: Partial<LevelOptions>): LevelOptions => ({
  isExempt: false,
  nominalSeats: 1,
  lendableSeats: 0,
  borrowableSeats: 0,
  queuing: { queues: 8, handSize: 2, queueLengthMax: 3 },
  ...some,
});

function levelOf(some: Partial<LevelOptions>): { level: PriorityLevel; clock: ManualClock } {
  const clock = new ManualClock();
  return {
    level: new PriorityLevel("own", options(some), {
      clock,
      waitMaxMs: 1000,
      serverSeats: 600,
      lendable: () => 0,
      times: new LevelTimes(600, clock),
    }),
    clock,
  };
}

suite("a priority level", () => {
  test("who finds no seat waits, and is seated when one is free", async () => {
    const { level } = levelOf({});
    const first = await level.acquire("a", 1, never);
    assert.ok(typeof first !== "string");
    const second = level.acquire("b", 1, never);
    assert.equal(level.waiting, 1);
    first.release();
    assert.ok(typeof (await second) !== "string");
    assert.deepEqual([level.waiting, level.executingSeats], [0, 1]);
  });

  test("a full queue, a level without queues, a long wait and a client that leaves are refused", async () => {
    const { level, clock } = levelOf({ queuing: { queues: 1, handSize: 1, queueLengthMax: 1 } });
    await level.acquire("a", 1, never);
    const waits = level.acquire("a", 1, never);
    assert.equal(await level.acquire("a", 1, never), "queue-full");
    await clock.advance(1000);
    assert.equal(await waits, "time-out");
    const leaving = new AbortController();
    const left = level.acquire("a", 1, leaving.signal);
    leaving.abort();
    assert.equal(await left, "cancelled");
    assert.equal(await level.acquire("a", 1, leaving.signal), "cancelled");
    assert.deepEqual([level.waiting, clock.waiting], [0, 0]);
    const plain = levelOf({ queuing: undefined }).level;
    await plain.acquire("a", 1, never);
    assert.equal(await plain.acquire("a", 1, never), "concurrency-limit");
  });

  test("an exempt level refuses nobody", async () => {
    const { level } = levelOf({ isExempt: true, nominalSeats: 0 });
    for (let n = 0; n < 100; n++) assert.notEqual(typeof (await level.acquire("a", 1, never)), "string");
  });

  test("a request for more seats than there are takes all of them", async () => {
    const { level } = levelOf({ nominalSeats: 3 });
    await level.acquire("a", 10, never);
    assert.equal(level.executingSeats, 3);
  });

  test("a flow with many requests doesn't keep one with few waiting", async () => {
    const { level, clock } = levelOf({ queuing: { queues: 64, handSize: 1, queueLengthMax: 50 } });
    const order: string[] = [];
    const first = await level.acquire("elephant", 1, never);
    assert.ok(typeof first !== "string");
    const run = async (flow: string): Promise<void> => {
      const seats = await level.acquire(flow, 1, never);
      assert.ok(typeof seats !== "string");
      order.push(flow);
      await clock.advance(5);
      seats.release();
    };
    const all = [...Array.from({ length: 10 }, () => run("elephant")), run("mouse")];
    first.release();
    await Promise.all(all);
    assert.ok(order.indexOf("mouse") <= 2, order.join());
  });

  test("a hand has different queues, and is the same each time", () => {
    for (const flow of ["a", "b", "system:node:worker-1"]) {
      const hand = handOf(flow, 64, 6);
      assert.equal(new Set(hand).size, 6);
      assert.ok(hand.every((at) => at >= 0 && at < 64));
      assert.deepEqual(handOf(flow, 64, 6), hand);
    }
    assert.equal(new Set(handOf("a", 3, 6)).size, 3);
  });
});

const levelConfiguration = (name: string, limited: object): PriorityLevelConfiguration => ({
  metadata: { name },
  spec: {
    type: "Limited",
    limited: { nominalConcurrencyShares: 50, limitResponse: { type: "Reject" }, ...limited },
  },
});
const exempt = (shares: number): PriorityLevelConfiguration => ({
  metadata: { name: "exempt" },
  spec: { type: "Exempt", exempt: { nominalConcurrencyShares: shares, lendablePercent: 50 } },
});
const schemaOf = (name: string, of: string): FlowSchema => ({
  metadata: { name },
  spec: {
    priorityLevelConfiguration: { name },
    matchingPrecedence: 10,
    rules: [
      {
        subjects: [{ kind: "User", user: { name: of } }],
        resourceRules: [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"], clusterScope: true }],
      },
    ],
  },
});
const waiter = { signal: never };

const busy = async (control: FlowControl, of: string, times: number): Promise<number> => {
  const classified: Classified = control.classify(request(user(of), "GET", "/api/v1/pods"));
  let seated = 0;
  const forever = (): Promise<never> => {
    seated += 1;
    return new Promise(() => undefined);
  };
  for (let n = 0; n < times; n++) {
    void Promise.resolve(control.run(classified, 1, forever, waiter)).catch(() => undefined);
  }
  await Promise.resolve();
  await Promise.resolve();
  return seated;
};

/** An exempt level, one that lends and one that borrows. */
const lendingWorld = (shares: number): FlowControl =>
  controlOf(
    105,
    [schemaOf("exempt", "e"), schemaOf("lender", "l"), schemaOf("borrower", "b")],
    [
      exempt(shares),
      levelConfiguration("lender", { lendablePercent: 40 }),
      levelConfiguration("borrower", { lendablePercent: 0 }),
    ],
  ).control;

suite("levels lend to each other", () => {
  test("what the others may lend and don't need, never what is their own", async () => {
    const { control } = controlOf(
      105,
      [schemaOf("lender", "l"), schemaOf("borrower", "b")],
      [
        levelConfiguration("lender", { lendablePercent: 40 }),
        levelConfiguration("borrower", { lendablePercent: 0 }),
      ],
    );
    assert.equal(await busy(control, "b", 100), 50 + 20);
    assert.equal(await busy(control, "l", 100), 50);
  });

  test("no more than the borrower's limit", async () => {
    const { control } = controlOf(
      105,
      [schemaOf("lender", "l"), schemaOf("borrower", "b")],
      [
        levelConfiguration("lender", { lendablePercent: 100 }),
        levelConfiguration("borrower", { borrowingLimitPercent: 10 }),
      ],
    );
    assert.equal(await busy(control, "b", 100), 55);
  });

  test("nor what an exempt level has taken; what that has of its own and doesn't need is lent as well", async () => {
    const taken = lendingWorld(0);
    assert.equal(await busy(taken, "e", 15), 15);
    assert.equal(await busy(taken, "b", 100), 50 + 20 - 15);
    const lent = lendingWorld(40);
    const seatsOfLevel = (name: string): number =>
      [...lent.levels].find((level) => level.name === name)?.options.nominalSeats ?? 0;
    const [nominal, others] = [seatsOfLevel("borrower"), seatsOfLevel("exempt")];
    const lendable = Math.round(nominal * 0.4) + Math.round(others * 0.5);
    assert.equal(await busy(lent, "b", 200), nominal + lendable);
    assert.equal(await busy(lent, "e", 300), 300);
  });

  test("who is refused is told to come again, and it is counted", async () => {
    const { control, registry } = controlOf(
      105,
      [schemaOf("borrower", "b")],
      [levelConfiguration("borrower", { lendablePercent: 0 })],
    );
    const classified = control.classify(request(user("b"), "GET", "/api/v1/pods"));
    await busy(control, "b", 200);
    await assert.rejects(
      async () => control.run(classified, 1, () => Promise.resolve(), waiter),
      (error: unknown) => error instanceof DroppedError && error.retryAfterSeconds === 1,
    );
    const text = await registry.metrics();
    assert.match(
      text,
      /apiserver_flowcontrol_rejected_requests_total\{.*priority_level="borrower",reason="concurrency-limit"\} \d+/,
    );
  });

  test("a schema whose level is missing counts for nothing", () => {
    const { control } = controlOf(105, [schemaOf("nowhere", "b")], []);
    const found = control.classify(request(user("b"), "GET", "/api/v1/pods"));
    assert.equal(found.schemaName, "catch-all");
  });
});

/** upstream: apiserver/pkg/util/flowcontrol/request/list_work_estimator_test.go */
const estimates: readonly (readonly [
  url: string,
  stored: readonly [objects: number, bytes: number] | undefined,
  seats: number,
])[] = [
  ["/api/v1/pods", [0, 0], 1],
  ["/api/v1/pods", undefined, 1],
  ["/api/v1/pods", [99, 99_999], 1],
  ["/api/v1/pods", [800, 800_000], 8],
  ["/api/v1/pods?limit=500", [800, 800_000], 5],
  ["/api/v1/pods?limit=500&labelSelector=a", [800, 800_000], 5],
  // From memory, ten at most; from the store a hundred.
  ["/api/v1/pods", [1000, 1_000_000_000], 10],
  ["/api/v1/pods?resourceVersion=0&limit=500", [1000, 1_000_000_000], 10],
  ["/api/v1/pods?resourceVersion=7&resourceVersionMatch=NotOlderThan", [1000, 1_000_000_000], 10],
  ["/api/v1/pods?resourceVersion=7&resourceVersionMatch=Exact", [1000, 1_000_000_000], 100],
  ["/api/v1/pods?limit=500&continue=x", [1000, 2_000_000], 10],
  ["/api/v1/pods?limit=500&resourceVersion=7", [1000, 2_000_000], 10],
  ["/api/v1/pods?limit=5&continue=x&labelSelector=a", [1000, 2_000_000], 10],
  ["/api/v1/pods?limit=5&continue=x", [1000, 2_000_000], 1],
  ["/api/v1/pods?fieldSelector=metadata.name%3Da", [10, 5_000_000], 5],
  ["/api/v1/pods?limit=x", [1, 1], 100],
  ["/api/v1/pods?watch=true", [1000, 800_000], 8],
  ["/api/v1/pods?watch=true&resourceVersion=0", [1000, 800_000], 8],
  ["/api/v1/pods?watch=true&resourceVersion=7", [1000, 800_000], 1],
  ["/api/v1/pods?watch=true&resourceVersion=7&sendInitialEvents=true", [1000, 800_000], 8],
  ["/api/v1/namespaces/a/pods/b", [1000, 800_000], 1],
];
for (const [url, stored, seats] of estimates) {
  test(`GET ${url} of ${stored?.join(" objects, bytes: ") ?? "nothing"} takes ${seats}`, () => {
    const [path = "", search = ""] = url.split("?");
    const query = new URLSearchParams(search);
    const info = parseRequestInfo("GET", path, query);
    const [objects = 0, bytes = 0] = stored ?? [];
    const size = stored === undefined ? undefined : { objects, bytes };
    assert.equal(
      seatsOf(info, query, () => size),
      seats,
    );
    assert.equal(
      seatsOf(info, query, () => size, 3),
      Math.min(3, seats),
    );
  });
}

test("one request has a part of a level's seats where others wait for them", () => {
  const { control } = controlOf();
  const most = Object.fromEntries([...control.levels].map(({ name, seatsMax }) => [name, seatsMax]));
  assert.deepEqual(most, {
    "catch-all": Number.POSITIVE_INFINITY,
    exempt: Number.POSITIVE_INFINITY,
    "global-default": 8,
    "leader-election": 4,
    "node-high": 15,
    system: 12,
    "workload-high": 15,
    "workload-low": 37,
  });
});

suite("default objects", () => {
  const [expected] = suggestedLevels();
  assert.ok(expected !== undefined);
  const stored = (some: object, annotation?: string): PriorityLevelConfiguration => ({
    metadata: {
      name: "system",
      generation: 2,
      ...(annotation === undefined
        ? {}
        : { annotations: { "apf.kubernetes.io/autoupdate-spec": annotation } }),
    },
    spec: { ...expected.spec, type: "Limited", ...some },
  });
  const changed = { limited: { nominalConcurrencyShares: 7 } };
  const cases: readonly [
    what: string,
    existing: PriorityLevelConfiguration | undefined,
    action: string | undefined,
    shares: number | undefined,
  ][] = [
    ["a missing one is made", undefined, "create", 30],
    ["one as it should be stays", stored({}, "true"), undefined, undefined],
    ["a changed one that follows is put right", stored(changed, "true"), "update", 30],
    ["a changed one that doesn't stays", stored(changed, "false"), undefined, undefined],
    ["a changed one that says nothing is somebody's from now on", stored(changed), "update", 7],
  ];
  for (const [what, existing, action, shares] of cases) {
    test(what, () => {
      const change = planSuggested(existing, expected);
      assert.equal(change?.action, action);
      assert.equal(change?.object.spec?.limited?.nominalConcurrencyShares, shares);
    });
  }

  test("a mandatory one is put right whatever it says", () => {
    const change = planMandatory(stored(changed, "false"), expected);
    assert.equal(change?.object.spec?.limited?.nominalConcurrencyShares, 30);
    assert.equal(change.object.metadata?.annotations?.["apf.kubernetes.io/autoupdate-spec"], "true");
  });
});
