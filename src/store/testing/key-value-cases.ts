/** Reading and writing by ranges and in transactions. Revisions are told as how many came since the case began. */
import assert from "node:assert/strict";
import { unreachable } from "#base/assert.ts";
import { everyKey, type KeyRange, prefixRange, singleKey } from "../key-range.ts";
import {
  type Compare,
  type KeyValue,
  type KeyValueStore,
  LeaseNotFoundError,
  type Operation,
  type OperationAnswer,
  type RangeQuery,
} from "../kv.ts";
import { CompactedError, FutureRevisionError, KeyNotFoundError, type Revision } from "../store.ts";
import { bytes } from "./cases.ts";

export type KeyValueCase = readonly [title: string, run: (store: KeyValueStore) => Promise<void>];

export async function revisionNow(store: KeyValueStore): Promise<Revision> {
  return (await store.range({ range: everyKey, countOnly: true })).revision;
}

/** "key=value@mod/created/version", counted from `base`, and the lease when there is one. */
export function shownFrom(base: Revision, entry: KeyValue | undefined): string | undefined {
  if (entry === undefined) return undefined;
  const { key, value, createRevision, modRevision, version, lease } = entry;
  const held = lease === 0n ? "" : ` lease ${lease}`;
  const counts = `${modRevision - base}/${createRevision - base}/${version}`;
  return `${JSON.stringify(key).slice(1, -1)}=${value.toString("latin1")}@${counts}${held}`;
}

function shownAnswer(base: Revision, answer: OperationAnswer): unknown {
  const at = answer.revision - base;
  switch (answer.kind) {
    case "range":
      return [at, answer.entries.map((entry) => shownFrom(base, entry)), answer.more, answer.count];
    case "put":
      return [at, shownFrom(base, answer.previous)];
    case "delete":
      return [at, answer.deleted, answer.previous.map((entry) => shownFrom(base, entry))];
    case "transaction":
      return [answer.succeeded, answer.answers.map((inner) => shownAnswer(base, inner))];
    default:
      return unreachable(answer);
  }
}

export function put(key: string, value: string): Operation {
  return { kind: "put", put: { key, value: bytes(value) } };
}

function get(range: KeyRange, revision?: Revision): Operation {
  return { kind: "range", query: { range, revision } };
}

function remove(range: KeyRange): Operation {
  return { kind: "delete", deletion: { range, wantsPrevious: true } };
}

function versionOf(key: string, is: bigint, relation: Compare["relation"] = "equal"): Compare {
  return { range: singleKey(key), relation, target: { of: "version", number: is } };
}

function compareOf(range: KeyRange, target: Compare["target"], relation: Compare["relation"]): Compare {
  return { range, relation, target };
}

function number(of: "version" | "create" | "mod" | "lease", is: bigint): Compare["target"] {
  return { of, number: is };
}

function valueIs(text: string): Compare["target"] {
  return { of: "value", bytes: bytes(text) };
}

export const writeCases: readonly KeyValueCase[] = [
  [
    "put counts revisions and versions, and tells what was there when asked",
    async (store) => {
      const base = await revisionNow(store);
      const first = await store.put({ key: "a", value: bytes("1"), wantsPrevious: true });
      const second = await store.put({ key: "a", value: bytes("2") });
      const third = await store.put({ key: "a", value: bytes("3"), wantsPrevious: true });
      assert.deepEqual(
        [first, second, third].map((answer) => shownAnswer(base, answer)),
        [
          [1n, undefined],
          [2n, undefined],
          [3n, "a=2@2/1/2"],
        ],
      );
    },
  ],
  [
    "put may keep the value that is there",
    async (store) => {
      const base = await revisionNow(store);
      await store.put({ key: "a", value: bytes("1") });
      await store.put({ key: "a", value: bytes(""), keepsValue: true });
      const { entries } = await store.range({ range: singleKey("a") });
      assert.deepEqual(shownFrom(base, entries[0]), "a=1@2/1/2");
      for (const kept of [{ keepsValue: true }, { keepsLease: true }]) {
        await assert.rejects(store.put({ key: "none", value: bytes(""), ...kept }), KeyNotFoundError);
      }
      assert.equal(await revisionNow(store), base + 2n);
    },
  ],
  [
    "any bytes are a key, and keys are in the order of their bytes",
    async (store) => {
      const keys = [
        "\0",
        "\0\0",
        "a",
        "a\0",
        "a\x7f",
        "a\x80",
        "a\xff",
        "a\xff\xff",
        "b",
        "\xc3\xa9",
        "\xff",
      ];
      for (const key of keys.toReversed()) await store.put({ key, value: bytes("x") });
      const keysIn = async (range: KeyRange): Promise<string[]> =>
        (await store.range({ range })).entries.map(({ key }) => key);
      assert.deepEqual(await keysIn({ start: "\0", end: undefined }), keys);
      assert.deepEqual(await keysIn(prefixRange("a\xff")), ["a\xff", "a\xff\xff"]);
      assert.deepEqual(await keysIn(prefixRange("\xff")), ["\xff"]);
      assert.deepEqual(await keysIn({ start: "a\0", end: "a\x80" }), ["a\0", "a\x7f"]);
      assert.deepEqual(await keysIn({ start: "b", end: "a" }), []);
      assert.equal((await store.delete({ range: { start: "a\x80", end: undefined } })).deleted, 6);
    },
  ],
  [
    "delete takes a range in one revision, and none when there is nothing",
    async (store) => {
      const base = await revisionNow(store);
      for (const key of ["a", "b", "c"]) await store.put({ key, value: bytes(key) });
      const answers = [
        await store.delete({ range: { start: "x", end: "z" }, wantsPrevious: true }),
        await store.delete({ range: { start: "a", end: "c" }, wantsPrevious: true }),
        await store.delete({ range: singleKey("c") }),
      ];
      assert.deepEqual(
        answers.map((answer) => shownAnswer(base, answer)),
        [
          [3n, 0, []],
          [4n, 2, ["a=a@1/1/1", "b=b@2/2/1"]],
          [5n, 1, []],
        ],
      );
    },
  ],
];

async function fill(store: KeyValueStore): Promise<Revision> {
  const base = await revisionNow(store);
  for (const text of ["b3", "a2", "d1", "c2", "a9", "a1"]) {
    await store.put({ key: text.slice(0, 1), value: bytes(text.slice(1)) });
  }
  return base;
}

const rangeTable: readonly (readonly [
  string,
  (base: Revision) => Omit<RangeQuery, "range">,
  readonly string[],
])[] = [
  ["all", () => ({}), ["a", "b", "c", "d"]],
  ["a limit", () => ({ limit: 2 }), ["a", "b", "more"]],
  ["a limit that is met", () => ({ limit: 4 }), ["a", "b", "c", "d"]],
  ["descending keys", () => ({ sort: { target: "key", order: "descend" } }), ["d", "c", "b", "a"]],
  [
    "descending keys with a limit",
    () => ({ limit: 1, sort: { target: "key", order: "descend" } }),
    ["d", "more"],
  ],
  ["by value", () => ({ sort: { target: "value", order: "ascend" } }), ["a", "d", "c", "b"]],
  ["by value, descending", () => ({ sort: { target: "value", order: "descend" } }), ["b", "c", "a", "d"]],
  ["by version", () => ({ sort: { target: "version", order: "descend" } }), ["a", "b", "c", "d"]],
  ["by creation", () => ({ sort: { target: "create", order: "ascend" } }), ["b", "a", "d", "c"]],
  ["by change", () => ({ sort: { target: "mod", order: "ascend" } }), ["b", "d", "c", "a"]],
  ["by change without an order", () => ({ sort: { target: "mod", order: "none" } }), ["b", "d", "c", "a"]],
  ["keys only", () => ({ keysOnly: true }), ["a", "b", "c", "d"]],
  ["a count", () => ({ countOnly: true }), []],
  ["changed since", (base) => ({ modRevisionMin: base + 4n }), ["a", "c"]],
  ["changed before", (base) => ({ modRevisionMax: base + 3n }), ["b", "d"]],
  ["created since", (base) => ({ createRevisionMin: base + 3n }), ["c", "d"]],
  ["created before, limited", (base) => ({ createRevisionMax: base + 3n, limit: 2 }), ["a", "b", "more"]],
  ["in the past", (base) => ({ revision: base + 2n }), ["a", "b"]],
  ["in the past, limited", (base) => ({ revision: base + 3n, limit: 1 }), ["a", "more"]],
];

export const rangeCases: readonly KeyValueCase[] = [
  ...rangeTable.map(
    ([title, query, wanted]) =>
      [
        `a range gives ${title}`,
        async (store: KeyValueStore) => {
          const base = await fill(store);
          const answer = await store.range({ range: everyKeyOf("a"), ...query(base) });
          const found = [...answer.entries.map(({ key }) => key), ...(answer.more ? ["more"] : [])];
          assert.deepEqual(found, wanted);
          assert.equal(answer.revision, base + 6n);
          const { revision, keysOnly } = query(base);
          const total = revision === undefined ? 4 : Number(revision - base);
          assert.equal(answer.count, total);
          for (const { value } of answer.entries) assert.equal(value.length, keysOnly === true ? 0 : 1);
        },
      ] as const,
  ),
  [
    "a range at a compacted or a future revision is refused",
    async (store) => {
      const base = await fill(store);
      await store.compact(base + 4n);
      await store.range({ range: singleKey("a"), revision: base + 4n });
      await assert.rejects(store.range({ range: singleKey("a"), revision: base + 3n }), CompactedError);
      await assert.rejects(store.range({ range: singleKey("a"), revision: base + 7n }), FutureRevisionError);
      await assert.rejects(store.compact(base + 4n), CompactedError);
      await assert.rejects(store.compact(base + 7n), FutureRevisionError);
    },
  ],
];

function everyKeyOf(start: string): KeyRange {
  return { start, end: undefined };
}

export const transactionCases: readonly KeyValueCase[] = [
  [
    "a transaction is one revision, and its operations see those before them",
    async (store) => {
      const base = await revisionNow(store);
      await store.put({ key: "old", value: bytes("1") });
      const answer = await store.transact({
        compare: [],
        success: [
          put("a", "1"),
          put("b", "2"),
          remove(singleKey("old")),
          get(everyKeyOf("\0")),
          remove(everyKeyOf("none")),
          get(singleKey("old"), base + 1n),
        ],
        failure: [],
      });
      assert.deepEqual(shownAnswer(base, answer), [
        true,
        [
          [2n, undefined],
          [2n, undefined],
          [2n, 1, ["old=1@1/1/1"]],
          [2n, ["a=1@2/2/1", "b=2@2/2/1"], false, 2],
          [2n, 0, []],
          [2n, ["old=1@1/1/1"], false, 1],
        ],
      ]);
      assert.equal(answer.revision, base + 2n);
      assert.equal(await revisionNow(store), base + 2n);
      const past = await store.range({ range: everyKeyOf("\0"), revision: base + 1n });
      assert.deepEqual(
        past.entries.map((entry) => shownFrom(base, entry)),
        ["old=1@1/1/1"],
      );
    },
  ],
  [
    "a transaction that writes nothing makes no revision",
    async (store) => {
      const base = await revisionNow(store);
      const answer = await store.transact({
        compare: [versionOf("a", 1n)],
        success: [put("a", "1")],
        failure: [get(singleKey("a")), remove(singleKey("a"))],
      });
      assert.deepEqual(shownAnswer(base, answer), [
        false,
        [
          [0n, [], false, 0],
          [0n, 0, []],
        ],
      ]);
      assert.equal(answer.revision, base);
    },
  ],
  [
    "every comparison, of every target",
    async (store) => {
      const base = await fill(store);
      const a = singleKey("a");
      const table: readonly (readonly [Compare, boolean])[] = [
        [compareOf(a, number("version", 3n), "equal"), true],
        [compareOf(a, number("version", 3n), "notEqual"), false],
        [compareOf(a, number("version", 2n), "greater"), true],
        [compareOf(a, number("version", 3n), "less"), false],
        [compareOf(a, number("create", base + 2n), "equal"), true],
        [compareOf(a, number("mod", base + 6n), "equal"), true],
        [compareOf(a, number("mod", base + 7n), "less"), true],
        [compareOf(a, number("lease", 0n), "equal"), true],
        [compareOf(a, number("lease", 5n), "less"), true],
        [compareOf(a, valueIs("1"), "equal"), true],
        [compareOf(a, valueIs("0"), "greater"), true],
        [compareOf(a, valueIs("10"), "less"), true],
        [compareOf(singleKey("none"), number("version", 0n), "equal"), true],
        [compareOf(singleKey("none"), number("mod", 1n), "less"), true],
        [compareOf(singleKey("none"), valueIs(""), "equal"), false],
        [compareOf(singleKey("none"), valueIs("x"), "notEqual"), false],
        [compareOf(everyKeyOf("a"), number("version", 0n), "greater"), true],
        [compareOf(everyKeyOf("a"), number("version", 1n), "greater"), false],
        [compareOf({ start: "b", end: "e" }, number("version", 1n), "equal"), true],
        [compareOf(everyKeyOf("x"), number("create", 0n), "equal"), true],
      ];
      for (const [compare, wanted] of table) {
        const { succeeded } = await store.transact({ compare: [compare], success: [], failure: [] });
        assert.equal(succeeded, wanted, `${JSON.stringify(compare.range)} ${compare.relation}`);
      }
    },
  ],
  [
    "a transaction within another is decided by the state before both",
    async (store) => {
      const base = await revisionNow(store);
      const answer = await store.transact({
        compare: [versionOf("a", 0n)],
        success: [
          put("a", "1"),
          {
            kind: "transaction",
            transaction: {
              compare: [versionOf("a", 0n)],
              success: [put("b", "then"), get(singleKey("a"))],
              failure: [put("b", "else")],
            },
          },
        ],
        failure: [],
      });
      assert.deepEqual(shownAnswer(base, answer), [
        true,
        [
          [1n, undefined],
          [
            true,
            [
              [1n, undefined],
              [1n, ["a=1@1/1/1"], false, 1],
            ],
          ],
        ],
      ]);
    },
  ],
  [
    "a transaction that can't be done writes nothing",
    async (store) => {
      const base = await revisionNow(store);
      const failing: readonly (readonly [Operation, new (...args: never[]) => Error])[] = [
        [{ kind: "put", put: { key: "b", value: bytes(""), lease: 77n } }, LeaseNotFoundError],
        [{ kind: "put", put: { key: "b", value: bytes(""), keepsValue: true } }, KeyNotFoundError],
        [get(singleKey("b"), base + 9n), FutureRevisionError],
      ];
      for (const [operation, error] of failing) {
        const transaction = { compare: [], success: [put("a", "1"), operation], failure: [] };
        await assert.rejects(store.transact(transaction), error);
      }
      assert.equal(await revisionNow(store), base);
      assert.equal((await store.range({ range: everyKeyOf("\0") })).count, 0);
    },
  ],
  [
    "many transactions at once on one key each see the one before",
    async (store) => {
      const base = await revisionNow(store);
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, at) =>
          store.transact({
            compare: [versionOf("n", 0n)],
            success: [put("n", `${at}`), put(`n${at}`, "won")],
            failure: [get(singleKey("n"))],
          }),
        ),
      );
      const winners = answers.filter(({ succeeded }) => succeeded);
      assert.equal(winners.length, 1);
      assert.equal(await revisionNow(store), base + 1n);
      for (const answer of answers) assert.equal(answer.revision, base + 1n);
      assert.equal((await store.range({ range: prefixRange("n") })).count, 2);
    },
  ],
];
