/**
 * Makes node_modules/.cache/mini-k8s-descriptions.json.gz, from which the server describes fields to `kubectl explain`.
 * The texts lie in packages that are fetched for the moment; where nothing has changed since, nothing is.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { typeTableText } from "#api/generated/type-table.ts";
import { descriptionTable } from "./generate/descriptions.ts";
import { modelTexts, releaseTexts } from "./generate/text-packages.ts";
import { unpackLocked } from "./locked-package.ts";

const generators = join(import.meta.dirname, "generate");
const lockFile = join(generators, "texts-lock.json");
const target = join(import.meta.dirname, "../node_modules/.cache/mini-k8s-descriptions.json.gz");
const mark = `${target}.of`;

async function makeTable(): Promise<object> {
  const fetched = mkdtempSync(join(tmpdir(), "mini-k8s-descriptions-"));
  const folderOf = async (name: string): Promise<string> => {
    const folder = mkdtempSync(join(fetched, "package-"));
    await unpackLocked(lockFile, name, { prefix: "", target: folder });
    return folder;
  };
  try {
    return descriptionTable({
      release: releaseTexts(await folderOf("@pulumi/kubernetes")),
      models: modelTexts([
        await folderOf("kubernetes-models"),
        await folderOf("@kubernetes-models/apimachinery"),
      ]),
    });
  } finally {
    rmSync(fetched, { recursive: true, force: true });
  }
}

/** In one step: a server that starts meanwhile reads the old one or the new one. */
function put(path: string, content: Buffer | string): void {
  writeFileSync(`${path}.new`, content);
  renameSync(`${path}.new`, path);
}

const madeOf = createHash("sha256").update(typeTableText);
for (const name of ["texts-lock.json", "descriptions.ts", "doc-comments.ts", "text-packages.ts"]) {
  madeOf.update(readFileSync(join(generators, name)));
}
const wanted = madeOf.digest("hex");
if (!existsSync(target) || !existsSync(mark) || readFileSync(mark, "utf8") !== wanted) {
  const text = JSON.stringify(await makeTable());
  mkdirSync(join(target, ".."), { recursive: true });
  put(target, gzipSync(text, { level: 9 }));
  put(mark, wanted);
}
