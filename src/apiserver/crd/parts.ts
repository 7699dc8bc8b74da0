/** What serving and checking custom resources is made of. */
import { compileObjectRules } from "#api/apiextensions/rule-evaluation.ts";
import { CelRuleChecker } from "#api/apiextensions/rule-check.ts";
import type { Cel } from "#api/cel/environment.ts";
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
import { metaReader, objectMeta } from "./meta-reader.ts";

export interface PartsDeps {
  readonly json: JsonDecoder;
  readonly table: TypeTable;
  readonly parseYaml: (text: string) => unknown;
  readonly client: () => Client;
  /** Made when the first rule is met. */
  readonly cel: () => Cel;
  readonly hooks: Pick<HookClient, "call">;
  readonly random: Random;
}

export const createDefinitionValidator = (json: JsonDecoder, cel: () => Cel): DefinitionValidator =>
  new DefinitionValidator({
    read: metaReader(json),
    rules: (schema, value, path) =>
      compileObjectRules(cel(), schema, false, path)?.faults(value, undefined) ?? [],
    checker: () => new CelRuleChecker(cel()),
  });

type Parts = Pick<
  CustomResourcesDeps,
  "read" | "metaType" | "compileRules" | "parseYaml" | "client" | "converterOf"
>;

export function customParts({ json, table, parseYaml, client, cel, ...webhook }: PartsDeps): Parts {
  const schema = new TableSchema(table);
  return {
    metaType: () => schema.struct(objectMeta),
    read: metaReader(json),
    compileRules: (structural) => compileObjectRules(cel(), structural, true),
    parseYaml,
    client,
    converterOf: ({ spec: { conversion } }) =>
      conversion?.strategy === "Webhook" && conversion.webhook !== undefined
        ? new WebhookConverter(conversion.webhook, webhook)
        : relabelling,
  };
}
