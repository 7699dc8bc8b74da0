import assert from "node:assert/strict";
import { test } from "node:test";
import { Counter, Gauge, Registry } from "prom-client";
import { SeriesHistogram } from "#apiserver/http/series-histogram.ts";
import { exposition, goFloat, metricsContentType, metricsText } from "./exposition.ts";
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
  ["text/plain;version=1.0.0;escaping=dots;q=0.9,text/plain;version=0.0.4;q=0.5", "dots"],
  ["application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text", "underscores"],
  ["application/vnd.google.protobuf;proto=example.com.Other;encoding=delimited", "underscores"],
  [
    "text/plain, application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6",
    "underscores",
  ],
];
for (const [accept, escaping] of accepts) {
  test(`who accepts ${JSON.stringify(accept)} gets text, ${escaping}`, () => {
    assert.equal(
      metricsContentType(accept),
      `text/plain; version=0.0.4; charset=utf-8; escaping=${escaping}`,
    );
  });
}

const textBytes = (value: string): number[] => [value.length, ...Buffer.from(value)];
const double = (value: number): number[] => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return [...bytes];
};
const message = (id: number, ...parts: (number | number[])[]): number[] => {
  const inner = parts.flat();
  return [id * 8 + 2, inner.length, ...inner];
};
const label = (name: string, value: string): number[] =>
  message(1, 0x0a, textBytes(name), 0x12, textBytes(value));
const bucket = (count: number, le: number): number[] => message(3, 0x08, count, 0x11, double(le));

test("who prefers protobuf gets each family after its length, zeros and all", async () => {
  const registry = new Registry();
  const registers = [registry];
  new Counter({ name: "c_total", help: "C.", labelNames: ["b", "a"], registers }).inc({ b: "x", a: "y" }, 0);
  new Gauge({ name: "g", help: "G.", registers }).set(-1);
  const histogram = new SeriesHistogram({ name: "h", help: "H.", buckets: [0.5, 2] }, registry).series({});
  for (const value of [0.25, 1, 4]) histogram.observe(value);
  // Prometheus with native histograms turned on.
  const accept =
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1";
  const { contentType, body } = await exposition(registry, accept);
  assert.equal(
    contentType,
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=underscores",
  );
  const families = [
    [
      [0x0a, textBytes("c_total"), 0x12, textBytes("C."), 0x18, 0],
      message(4, label("a", "y"), label("b", "x"), message(3, 0x09, double(0))),
    ],
    [[0x0a, textBytes("g"), 0x12, textBytes("G."), 0x18, 1], message(4, message(2, 0x09, double(-1)))],
    [
      [0x0a, textBytes("h"), 0x12, textBytes("H."), 0x18, 4],
      message(4, message(7, [0x08, 3], 0x11, double(5.25), bucket(1, 0.5), bucket(2, 2))),
    ],
  ].map((parts) => parts.flat(2));
  const wanted = families.flatMap((bytes) => [bytes.length, ...bytes]);
  assert.deepEqual([...(body as Buffer)], wanted);
});

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
