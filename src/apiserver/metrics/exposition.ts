/**
 * Metrics as Go's client hands them out: families by name, series and their labels in order, nothing of what has no series.
 * Text, or protobuf for who prefers it (exposition-protobuf.ts). Upstream doesn't turn OpenMetrics on, so who asks for it
 * gets text, too.
 * upstream: prometheus/common/expfmt/{expfmt,text_create,encode}.go, client_golang/prometheus/promhttp, component-base/metrics/legacyregistry
 */
import type { MetricObjectWithValues, MetricValue, Registry } from "prom-client";
import { parseAccept } from "#apiserver/request/media-type.ts";
import { protobufText } from "./exposition-protobuf.ts";

interface Sample extends MetricValue<string> {
  /** Where it isn't the family's. */
  readonly metricName?: string;
}

type Raw = MetricObjectWithValues<Sample>;

export interface Line {
  readonly name: string;
  /** Without `le` and `quantile`. */
  readonly labels: readonly (readonly [name: string, value: string])[];
  /** "le" or "quantile", and its number. */
  readonly bound: readonly [name: string, value: number] | undefined;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly help: string;
  /** "counter", "gauge", "histogram", "summary" */
  readonly type: string;
  /** Of each series all its lines: a histogram has many. */
  readonly series: readonly (readonly Line[])[];
}

export interface Exposition {
  readonly contentType: string;
  readonly body: string | Buffer;
}

const boundNames = ["le", "quantile"];

/** Go's names for what bytes of other alphabets in metrics' names become. */
const escapings = new Set(["allow-utf-8", "underscores", "dots", "values"]);

const protobufType = "application/vnd.google.protobuf";
const familyMessage = "io.prometheus.client.MetricFamily";

/** Of the answer. The last `escaping` that a client names up to what it gets is the one that it gets. */
export function metricsContentType(accept: string): string {
  let escaping = "underscores";
  for (const { type, parameters } of parseAccept(accept)) {
    const asked = parameters.get("escaping") ?? "";
    if (escapings.has(asked)) escaping = asked;
    const version = parameters.get("version") ?? "";
    if (type === "text/plain" && (version === "" || version === "0.0.4")) break;
    if (
      type === protobufType &&
      parameters.get("proto") === familyMessage &&
      parameters.get("encoding") === "delimited"
    ) {
      return `${protobufType}; proto=${familyMessage}; encoding=delimited; escaping=${escaping}`;
    }
  }
  return `text/plain; version=0.0.4; charset=utf-8; escaping=${escaping}`;
}

/** `accept`: the client's header. */
export async function exposition(registry: Registry, accept: string): Promise<Exposition> {
  const contentType = metricsContentType(accept);
  const isProtobuf = contentType.startsWith(protobufType);
  const families = await familiesOf(registry);
  return { contentType, body: isProtobuf ? protobufText(families) : families.map(familyText).join("") };
}

export async function metricsText(registry: Registry): Promise<string> {
  return (await familiesOf(registry)).map(familyText).join("");
}

async function familiesOf(registry: Registry): Promise<Family[]> {
  const families = (await registry.getMetricsAsJSON()) as unknown as Raw[];
  return families
    .filter(({ values }) => values.length > 0)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(familyOf);
}

function familyOf({ name, help, type, values }: Raw): Family {
  const groups = new Map<string, Line[]>();
  for (const value of values) {
    const line = lineOf(name, value);
    const key = line.labels.map(([, text]) => text).join("\n");
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [line]);
    else group.push(line);
  }
  const sorted = [...groups].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return { name, help, type: String(type), series: sorted.map(([, group]) => group) };
}

function familyText({ name, help, type, series }: Family): string {
  const lines = series.flatMap((group) => group.map(lineText)).join("");
  return `# HELP ${name} ${escaped(help)}\n# TYPE ${name} ${type}\n${lines}`;
}

function lineOf(family: string, { labels, value, metricName }: Sample): Line {
  const entries = Object.entries(labels);
  const bound = entries.find(([name]) => boundNames.includes(name));
  return {
    name: metricName ?? family,
    labels: entries
      .filter(([name]) => !boundNames.includes(name))
      .map(([name, text]): [string, string] => [name, String(text)])
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
    bound: bound === undefined ? undefined : [bound[0], boundOf(bound[1])],
    value,
  };
}

const boundOf = (bound: string | number | undefined): number =>
  bound === "+Inf" ? Number.POSITIVE_INFINITY : Number(bound);

function lineText({ name, labels, bound, value }: Line): string {
  const parts = labels.map(([label, text]) => `${label}="${escaped(text).replaceAll('"', String.raw`\"`)}"`);
  if (bound !== undefined) parts.push(`${bound[0]}="${goFloat(bound[1])}"`);
  const set = parts.length === 0 ? "" : `{${parts.join(",")}}`;
  return `${name}${set} ${goFloat(value)}\n`;
}

const escaped = (text: string): string =>
  text.replaceAll("\\", String.raw`\\`).replaceAll("\n", String.raw`\n`);

/** As Go's 'g' with the fewest digits: "1e+06", "2.5e-05". upstream: strconv/ftoa.go */
export function goFloat(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  if (value === 0) return "0";
  const [digits = "", exponent = "0"] = value.toExponential().split("e");
  const power = Number(exponent);
  if (power >= -4 && power < 6) return String(value);
  return `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}
