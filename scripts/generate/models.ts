/** What the models of @kubernetes/client-node say: which fields are required. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface Model {
  readonly fields: ReadonlyMap<string, ModelField>;
}

export interface ModelField {
  readonly required: boolean;
}

const upper = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** "io.k8s.api.core.v1.Event" is CoreV1Event, and where no other group has that name, V1Event. */
function classNames(struct: string): string[] {
  const [name = "", version = "", group = ""] = struct.split(".").toReversed();
  return [`${upper(group)}${upper(version)}${name}`, `${upper(version)}${name}`];
}

function parse(text: string): Model {
  const start = text.indexOf("export declare class");
  const fields = new Map<string, ModelField>();
  for (const [, name = "", optional] of text.slice(start).matchAll(/^ {4}'([^']+)'(\?)?: /gm)) {
    const json = name.replace(/^_(?=[a-z])/, "").replace(/^_(\$)/, "$1");
    fields.set(json, { required: optional === undefined });
  }
  return { fields };
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
