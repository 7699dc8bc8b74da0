/** What serving and checking custom resources is made of. */
import type { Registry } from "prom-client";
import { DefinitionValidator } from "#api/apiextensions/validation.ts";
import type { JsonDecoder } from "#api/codec/json.ts";
import type { YamlReading } from "#api/codec/yaml.ts";
import { TableSchema } from "#api/patch/apply/table-schema.ts";
import type { TypeTable } from "#api/schema/type-table.ts";
import type { Client } from "#client/client.ts";
import type { HookClient } from "#apiserver/connect/hook-client.ts";
import type { CompiledRules } from "#api/schema/structural/rules.ts";
import type { Series } from "#apiserver/http/series-histogram.ts";
import type { ExpressionTimes } from "#apiserver/metrics/expression-metrics.ts";
import { DefinitionMetrics } from "#apiserver/metrics/definition-metrics.ts";
import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import { WebhookConverter } from "./webhook-converter.ts";
import { relabelling } from "./converter.ts";
import type { CustomResourcesDeps } from "./custom-resources.ts";
import { needsExpressions, type LateExpressions } from "./late-expressions.ts";
import { metaReader, objectMeta } from "./meta-reader.ts";

export interface PartsDeps {
  readonly json: JsonDecoder;
  readonly table: TypeTable;
  readonly readYaml: (bytes: Buffer) => YamlReading;
  readonly client: () => Client;
  readonly expressions: Pick<LateExpressions, "load" | "loaded">;
  readonly hooks: Pick<HookClient, "call">;
  readonly random: Random;
  readonly clock: Clock;
  readonly registry: Registry;
  readonly expressionTimes: ExpressionTimes;
}

export const createDefinitionValidator = (
  json: JsonDecoder,
  late: Pick<LateExpressions, "loaded">,
): DefinitionValidator =>
  new DefinitionValidator({
    read: metaReader(json),
    rules: (schema, { value, path }, budget) => {
      if (!needsExpressions(schema)) return [];
      const { cel, compileObjectRules } = late.loaded;
      return compileObjectRules(cel, schema, false, path)?.defaultFaults(value, budget) ?? [];
    },
    checker: (schema, isUnchanged) =>
      needsExpressions(schema) ? new late.loaded.CelRuleChecker(late.loaded.cel, isUnchanged) : undefined,
    compilePattern: (pattern) => late.loaded.compilePattern(pattern),
    patternFault: (pattern) => late.loaded.patternFault(pattern),
  });

/** What custom resources need of a whole server beyond what their assembly has. */
export type CustomParts = Pick<
  CustomResourcesDeps,
  | "read"
  | "metaType"
  | "compileRules"
  | "compilePattern"
  | "loadExpressions"
  | "readYaml"
  | "client"
  | "converterOf"
  | "metrics"
>;

function timed(
  compile: () => CompiledRules | undefined,
  clock: Clock,
  { compilation, evaluation }: ExpressionTimes,
): CompiledRules | undefined {
  const observed = <T>(series: Series, run: () => T): T => {
    const began = clock.monotonic();
    try {
      return run();
    } finally {
      series.observe((clock.monotonic() - began) / 1000);
    }
  };
  const rules = observed(compilation, compile);
  return rules === undefined
    ? undefined
    : { faults: (value, old, warn) => observed(evaluation, () => rules.faults(value, old, warn)) };
}

export function customParts({ json, table, readYaml, client, expressions, ...deps }: PartsDeps): CustomParts {
  const schema = new TableSchema(table);
  const metrics = new DefinitionMetrics(deps.registry);
  return {
    metaType: () => schema.struct(objectMeta),
    read: metaReader(json),
    compileRules: (structural) => {
      if (!needsExpressions(structural)) return undefined;
      const { cel, compileObjectRules } = expressions.loaded;
      return timed(() => compileObjectRules(cel, structural, true), deps.clock, deps.expressionTimes);
    },
    compilePattern: (pattern) => expressions.loaded.compilePattern(pattern),
    loadExpressions: () => expressions.load(),
    readYaml,
    client,
    metrics,
    converterOf: ({ metadata, spec: { conversion } }) =>
      conversion?.strategy === "Webhook" && conversion.webhook !== undefined
        ? new WebhookConverter(metadata?.name ?? "", conversion.webhook, { ...deps, metrics })
        : relabelling,
  };
}
