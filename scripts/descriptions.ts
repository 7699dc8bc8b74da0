/** Makes dist/descriptions.json.gz, which the server reads, if it is there, to describe fields to kubectl explain. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { descriptionTable } from "./generate/descriptions.ts";

const root = join(import.meta.dirname, "..");
const target = join(root, "dist");
mkdirSync(target, { recursive: true });
const text = JSON.stringify(descriptionTable(join(root, "node_modules")));
writeFileSync(join(target, "descriptions.json.gz"), gzipSync(text, { level: 9 }));
