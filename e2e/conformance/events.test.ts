/** The Events of both APIs, as upstream's own tests try them. upstream: test/e2e/instrumentation/{events,core_events}.go */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { startBareServer, type BareServer } from "../bare-server.ts";
import { ApiClient, at, type Json } from "./api-client.ts";
import { makeNamespace } from "./core-objects.ts";

let server: BareServer;
let api: ApiClient;

const core = "/api/v1/namespaces/events-test/events";
const later = "/apis/events.k8s.io/v1/namespaces/events-test/events";

const coreEvent = (name: string, label: string): Json => ({
  metadata: { name, labels: { [label]: "true" } },
  message: `This is ${name}`,
  reason: "Test",
  type: "Normal",
  count: 1,
  involvedObject: { namespace: "events-test" },
});

const laterEvent = (name: string, label: string): Json => ({
  metadata: { name, labels: { [label]: "true" } },
  regarding: { namespace: "events-test" },
  eventTime: "2017-09-19T13:49:16.000000Z",
  note: `This is ${name}`,
  action: "Do",
  reason: "Test",
  type: "Normal",
  reportingController: "test-controller",
  reportingInstance: "test-node",
});

const observed = (count: number, second: number): Json => ({
  count,
  lastObservedTime: `2017-09-19T13:49:${second}.000000Z`,
});

async function namesAt(path: string): Promise<unknown[]> {
  const { items } = (await api.get(path)) as { items: Json[] };
  return items.map((item) => at(item, "metadata.name"));
}

/** Without what the server says of a write. */
function unwritten({ metadata, ...rest }: Json): Json {
  const { resourceVersion: _revision, managedFields: _managers, ...kept } = metadata as Json;
  return { ...rest, metadata: kept };
}

suite("conformance: events", { timeout: 120_000 }, () => {
  before(async () => {
    server = await startBareServer();
    api = await ApiClient.of(server.kubeconfig);
    await makeNamespace(api, "events-test");
  });
  after(() => server[Symbol.asyncDispose]());

  test("an event is fetched, patched, updated, deleted, and listed", async () => {
    const label = "testevent-constant";
    await api.create(later, laterEvent("event-test", label));
    const everywhere = `/apis/events.k8s.io/v1/events?labelSelector=${label}%3Dtrue`;
    const here = `${later}?labelSelector=${label}%3Dtrue`;
    assert.deepEqual([await namesAt(everywhere), await namesAt(here)], [["event-test"], ["event-test"]]);
    assert.deepEqual(await namesAt(`${core}?fieldSelector=source%3Dtest-controller`), ["event-test"]);
    assert.deepEqual(await namesAt(`${later}?fieldSelector=reportingController%3Dtest-controller`), [
      "event-test",
    ]);
    const path = `${later}/event-test`;
    const made = await api.get(path);
    // Of an event of this API nothing else may change.
    await api.strategic(path, { series: observed(2, 11) });
    assert.deepEqual(unwritten(await api.get(path)), unwritten({ ...made, series: observed(2, 11) }));
    // Without a revision: as it was read before the patch.
    const updated = unwritten({ ...made, series: observed(100, 16) });
    await api.must("PUT", path, { body: updated });
    assert.deepEqual(unwritten(await api.get(path)), updated);
    await api.must("DELETE", path);
    assert.deepEqual([await namesAt(everywhere), await namesAt(here)], [[], []]);
  });

  test("an event of the core goes through its life", async () => {
    const label = "testevent-core";
    await api.create(core, coreEvent("core-test", label));
    const everywhere = `/api/v1/events?labelSelector=${label}%3Dtrue`;
    assert.deepEqual(await namesAt(everywhere), ["core-test"]);
    const message = "This is a test event - patched";
    await api.strategic(`${core}/core-test`, { message });
    const patched = await api.get(`${core}/core-test`);
    assert.equal(at(patched, "message"), message);
    const updated = unwritten({ ...patched, series: observed(100, 16) });
    await api.update(`${core}/core-test`, updated);
    assert.deepEqual(unwritten(await api.get(`${core}/core-test`)), updated);
    await api.must("DELETE", `${core}/core-test`);
    assert.deepEqual(await namesAt(everywhere), []);
  });

  for (const [what, path, make] of [
    ["the core", core, coreEvent],
    ["events.k8s.io", later, laterEvent],
  ] as const) {
    test(`a collection of events of ${what} is deleted by its label`, async () => {
      const label = `testevent-set-${path === core ? "core" : "later"}`;
      const names = ["test-event-1", "test-event-2", "test-event-3"];
      for (const name of names) await api.create(path, make(name, label));
      await api.create(path, make("test-event-other", "another"));
      const selected = `${path}?labelSelector=${label}%3Dtrue`;
      assert.deepEqual(await namesAt(selected), names);
      await api.must("DELETE", selected);
      assert.deepEqual(await namesAt(selected), []);
      assert.deepEqual(await namesAt(`${path}?labelSelector=another%3Dtrue`), ["test-event-other"]);
      await api.must("DELETE", `${path}/test-event-other`);
    });
  }
});
