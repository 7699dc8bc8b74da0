/** What a Watch stream answers to each of a watch's options: the same by a real etcd and by ours. */
import assert from "node:assert/strict";
import * as kv from "../etcd/messages.ts";
import type { WireCase } from "./etcd-wire.suite.ts";
import type { Both, EtcdCalls } from "./etcd-calls.ts";

type Request = Parameters<typeof kv.watchRequest.encode>[0];
type Create = NonNullable<Request["create"]>;
type Response = ReturnType<typeof kv.watchResponse.decode>;

const filters = { noPut: 0, noDelete: 1 } as const;

const bytesOf = (text: string): Buffer => Buffer.from(text);

async function put(calls: EtcdCalls, key: string, value: string | Buffer): Promise<bigint> {
  const types = [kv.putRequest, kv.putResponse] as const;
  const bytes = typeof value === "string" ? bytesOf(value) : value;
  const { header } = await calls.unary("etcdserverpb.KV/Put", types, { key: bytesOf(key), value: bytes });
  return header?.revision ?? 0n;
}

async function remove(calls: EtcdCalls, key: string): Promise<void> {
  const types = [kv.deleteRangeRequest, kv.deleteRangeResponse] as const;
  await calls.unary("etcdserverpb.KV/DeleteRange", types, { key: bytesOf(key) });
}

/** A stream whose watches are there. */
async function watching(calls: EtcdCalls, ...creates: readonly Create[]): Promise<Both<Request, Response>> {
  const stream = calls.duplex("etcdserverpb.Watch/Watch", [kv.watchRequest, kv.watchResponse]);
  for (const create of creates) {
    stream.write({ create });
    assert.equal((await stream.next()).created, true);
  }
  return stream;
}

/** "put KEY=VALUE (was VALUE)" each. */
function told({ events }: Response): string[] {
  return events.map(({ type, kv: entry, prevKv }) => {
    const what = type === kv.eventType.put ? "put" : "delete";
    const value = type === kv.eventType.put ? `=${String(entry?.value)}` : "";
    return `${what} ${String(entry?.key)}${value}${prevKv === undefined ? "" : ` (was ${String(prevKv.value)})`}`;
  });
}

/** What is told until an event of the key `end`. */
async function toldUntilEnd(stream: Both<Request, Response>): Promise<string[]> {
  const all: string[] = [];
  while (!all.some((each) => each.includes("end"))) all.push(...told(await stream.next()));
  stream.cancel();
  return all;
}

function filterCase(title: string, create: Partial<Create>, wanted: readonly string[]): WireCase {
  return [
    `watch ${title}`,
    async (calls) => {
      const prefix = title.replaceAll(" ", "-");
      const range = { key: bytesOf(`${prefix}/`), rangeEnd: bytesOf(`${prefix}0`) };
      const first = await put(calls, `${prefix}/a`, "1");
      const live = await watching(calls, { ...range, ...create });
      await put(calls, `${prefix}/a`, "2");
      await remove(calls, `${prefix}/a`);
      await put(calls, `${prefix}/end`, "3");
      await remove(calls, `${prefix}/end`);
      const strip = (all: readonly string[]): string[] => all.map((each) => each.replace(`${prefix}/`, ""));
      assert.deepEqual(strip(await toldUntilEnd(live)), wanted);
      const late = await watching(calls, { ...range, ...create, startRevision: first + 1n });
      assert.deepEqual(strip(await toldUntilEnd(late)), wanted);
    },
  ];
}

const fragmentedEvents = 5;

export const watchWireCases: readonly WireCase[] = [
  filterCase("as it comes", { filters: [filters.noDelete] }, ["put a=2", "put end=3"]),
  filterCase("without puts", { filters: [filters.noPut], prevKv: true }, [
    "delete a (was 2)",
    "delete end (was 3)",
  ]),
  filterCase("with what was before", { prevKv: true, filters: [filters.noDelete] }, [
    "put a=2 (was 1)",
    "put end=3",
  ]),
  [
    "watch tells what was before the transaction, also of a key that the transaction had written before it deletes it",
    async (calls) => {
      // Behind all other keys: an open end isn't compared with what the transaction puts.
      const [old, fresh] = [Buffer.from([255, 255, 1]), Buffer.from([255, 255, 2])];
      const types = [kv.putRequest, kv.putResponse] as const;
      const { header } = await calls.unary("etcdserverpb.KV/Put", types, { key: old, value: bytesOf("1") });
      const puts = [old, fresh].map((key) => ({ put: { key, value: bytesOf("2") } }));
      const success = [...puts, { deleteRange: { key: old, rangeEnd: Buffer.from([0]) } }];
      await calls.unary("etcdserverpb.KV/Txn", [kv.txnRequest, kv.txnResponse], { success });
      const startRevision = (header?.revision ?? 0n) + 1n;
      const stream = await watching(calls, {
        key: old,
        rangeEnd: Buffer.from([0]),
        prevKv: true,
        startRevision,
      });
      const seen: (string | undefined)[] = [];
      while (seen.length < 4) {
        seen.push(...(await stream.next()).events.map(({ prevKv }) => prevKv?.value.toString()));
      }
      stream.cancel();
      assert.deepEqual(seen, ["1", undefined, "1", undefined]);
    },
  ],
  [
    "watch in fragments: each is as large as a request may be, all but the last say that more comes",
    async (calls) => {
      const value = Buffer.alloc(450 * 1024, "x");
      const key = bytesOf("fragment");
      const first = await put(calls, "fragment", value);
      for (let at = 1; at < fragmentedEvents; at++) await put(calls, "fragment", value);
      const stream = await watching(calls, { key, startRevision: first, fragment: true });
      const parts: [count: number, fragment: boolean][] = [];
      for (let seen = 0; seen < fragmentedEvents;) {
        const { events, fragment } = await stream.next();
        parts.push([events.length, fragment]);
        seen += events.length;
      }
      stream.cancel();
      assert.deepEqual(parts, [
        [4, true],
        [1, false],
      ]);
    },
  ],
  [
    "watches of one stream have ids of their own; one is cancelled, the other goes on",
    async (calls) => {
      const [key, other] = [bytesOf("ids/a"), bytesOf("ids/b")];
      const stream = await watching(calls, { key, watchId: 7n }, { key: other });
      stream.write({ create: { key, watchId: 7n } });
      const { created, canceled, cancelReason, watchId } = await stream.next();
      assert.deepEqual(
        [created, canceled, cancelReason, watchId],
        [true, true, "mvcc: duplicate watch ID provided on the WatchStream", -1n],
      );
      stream.write({ cancel: { watchId: 7n } });
      const end = await stream.next();
      assert.deepEqual([end.canceled, end.watchId], [true, 7n]);
      await put(calls, "ids/a", "1");
      await put(calls, "ids/b", "2");
      const next = await stream.next();
      assert.deepEqual([next.watchId, told(next)], [0n, ["put ids/b=2"]]);
      stream.cancel();
    },
  ],
];
