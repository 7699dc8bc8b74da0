/** Where the API's texts lie: packages that have them from the documents that a server publishes. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { docComments, type Texts } from "./doc-comments.ts";

/** Texts of a struct by its full name. */
export type TextSource = (struct: string) => Texts | undefined;

/** Path and content of the files below a folder whose path is wanted. */
function filesBelow(folder: string, wanted: RegExp): [path: string, text: string][] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => wanted.test(path))
    .map((path) => [path, readFileSync(join(folder, path), "utf8")]);
}

/** Of what the package's own authors say to its users. */
const foreign = /\n\n(?:This resource waits until|Note: While Pulumi)[^]*/;

function unescaped(texts: Texts): Texts {
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [
      // Such members can't have dashes in their names.
      name.startsWith("x_kubernetes_") ? name.replaceAll("_", "-") : name,
      text.replaceAll("&#47;", "/").replace(foreign, ""),
    ]),
  );
}

/** @pulumi/kubernetes: of the release itself, but for kinds that aren't kept, and without words on an enum's values. */
export function releaseTexts(folder: string): TextSource {
  const structs = docComments(readFileSync(join(folder, "types/input.d.ts"), "utf8"));
  for (const [path, text] of filesBelow(folder, /^\w+\/v\w+\/\w+List\.d\.ts$/)) {
    const group = dirname(path).replace("/", ".");
    for (const [name, texts] of docComments(text)) structs.set(`${group}.${name}`, texts);
  }
  return (struct) => {
    const [name = "", version = "", group = ""] = struct.split(".").toReversed();
    const texts = structs.get(`${group}.${version}.${name}`);
    return texts === undefined ? undefined : unescaped(texts);
  };
}

/** "io.k8s.api.core.v1.Pod" is "IoK8sApiCoreV1Pod". */
const modelName = (struct: string): string =>
  struct.replace(/(?:^|[.-])(\w)/g, (_, first: string) => first.toUpperCase());

/** kubernetes-models and its apimachinery: of a later release, whole. */
export function modelTexts(folders: readonly string[]): TextSource {
  const structs = new Map<string, Texts>();
  for (const [, text] of folders.flatMap((folder) =>
    filesBelow(folder, /^(?!_schemas).*\/[A-Z]\w+\.d\.ts$/),
  )) {
    const [, short = "", full = ""] = /^export (?:type )?\{ I(\w+) as I(\w+)/m.exec(text) ?? [];
    const texts = docComments(text).get(`I${short}`);
    if (texts !== undefined) structs.set(full, texts);
  }
  return (struct) => {
    const texts = structs.get(modelName(struct));
    return texts === undefined
      ? undefined
      : Object.fromEntries(
          Object.entries(texts).map(([name, text]) => [name, text.replace(/\\([*/])/g, "$1")]),
        );
  };
}
