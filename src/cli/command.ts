/** What a command is: data for help and parsing, and a run. */
import type { OptionSpec, OptionValues } from "#base/options.ts";
import type { Invocation } from "./invocation.ts";

export interface CommandInput {
  readonly values: OptionValues;
  readonly args: readonly string[];
  readonly invocation: Invocation;
}

export interface CommandDefinition {
  readonly name: string;
  readonly summary: string;
  readonly description?: string;
  readonly options: readonly OptionSpec[];
  /** Names of positional arguments; one that ends in "..." takes the rest. */
  readonly args: readonly { readonly name: string; readonly required: boolean; readonly text: string }[];
  readonly examples: readonly string[];
  /** Returns the exit code. */
  run(input: CommandInput): Promise<number>;
}
