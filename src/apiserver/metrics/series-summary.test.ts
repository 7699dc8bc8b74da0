import assert from "node:assert/strict";
import { test } from "node:test";
import { Registry } from "prom-client";
import { ManualClock } from "#base/clock.ts";
import { SeriesSummary } from "./series-summary.ts";

const hourMs = 3_600_000;

function world(): {
  clock: ManualClock;
  observe: (value: number) => void;
  shown: () => Promise<Map<string, number>>;
} {
  const clock = new ManualClock();
  const registry = new Registry();
  const series = new SeriesSummary({ name: "waits", help: "How long." }, registry, clock).series({ a: "x" });
  return {
    clock,
    observe: (value) => {
      series.observe(value);
    },
    shown: async () => {
      const text = await registry.metrics();
      assert.match(text, /^# TYPE waits summary$/m);
      const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
      return new Map(
        lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]),
      );
    },
  };
}

const at = (quantile: number): string => `waits{a="x",quantile="${quantile}"}`;

test("quantiles are right within a twentieth", async () => {
  const { observe, shown } = world();
  for (let n = 1; n <= 1000; n++) observe(n / 1000);
  const said = await shown();
  for (const quantile of [0.5, 0.9, 0.99]) {
    const value = said.get(at(quantile)) ?? 0;
    assert.ok(Math.abs(value - quantile) < 0.05 * quantile, `${quantile}: ${value}`);
  }
  assert.equal(said.get('waits_count{a="x"}'), 1000);
  assert.ok(Math.abs((said.get('waits_sum{a="x"}') ?? 0) - 500.5) < 1e-6);
});

test("what is older than five hours counts for the sum alone", async () => {
  const { clock, observe, shown } = world();
  observe(8);
  await clock.advance(4.5 * hourMs);
  observe(0.001);
  assert.ok(((await shown()).get(at(0.99)) ?? 0) > 7);
  await clock.advance(hourMs);
  assert.ok(((await shown()).get(at(0.99)) ?? 1) < 0.0011);
  await clock.advance(100 * hourMs);
  const said = await shown();
  assert.ok(Number.isNaN(said.get(at(0.5))));
  assert.equal(said.get('waits_count{a="x"}'), 2);
});

test("nothing is too small or too big", async () => {
  const { observe, shown } = world();
  observe(0);
  assert.equal((await shown()).get(at(0.99)), 0);
  for (let n = 0; n < 200; n++) observe(1e9);
  assert.ok(((await shown()).get(at(0.99)) ?? 0) > 3000);
});
