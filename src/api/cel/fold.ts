/** Comprehensions: loops over lists and maps. upstream: cel-go interpreter/interpretable.go evalFold */
import type { CallExpr, ComprehensionExpr, Expr } from "./ast.ts";
import { listCost } from "./cost/budget.ts";
import type { Frame, Plan, Planner } from "./planner.ts";
import { ArrayList, Fault, ListValue, MapValue, noSuchOverload, type Value } from "./values.ts";

export function planFold(expr: ComprehensionExpr, planner: Planner): Plan {
  const range = planner.plan(expr.range);
  const init = planner.plan(expr.accuInit);
  const accu = planner.scope([expr.accuVar]);
  const [accuSlot = 0] = accu.slots;
  const vars = planner.scope(expr.iterVar2 === undefined ? [expr.iterVar] : [expr.iterVar, expr.iterVar2]);
  const loop: Loop = { accuSlot, varSlots: vars.slots };
  const condition = planner.plan(expr.condition);
  const body = planAppend(expr, planner, loop) ?? planStep(planner.plan(expr.step), condition, loop);
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
  const filtered = isCall(expr.step, "_?_:_") ? expr.step : undefined;
  const item = appendedItem(filtered?.args[1] ?? expr.step, expr.accuVar);
  if (item === undefined) return undefined;
  const guard = filtered?.args[0] === undefined ? undefined : planner.plan(filtered.args[0]);
  const made = planner.plan(item);
  return (frame, range) => {
    const items: Value[] = [];
    let fault: Value | undefined;
    const stopped = iterate(frame, range, loop, () => {
      const wanted = guard === undefined ? true : guard.run(frame);
      if (wanted === false) return true;
      const value = wanted === true ? made.run(frame) : wanted instanceof Fault ? wanted : noSuchOverload;
      if (value instanceof Fault) {
        fault = value;
        return false;
      }
      // The accumulator, the list of one, and their sum.
      frame.spend(made.constant === undefined ? listCost + 2 : 2);
      items.push(value);
      return true;
    });
    frame.locals[loop.accuSlot] = fault ?? new ArrayList(items);
    return stopped;
  };
}

const isCall = (expr: Expr, fn: string): expr is CallExpr => expr.kind === "call" && expr.fn === fn;

/** x of `accu + [x]`. */
function appendedItem(expr: Expr, accuVar: string): Expr | undefined {
  if (!isCall(expr, "_+_")) return undefined;
  const [accu, list] = expr.args;
  const isAccu = accu?.kind === "ident" && accu.name === accuVar;
  if (!isAccu || list?.kind !== "list" || list.optional.size > 0) return undefined;
  return list.elements.length === 1 ? list.elements[0] : undefined;
}
