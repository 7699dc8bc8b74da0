/** What structs and fields are for, as a server publishes it. An asset, not part of the repository. */
import type { DescriptionTable } from "#apiserver/openapi/descriptions.ts";
import { publishedEnum, writtenSchemas } from "#apiserver/openapi/schemas.ts";
import { createTypeTable } from "#api/schema/table.ts";
import type { StructType, TypeTable } from "#api/schema/type-table.ts";
import type { Texts } from "./doc-comments.ts";
import type { TextSource } from "./text-packages.ts";

export interface TextSources {
  /** Of the release itself: where it has a text, that is the one. */
  readonly release: TextSource;
  /** Of another release, with words on the values of enums. */
  readonly models: TextSource;
}

const valuesBegin = /\n+Possible enum values:\n/;

/** Upstream's text goes on with the values. upstream: kube-openapi/pkg/generators/enum.go */
function withValues(text: string, values: readonly string[], model: string): string {
  const [, valuesText = ""] = model.split(valuesBegin);
  const [begin = "\n\nPossible enum values:\n"] = valuesBegin.exec(model) ?? [];
  const known = new Map(
    valuesText.split("\n").map((line) => [/^ - `("[^`]*")`/.exec(line)?.[1] ?? "", line]),
  );
  const lines = values.map((value) => {
    const quoted = JSON.stringify(value);
    return known.get(quoted) ?? ` - \`${quoted}\``;
  });
  return `${text}${begin}${lines.join("\n")}`;
}

/** A version before the stable one has the stable one's words. */
const stable = (struct: string): string => struct.replace(/\.v(\d+)(?:alpha|beta)\d+\./, ".v1.");

/** What every kind says of itself: the models leave it out where only one value fits. */
function ofEveryKind(release: TextSource): Texts {
  const { apiVersion = "", kind = "" } = release("io.k8s.api.core.v1.Pod") ?? {};
  return { apiVersion, kind };
}

function textsOf({ name, byName }: StructType, { release, models }: TextSources): Texts {
  const own = release(name) ?? {};
  const model = models(name) ?? models(stable(name)) ?? {};
  const fallback = ofEveryKind(release);
  const fields = [...byName.values()].map((field): [field: string, text: string] => {
    const ofModel = model[field.name] ?? "";
    const [modelText = ""] = ofModel.split(valuesBegin);
    const text = [own[field.name], modelText, fallback[field.name]].find((each = "") => each !== "") ?? "";
    const values = field.shape === "one" ? publishedEnum(name, field) : undefined;
    return [field.name, text === "" || values === undefined ? text : withValues(text, values, ofModel)];
  });
  const all = [["", own[""] ?? model[""] ?? ""] as const, ...fields];
  return Object.fromEntries(all.filter(([, text]) => text !== ""));
}

export function descriptionTable(
  sources: TextSources,
  types: TypeTable = createTypeTable(),
): DescriptionTable {
  const structs = types.names.flatMap((name) => types.struct(name) ?? []);
  const table: Record<string, Texts> = {};
  for (const struct of structs) table[struct.name] = textsOf(struct, sources);
  for (const name of Object.keys(writtenSchemas)) {
    const text = sources.release(name)?.[""] ?? sources.models(name)?.[""];
    if (text !== undefined) table[name] = { "": text };
  }
  return Object.fromEntries(Object.entries(table).filter(([, texts]) => Object.keys(texts).length > 0));
}
