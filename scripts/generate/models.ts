/** What the models of @kubernetes/client-node say: which fields are required, and what they are for. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface Model {
  readonly description: string;
  readonly fields: ReadonlyMap<string, ModelField>;
}

export interface ModelField {
  readonly required: boolean;
  readonly description: string;
}

const upper = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** "io.k8s.api.core.v1.Event" is CoreV1Event, and where no other group has that name, V1Event. */
function classNames(struct: string): string[] {
  const [name = "", version = "", group = ""] = struct.split(".").toReversed();
  return [`${upper(group)}${upper(version)}${name}`, `${upper(version)}${name}`];
}

function unescape(text: string): string {
  return text.replace(/\\(['"])/g, "$1").trim();
}

function parse(text: string): Model {
  const start = text.indexOf("export declare class");
  const described = /\/\*\*\n\* ([^]*?)\n\*\/\n$/.exec(text.slice(0, start));
  const fields = new Map<string, ModelField>();
  const pattern = /(?: {4}\/\*\*\n {4}\* ([^\n]*)\n {4}\*\/\n)? {4}'([^']+)'(\?)?: /g;
  for (const [, description = "", name = "", optional] of text.slice(start).matchAll(pattern)) {
    const json = name.replace(/^_(?=[a-z])/, "").replace(/^_(\$)/, "$1");
    fields.set(json, { required: optional === undefined, description: unescape(description) });
  }
  return { description: unescape(described?.[1] ?? ""), fields };
}

export class Models {
  readonly #folder: string;

  constructor(packageFolder: string) {
    this.#folder = join(packageFolder, "dist/gen/models");
  }

  of(struct: string): Model | undefined {
    const path = classNames(struct)
      .map((name) => join(this.#folder, `${name}.d.ts`))
      .find((candidate) => existsSync(candidate));
    return path === undefined ? undefined : parse(readFileSync(path, "utf8"));
  }
}
