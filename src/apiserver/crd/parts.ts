/** What serving and checking custom resources is made of. */
import { DefinitionValidator } from "#api/apiextensions/validation.ts";
import type { JsonDecoder } from "#api/codec/json.ts";
import { TableSchema } from "#api/patch/apply/table-schema.ts";
import type { TypeTable } from "#api/schema/type-table.ts";
import type { Client } from "#client/client.ts";
import type { HookClient } from "#apiserver/connect/hook-client.ts";
import type { Random } from "#base/random.ts";
import { WebhookConverter } from "./webhook-converter.ts";
import { relabelling } from "./converter.ts";
import type { CustomResourcesDeps } from "./custom-resources.ts";
import { needsExpressions, type LateExpressions } from "./late-expressions.ts";
import { metaReader, objectMeta } from "./meta-reader.ts";

export interface PartsDeps {
  readonly json: JsonDecoder;
  readonly table: TypeTable;
  readonly parseYaml: (text: string) => unknown;
  readonly client: () => Client;
  readonly expressions: Pick<LateExpressions, "load" | "loaded">;
  readonly hooks: Pick<HookClient, "call">;
  readonly random: Random;
}

export const createDefinitionValidator = (
  json: JsonDecoder,
  late: Pick<LateExpressions, "loaded">,
): DefinitionValidator =>
  new DefinitionValidator({
    read: metaReader(json),
    rules: (schema, value, path) => {
      if (!needsExpressions(schema)) return [];
      const { cel, compileObjectRules } = late.loaded;
      return compileObjectRules(cel, schema, false, path)?.faults(value, undefined) ?? [];
    },
    checker: (schema, isUnchanged) =>
      needsExpressions(schema) ? new late.loaded.CelRuleChecker(late.loaded.cel, isUnchanged) : undefined,
    compilePattern: (pattern) => late.loaded.compilePattern(pattern),
    patternFault: (pattern) => late.loaded.patternFault(pattern),
  });

type Parts = Pick<
  CustomResourcesDeps,
  | "read"
  | "metaType"
  | "compileRules"
  | "compilePattern"
  | "loadExpressions"
  | "parseYaml"
  | "client"
  | "converterOf"
>;

export function customParts({ json, table, parseYaml, client, expressions, ...webhook }: PartsDeps): Parts {
  const schema = new TableSchema(table);
  return {
    metaType: () => schema.struct(objectMeta),
    read: metaReader(json),
    compileRules: (structural) => {
      if (!needsExpressions(structural)) return undefined;
      const { cel, compileObjectRules } = expressions.loaded;
      return compileObjectRules(cel, structural, true);
    },
    compilePattern: (pattern) => expressions.loaded.compilePattern(pattern),
    loadExpressions: () => expressions.load(),
    parseYaml,
    client,
    converterOf: ({ spec: { conversion } }) =>
      conversion?.strategy === "Webhook" && conversion.webhook !== undefined
        ? new WebhookConverter(conversion.webhook, webhook)
        : relabelling,
  };
}
