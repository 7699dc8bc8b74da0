/**
 * Where x-kubernetes-validations plug in: the schema code knows no CEL. Compiled when a definition is checked and when it
 * is served; run over objects after everything else was found fine.
 */
import type { FieldError } from "../../meta/field-error.ts";
import type { Structural } from "./structural.ts";

/** Of all rules over one object, or over all defaults of a schema. upstream: apiserver/pkg/apis/cel/config.go RuntimeCELCostBudget */
export const objectBudget = 10_000_000;

/** What rules may still cost; below zero once they were stopped. */
export interface RuleBudget {
  left: number;
}

/** The faults of a default against the rules of its schema and all below it. Spends what they cost. */
export type DefaultRuleFaults = (
  schema: Structural,
  at: { readonly value: unknown; readonly path: string },
  budget: RuleBudget,
) => readonly FieldError[];

export interface CompiledRules {
  /** `old` is undefined on creation. `warn` is told what is wrong and was so before. */
  faults(value: unknown, old: unknown, warn?: (text: string) => void): readonly FieldError[];
}

/** Undefined where the schema has no rules at all. */
export type CompileRules = (schema: Structural) => CompiledRules | undefined;
