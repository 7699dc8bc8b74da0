/**
 * Where x-kubernetes-validations plug in: the schema code knows no CEL. Compiled when a definition is checked and when it
 * is served; run over objects after everything else was found fine.
 */
import type { FieldError } from "../../meta/field-error.ts";
import type { Structural } from "./structural.ts";

/** The faults of one value against the rules of a schema and all below it. Of defaults, which have no past. */
export type RuleFaults = (schema: Structural, value: unknown, path: string) => readonly FieldError[];

export interface CompiledRules {
  /** `old` is undefined on creation. `warn` is told what is wrong and was so before. */
  faults(value: unknown, old: unknown, warn?: (text: string) => void): readonly FieldError[];
}

/** Undefined where the schema has no rules at all. */
export type CompileRules = (schema: Structural) => CompiledRules | undefined;
