/**
 * What becomes of an object that is deleted. Cases re-expressed from apiserver/pkg/registry/generic/registry/store_test.go
 * (TestStoreDeleteWithOrphanDependents, TestStoreDeletionPropagation, TestMarkAsDeleting,
 * TestGracefulStoreCanDeleteIfExistingGracePeriodZero) and rest/delete_test.go (TestBeforeDelete).
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ObjectMeta } from "#api/meta/object.ts";
import { parseTime, toRfc3339 } from "#base/clock.ts";
import { planDeletion, type DeletionPlan } from "./deletion.ts";
import type { DeletionOptions, Strategy, StrategyContext } from "./strategy.ts";

const now = "2026-01-01T00:00:00Z";
const moment = { nowMs: parseTime(now), context: {} as StrategyContext };
const usual = {} as Strategy;
const orphaning = { defaultPropagation: () => "Orphan" } as unknown as Strategy;
const graceful = { gracePeriod: (_: unknown, asked?: number) => asked ?? 30 } as unknown as Strategy;

const plan = (metadata: ObjectMeta, options: DeletionOptions, strategy: Strategy): DeletionPlan =>
  planDeletion({ metadata: { name: "foo", generation: 1, ...metadata } }, options, strategy, moment);

const [x, orphan, y, foreground] = ["foo.com/x", "orphan", "bar.com/y", "foregroundDeletion"];
const policy = (propagationPolicy: string): DeletionOptions => ({ propagationPolicy });
const orphans = (orphanDependents: boolean): DeletionOptions => ({ orphanDependents });
const strategies = { usual, orphaning };

type Case = readonly [
  options: DeletionOptions,
  strategy: keyof typeof strategies,
  before: readonly string[],
  /** None: it goes at once. */
  after: readonly string[],
];
const cases: readonly Case[] = [
  [orphans(true), "usual", [x, orphan, y], [x, orphan, y]],
  [orphans(true), "usual", [x, y], [x, y, orphan]],
  [orphans(true), "usual", [], [orphan]],
  [orphans(true), "usual", [orphan], [orphan]],
  [orphans(false), "orphaning", [x, orphan, y], [x, y]],
  [orphans(false), "orphaning", [x, y], [x, y]],
  [orphans(false), "orphaning", [], []],
  [orphans(false), "orphaning", [orphan], []],
  [{}, "usual", [x, orphan, y], [x, orphan, y]],
  [{}, "orphaning", [x, orphan, y], [x, orphan, y]],
  [{}, "usual", [x, y], [x, y]],
  [{}, "orphaning", [x, y], [x, y, orphan]],
  ...(["usual", "orphaning"] as const).flatMap((strategy): Case[] => {
    const unsaid = strategy === "usual" ? [] : [orphan];
    return [
      [policy("Foreground"), strategy, [], [foreground]],
      [policy("Background"), strategy, [], []],
      [policy("Orphan"), strategy, [], [orphan]],
      [{}, strategy, [], unsaid],
      [policy("Foreground"), strategy, [orphan], [foreground]],
      [policy("Background"), strategy, [orphan], []],
      [policy("Orphan"), strategy, [orphan], [orphan]],
      [{}, strategy, [orphan], [orphan]],
      [policy("Foreground"), strategy, [foreground], [foreground]],
      [policy("Background"), strategy, [foreground], []],
      [policy("Orphan"), strategy, [foreground], [orphan]],
      [{}, strategy, [foreground], [foreground]],
    ];
  }),
];
for (const [options, strategy, finalizers, after] of cases) {
  test(`deleting what has [${finalizers.join()}] with ${JSON.stringify(options)}, ${strategy}`, () => {
    const made = plan({ finalizers: [...finalizers] }, options, strategies[strategy]);
    if (after.length === 0) assert.equal(made.kind, "remove");
    else {
      assert.ok(made.kind === "mark");
      assert.deepEqual(made.object.metadata, {
        name: "foo",
        generation: 2,
        finalizers: after,
        deletionTimestamp: now,
        deletionGracePeriodSeconds: 0,
      });
    }
  });
}

const soon = "2026-01-01T00:00:01Z";
const past = "2025-12-31T23:59:59Z";
for (const [before, after] of [
  [undefined, now],
  [soon, now],
  [past, past],
] as const) {
  test(`what was to go at ${before ?? "no time"} and has no time left is going since ${after}`, () => {
    const metadata = { finalizers: [x], ...(before === undefined ? {} : { deletionTimestamp: before }) };
    const made = plan(metadata, {}, usual);
    assert.ok(made.kind === "mark");
    assert.equal(made.object.metadata?.deletionTimestamp, after);
  });
}

const ending = (seconds: number): string => toRfc3339(parseTime(now) + seconds * 1000);

/** Of what may have time to end: what it has, what is asked, and what it gets; "gone", or "left" as it is. */
const periods: readonly (readonly [
  name: string,
  before: ObjectMeta,
  options: DeletionOptions,
  want: ObjectMeta | "gone" | "left",
])[] = [
  ["its own time", {}, {}, { deletionTimestamp: "2026-01-01T00:00:30Z", deletionGracePeriodSeconds: 30 }],
  ["no time", {}, { gracePeriodSeconds: 0 }, "gone"],
  [
    "no time, but finalizers",
    { finalizers: [x] },
    { gracePeriodSeconds: 0 },
    { finalizers: [x], deletionTimestamp: now, deletionGracePeriodSeconds: 0 },
  ],
  [
    "the same again",
    { deletionTimestamp: soon, deletionGracePeriodSeconds: 30 },
    { gracePeriodSeconds: 30, propagationPolicy: "Orphan" },
    "left",
  ],
  ["nothing said again", { deletionTimestamp: soon, deletionGracePeriodSeconds: 30 }, {}, "left"],
  [
    "less",
    { deletionTimestamp: "2026-01-01T00:00:20Z", deletionGracePeriodSeconds: 30 },
    { gracePeriodSeconds: 5 },
    { deletionTimestamp: now, deletionGracePeriodSeconds: 1 },
  ],
  [
    "less than nothing, which is a second",
    { deletionTimestamp: "2026-01-01T00:00:20Z", deletionGracePeriodSeconds: 30 },
    { gracePeriodSeconds: -1 },
    { deletionTimestamp: now, deletionGracePeriodSeconds: 1 },
  ],
  [
    "less, which isn't over",
    { deletionTimestamp: "2026-01-01T00:00:20Z", deletionGracePeriodSeconds: 30 },
    { gracePeriodSeconds: 15 },
    { deletionTimestamp: "2026-01-01T00:00:05Z", deletionGracePeriodSeconds: 15 },
  ],
  [
    "no time, but finalizers, long ago",
    { finalizers: [x], deletionTimestamp: "2025-12-31T23:59:00Z", deletionGracePeriodSeconds: 60 },
    { gracePeriodSeconds: 0 },
    { finalizers: [x], deletionTimestamp: now, deletionGracePeriodSeconds: 0 },
  ],
  ...[-1, 0, 1, 2].flatMap((given): (typeof periods)[number][] => {
    const before = { deletionTimestamp: ending(given), deletionGracePeriodSeconds: given };
    return [-1, 0, 1, 2].map((asked) => {
      const [was, most] = [given < 0 ? 1 : given, asked < 0 ? 1 : asked];
      const shortened = { deletionTimestamp: ending(most), deletionGracePeriodSeconds: most };
      const want = was === 0 || most === 0 ? "gone" : most >= was ? "left" : shortened;
      return [`${asked} of ${given} seconds`, before, { gracePeriodSeconds: asked }, want];
    });
  }),
  ["what was left undone", { deletionTimestamp: past, deletionGracePeriodSeconds: 0 }, {}, "gone"],
  ["what nobody gave a time", { deletionTimestamp: past }, {}, "gone"],
];
for (const [name, before, options, want] of periods) {
  test(`deleting what may take its time: ${name}`, () => {
    const made = plan(before, options, graceful);
    if (want === "gone") assert.equal(made.kind, "remove");
    else if (want === "left") assert.equal(made.kind, "wait");
    else {
      assert.ok(made.kind === "mark");
      const { name: _, generation: _g, ...rest } = made.object.metadata ?? {};
      assert.deepEqual(rest, want);
    }
  });
}

test("what waits for its finalizers alone may still be told what becomes of its dependents", () => {
  const before = { finalizers: [x], deletionTimestamp: past, deletionGracePeriodSeconds: 0 };
  const made = plan(before, policy("Foreground"), graceful);
  assert.ok(made.kind === "mark");
  assert.deepEqual(made.object.metadata, {
    name: "foo",
    generation: 1,
    ...before,
    finalizers: [x, foreground],
  });
});
