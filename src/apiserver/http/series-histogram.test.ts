import assert from "node:assert/strict";
import { test } from "node:test";
import { Histogram, Registry } from "prom-client";
import { SeriesHistogram } from "./series-histogram.ts";

test("says what prom-client's histogram says of the same observations", async () => {
  const options = { name: "waits", help: "How long.", buckets: [0, 0.5, 2] };
  const [ours, theirs] = [new Registry(), new Registry()];
  const own = new SeriesHistogram(options, ours);
  const reference = new Histogram({ ...options, labelNames: ["a", "b"], registers: [theirs] });
  for (const [labels, values] of [
    [{ a: "x", b: 'quoted "y"' }, [0, 0.25, 0.5, 0.75, 2, 3]],
    [{ a: "z", b: "" }, [1]],
  ] as const) {
    const series = own.series(labels);
    for (const value of values) {
      series.observe(value);
      reference.observe(labels, value);
    }
  }
  assert.equal(await ours.metrics(), await theirs.metrics());
});
