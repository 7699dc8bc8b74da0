/**
 * Makes node_modules/.cache/mini-k8s-descriptions.json.gz, from which the server describes fields to `kubectl explain`. The texts lie in a
 * development package: where that isn't installed, it is fetched for the moment.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { descriptionTable } from "./generate/descriptions.ts";
import { unpackLocked } from "./locked-package.ts";

const root = join(import.meta.dirname, "..");
const target = join(root, "node_modules/.cache");
const source = "@kubernetes/client-node";

async function makeTable(): Promise<object> {
  const installed = join(root, "node_modules", source);
  if (existsSync(installed)) return descriptionTable(installed);
  const fetched = mkdtempSync(join(tmpdir(), "mini-k8s-descriptions-"));
  try {
    const tree = { prefix: "dist/gen/models/", target: fetched };
    await unpackLocked(join(root, "package-lock.json"), source, tree);
    return descriptionTable(fetched);
  } finally {
    rmSync(fetched, { recursive: true, force: true });
  }
}

const text = JSON.stringify(await makeTable());
mkdirSync(target, { recursive: true });
writeFileSync(join(target, "mini-k8s-descriptions.json.gz"), gzipSync(text, { level: 9 }));
