/**
 * Metrics as protobuf: a family after the other, each after its length. Numbers are of metrics.proto, whose fields are
 * written when they are known, be they zero. upstream: prometheus/client_model, prometheus/common/expfmt/encode.go
 */
import { Writer } from "#api/codec/protobuf/writer.ts";
import type { Family, Line } from "./exposition.ts";

/** Of MetricType; 3 is what is none of them. */
const types: Readonly<Record<string, number>> = { counter: 0, gauge: 1, summary: 2, histogram: 4 };
const untyped = 3;

/** Where a Metric keeps its value, by the type. */
const valueFields: Readonly<Record<number, number>> = { 0: 3, 1: 2, 2: 4, 3: 5, 4: 7 };

export function protobufText(families: readonly Family[]): Buffer {
  const writer = new Writer();
  for (const family of families.toReversed()) {
    const mark = writer.mark;
    writeFamily(writer, family);
    writer.varint(writer.mark - mark);
  }
  return writer.take();
}

function writeFamily(writer: Writer, { name, help, type, series }: Family): void {
  const number = types[type] ?? untyped;
  for (const lines of series.toReversed()) {
    within(writer, 4, () => {
      writeMetric(writer, number, lines);
    });
  }
  varintField(writer, 3, number);
  textField(writer, 2, help);
  textField(writer, 1, name);
}

function writeMetric(writer: Writer, type: number, lines: readonly Line[]): void {
  within(writer, valueFields[type] ?? untyped, () => {
    if (type === types["histogram"] || type === types["summary"]) writeDistribution(writer, lines);
    else doubleField(writer, 1, lines[0]?.value ?? 0);
  });
  for (const [name, value] of (lines[0]?.labels ?? []).toReversed()) {
    within(writer, 1, () => {
      textField(writer, 2, value);
      textField(writer, 1, name);
    });
  }
}

/** Of histograms and summaries alike: count, sum, buckets or quantiles. The last bucket goes without saying. */
function writeDistribution(writer: Writer, lines: readonly Line[]): void {
  for (const { bound, value } of lines.toReversed()) {
    if (bound === undefined || bound[1] === Number.POSITIVE_INFINITY) continue;
    const [name, at] = bound;
    within(writer, 3, () => {
      if (name === "le") {
        doubleField(writer, 2, at);
        varintField(writer, 1, value);
      } else {
        doubleField(writer, 2, value);
        doubleField(writer, 1, at);
      }
    });
  }
  doubleField(writer, 2, valueOf(lines, "_sum"));
  varintField(writer, 1, valueOf(lines, "_count"));
}

const valueOf = (lines: readonly Line[], ending: string): number =>
  lines.find(({ name, bound }) => bound === undefined && name.endsWith(ending))?.value ?? 0;

function within(writer: Writer, id: number, write: () => void): void {
  const mark = writer.mark;
  write();
  writer.varint(writer.mark - mark);
  writer.varint(id * 8 + 2);
}

function textField(writer: Writer, id: number, text: string): void {
  within(writer, id, () => {
    writer.text(text);
  });
}

function varintField(writer: Writer, id: number, value: number): void {
  writer.varint(value);
  writer.varint(id * 8);
}

function doubleField(writer: Writer, id: number, value: number): void {
  writer.double(value);
  writer.varint(id * 8 + 1);
}
