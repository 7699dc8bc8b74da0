/** Literals that a function would refuse are refused at once. upstream: cel-go cel/validator.go */
import { childrenOf, type Expr } from "./ast.ts";
import { toDuration, toTimestamp } from "./conversions.ts";
import type { RegexCompiler } from "./regex.ts";
import type { Issues } from "./source.ts";
import { isFault, type Value } from "./values.ts";

export function checkLiterals(expr: Expr, regex: RegexCompiler, issues: Issues): void {
  const isBad: Readonly<Record<string, (value: Value) => boolean>> = {
    duration: (value) => isFault(toDuration(value)),
    timestamp: (value) => isFault(toTimestamp(value)),
    matches: (value) => typeof value === "string" && regex.faultOf(value) !== undefined,
  };
  const visit = (node: Expr): void => {
    if (node.kind === "call") {
      const [arg] = node.args;
      if (arg?.kind === "literal" && isBad[node.fn]?.(arg.value) === true) {
        issues.report(arg.offset, `invalid ${node.fn} argument`);
      }
    }
    for (const child of childrenOf(node)) visit(child);
  };
  visit(expr);
}

/** Of the first pattern that a function which takes it apart beforehand can't take. upstream: apiserver/pkg/cel/library/regex.go */
export function patternFault(expr: Expr, regex: RegexCompiler): string | undefined {
  if (expr.kind === "call" && (expr.fn === "find" || expr.fn === "findAll")) {
    const [pattern] = expr.args;
    const isKnown = pattern?.kind === "literal" && typeof pattern.value === "string";
    const fault = isKnown ? regex.faultOf(pattern.value) : undefined;
    if (fault !== undefined) return fault;
  }
  for (const child of childrenOf(expr)) {
    const fault = patternFault(child, regex);
    if (fault !== undefined) return fault;
  }
  return undefined;
}
