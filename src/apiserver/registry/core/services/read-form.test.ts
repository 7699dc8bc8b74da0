/**
 * Services that were stored before they had two addresses, however they are read.
 * Cases re-expressed from pkg/registry/core/service/storage/storage_test.go (TestServiceDefaultOnRead).
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { PersistentVolumeClaim, Service, ServiceSpec } from "#api/generated/types/core-v1.ts";
import { services } from "#api/resources.ts";
import { ManualClock } from "#base/clock.ts";
import { KeptBytes } from "#base/kept-bytes.ts";
import { silentLogger } from "#base/log.ts";
import { openMemoryStore } from "#store/memory.ts";
import type { Store } from "#store/store.ts";
import { get, merge, post, put } from "#testing/answers.ts";
import { startTestApiserver, type TestApiserver } from "#testing/cluster.ts";
import { renewed } from "../../read-form.ts";
import { ServiceReadForm } from "./read-form.ts";

const path = "/api/v1/namespaces/default/services";
const key = (name: string): string => `/registry/services/specs/default/${name}`;
const four = "10.0.0.1";
const six = "2000::1";
const single = "SingleStack";
const require = "RequireDualStack";

/** As it was written long ago. */
const old = (spec: object, name = "foo"): Buffer =>
  Buffer.from(
    JSON.stringify({
      kind: "Service",
      apiVersion: "v1",
      metadata: { name, namespace: "default", uid: "u", creationTimestamp: "2019-01-01T00:00:00Z" },
      spec: {
        ports: [{ protocol: "TCP", port: 93, targetPort: 76 }],
        selector: { k: "v" },
        type: "ClusterIP",
        sessionAffinity: "None",
        ...spec,
      },
      status: { loadBalancer: {} },
    }),
  );

const ips = (...clusterIPs: readonly string[]): object => ({ clusterIP: clusterIPs[0], clusterIPs });
const headless = ips("None");

type Seen = Pick<
  ServiceSpec,
  "clusterIP" | "clusterIPs" | "ipFamilyPolicy" | "ipFamilies" | "internalTrafficPolicy"
>;
const of = (clusterIPs: readonly string[], ipFamilyPolicy: string, ...ipFamilies: string[]): Seen => ({
  ...ips(...clusterIPs),
  ipFamilyPolicy,
  ipFamilies,
  internalTrafficPolicy: "Cluster",
});

function seen({ spec }: Service): Seen {
  const { clusterIP, clusterIPs, ipFamilyPolicy, ipFamilies, internalTrafficPolicy } = spec ?? {};
  return JSON.parse(
    JSON.stringify({ clusterIP, clusterIPs, ipFamilyPolicy, ipFamilies, internalTrafficPolicy }),
  ) as Seen;
}

const cases: readonly (readonly [name: string, stored: object, want: Seen])[] = [
  ["single v4", ips(four), of([four], single, "IPv4")],
  ["single v6", ips(six), of([six], single, "IPv6")],
  ["missing clusterIPs v4", { clusterIP: four }, of([four], single, "IPv4")],
  ["missing clusterIPs v6", { clusterIP: six }, of([six], single, "IPv6")],
  ["external name", { type: "ExternalName", externalName: "a.b", internalTrafficPolicy: "Cluster" }, {}],
  ["dual v4v6", ips(four, six), of([four, six], require, "IPv4", "IPv6")],
  ["dual v6v4", ips(six, four), of([six, four], require, "IPv6", "IPv4")],
  ["headless", headless, of(["None"], single, "IPv4")],
  ["headless selectorless", { ...headless, selector: {} }, of(["None"], require, "IPv4", "IPv6")],
  [
    "headless selectorless pre-set",
    { ...headless, selector: {}, ipFamilyPolicy: single, ipFamilies: ["IPv6"] },
    of(["None"], single, "IPv6"),
  ],
  [
    "a policy of its own",
    { ...of([four], single, "IPv4"), internalTrafficPolicy: "Local" },
    { ...of([four], single, "IPv4"), internalTrafficPolicy: "Local" },
  ],
];

async function start(...stored: readonly object[]): Promise<TestApiserver & { readonly kept: Store }> {
  const kept = openMemoryStore({ clock: new ManualClock(), log: silentLogger });
  for (const [at, spec] of stored.entries()) await kept.create(key(`s${at}`), old(spec, `s${at}`));
  const server = await startTestApiserver({ store: kept, serviceCidrs: ["10.0.0.0/16", "2000::/108"] });
  return Object.assign(server, { kept });
}

test("Services of old are read with what they lack", async () => {
  await using server = await start(...cases.map(([, stored]) => stored));
  const transport = server.transport();
  const { items } = await server.client().resource(services, "default").list();
  for (const [at, [name, , want]] of cases.entries()) {
    const { body } = await get<Service>(transport, `${path}/s${at}`);
    assert.deepEqual(seen(body), want, name);
    const listed = items.find(({ metadata }) => metadata?.name === `s${at}`);
    assert.deepEqual(seen(listed ?? {}), want, `${name}, listed`);
    const patched = await merge<Service>(transport, `${path}/s${at}`, { metadata: { labels: { a: "b" } } });
    assert.equal(patched.status, 200, JSON.stringify(patched.body));
    assert.deepEqual(seen(patched.body), want, `${name}, patched`);
  }
});

test("Services of old are watched with what they lack, and seen so in the past", async () => {
  await using server = await start({ clusterIP: four });
  const want = of([four], single, "IPv4");
  const { kept } = server;
  const ported = old({ clusterIP: four, ports: [{ port: 94 }] }, "s0");
  const written = await kept.update(key("s0"), ported, kept.revision);
  await kept.update(key("s0"), old(ips(four, six), "s0"), written.modRevision);
  const stop = new AbortController();
  const events: (readonly [string, Seen])[] = [];
  const watch = server
    .transport()
    .watch({ method: "GET", path, query: { resourceVersion: "2" }, signal: stop.signal });
  for await (const { type, object } of watch) {
    events.push([type, seen(object)]);
    if (events.length === 2) stop.abort();
  }
  assert.deepEqual(events, [
    ["MODIFIED", want],
    ["MODIFIED", of([four, six], require, "IPv4", "IPv6")],
  ]);
  const past = await get<{ items: readonly Service[] }>(server.transport(), path, undefined, {
    resourceVersion: String(written.modRevision),
    resourceVersionMatch: "Exact",
  });
  assert.deepEqual(past.body.items.map(seen), [want]);
  assert.deepEqual(past.body.items[0]?.spec?.ports, [{ protocol: "TCP", port: 94, targetPort: 94 }]);
});

test("who writes a Service of old as it is shown writes it anew, once", async () => {
  await using server = await start({ clusterIP: four });
  const transport = server.transport();
  const { body } = await get<Service>(transport, `${path}/s0`);
  const written = await put<Service>(transport, `${path}/s0`, body);
  assert.notEqual(written.body.metadata?.resourceVersion, body.metadata?.resourceVersion);
  const { entry } = await server.kept.get(key("s0"));
  assert.match(entry?.value.toString() ?? "", /"ipFamilies":\["IPv4"\]/);
  const again = await put<Service>(transport, `${path}/s0`, written.body);
  assert.equal(again.body.metadata?.resourceVersion, written.body.metadata?.resourceVersion);
});

test("what only looks as if it lacked something is what it is", async () => {
  await using server = await start();
  const transport = server.transport();
  const labels = { type: "ExternalName" };
  const spec = { ports: [{ port: 93 }] };
  const made = await post<Service>(transport, path, { metadata: { name: "odd", labels }, spec });
  const { entry } = await server.kept.get(key("odd"));
  const form = new ServiceReadForm(() => ["IPv4"]);
  assert.equal(form.isCurrent(entry?.value ?? Buffer.alloc(0)), false);
  const again = await put<Service>(transport, `${path}/odd`, made.body);
  assert.equal(again.body.metadata?.resourceVersion, made.body.metadata?.resourceVersion);
  await using next = await startTestApiserver({ store: server.kept });
  const read = await get<Service>(next.transport(), `${path}/odd`);
  const later = await put<Service>(next.transport(), `${path}/odd`, read.body);
  assert.equal(later.body.metadata?.resourceVersion, made.body.metadata?.resourceVersion);
});

test("a name elsewhere says nothing of traffic within the cluster", async () => {
  await using server = await start({ clusterIP: four });
  const transport = server.transport();
  const external = { type: "ExternalName", externalName: "a.b", internalTrafficPolicy: "Local" };
  const { body } = await merge<Service>(transport, `${path}/s0`, { spec: external });
  assert.deepEqual([body.spec?.type, seen(body)], ["ExternalName", {}]);
  const odd = await merge(transport, `${path}/s0`, { spec: { internalTrafficPolicy: "garbage" } });
  assert.match(
    String(odd.body["message"]),
    /spec.internalTrafficPolicy: Unsupported value: "garbage": supported values: "Cluster", "Local"/,
  );
});

/** upstream: pkg/registry/core/persistentvolumeclaim/storage/storage_test.go (TestDefaultOnReadPvc) */
test("claims of old are read with both fields of what they are filled from", async () => {
  const kept = openMemoryStore({ clock: new ManualClock(), log: silentLogger });
  const source = { kind: "PersistentVolumeClaim", name: "my-pvc" };
  const sources = [
    {},
    { dataSource: source },
    { dataSourceRef: source },
    { dataSource: source, dataSourceRef: source },
  ];
  for (const [at, given] of sources.entries()) {
    const metadata = { name: `c${at}`, namespace: "default", uid: "u" };
    const claim = { kind: "PersistentVolumeClaim", apiVersion: "v1", metadata, spec: given, status: {} };
    await kept.create(`/registry/persistentvolumeclaims/default/c${at}`, Buffer.from(JSON.stringify(claim)));
  }
  await using server = await startTestApiserver({ store: kept });
  for (const [at, given] of sources.entries()) {
    const claims = "/api/v1/namespaces/default/persistentvolumeclaims";
    const { spec } = (await get<PersistentVolumeClaim>(server.transport(), `${claims}/c${at}`)).body;
    const want = Object.keys(given).length === 0 ? undefined : source;
    assert.deepEqual([spec?.dataSource, spec?.dataSourceRef], [want, want]);
  }
});

test("what can't be read isn't renewed, nor what has everything", () => {
  const form = new ServiceReadForm(() => ["IPv4"]);
  for (const text of ["{no json", JSON.stringify({ spec: of([four], single, "IPv4") })]) {
    const kept = new KeptBytes(Buffer.from(text));
    assert.equal(renewed(kept, form, undefined), kept);
  }
});
