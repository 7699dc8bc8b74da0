/** Formats that are written out are read when the expression is compiled. upstream: cel-go ext/formatting.go stringFormatValidator */
import { childrenOf, type CallExpr, type Expr, type ListExpr } from "./ast.ts";
import type { Checked } from "./checker.ts";
import { FormatError, formatWith, unfitting } from "./library/format-text.ts";
import type { Issues } from "./source.ts";
import { runtimeName, type CelType } from "./types.ts";

export function checkFormats(checked: Checked, issues: Issues): void {
  const visit = (node: Expr): void => {
    const call = asFormat(node);
    if (call !== undefined) checkCall(call, checked, issues);
    for (const child of childrenOf(node)) visit(child);
  };
  visit(checked.expr);
}

interface FormatCall {
  readonly text: string;
  readonly args: ListExpr;
  readonly offset: number;
}

function asFormat(node: Expr): FormatCall | undefined {
  if (node.kind !== "call" || node.fn !== "format") return undefined;
  return asWrittenOut(node);
}

function asWrittenOut({ target, args: [list, ...others], offset }: CallExpr): FormatCall | undefined {
  if (target?.kind !== "literal" || typeof target.value !== "string") return undefined;
  return list?.kind === "list" && others.length === 0
    ? { text: target.value, args: list, offset }
    : undefined;
}

function checkCall({ text, args: { elements }, offset }: FormatCall, checked: Checked, issues: Issues): void {
  let seen = 0;
  try {
    formatWith(text, {
      size: elements.length,
      asksFirst: false,
      format: (verb, _precision, index) => {
        seen = index + 1;
        const arg = elements[index];
        const bad = arg === undefined ? undefined : misfit(arg, verb, checked);
        if (bad !== undefined) throw unfitting(verb, runtimeName(checked.typeOf(bad)), bad.offset);
        return "";
      },
    });
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    issues.report(error.offset ?? offset, error.message);
    return;
  }
  if (elements.length > seen) {
    issues.report(
      offset,
      `too many arguments supplied to string.format (expected ${seen}, got ${elements.length})`,
    );
  }
}

const kinds: Readonly<Record<string, ReadonlySet<CelType["kind"]>>> = {
  s: new Set<CelType["kind"]>([
    "list",
    "map",
    "int",
    "uint",
    "double",
    "bool",
    "string",
    "timestamp",
    "bytes",
    "duration",
    "type",
    "null",
  ]),
  d: new Set<CelType["kind"]>(["int", "uint"]),
  // "NaN", "Infinity" and "-Infinity" are texts.
  f: new Set<CelType["kind"]>(["double", "string"]),
  e: new Set<CelType["kind"]>(["double", "string"]),
  b: new Set<CelType["kind"]>(["int", "uint", "bool"]),
  x: new Set<CelType["kind"]>(["int", "uint", "string", "bytes"]),
  X: new Set<CelType["kind"]>(["int", "uint", "string", "bytes"]),
  o: new Set<CelType["kind"]>(["int", "uint"]),
};

/** The argument, or what within it can't be written. */
function misfit(arg: Expr, verb: string, checked: Checked): Expr | undefined {
  const { kind } = checked.typeOf(arg);
  if (kind !== "dyn" && kinds[verb]?.has(kind) !== true) return arg;
  if (verb !== "s") return undefined;
  for (const part of partsOf(arg)) {
    const bad = misfit(part, verb, checked);
    if (bad !== undefined) return bad;
  }
  return undefined;
}

function partsOf(expr: Expr): readonly Expr[] {
  if (expr.kind === "list") return expr.elements;
  return expr.kind === "map" ? expr.entries.flatMap(({ key, value }) => [key, value]) : [];
}
