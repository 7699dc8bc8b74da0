/** Makes src/api/generated/ from pinned development packages. Running it again changes nothing. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { generate } from "./generate/files.ts";

const root = join(import.meta.dirname, "..");
const target = join(root, "src/api/generated");

rmSync(target, { recursive: true, force: true });
for (const [name, text] of generate(join(root, "node_modules"))) {
  const path = join(target, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
