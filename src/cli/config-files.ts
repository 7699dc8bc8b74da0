/** config.yaml and config.yaml.d/*.yaml: the option names as keys. Later files win; "key+" adds to a list. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { parseYaml } from "#api/codec/yaml.ts";
import { readTextIfExists } from "#base/files.ts";
import { parseOptions, type OptionSpec, type OptionValue, type Parsed } from "#base/options.ts";

const defaultPath = "/etc/mini-k8s/config.yaml";

/** A file that was asked for must exist; the default one may be missing. */
export async function readConfigFiles(
  specs: readonly OptionSpec[],
  asked: string | undefined,
): Promise<Parsed> {
  const main = asked ?? defaultPath;
  const values: Record<string, OptionValue> = {};
  const faults: string[] = [];
  const extra = (await readdir(`${main}.d`).catch(() => []))
    .filter((name) => /\.ya?ml$/.test(name))
    .toSorted();
  for (const path of [main, ...extra.map((name) => join(`${main}.d`, name))]) {
    const text = await readTextIfExists(path);
    if (text === undefined) {
      if (asked !== undefined) faults.push(`--config is ${path}, which does not exist`);
      continue;
    }
    const file = readOne(specs, path, text);
    faults.push(...file.faults);
    merge(values, file);
  }
  return { values, faults };
}

interface ConfigFile extends Parsed {
  readonly added: Readonly<Record<string, OptionValue>>;
}

function readOne(specs: readonly OptionSpec[], path: string, text: string): ConfigFile {
  let document: unknown;
  try {
    document = parseYaml(text) ?? {};
  } catch (error) {
    return {
      values: {},
      added: {},
      faults: [`${path} is not YAML: ${error instanceof Error ? error.message : ""}`],
    };
  }
  if (typeof document !== "object" || document === null || Array.isArray(document)) {
    return { values: {}, added: {}, faults: [`${path} must be a map of option names`] };
  }
  const entries = Object.entries(document as Record<string, unknown>);
  const known = new Set(specs.map(({ name }) => name));
  const lists = new Set(
    specs.filter(({ type }) => type === "list" || type === "texts").map(({ name }) => name),
  );
  const unknown = entries
    .map(([key]) => key)
    .filter((key) => !known.has(key) && !(key.endsWith("+") && lists.has(key.slice(0, -1))));
  const where = (name: string): string => `${path}: ${name}`;
  const plain = parseOptions(specs, Object.fromEntries(entries), where);
  const plus = entries
    .filter(([key]) => key.endsWith("+"))
    .map(([key, value]) => [key.slice(0, -1), value] as const);
  const added = parseOptions(specs, Object.fromEntries(plus), where);
  return {
    values: plain.values,
    added: added.values,
    faults: [...unknown.map((key) => `${path}: unknown option ${key}`), ...plain.faults, ...added.faults],
  };
}

function merge(values: Record<string, OptionValue>, file: ConfigFile): void {
  Object.assign(values, file.values);
  for (const [name, more] of Object.entries(file.added)) {
    const before = values[name];
    values[name] = [...(Array.isArray(before) ? (before as string[]) : []), ...(more as readonly string[])];
  }
}
