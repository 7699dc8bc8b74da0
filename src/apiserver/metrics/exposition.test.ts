import assert from "node:assert/strict";
import { test } from "node:test";
import { Counter, Gauge, Registry } from "prom-client";
import { SeriesHistogram } from "#apiserver/http/series-histogram.ts";
import { goFloat, metricsContentType, metricsText } from "./exposition.ts";
import { registerMetaMetrics } from "./meta-metrics.ts";
import { alpha, deprecated, stable } from "./stability.ts";

test("families, series and labels come in order; what has no series isn't there", async () => {
  const registry = new Registry();
  const histogram = new SeriesHistogram(
    { name: "z_sizes", help: alpha("Sizes."), buckets: [0.00001, 1e6] },
    registry,
  );
  histogram.series({ verb: "b", group: "x" }).observe(2e6);
  histogram.series({ verb: "a", group: "x" }).observe(1);
  const registers = [registry];
  registry.registerMetric(
    new Counter({ name: "nothing_total", help: "Nothing.", labelNames: ["a"], registers: [] }),
  );
  const gauge = new Gauge({ name: "a_gauge", help: stable('A "b\\c"\nd.'), labelNames: ["what"], registers });
  gauge.set({ what: 'a "b\\c"\nd' }, Number.POSITIVE_INFINITY);
  assert.equal(
    await metricsText(registry),
    String.raw`# HELP a_gauge [STABLE] A "b\\c"\nd.
# TYPE a_gauge gauge
a_gauge{what="a \"b\\c\"\nd"} +Inf
# HELP z_sizes [ALPHA] Sizes.
# TYPE z_sizes histogram
z_sizes_bucket{group="x",verb="a",le="1e-05"} 0
z_sizes_bucket{group="x",verb="a",le="1e+06"} 1
z_sizes_bucket{group="x",verb="a",le="+Inf"} 1
z_sizes_sum{group="x",verb="a"} 1
z_sizes_count{group="x",verb="a"} 1
z_sizes_bucket{group="x",verb="b",le="1e-05"} 0
z_sizes_bucket{group="x",verb="b",le="1e+06"} 0
z_sizes_bucket{group="x",verb="b",le="+Inf"} 1
z_sizes_sum{group="x",verb="b"} 2e+06
z_sizes_count{group="x",verb="b"} 1
`,
  );
});

const floats: readonly [value: number, text: string][] = [
  [0, "0"],
  [-0, "0"],
  [1, "1"],
  [0.1, "0.1"],
  [0.0001, "0.0001"],
  [0.00012, "0.00012"],
  [0.00005, "5e-05"],
  [999_999, "999999"],
  [1_000_000, "1e+06"],
  [1_234_567.5, "1.2345675e+06"],
  [1e100, "1e+100"],
  [-2.5e-7, "-2.5e-07"],
  [Number.NaN, "NaN"],
  [Number.NEGATIVE_INFINITY, "-Inf"],
];
for (const [value, text] of floats) {
  test(`${text} is written as Go does`, () => {
    assert.equal(goFloat(value), text);
  });
}

const accepts: readonly [accept: string, escaping: string][] = [
  ["", "underscores"],
  ["*/*", "underscores"],
  ["application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5", "underscores"],
  ["text/plain;version=0.0.4;escaping=allow-utf-8", "allow-utf-8"],
  ["text/plain;escaping=made-up", "underscores"],
];
for (const [accept, escaping] of accepts) {
  test(`who accepts ${JSON.stringify(accept)} gets text, ${escaping}`, () => {
    assert.equal(
      metricsContentType(accept),
      `text/plain; version=0.0.4; charset=utf-8; escaping=${escaping}`,
    );
  });
}

test("metrics are counted by what is promised of them", async () => {
  const registry = new Registry();
  registerMetaMetrics(registry);
  const helps = [
    ["one", alpha("One.")],
    ["two", alpha("Two.")],
    ["old", stable(deprecated("1.34.0", "Old."))],
    ["other", "Nobody promises anything."],
  ] as const;
  for (const [name, help] of helps) registry.registerMetric(new Gauge({ name, help, registers: [] }));
  const text = await metricsText(registry);
  const name = "registered_metrics_total";
  assert.ok(text.includes(`${name}{deprecated_version="",stability_level="ALPHA"} 2\n`));
  assert.ok(text.includes(`${name}{deprecated_version="",stability_level="BETA"} 3\n`));
  assert.ok(text.includes(`${name}{deprecated_version="1.34.0",stability_level="STABLE"} 1\n`));
  assert.match(text, /^# HELP old \[STABLE\] \(Deprecated since 1\.34\.0\) Old\.$/m);
  assert.match(
    text,
    /^disabled_metrics_total 0\n# HELP hidden_metrics_total \[BETA\] .*\n.*\nhidden_metrics_total 0$/m,
  );
});
