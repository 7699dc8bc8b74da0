/**
 * What structs and fields are for, from the models of client-node. An asset, not part of the repository.
 * The models lost the texts of fields that are structs: these get what their struct is for.
 */
import type { DescriptionTable } from "#apiserver/openapi/descriptions.ts";
import { createTypeTable } from "#api/schema/table.ts";
import type { StructType } from "#api/schema/type-table.ts";
import { Models } from "./models.ts";

function textsOf({ name, fields }: StructType, models: Models): Record<string, string> {
  const model = models.of(name);
  const texts: Record<string, string> = {};
  if (model !== undefined && model.description !== "") texts[""] = model.description;
  for (const [field, { description }] of model?.fields ?? []) {
    if (description !== "") texts[jsonName(field)] = description;
  }
  for (const { name: field, struct } of fields) {
    const description = struct === undefined ? undefined : models.of(struct)?.description;
    if (field !== "" && description !== undefined && description !== "") texts[field] ??= description;
  }
  return texts;
}

/** Models can't have dashes in their fields' names. */
const jsonName = (field: string): string =>
  field.startsWith("x_kubernetes_") ? field.replaceAll("_", "-") : field;

/** `packageFolder` holds client-node's dist/gen/models. */
export function descriptionTable(packageFolder: string): DescriptionTable {
  const types = createTypeTable();
  const models = new Models(packageFolder);
  const structs = types.names.flatMap((name) => types.struct(name) ?? []);
  const inlined = (struct: StructType): StructType[] =>
    struct.fields
      .filter((field) => field.inline)
      .flatMap((field) => structs.filter(({ name }) => name === field.struct));
  const table: Record<string, Record<string, string>> = {};
  for (const struct of structs) {
    const texts = [...inlined(struct), struct].flatMap((each) => Object.entries(textsOf(each, models)));
    if (texts.length > 0) table[struct.name] = Object.fromEntries(texts);
  }
  return table;
}
