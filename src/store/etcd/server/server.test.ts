/** Our store behind etcd's API keeps every promise of the interface, seen from a client; and what only the wire shows. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Client, credentials } from "@grpc/grpc-js";
import { ManualClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { SeededRandom } from "#base/random.ts";
import { openMemoryStore } from "../../memory.ts";
import type { MvccStore } from "../../mvcc-store.ts";
import { openSqliteStore } from "../../sqlite/store.ts";
import { EtcdCalls } from "../../testing/etcd-calls.ts";
import { EtcdKeyValues } from "../../testing/etcd-key-values.ts";
import { etcdWireSuite } from "../../testing/etcd-wire.suite.ts";
import { keyValueSuite } from "../../testing/key-value.suite.ts";
import * as kv from "../messages.ts";
import { crc32c } from "./crc32c.ts";
import { serveEtcd } from "./server.ts";

const folder = await mkdtemp(join(tmpdir(), "mini-k8s-etcd-"));
after(() => rm(folder, { recursive: true }));

/** Ends with the test, however that ends. */
interface Served extends AsyncDisposable {
  readonly clock: ManualClock;
  readonly address: string;
}

function serve(quotaBytes?: number): Promise<Served> {
  const clock = new ManualClock();
  return serveStore(openMemoryStore({ clock, log: silentLogger }), clock, quotaBytes);
}

async function serveStore(store: MvccStore, clock: ManualClock, quotaBytes?: number): Promise<Served> {
  const options = {
    listenUrls: ["http://127.0.0.1:0"],
    tls: undefined,
    name: "one",
    clusterSeed: "test",
    spoolFolder: folder,
  };
  const server = await serveEtcd(
    { ...options, quotaBytes },
    { store: store.keyValues, clock, random: new SeededRandom(1), log: silentLogger },
  );
  const address = new URL(server.urls[0] ?? "").host;
  const dispose = async (): Promise<void> => {
    await server.close();
    await store.close();
  };
  return { clock, address, [Symbol.asyncDispose]: dispose };
}

keyValueSuite("our store through etcd's API", async () => {
  const served = await serve();
  const client = new EtcdKeyValues(served.address);
  return {
    store: client,
    dispose: async () => {
      client.close();
      await served[Symbol.asyncDispose]();
    },
  };
});

const shared = await serve();
after(() => shared[Symbol.asyncDispose]());

etcdWireSuite("our store on etcd's wire", () => Promise.resolve(shared.address));

test("crc32c gives the check value of its catalogue", () => {
  assert.equal(crc32c(Buffer.from("123456789")), 0xe3069283);
  assert.equal(crc32c(Buffer.from("6789"), crc32c(Buffer.from("12345"))), 0xe3069283);
});

/** The status that a raw request gets. */
function refusalOf(address: string, method: string, request: Buffer): Promise<string | undefined> {
  const client = new Client(address, credentials.createInsecure());
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      `/etcdserverpb.${method}`,
      (bytes: Buffer) => bytes,
      (bytes: Buffer) => bytes,
      request,
      (error) => {
        client.close();
        resolve(error === null ? undefined : `${error.code} ${error.details}`);
      },
    );
  });
}

const key = (text: string): Buffer => Buffer.from(text);
const many = Array.from({ length: 129 }, (_, at) => ({ put: { key: key(`${at}`) } }));

const refusals: readonly (readonly [string, string, Buffer, string])[] = [
  ["a range without a key", "KV/Range", kv.rangeRequest.encode({}), "3 etcdserver: key is not provided"],
  [
    "a sort target nobody knows",
    "KV/Range",
    kv.rangeRequest.encode({ key: key("a"), sortTarget: 9 }),
    "3 etcdserver: invalid sort option",
  ],
  ["a put without a key", "KV/Put", kv.putRequest.encode({}), "3 etcdserver: key is not provided"],
  [
    "a value that is to be ignored",
    "KV/Put",
    kv.putRequest.encode({ key: key("a"), value: key("b"), ignoreValue: true }),
    "3 etcdserver: value is provided",
  ],
  [
    "a lease that is to be ignored",
    "KV/Put",
    kv.putRequest.encode({ key: key("a"), lease: 3n, ignoreLease: true }),
    "3 etcdserver: lease is provided",
  ],
  [
    "a request over the limit",
    "KV/Put",
    kv.putRequest.encode({ key: key("a"), value: Buffer.alloc(1.5 * 2 ** 20) }),
    "3 etcdserver: request is too large",
  ],
  [
    "too many operations",
    "KV/Txn",
    kv.txnRequest.encode({ success: many }),
    "3 etcdserver: too many operations in txn request",
  ],
  [
    "a key put twice",
    "KV/Txn",
    kv.txnRequest.encode({ success: [{ put: { key: key("a") } }, { put: { key: key("a") } }] }),
    "3 etcdserver: duplicate key given in txn request",
  ],
  [
    "a key put within a deleted range, one level down",
    "KV/Txn",
    kv.txnRequest.encode({
      success: [
        { deleteRange: { key: key("a"), rangeEnd: key("c") } },
        { txn: { failure: [{ put: { key: key("b") } }] } },
      ],
    }),
    "3 etcdserver: duplicate key given in txn request",
  ],
  [
    "an operation of no kind",
    "KV/Txn",
    kv.txnRequest.encode({ success: [{}] }),
    "3 etcdserver: key not found",
  ],
];

test("invalid requests are refused in etcd's words", async () => {
  await using served = await serve();
  const { address } = served;
  for (const [what, method, request, wanted] of refusals) {
    assert.equal(await refusalOf(address, method, request), wanted, what);
  }
  const either = { success: [{ put: { key: key("a") } }], failure: [{ put: { key: key("a") } }] };
  assert.equal(
    await refusalOf(address, "KV/Txn", kv.txnRequest.encode({ success: [{ txn: either }] })),
    undefined,
  );
});

test("beyond the quota writes are refused until the alarm is disarmed", async () => {
  await using served = await serve(100);
  using client = new EtcdKeyValues(served.address);
  await assert.rejects(client.put({ key: "a", value: key("b") }), /database space exceeded/);
  assert.deepEqual(await client.alarms(), ["NOSPACE"]);
  await assert.rejects(client.grantLease(3n, 10n), /database space exceeded/);
  assert.equal((await client.range({ range: { start: "a", end: "b" } })).count, 0);
  assert.equal((await client.delete({ range: { start: "a", end: "b" } })).deleted, 0);
  await client.setAlarm("NOSPACE", false);
  assert.deepEqual(await client.alarms(), []);
});

test("a full disk raises NOSPACE; once there is space it is disarmed, and writes go on", async () => {
  const quotaBytes = 2 * 2 ** 20;
  const clock = new ManualClock();
  const store = await openSqliteStore(
    { path: join(folder, "full.db"), quotaBytes },
    { clock, log: silentLogger },
  );
  await using served = await serveStore(store, clock);
  using client = new EtcdKeyValues(served.address);
  const value = Buffer.alloc(100_000, 1);
  const fill = async (): Promise<void> => {
    for (let written = 0; written < 2 * quotaBytes; written += value.length) {
      await client.put({ key: "a", value });
    }
  };
  await assert.rejects(fill(), /database space exceeded/);
  assert.deepEqual(await client.alarms(), ["NOSPACE"]);
  assert.equal((await client.range({ range: { start: "a", end: "b" } })).count, 1);
  await client.compact(client.revision, { waitsForSpace: true });
  // There is space again, and the alarm is still an administrator's to end.
  await assert.rejects(client.put({ key: "b", value }), /database space exceeded/);
  await client.setAlarm("NOSPACE", false);
  await client.put({ key: "b", value });
  assert.deepEqual(await client.alarms(), []);
});

test("a progress request is answered after every event before it", async () => {
  await using served = await serve();
  using client = new EtcdKeyValues(served.address);
  const watch = client.watch(
    { start: "a", end: "b" },
    { startRevision: 2n, signal: new AbortController().signal },
  );
  for (let at = 0; at < 20; at++) {
    await client.put({ key: "a", value: key(`${at}`) });
    await client.put({ key: "z", value: key(`${at}`) });
  }
  watch.askProgress();
  let seen = 0;
  for await (const { events, revision } of watch) {
    seen += events.length;
    if (events.length > 0) continue;
    assert.deepEqual([revision, seen], [41n, 20]);
    break;
  }
});

test("a watch that asks for it is told every ten minutes how far it is, unless it was told of events", async () => {
  await using served = await serve();
  const { address, clock } = served;
  using calls = new EtcdCalls(address);
  const stream = calls.duplex("etcdserverpb.Watch/Watch", [kv.watchRequest, kv.watchResponse]);
  const next = async (): Promise<unknown[]> => {
    const { watchId, created, header, events } = await stream.next();
    return [watchId, created, header?.revision, events.length];
  };
  stream.write({ create: { key: key("quiet"), progressNotify: true, watchId: 1n } });
  stream.write({ create: { key: key("busy"), progressNotify: true, watchId: 2n } });
  stream.write({ create: { key: key("quiet"), watchId: 3n } });
  for (const id of [1n, 2n, 3n]) assert.deepEqual(await next(), [id, true, 1n, 0]);
  const put = (name: string): Promise<unknown> =>
    calls.unary("etcdserverpb.KV/Put", [kv.putRequest, kv.putResponse], { key: key(name), value: key("1") });
  await put("other");
  await put("busy");
  assert.deepEqual(await next(), [2n, false, 3n, 1]);
  // A tenth more than ten minutes at most: once.
  await clock.advance(660_000);
  assert.deepEqual(await next(), [1n, false, 3n, 0]);
  await put("busy");
  assert.deepEqual(await next(), [2n, false, 4n, 1], "the busy one had no notice");
  await clock.advance(660_000);
  assert.deepEqual(await next(), [1n, false, 4n, 0]);
  await clock.advance(660_000);
  const both = [await next(), await next()];
  assert.deepEqual(both, [
    [1n, false, 4n, 0],
    [2n, false, 4n, 0],
  ]);
  stream.cancel();
});

test("a unix socket serves, and one that a killed server left is no hindrance", async () => {
  const clock = new ManualClock();
  await using stack = new AsyncDisposableStack();
  const store = openMemoryStore({ clock, log: silentLogger });
  stack.defer(() => store.close());
  const path = join(folder, "etcd.sock");
  const options = {
    listenUrls: [`unix://${path}`],
    tls: undefined,
    name: "one",
    clusterSeed: "test",
    quotaBytes: undefined,
    spoolFolder: folder,
  };
  const deps = { store: store.keyValues, clock, random: new SeededRandom(1), log: silentLogger };
  stack.adopt(await serveEtcd(options, deps), (server) => server.close());
  using client = new EtcdKeyValues(`unix:${path}`);
  await client.put({ key: "a", value: key("b") });
  assert.equal(client.revision, 2n);
  // The socket is there, and a server that was killed wouldn't have taken it away.
  stack.adopt(await serveEtcd(options, deps), (server) => server.close());
});
