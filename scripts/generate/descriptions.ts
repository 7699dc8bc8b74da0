/**
 * What structs and fields are for, from the models of client-node. An asset of the build, not part of the repository.
 * The models lost the texts of fields that are structs: these get what their struct is for.
 */
import type { DescriptionTable } from "#apiserver/openapi/descriptions.ts";
import { annotate, type AnnotatedStruct } from "./annotate.ts";
import type { Models } from "./models.ts";
import { readSources } from "./sources.ts";

function textsOf({ name, fields }: AnnotatedStruct, models: Models): Record<string, string> {
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

export function descriptionTable(modules: string): DescriptionTable {
  const { structs, models } = readSources(modules);
  const all = annotate(structs, models);
  const inlined = (struct: AnnotatedStruct): AnnotatedStruct[] =>
    struct.fields
      .filter((field) => field.inline)
      .flatMap((field) => all.filter(({ name }) => name === field.struct));
  const table: Record<string, Record<string, string>> = {};
  for (const struct of all) {
    const texts = [...inlined(struct), struct].map((each) => Object.entries(textsOf(each, models)));
    if (texts.flat().length > 0) table[struct.name] = Object.fromEntries(texts.flat());
  }
  return table;
}
