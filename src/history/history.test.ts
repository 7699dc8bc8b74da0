/** The past of a real API server in this process: an object's history, and the way back. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { changeText } from "#api/meta/changed-fields.ts";
import { ManualClock } from "#base/clock.ts";
import type { AnyObject } from "#api/meta/object.ts";
import type { Transport } from "#client/client.ts";
import { startTestApiserver } from "#testing/cluster.ts";
import { MomentError, revisionOf, type Span } from "./moment.ts";
import { objectHistory } from "./object-history.ts";
import { ownsChange } from "./ownership.ts";
import { findResource, type Resource, UnknownResourceError } from "./resources.ts";
import { carryOut, readPlan } from "./rewind.ts";
import { planRewind, type Step } from "./rewind-plan.ts";
import { tableText } from "./table-text.ts";

const { signal } = new AbortController();

const resourceOf = (plural: string, kind: string, parts: Partial<Resource> = {}): Resource => ({
  group: "",
  version: "v1",
  plural,
  singular: kind.toLowerCase(),
  shortNames: [],
  kind,
  isNamespaced: true,
  verbs: new Set(["list", "create", "update", "delete"]),
  ...parts,
});

const configMaps = resourceOf("configmaps", "ConfigMap", { shortNames: ["cm"] });
const services = resourceOf("services", "Service", { shortNames: ["svc"] });
const namespaces = resourceOf("namespaces", "Namespace", { isNamespaced: false });
const deployments = resourceOf("deployments", "Deployment", { group: "apps", shortNames: ["deploy"] });

const path = "/api/v1/namespaces/default/configmaps";

const write = async (
  transport: Transport,
  method: "POST" | "PUT" | "DELETE",
  name: string,
  x?: string,
): Promise<void> => {
  await transport.request({
    method,
    path: method === "POST" ? path : `${path}/${name}`,
    query: { fieldManager: "tester" },
    ...(x === undefined ? {} : { body: { metadata: { name }, data: { x } } }),
  });
};

test("an object's history: from the oldest state on, deletions and new lives included, nothing of others", async () => {
  const clock = new ManualClock();
  await using server = await startTestApiserver({ clock });
  const transport = server.transport();
  await write(transport, "POST", "a", "1");
  await write(transport, "POST", "other", "1");
  // Field managers are noted to the second.
  await clock.advance(1000);
  await write(transport, "PUT", "a", "2");
  await write(transport, "DELETE", "a");
  await write(transport, "POST", "a", "3");
  const { revision } = server.store;
  await write(transport, "PUT", "a", "4");
  const read = (span: Partial<Span>): ReturnType<typeof objectHistory> =>
    objectHistory(
      { resource: configMaps, namespace: "default", name: "a" },
      { oldest: 0n, newest: revision, marks: [], ...span },
      { transport, signal },
    );
  const shown = (await read({})).map((each) => [
    each.revision,
    each.kind,
    each.fields.map(changeText).join(),
  ]);
  assert.deepEqual(shown, [
    [2n, "created", ""],
    [4n, "changed", '.data.x: "1" → "2"'],
    [5n, "deleted", ""],
    [6n, "created", ""],
  ]);
  const later = await read({ oldest: 3n, marks: [[5n, Date.UTC(2026, 0, 1)]] });
  assert.deepEqual(
    later.map(({ kind, time }) => [kind, kind === "deleted" ? time : ""]),
    [
      ["there", ""],
      ["changed", ""],
      ["deleted", "2026-01-01T00:00:00Z"],
      ["created", ""],
    ],
  );
  assert.match(later[1]?.manager ?? "", /^tester \(Update\)$/);
  assert.deepEqual(
    later.map(({ user }) => user),
    ["", "", "", ""],
  );
});

const mapOf = (x: string, y: string): object => ({ metadata: { name: "a" }, data: { x, y } });

test("who changes the same field twice in a second is known by what it owns", async () => {
  await using server = await startTestApiserver({ clock: new ManualClock() });
  const transport = server.transport();
  const put = (fieldManager: string, x: string, y: string): Promise<unknown> =>
    transport.request({ method: "PUT", path: `${path}/a`, query: { fieldManager }, body: mapOf(x, y) });
  await transport.request({ method: "POST", path, query: { fieldManager: "one" }, body: mapOf("1", "1") });
  await put("two", "1", "2");
  await put("one", "2", "2");
  await put("two", "2", "3");
  const span = { oldest: 0n, newest: server.store.revision, marks: [] };
  const name = { resource: configMaps, namespace: "default", name: "a" };
  const changes = await objectHistory(name, span, { transport, signal });
  assert.deepEqual(
    changes.map(({ manager, fields }) => [manager, fields.map(changeText).join()]),
    [
      ["one (Update)", ""],
      ["one (Update), two (Update)", '.data.y: "1" → "2"'],
      ["one (Update)", '.data.x: "1" → "2"'],
      ["two (Update)", '.data.y: "2" → "3"'],
    ],
  );
});

const ownerships: readonly (readonly [
  fields: object,
  before: unknown,
  after: unknown,
  isTouched: boolean,
])[] = [
  [{ "f:a": {} }, { a: 1, b: 1 }, { a: 2, b: 1 }, true],
  [{ "f:a": {} }, { a: 1, b: 1 }, { a: 1, b: 2 }, false],
  [{ "f:a": {} }, { a: { b: 1 } }, { a: { b: 2 } }, true],
  [{ "f:a": { ".": {}, "f:b": {} } }, { a: { b: 1, c: 1 } }, { a: { b: 1, c: 2 } }, false],
  [{ "f:a": { ".": {} } }, { a: { b: 1 } }, { a: {} }, true],
  [{ 'k:{"name":"x"}': { "f:a": {} } }, [{ name: "x", a: 1 }], [{ name: "y" }, { name: "x", a: 2 }], true],
  [{ 'k:{"name":"x"}': { "f:a": {} } }, [{ name: "x", a: 1 }], [{ name: "x", a: 1, b: 1 }], false],
  [{ 'v:"x"': {} }, ["x"], ["y"], true],
  [{ 'v:"x"': {} }, ["x"], ["y", "x"], false],
  [{ "i:1": {} }, [1, 2], [1, 3], true],
];
for (const [fields, before, after, isTouched] of ownerships) {
  const change = `${JSON.stringify(before)} → ${JSON.stringify(after)}`;
  test(`${change} ${isTouched ? "touches" : "leaves"} ${JSON.stringify(fields)}`, () => {
    assert.equal(ownsChange(fields, before, after), isTouched);
  });
}

test("a server that remembers authors tells them of every change, deletions too, also when caches have forgotten it", async () => {
  await using server = await startTestApiserver({ remembersAuthors: true });
  await write(server.transport("jane"), "POST", "a", "1");
  await write(server.transport("joe"), "PUT", "a", "2");
  // More than the ring of a resource's cache holds.
  for (let at = 0; at < 2100; at++) await write(server.transport("busy"), "PUT", "a", `${at + 3}`);
  await write(server.transport("joe"), "DELETE", "a");
  const changes = await objectHistory(
    { resource: configMaps, namespace: "default", name: "a" },
    { oldest: 0n, newest: server.store.revision, marks: [] },
    { transport: server.transport("reader"), signal },
  );
  const users = changes.map(({ kind, user }) => `${kind} ${user}`);
  assert.deepEqual(
    [...users.slice(0, 3), ...users.slice(-2)],
    ["created jane", "changed joe", "changed busy", "changed busy", "deleted joe"],
  );
});

const stepName = ({ kind, object }: Step): string => `${kind} ${object.metadata?.name ?? ""}`;

test("back to a revision: what went comes again, what came goes, what changed changes back; as new writes", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  for (const name of ["gone", "changed", "same"]) await write(transport, "POST", name, "1");
  const { revision } = server.store;
  await write(transport, "DELETE", "gone");
  await write(transport, "PUT", "changed", "2");
  await write(transport, "POST", "new", "1");
  const target = { resources: [configMaps], namespace: "default", revision };
  const steps = await readPlan(target, { transport, signal });
  assert.deepEqual(steps.map(stepName), ["create gone", "update changed", "delete new"]);
  const before = server.store.revision;
  for await (const { step, fault } of carryOut(steps, { transport, signal })) {
    assert.equal(fault, undefined, stepName(step));
  }
  assert.equal(server.store.revision, before + 3n);
  assert.deepEqual(await readPlan(target, { transport, signal }), []);
  const { body } = await transport.request({ method: "GET", path });
  const { items } = body as { items: AnyObject[] };
  assert.deepEqual(
    items.map(({ metadata }) => metadata?.name),
    ["changed", "gone", "same"],
  );
});

test("a change that somebody made since the plan was made is refused, the rest is done", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  for (const name of ["a", "b"]) await write(transport, "POST", name, "1");
  const { revision } = server.store;
  for (const name of ["a", "b"]) await write(transport, "PUT", name, "2");
  const steps = await readPlan(
    { resources: [configMaps], namespace: "default", revision },
    { transport, signal },
  );
  await write(transport, "PUT", "a", "3");
  const faults: (string | undefined)[] = [];
  for await (const { fault } of carryOut(steps, { transport, signal })) faults.push(fault);
  assert.match(faults[0] ?? "", /the object has been modified/);
  assert.equal(faults[1], undefined);
});

const owned = (name: string): AnyObject => ({
  metadata: {
    name,
    namespace: "default",
    ownerReferences: [{ apiVersion: "apps/v1", kind: "Deployment", name: "web", uid: "u", controller: true }],
  },
});
const plain = (name: string, rest: object = {}): AnyObject => ({
  metadata: { name, namespace: "default" },
  ...rest,
});

const rolledOut = (count: string): AnyObject => ({
  metadata: { name: "w", annotations: { "deployment.kubernetes.io/revision": count } },
});

const plans: readonly [what: string, states: Parameters<typeof planRewind>[0], steps: readonly string[]][] = [
  [
    "what a controller made is left to it",
    [{ resource: configMaps, old: [owned("x")], now: [owned("y")] }],
    [],
  ],
  [
    "status alone is no difference",
    [
      {
        resource: services,
        old: [plain("s", { status: { a: 1 } })],
        now: [plain("s", { status: { a: 2 } })],
      },
    ],
    [],
  ],
  [
    "nor is a rollout's count",
    [
      {
        resource: deployments,
        old: [{ metadata: { name: "w", annotations: { "deployment.kubernetes.io/revision": "1" } } }],
        now: [{ metadata: { name: "w", annotations: { "deployment.kubernetes.io/revision": "7" } } }],
      },
    ],
    [],
  ],
  [
    "namespaces first, and what is in a namespace that goes, goes with it",
    [
      { resource: configMaps, old: [plain("c")], now: [{ metadata: { name: "in", namespace: "new" } }] },
      { resource: services, old: [], now: [plain("s")] },
      { resource: namespaces, old: [{ metadata: { name: "old" } }], now: [{ metadata: { name: "new" } }] },
    ],
    ["create old", "create c", "delete s", "delete new"],
  ],
  [
    "what is being deleted is left alone",
    [
      {
        resource: configMaps,
        old: [],
        now: [{ metadata: { name: "x", deletionTimestamp: "2026-01-01T00:00:00Z" } }],
      },
    ],
    [],
  ],
];

for (const [what, states, steps] of plans) {
  test(`rewind: ${what}`, () => {
    const shown = planRewind(states).map(({ kind, object }) => `${kind} ${object.metadata?.name ?? ""}`);
    assert.deepEqual(shown, steps);
  });
}

test("a Job, a Pod and a Deployment are written without what the system gave them", () => {
  const jobs = resourceOf("jobs", "Job", { group: "batch" });
  const pods = resourceOf("pods", "Pod");
  const labels = { app: "x", "batch.kubernetes.io/controller-uid": "u", "controller-uid": "u" };
  const job = plain("j", {
    spec: { selector: { matchLabels: { "controller-uid": "u" } }, template: { metadata: { labels } } },
  });
  const [one, two] = planRewind([
    { resource: jobs, old: [job], now: [] },
    { resource: pods, old: [plain("p", { spec: { nodeName: "n1", containers: [] }, status: {} })], now: [] },
  ]);
  assert.deepEqual(one?.object["spec"], { template: { metadata: { labels: { app: "x" } } } });
  assert.deepEqual(two?.object, plain("p", { spec: { containers: [] } }));
  const [update] = planRewind([
    { resource: deployments, old: [{ ...rolledOut("1"), spec: 1 }], now: [{ ...rolledOut("7"), spec: 2 }] },
  ]);
  assert.equal(update?.object.metadata?.annotations?.["deployment.kubernetes.io/revision"], "7");
});

const minute = 60_000;
const span: Span = {
  oldest: 100n,
  newest: 200n,
  marks: [
    [110n, 10 * minute],
    // The clock was an hour ahead for a moment.
    [120n, 80 * minute],
    [130n, 20 * minute],
    [150n, 30 * minute],
  ],
};
const now = 40 * minute;

const moments: readonly [text: string, revision: bigint | RegExp][] = [
  ["150", 150n],
  ["100", 100n],
  ["99", /revision 99 is too old: history begins at revision 100, of about 1970-01-01T00:10:00Z/],
  ["201", /in the future, the newest is 200/],
  ["10m", 150n],
  ["5m", 150n],
  ["15m", 130n],
  ["25m", 110n],
  ["35m", /too long ago/],
  ["1970-01-01T00:21:00Z", 130n],
  ["1970-01-01T02:00:00Z", /in the future/],
  ["yesterday", /is no moment: give a revision, a time/],
];

for (const [text, wanted] of moments) {
  test(`the moment ${text}`, () => {
    if (typeof wanted === "bigint") {
      assert.equal(revisionOf(text, span, now), wanted);
      return;
    }
    assert.throws(
      () => revisionOf(text, span, now),
      (error) => error instanceof MomentError && wanted.test(error.message),
    );
  });
}

test("resources by any of their names", () => {
  const all = [
    configMaps,
    services,
    deployments,
    resourceOf("services", "Service", { group: "serving.dev" }),
  ];
  const names: readonly [string, Resource | undefined][] = [
    ["cm", configMaps],
    ["ConfigMap", configMaps],
    ["deployments.apps", deployments],
    ["deploy", deployments],
    ["services", services],
    ["service.serving.dev", all[3]],
    ["things", undefined],
    ["cm.apps", undefined],
  ];
  for (const [name, wanted] of names) {
    if (wanted === undefined) assert.throws(() => findResource(all, name), UnknownResourceError);
    else assert.equal(findResource(all, name), wanted, name);
  }
});

test("a table in columns, wide ones when asked for", () => {
  const table = {
    columnDefinitions: [{ name: "Name" }, { name: "Nodes", priority: 1 }, { name: "Age" }],
    rows: [
      { cells: ["a-long-name", "n1", "5m"], object: { metadata: { namespace: "default" } } },
      { cells: ["b", null, "1h"], object: { metadata: { namespace: "kube-system" } } },
    ],
  };
  assert.equal(
    tableText(table, { isWide: false, withNamespace: true }),
    "NAMESPACE     NAME          AGE\ndefault       a-long-name   5m\nkube-system   b             1h\n",
  );
  assert.equal(
    tableText(table, { isWide: true, withNamespace: false }),
    "NAME          NODES    AGE\na-long-name   n1       5m\nb             <none>   1h\n",
  );
});
