/** The least and the most that an expression can cost, by what its schema allows. upstream: cel-go checker/cost.go */
import {
  accumulatorName,
  type CallExpr,
  type ComprehensionExpr,
  type Expr,
  type SelectExpr,
} from "../ast.ts";
import type { Checked } from "../checker.ts";
import type { CelType } from "../types.ts";
import { sizeOf } from "../values.ts";
import { costMax, listCost, mapCost, structCost, textFactor } from "./budget.ts";
import {
  type CallEstimate,
  estimateCall,
  type SizedNode,
  type SizeEstimator,
  textScan,
  textSearch,
} from "./call-estimates.ts";
import { exactly, nothing, plus, type Range, scaled, times, union, unknownRange } from "./range.ts";

export function estimateCost(checked: Checked, sizes: SizeEstimator): Range {
  return new CostEstimator(checked, sizes).cost(checked.expr);
}

/** Sizes of a container's keys and values. */
interface EntrySize {
  readonly kind: "list" | "map";
  readonly key: Range;
  readonly value: Range;
}

interface LocalVariable {
  readonly path: readonly string[];
  readonly size: Range | undefined;
  readonly entries: EntrySize | undefined;
}

const nullSized: Range = { min: costMax, max: 0 };

class CostEstimator {
  readonly #checked: Checked;
  readonly #estimator: SizeEstimator;
  readonly #paths = new Map<number, readonly string[]>();
  readonly #sizes = new Map<number, Range>();
  readonly #entries = new Map<number, EntrySize>();
  readonly #locals = new Map<string, LocalVariable[]>();

  constructor(checked: Checked, estimator: SizeEstimator) {
    this.#checked = checked;
    this.#estimator = estimator;
  }

  cost(expr: Expr): Range {
    switch (expr.kind) {
      case "literal":
        return nothing;
      case "ident":
        this.#paths.set(expr.id, this.#local(expr.name)?.path ?? [expr.name]);
        return exactly(1);
      case "select":
        return this.#select(expr);
      case "call":
        return this.#call(expr);
      case "list":
        return this.#list(expr.id, expr.elements);
      case "map":
        return this.#map(expr);
      case "struct":
        return plus(...expr.fields.map(({ value }) => this.cost(value)), exactly(structCost));
      case "comprehension":
        return isBinding(expr) ? this.#binding(expr) : this.#comprehension(expr);
    }
  }

  #select(expr: SelectExpr): Range {
    const operand = this.cost(expr.operand);
    // Presence is free; to charge for it now would break what once was accepted.
    if (expr.testOnly) return operand;
    this.#paths.set(expr.id, [...this.#path(expr.operand), expr.field]);
    const { kind } = this.#checked.typeOf(expr.operand);
    return kind === "map" || kind === "object" || kind === "param" ? plus(operand, exactly(1)) : operand;
  }

  #list(id: number, elements: readonly Expr[]): Range {
    const costs = elements.map((element) => this.cost(element));
    this.#entries.set(id, { kind: "list", key: exactly(1), value: this.#widest(elements) });
    return plus(...costs, exactly(listCost));
  }

  #map({ id, entries }: Extract<Expr, { kind: "map" }>): Range {
    const costs = entries.flatMap(({ key, value }) => [this.cost(key), this.cost(value)]);
    const [key, value] = [
      this.#widest(entries.map((entry) => entry.key)),
      this.#widest(entries.map((entry) => entry.value)),
    ];
    this.#entries.set(id, { kind: "map", key, value });
    return plus(...costs, exactly(mapCost));
  }

  #widest(exprs: readonly Expr[]): Range {
    if (exprs.length === 0) return nothing;
    return exprs.map((each) => this.#sizeOrUnknown(each)).reduce(union, nullSized);
  }

  #call(expr: CallExpr): Range {
    const [first] = expr.args;
    if (expr.fn === "dyn" && expr.target === undefined && first !== undefined) {
      const inner = this.cost(first);
      this.#copySizes(expr, first);
      return plus(exactly(1), inner);
    }
    const costs = expr.args.map((arg) => this.cost(arg));
    const args = expr.args.map((arg) => this.#node(arg));
    const overloads = this.#checked.overloadsOf(expr).map(({ id }) => id);
    if (overloads.length === 0) return nothing;
    const isMember = expr.target !== undefined && this.#checked.namespacedOf(expr) === undefined;
    const ofTarget = isMember ? this.cost(expr.target) : nothing;
    const target = isMember ? this.#node(expr.target) : undefined;
    let own: Range = nullSized;
    let size: Range | undefined;
    for (const overload of overloads) {
      const estimate = this.#overload(expr, { overload, target, args, costs });
      own = union(own, estimate.cost);
      if (estimate.size !== undefined) size = size === undefined ? estimate.size : union(size, estimate.size);
      size = this.#indexed(expr, overload, size) ?? this.#size(expr);
    }
    if (size !== undefined) this.#sizes.set(expr.id, size);
    return plus(ofTarget, own);
  }

  /** Where an index leads, the schema may know more. */
  #indexed(expr: CallExpr, overload: string, size: Range | undefined): Range | undefined {
    const [container] = expr.args;
    const part = overload === "index_list" ? "@items" : overload === "index_map" ? "@values" : undefined;
    if (part === undefined || container === undefined) return size;
    this.#paths.set(expr.id, [...this.#path(container), part]);
    return this.#entrySize(container)?.value;
  }

  #overload(
    expr: CallExpr,
    call: {
      readonly overload: string;
      readonly target: SizedNode | undefined;
      readonly args: readonly SizedNode[];
      readonly costs: readonly Range[];
    },
  ): CallEstimate {
    const fn = this.#checked.namespacedOf(expr) ?? expr.fn;
    const ofArgs = plus(...call.costs);
    const known = estimateCall({ ...call, fn, sizes: this.#estimator });
    if (known !== undefined) return { ...known, cost: plus(known.cost, ofArgs) };
    const own = this.#builtin(expr, call.overload, call);
    if (own !== undefined) return own.total === true ? own : { ...own, cost: plus(own.cost, ofArgs) };
    return { cost: plus(exactly(1), ofArgs) };
  }

  /** The language's own functions. `total`: the arguments are in it already. */
  #builtin(
    expr: CallExpr,
    overload: string,
    {
      target,
      args,
      costs,
    }: {
      readonly target: SizedNode | undefined;
      readonly args: readonly SizedNode[];
      readonly costs: readonly Range[];
    },
  ): (CallEstimate & { readonly total?: boolean }) | undefined {
    const [first, second = unknownRange] = args.map(({ size }) => size ?? unknownRange);
    if (first === undefined) return undefined;
    switch (overload) {
      case "logical_or":
      case "logical_and":
        return { cost: { min: costs[0]?.min ?? 0, max: plus(...costs).max }, total: true };
      case "conditional":
        return { cost: branchesCost(costs), size: this.#ofBranches(expr, args), total: true };
      case "add_string":
      case "add_bytes":
      case "add_list":
        return this.#sum(expr, overload, plus(first, second));
      default:
        if (isOrderOfText(overload)) return { cost: comparisonCost(first, second) };
        return textual[overload]?.(first, { second, target: target?.size ?? unknownRange });
    }
  }

  #ofBranches(expr: CallExpr, args: readonly SizedNode[]): Range {
    const [, yes, no] = expr.args;
    if (yes !== undefined && no !== undefined) this.#joinEntries(expr, yes, no);
    return union(args[1]?.size ?? unknownRange, args[2]?.size ?? unknownRange);
  }

  #sum(expr: CallExpr, overload: string, size: Range): CallEstimate {
    const [left, right] = expr.args;
    if (left !== undefined && right !== undefined) this.#joinEntries(expr, left, right);
    return { cost: overload === "add_list" ? exactly(1) : scaled(size, textFactor), size };
  }

  #joinEntries(expr: Expr, left: Expr, right: Expr): void {
    const [a, b] = [this.#entrySize(left), this.#entrySize(right)];
    if (a === undefined || b === undefined) return;
    this.#entries.set(expr.id, { kind: a.kind, key: union(a.key, b.key), value: union(a.value, b.value) });
  }

  #binding(expr: ComprehensionExpr): Range {
    const range = this.cost(expr.range);
    const init = this.cost(expr.accuInit);
    this.#push(expr.accuVar, this.#asLocal(expr.accuInit));
    const result = this.cost(expr.result);
    this.#pop(expr.accuVar);
    this.#copySizes(expr, expr.result);
    return plus(range, init, result);
  }

  #comprehension(expr: ComprehensionExpr): Range {
    const range = this.cost(expr.range);
    const init = this.cost(expr.accuInit);
    this.#push(expr.accuVar, this.#asLocal(expr.accuInit));
    const pushed = this.#pushIterated(expr);
    const condition = this.cost(expr.condition);
    const step = this.cost(expr.step);
    for (const name of pushed) this.#pop(name);
    const result = this.cost(expr.result);
    this.#pop(expr.accuVar);
    const count = this.#sizeOrUnknown(expr.range);
    const loop = times(count, plus(step, condition));
    if (expr.accuInit.kind === "literal") {
      const size = this.#size(expr.accuInit);
      if (size !== undefined) this.#sizes.set(expr.id, size);
    } else if (expr.accuInit.kind === "list" || expr.accuInit.kind === "map") {
      this.#sizes.set(expr.id, count);
      const entries = this.#entrySize(expr.step);
      if (entries !== undefined) this.#entries.set(expr.id, entries);
    }
    return plus(range, init, result, loop);
  }

  #pushIterated({ range, iterVar, iterVar2 }: ComprehensionExpr): readonly string[] {
    const entries = this.#entrySize(range);
    const path = this.#path(range);
    const isList = (entries?.kind ?? this.#checked.typeOf(range).kind) === "list";
    const at = (part: string, size: Range | undefined): LocalVariable => ({
      path: [...path, part],
      size,
      entries: undefined,
    });
    const value = at(isList ? "@items" : "@values", entries?.value);
    if (iterVar2 === undefined) {
      this.#push(iterVar, isList ? value : at("@keys", entries?.key));
      return [iterVar];
    }
    this.#push(iterVar, at(isList ? "@indices" : "@keys", entries?.key));
    this.#push(iterVar2, value);
    return [iterVar, iterVar2];
  }

  #asLocal(expr: Expr): LocalVariable {
    return { path: this.#path(expr), size: this.#size(expr), entries: this.#entrySize(expr) };
  }

  #push(name: string, variable: LocalVariable): void {
    const stack = this.#locals.get(name);
    if (stack === undefined) this.#locals.set(name, [variable]);
    else stack.push(variable);
  }

  #pop(name: string): void {
    this.#locals.get(name)?.pop();
  }

  #local(name: string): LocalVariable | undefined {
    return this.#locals.get(name)?.at(-1);
  }

  #path(expr: Expr): readonly string[] {
    const local = expr.kind === "ident" ? this.#local(expr.name) : undefined;
    return local?.path ?? this.#paths.get(expr.id) ?? [];
  }

  #node(expr: Expr): SizedNode {
    const path = this.#path(expr);
    return {
      path: path[0] === accumulatorName ? [] : path,
      type: this.#checked.typeOf(expr),
      expr,
      size: this.#size(expr),
    };
  }

  #copySizes(to: Expr, from: Expr): void {
    const size = this.#size(from);
    if (size !== undefined) this.#sizes.set(to.id, size);
    const entries = this.#entrySize(from);
    if (entries !== undefined) this.#entries.set(to.id, entries);
  }

  #sizeOrUnknown(expr: Expr): Range {
    return this.#size(expr) ?? unknownRange;
  }

  #size(expr: Expr): Range | undefined {
    const known = this.#sizes.get(expr.id) ?? writtenSize(expr);
    if (known !== undefined) return known;
    const path = this.#path(expr);
    const estimated = path.length === 0 ? undefined : this.#estimator(path);
    if (estimated !== undefined) {
      this.#sizes.set(expr.id, estimated);
      return estimated;
    }
    if (isScalar(this.#checked.typeOf(expr))) return exactly(1);
    return expr.kind === "ident" ? this.#local(expr.name)?.size : undefined;
  }

  #entrySize(expr: Expr): EntrySize | undefined {
    return (
      this.#entries.get(expr.id) ?? (expr.kind === "ident" ? this.#local(expr.name)?.entries : undefined)
    );
  }
}

function isBinding({ range, condition, accuVar }: ComprehensionExpr): boolean {
  const isEmpty = range.kind === "list" && range.elements.length === 0;
  return isEmpty && condition.kind === "literal" && condition.value === false && accuVar !== accumulatorName;
}

function writtenSize(expr: Expr): Range | undefined {
  switch (expr.kind) {
    case "literal":
      return exactly(sizeOf(expr.value) ?? 1);
    case "list":
      return exactly(expr.elements.length);
    case "map":
      return exactly(expr.entries.length);
    default:
      return undefined;
  }
}

const branchesCost = ([condition = nothing, yes = nothing, no = nothing]: readonly Range[]): Range =>
  plus(condition, union(yes, no));

type Textual = (first: Range, others: { readonly second: Range; readonly target: Range }) => CallEstimate;

const scanned: Textual = (first) => ({ cost: textScan(first) });
const atMost = (value: number): number => Math.min(costMax, value);

/** Functions that walk a text or a list. */
const textual: Readonly<Record<string, Textual>> = {
  string_format: (_args, { target }) => ({ cost: textScan(target) }),
  string_to_bytes: (first) => ({
    cost: textScan(first),
    size: { min: first.min, max: atMost(first.max * 4) },
  }),
  bytes_to_string: (first) => ({
    cost: textScan(first),
    size: { min: Math.floor(first.min / 4), max: first.max },
  }),
  strings_quote: (first) => ({
    cost: textScan(first),
    size: { min: first.min + 2, max: atMost(first.max * 2 + 2) },
  }),
  starts_with_string: scanned,
  ends_with_string: scanned,
  in_list: (_first, { second }) => ({ cost: second }),
  matches: (first, { second }) => ({ cost: textSearch(first, second) }),
  matches_string: (first, { target }) => ({ cost: textSearch(target, first) }),
  contains_string: (first, { target }) => ({ cost: times(textScan(target), textScan(first)) }),
};

const scalarKinds = new Set(["bool", "double", "duration", "int", "timestamp", "uint"]);

function isScalar(type: CelType): boolean {
  if (type.kind === "opaque" && type.name === "optional_type") return type.params.every(isScalar);
  return scalarKinds.has(type.kind);
}

const isOrderOfText = (overload: string): boolean =>
  /^(?:less|less_equals|greater|greater_equals)_(?:string|bytes)$|^(?:not_)?equals$/.test(overload);

function comparisonCost(left: Range, right: Range): Range {
  const max = Math.min(left.max, right.max);
  return scaled({ min: max > 0 ? 1 : 0, max }, textFactor);
}
