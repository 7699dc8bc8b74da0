/** The informer's promises, kept with the real apiserver. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { settle, systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import type { WatchEvent } from "#api/meta/object.ts";
import type { ConfigMap } from "#api/generated/types/core-v1.ts";
import { configMaps } from "#api/resources.ts";
import { startTestApiserver } from "#testing/cluster.ts";
import type { ApiRequest, Client, Transport } from "../client.ts";
import { createClient } from "../rest.ts";
import { createInformerFactory } from "./factory.ts";
import type { Informer } from "./informer.ts";

/** A transport whose watches can be cut, as a network does. */
class CuttableTransport implements Transport {
  readonly #inner: Transport;
  readonly watches: ApiRequest[] = [];
  #cut = new AbortController();

  constructor(inner: Transport) {
    this.#inner = inner;
  }

  cut(): void {
    this.#cut.abort();
    this.#cut = new AbortController();
  }

  request: Transport["request"] = (request) => this.#inner.request(request);
  stream: Transport["stream"] = (request) => this.#inner.stream(request);
  close: Transport["close"] = () => this.#inner.close();

  async *watch(request: ApiRequest): AsyncGenerator<WatchEvent> {
    this.watches.push(request);
    const cut = this.#cut.signal;
    const signal = AbortSignal.any([cut, ...(request.signal === undefined ? [] : [request.signal])]);
    yield* this.#inner.watch({ ...request, signal });
    if (cut.aborted) throw new Error("connection reset");
  }
}

interface World {
  readonly client: Client;
  readonly transport: CuttableTransport;
  readonly informer: Informer<ConfigMap>;
  readonly heard: string[];
}

async function world(t: TestContext): Promise<World> {
  const server = await startTestApiserver();
  const stop = new AbortController();
  t.after(async () => {
    stop.abort();
    await server.close();
  });
  const transport = new CuttableTransport(server.transport());
  const client = createClient(transport);
  await client.resource(configMaps, "default").create({ metadata: { name: "first" } });
  const deps = { client, clock: systemClock, random: systemRandom, log: silentLogger, freeze: true };
  const factory = createInformerFactory(deps);
  const informer = factory.informer(configMaps);
  const heard: string[] = [];
  informer.addHandler({
    add: ({ metadata }) => heard.push(`add ${metadata?.name ?? ""}`),
    update: ({ metadata, data }) => heard.push(`update ${metadata?.name ?? ""} ${data?.["v"] ?? ""}`),
    delete: ({ metadata }) => heard.push(`delete ${metadata?.name ?? ""}`),
  });
  factory.start(stop.signal);
  await factory.waitForSync(stop.signal);
  return { client, transport, informer, heard };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await settle();
}

test("one streaming list brings what is there and what follows", async (t) => {
  const w = await world(t);
  assert.deepEqual(w.heard, ["add first"]);
  const maps = w.client.resource(configMaps, "default");
  await maps.create({ metadata: { name: "second" } });
  await maps.patch("first", "merge", { data: { v: "1" } });
  await maps.delete("second");
  await until(() => w.heard.length >= 4);
  assert.deepEqual(w.heard, ["add first", "add second", "update first 1", "delete second"]);
  assert.equal(w.transport.watches.length, 1);
  assert.equal(w.transport.watches[0]?.query?.["sendInitialEvents"], "true");
  assert.equal(w.informer.lister.get("default/first")?.data?.["v"], "1");
});

test("a watch that is cut while objects change loses nothing and repeats nothing", async (t) => {
  const w = await world(t);
  const maps = w.client.resource(configMaps, "default");
  const wanted = ["add first"];
  for (let v = 0; v < 50; v++) {
    await maps.patch("first", "merge", { data: { v: String(v) } });
    wanted.push(`update first ${v}`);
    if (v % 20 === 10) w.transport.cut();
  }
  await until(() => w.heard.length >= wanted.length);
  await settle();
  assert.deepEqual(w.heard, wanted);
  assert.ok(w.transport.watches.length > 1);
  assert.equal(
    w.transport.watches.at(-1)?.query?.["sendInitialEvents"],
    undefined,
    "it resumed, it didn't list again",
  );
});

test("informers of one process share each object; it comes without managed fields, and an update of it keeps them", async (t) => {
  const w = await world(t);
  const stop = new AbortController();
  t.after(() => {
    stop.abort();
  });
  const deps = { client: w.client, clock: systemClock, random: systemRandom, log: silentLogger };
  const others = createInformerFactory(deps);
  const other = others.informer(configMaps);
  others.start(stop.signal);
  await others.waitForSync(stop.signal);
  const maps = w.client.resource(configMaps, "default");
  await maps.create({ metadata: { name: "second" }, data: { v: "1" } });
  await until(() => w.heard.length === 2);
  const managers = (await maps.get("second")).metadata?.managedFields;
  assert.equal(managers?.length, 1);
  const found = w.informer.lister.get("default/second");
  assert.equal(found, other.lister.get("default/second"));
  assert.ok(found !== undefined && found.metadata?.managedFields === undefined);
  await maps.update({ ...found, data: { w: "1" } });
  await until(() => w.heard.length === 3);
  assert.equal(w.informer.lister.get("default/second")?.metadata?.managedFields, undefined);
  const after = (await maps.get("second")).metadata?.managedFields?.map(({ fieldsV1 }) =>
    JSON.stringify(fieldsV1),
  );
  assert.match(after?.join(" ") ?? "", /f:w/);
});
