/** Comprehensions: loops over lists and maps. upstream: cel-go interpreter/interpretable.go evalFold */
import type { CallExpr, ComprehensionExpr, Expr } from "./ast.ts";
import { listCost } from "./cost/budget.ts";
import type { Frame, Plan, Planner } from "./planner.ts";
import { insertInto } from "./map-insert.ts";
import { ArrayList, EntryMap, Fault, ListValue, MapValue, noSuchOverload, type Value } from "./values.ts";

export function planFold(expr: ComprehensionExpr, planner: Planner): Plan {
  const range = planner.plan(expr.range);
  const init = planner.plan(expr.accuInit);
  const accu = planner.scope([expr.accuVar]);
  const [accuSlot = 0] = accu.slots;
  const vars = planner.scope(expr.iterVar2 === undefined ? [expr.iterVar] : [expr.iterVar, expr.iterVar2]);
  const loop: Loop = { accuSlot, varSlots: vars.slots };
  const condition = planner.plan(expr.condition);
  const body =
    planAppend(expr, planner, loop) ??
    planInsert(expr, planner, loop) ??
    planStep(planner.plan(expr.step), condition, loop);
  vars.end();
  const result = planner.plan(expr.result);
  accu.end();
  const isBind = condition.constant === false;
  return {
    run: (frame) => {
      const values = range.run(frame);
      const start = init.run(frame);
      if (values instanceof Fault) return values;
      // A binding is no loop: what it names may be an error, and is one only where it is used.
      frame.locals[accuSlot] = start;
      if (!isBind) {
        const stopped = body(frame, values);
        if (stopped !== undefined) return stopped;
      }
      return result.run(frame);
    },
  };
}

interface Loop {
  readonly accuSlot: number;
  readonly varSlots: readonly number[];
}

/** Returns what is the result at once, if something is. */
type Body = (frame: Frame, range: Value) => Value | undefined;

function planStep(step: Plan, condition: Plan, loop: Loop): Body {
  return (frame, range) =>
    iterate(frame, range, loop, () => {
      if (condition.run(frame) === false) return false;
      frame.locals[loop.accuSlot] = step.run(frame);
      return true;
    });
}

/** Calls `each` per item until it says false. */
function iterate(frame: Frame, range: Value, { varSlots }: Loop, each: () => boolean): Value | undefined {
  const { locals } = frame;
  const [first = 0, second] = varSlots;
  if (range instanceof ListValue) {
    for (let index = 0; index < range.size; index += 1) {
      locals[first] = second === undefined ? range.at(index) : BigInt(index);
      if (second !== undefined) locals[second] = range.at(index);
      if (!each()) return undefined;
    }
    return undefined;
  }
  if (!(range instanceof MapValue)) return noSuchOverload;
  for (const key of range.keys()) {
    locals[first] = key;
    if (second !== undefined) locals[second] = range.find(key) ?? null;
    if (!each()) return undefined;
  }
  return undefined;
}

/** `map` and `filter` add one item at a time: as they are written, that would copy the list every time. */
function planAppend(expr: ComprehensionExpr, planner: Planner, loop: Loop): Body | undefined {
  if (expr.accuInit.kind !== "list" || expr.accuInit.elements.length > 0) return undefined;
  const { guard, step } = guarded(expr.step);
  const item = appendedItem(step, expr.accuVar);
  if (item === undefined) return undefined;
  const wanted = guard && planner.plan(guard);
  const made = planner.plan(item);
  return planGrowth(loop, wanted, () => {
    const items: Value[] = [];
    const grow = (frame: Frame): Fault | undefined => {
      const value = made.run(frame);
      if (value instanceof Fault) return value;
      // The accumulator, the list of one, and their sum.
      frame.spend(made.constant === undefined ? listCost + 2 : 2);
      items.push(value);
      return undefined;
    };
    return { grow, grown: () => new ArrayList(items) };
  });
}

/** So do `transformMap` and `transformMapEntry`, which would copy the map. */
function planInsert(expr: ComprehensionExpr, planner: Planner, loop: Loop): Body | undefined {
  if (expr.accuInit.kind !== "map" || expr.accuInit.entries.length > 0) return undefined;
  const { guard, step } = guarded(expr.step);
  if (!isCall(step, "cel.@mapInsert") || !isNamed(step.args[0], expr.accuVar)) return undefined;
  const wanted = guard && planner.plan(guard);
  const inserted = step.args.slice(1).map((arg) => planner.plan(arg));
  return planGrowth(loop, wanted, () => {
    const entries = new Map<string, readonly [Value, Value]>();
    const grow = (frame: Frame): Fault | undefined => {
      const values = inserted.map((plan) => plan.run(frame));
      const fault = values.find((value) => value instanceof Fault);
      if (fault !== undefined) return fault;
      // The accumulator and the call.
      frame.spend(2);
      return insertInto(entries, values);
    };
    return { grow, grown: () => new EntryMap(entries) };
  });
}

/** What grows by one at each turn, until there is a fault, and what it is then. */
interface Growth {
  readonly grow: (frame: Frame) => Fault | undefined;
  readonly grown: () => Value;
}

function planGrowth({ accuSlot, varSlots }: Loop, guard: Plan | undefined, begin: () => Growth): Body {
  return (frame, range) => {
    const { grow, grown } = begin();
    let fault: Fault | undefined;
    const stopped = iterate(frame, range, { accuSlot, varSlots }, () => {
      const wanted = guard === undefined ? true : guard.run(frame);
      if (wanted === false) return true;
      fault = wanted === true ? grow(frame) : wanted instanceof Fault ? wanted : noSuchOverload;
      return fault === undefined;
    });
    frame.locals[accuSlot] = fault ?? grown();
    return stopped;
  };
}

/** What `guard ? step : accumulator` is made of, or the step alone. */
function guarded(expr: Expr): { readonly guard: Expr | undefined; readonly step: Expr } {
  const [guard, step] = isCall(expr, "_?_:_") ? expr.args : [];
  return { guard, step: step ?? expr };
}

const isNamed = (expr: Expr | undefined, name: string): boolean =>
  expr?.kind === "ident" && expr.name === name;

const isCall = (expr: Expr, fn: string): expr is CallExpr => expr.kind === "call" && expr.fn === fn;

/** x of `accu + [x]`. */
function appendedItem(expr: Expr, accuVar: string): Expr | undefined {
  if (!isCall(expr, "_+_")) return undefined;
  const [accu, list] = expr.args;
  if (!isNamed(accu, accuVar) || list?.kind !== "list" || list.optional.size > 0) return undefined;
  return list.elements.length === 1 ? list.elements[0] : undefined;
}
