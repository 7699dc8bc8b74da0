/**
 * Options as data: one table yields the flag, the environment name, the config-file key, the help and the docs.
 * Values arrive as text (flag, environment) or as YAML (config file) and are parsed here, all faults at once.
 */

/** "texts": a list whose items may have commas: each is given by itself. */
export type OptionType = "string" | "integer" | "boolean" | "list" | "texts";

export interface OptionSpec {
  /** "data-dir": the flag without dashes, the key of the config file, and MINI_K8S_DATA_DIR. */
  readonly name: string;
  readonly type: OptionType;
  /** One letter: -n */
  readonly short?: Lowercase<string> | Uppercase<string>;
  /** What the help shows as default; the component's `complete` is what applies it. */
  readonly defaultText?: string;
  readonly placeholder?: string;
  readonly text: string;
  readonly group: string;
}

export type OptionValue = string | number | boolean | readonly string[];
export type OptionValues = Readonly<Record<string, OptionValue | undefined>>;

export const envNameOf = (name: string): string => `MINI_K8S_${name.replaceAll("-", "_").toUpperCase()}`;

export interface Parsed {
  readonly values: Record<string, OptionValue>;
  /** Each names where the value came from. */
  readonly faults: readonly string[];
}

/**
 * One source's raw values to typed ones. `where` turns a name into how the user wrote it: "--data-dir",
 * "MINI_K8S_DATA_DIR", "config.yaml: data-dir".
 */
export function parseOptions(
  specs: readonly OptionSpec[],
  raw: Readonly<Record<string, unknown>>,
  where: (name: string) => string,
): Parsed {
  const values: Record<string, OptionValue> = {};
  const faults: string[] = [];
  for (const spec of specs) {
    const given = raw[spec.name];
    if (given === undefined || given === null) continue;
    const value = parseValue(spec.type, given);
    if (value === undefined) {
      faults.push(`${where(spec.name)} is ${JSON.stringify(given)}, must be ${describe(spec.type)}`);
    } else {
      values[spec.name] = value;
    }
  }
  return { values, faults };
}

function describe(type: OptionType): string {
  switch (type) {
    case "integer":
      return "an integer";
    case "boolean":
      return "true or false";
    case "list":
    case "texts":
      return "a list";
    case "string":
      return "text";
  }
}

function parseValue(type: OptionType, given: unknown): OptionValue | undefined {
  switch (type) {
    case "string":
      return scalarText(given);
    case "integer": {
      const text = scalarText(given);
      return text !== undefined && /^-?\d{1,15}$/.test(text) ? Number(text) : undefined;
    }
    case "boolean":
      if (given === true || given === "true" || given === "1") return true;
      return given === false || given === "false" || given === "0" ? false : undefined;
    case "list":
      return parseList(given);
    case "texts":
      return parseTexts(given);
  }
}

function scalarText(given: unknown): string | undefined {
  if (typeof given === "string") return given;
  return typeof given === "number" || typeof given === "boolean" ? String(given) : undefined;
}

function parseTexts(given: unknown): readonly string[] | undefined {
  const texts = (Array.isArray(given) ? (given as unknown[]) : [given]).map(scalarText);
  return texts.every((text) => text !== undefined) ? texts : undefined;
}

const parseList = (given: unknown): readonly string[] | undefined =>
  parseTexts(given)?.flatMap((text) =>
    text
      .split(",")
      .map((piece) => piece.trim())
      .filter((piece) => piece !== ""),
  );
