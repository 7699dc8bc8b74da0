/** Option tables to oclif flags, and flags, environment and config files to option values. Flag beats environment beats file. */
import { boolean, string } from "@oclif/core/flags";
import { parse } from "@oclif/core/parser";
import {
  envNameOf,
  parseOptions,
  type OptionSpec,
  type OptionValue,
  type OptionValues,
} from "#base/options.ts";
import { readConfigFiles } from "./config-files.ts";
import { UsageError, type Invocation } from "./invocation.ts";

/** What help and parsing need of an oclif flag. */
type OclifFlag = ReturnType<typeof boolean<boolean>>;

/** Everything comes in as text: our own table checks the types, so that all faults are told at once. */
export function oclifFlags(specs: readonly OptionSpec[]): Record<string, OclifFlag> {
  return Object.fromEntries(specs.map((spec) => [spec.name, flagOf(spec)]));
}

function flagOf(spec: OptionSpec): OclifFlag {
  const defaultText = spec.defaultText === undefined ? "" : ` [default: ${spec.defaultText}]`;
  const char = spec.short === undefined ? {} : { char: spec.short as "n" };
  const shared = { description: spec.text + defaultText, helpGroup: spec.group, ...char };
  if (spec.type === "boolean") return boolean({ ...shared, allowNo: true });
  const valued = { ...shared, helpValue: spec.placeholder ?? "VALUE" };
  const flag =
    spec.type === "list" || spec.type === "texts"
      ? string({ ...valued, multiple: true, multipleNonGreedy: true })
      : string(valued);
  return flag as unknown as OclifFlag;
}

export interface ParsedCommandLine {
  readonly values: OptionValues;
  readonly args: readonly string[];
}

export async function parseCommandLine(
  specs: readonly OptionSpec[],
  invocation: Invocation,
): Promise<ParsedCommandLine> {
  const { flags, args } = await parseArguments(specs, invocation.argv);
  const fromFlags = parseOptions(specs, flags, (name) => `--${name}`);
  const environment = Object.fromEntries(
    specs.map((spec) => [spec.name, invocation.env[envNameOf(spec.name)]]),
  );
  const fromEnvironment = parseOptions(specs, environment, envNameOf);
  const given = { ...fromEnvironment.values, ...fromFlags.values };
  const files = specs.some((spec) => spec.name === "config")
    ? await readConfigFiles(specs, textOf(given["config"]))
    : { values: {}, faults: [] };
  const faults = [...fromFlags.faults, ...fromEnvironment.faults, ...files.faults];
  if (faults.length > 0) throw new UsageError(faults);
  return { values: { ...files.values, ...given }, args };
}

function textOf(value: OptionValue | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}

async function parseArguments(
  specs: readonly OptionSpec[],
  argv: readonly string[],
): Promise<{ readonly flags: Record<string, unknown>; readonly args: readonly string[] }> {
  const unknown = unknownFlags(specs, argv);
  if (unknown.length > 0) throw new UsageError(unknown.map((flag) => `unknown option ${flag}`));
  const { values, rest } = takeSwitchValues(specs, argv);
  try {
    const output = await parse(rest, { flags: oclifFlags(specs), strict: false });
    return { flags: { ...output.flags, ...values }, args: output.argv.map(String) };
  } catch (error) {
    const text = error instanceof Error ? error.message.split("\n")[0] : "";
    throw new UsageError([text ?? "the options can't be read"]);
  }
}

/** --switch=false is upstream's form. oclif knows only --no-switch, and would take the other for true. */
function takeSwitchValues(
  specs: readonly OptionSpec[],
  argv: readonly string[],
): { readonly values: Record<string, string>; readonly rest: string[] } {
  const switches = new Set(specs.filter(({ type }) => type === "boolean").map(({ name }) => name));
  const end = argv.indexOf("--");
  const values: Record<string, string> = {};
  const rest = argv.filter((text, index) => {
    const [, name = "", value = ""] = /^--([^=]+)=(.*)$/s.exec(text) ?? [];
    if (!switches.has(name) || (end >= 0 && index > end)) return true;
    values[name] = value;
    return false;
  });
  return { values, rest };
}

function unknownFlags(specs: readonly OptionSpec[], argv: readonly string[]): string[] {
  const known = new Set(specs.flatMap(({ name }) => [`--${name}`, `--no-${name}`]));
  const end = argv.indexOf("--");
  return argv
    .slice(0, end < 0 ? argv.length : end)
    .filter((text) => text.startsWith("--"))
    .map((text) => text.split("=")[0] ?? text)
    .filter((flag) => !known.has(flag));
}
