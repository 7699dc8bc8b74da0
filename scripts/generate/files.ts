/** All of src/api/generated/, as texts by file name. */
import { annotate } from "./annotate.ts";
import { readSources } from "./sources.ts";
import { typeTableModule } from "./type-table.ts";
import { typeFiles } from "./typescript.ts";

const header =
  "/** Made by scripts/generate.ts from the Go types in kubectl and helm, client-node's models and src/api/facts. Never edited. */";

export function generate(modules: string): Map<string, string> {
  const { structs, models } = readSources(modules);
  const annotated = annotate(structs, models);
  const files = new Map<string, string>();
  for (const [name, text] of typeFiles(annotated, header)) files.set(`types/${name}`, text);
  files.set("type-table.ts", typeTableModule(annotated, header));
  return files;
}
