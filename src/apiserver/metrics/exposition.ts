/**
 * Metrics as text, as Go's client prints them: families by name, series and their labels in order, nothing of what has no
 * series. Upstream doesn't turn OpenMetrics on, so who asks for it gets this, too.
 * upstream: prometheus/common/expfmt/{text_create,encode}.go, component-base/metrics/legacyregistry
 */
import type { MetricObjectWithValues, MetricValue, Registry } from "prom-client";

interface Sample extends MetricValue<string> {
  /** Where it isn't the family's. */
  readonly metricName?: string;
}

type Family = MetricObjectWithValues<Sample>;

interface Line {
  readonly name: string;
  /** Without `le` and `quantile`. */
  readonly labels: readonly (readonly [name: string, value: string])[];
  /** "le" or "quantile", and its number. */
  readonly bound: readonly [name: string, value: number] | undefined;
  readonly value: number;
}

const boundNames = ["le", "quantile"];

/** Go's names for what bytes of other alphabets in metrics' names become. */
const escapings = new Set(["allow-utf-8", "underscores", "dots", "values"]);

/** Of the answer; the last `escaping` that a client names is the one that it gets. */
export function metricsContentType(accept: string): string {
  let escaping = "underscores";
  for (const [, asked = ""] of accept.matchAll(/;\s*escaping=([\w-]+)/g)) {
    if (escapings.has(asked)) escaping = asked;
  }
  return `text/plain; version=0.0.4; charset=utf-8; escaping=${escaping}`;
}

export async function metricsText(registry: Registry): Promise<string> {
  const families = (await registry.getMetricsAsJSON()) as unknown as Family[];
  return families
    .filter(({ values }) => values.length > 0)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(familyText)
    .join("");
}

function familyText({ name, help, type, values }: Family): string {
  const lines = values.map((value) => lineOf(name, value));
  const groups = new Map<string, Line[]>();
  for (const line of lines) {
    const key = line.labels.map(([, value]) => value).join("\n");
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [line]);
    else group.push(line);
  }
  const sorted = [...groups].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const series = sorted.flatMap(([, group]) => group.map(lineText)).join("");
  return `# HELP ${name} ${escaped(help)}\n# TYPE ${name} ${String(type)}\n${series}`;
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
