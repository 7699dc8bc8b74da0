/** Makes src/api/generated/ from pinned development packages. Running it again changes nothing. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { readSources } from "./generate/sources.ts";
import type { Field } from "./generate/structs.ts";
import { typeFiles } from "./generate/typescript.ts";

const root = join(import.meta.dirname, "..");
const target = join(root, "src/api/generated");
const header =
  "/** Made by scripts/generate.ts from the Go types in kubectl and helm, and client-node. Never edited. */";

const { structs, models } = readSources(join(root, "node_modules"));
const isRequired = (struct: string, field: Field): boolean => {
  const known = models.of(struct)?.fields.get(field.name);
  return known === undefined ? !field.omitEmpty : known.required;
};

const files = new Map<string, string>();
for (const [name, text] of typeFiles(structs.values(), isRequired, header)) files.set(`types/${name}`, text);

rmSync(target, { recursive: true, force: true });
for (const [name, text] of files) {
  const path = join(target, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
