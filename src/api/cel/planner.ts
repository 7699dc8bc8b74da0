/** Turns a checked tree into closures that evaluate it and count what that costs. upstream: cel-go interpreter/{planner,interpretable}.go */
import {
  type CallExpr,
  type ComprehensionExpr,
  type Expr,
  type ListExpr,
  type MapExpr,
  type SelectExpr,
  type StructExpr,
} from "./ast.ts";
import type { Checked } from "./checker.ts";
import { isTypeName } from "./type-names.ts";
import { chargeOf } from "./cost/actual.ts";
import { CostLimitError, listCost, mapCost, structCost } from "./cost/budget.ts";
import { planFold } from "./fold.ts";
import type { Implementation, Overload } from "./functions.ts";
import { optionalIndex } from "./library/optionals.ts";
import { index } from "./library/standard.ts";
import type { CelType } from "./types.ts";
import {
  ArrayList,
  EntryMap,
  Fault,
  isFault,
  ListValue,
  mapKey,
  MapValue,
  noneOptional,
  noSuchOverload,
  Optional,
  TypeValue,
  typeNameOf,
  type Value,
} from "./values.ts";

/** Values of variables; asked only for those that are used. */
export type Activation = (name: string) => Value | undefined;

export class Frame {
  readonly variables: Activation;
  readonly locals: Value[] = [];
  readonly #limit: number;
  #cost = 0;

  constructor(variables: Activation, limit: number) {
    this.variables = variables;
    this.#limit = limit;
  }

  get cost(): number {
    return this.#cost;
  }

  /** Throws CostLimitError. */
  spend(cost: number): void {
    this.#cost += cost;
    if (this.#cost > this.#limit) throw new CostLimitError();
  }
}

export interface Plan {
  readonly run: (frame: Frame) => Value;
  /** The value, where it is known without running. */
  readonly constant?: Value;
}

const constantly = (value: Value): Plan => ({ run: () => value, constant: value });

/** What is evaluated once, while planning, when its argument is a literal. */
const foldedCalls = new Set(["duration", "timestamp", "int", "uint", "double", "string", "bytes", "bool"]);

export class Planner {
  readonly #checked: Checked;
  readonly #scopes: Map<string, number>[] = [];
  #slots = 0;

  constructor(checked: Checked) {
    this.#checked = checked;
  }

  plan(expr: Expr): Plan {
    switch (expr.kind) {
      case "literal":
        return constantly(expr.value);
      case "ident":
        return this.#ident(expr, expr.name);
      case "select":
        return this.#select(expr);
      case "call":
        return this.#call(expr);
      case "list":
        return this.#list(expr);
      case "map":
        return this.#map(expr);
      case "struct":
        return this.#struct(expr);
      case "comprehension":
        return this.#comprehension(expr);
    }
  }

  /** A place for a local variable. */
  scope(names: readonly string[]): { readonly slots: readonly number[]; readonly end: () => void } {
    const slots = names.map(() => {
      this.#slots += 1;
      return this.#slots - 1;
    });
    this.#scopes.push(new Map(names.map((name, at) => [name, slots[at] ?? 0])));
    return {
      slots,
      end: () => {
        this.#scopes.pop();
      },
    };
  }

  slotOf(name: string): number | undefined {
    return this.#scopes.findLast((scope) => scope.has(name))?.get(name);
  }

  #ident(expr: Expr, name: string): Plan {
    const slot = expr.kind === "ident" ? this.slotOf(name) : undefined;
    if (slot !== undefined) {
      return {
        run: (frame) => {
          frame.spend(1);
          return frame.locals[slot] ?? null;
        },
      };
    }
    const absolute = name.startsWith(".") ? name.slice(1) : name;
    if (isTypeName(absolute) && this.#checked.typeOf(expr).kind === "type") {
      return constantly(new TypeValue(absolute));
    }
    const missing = new Fault(`no such attribute(s): ${absolute}`);
    return {
      run: (frame) => {
        frame.spend(1);
        const value = frame.variables(absolute);
        return value === undefined ? missing : value;
      },
    };
  }

  #select(expr: SelectExpr): Plan {
    const whole = this.#checked.referenceOf(expr);
    if (whole !== undefined && !expr.testOnly) return this.#ident(expr, whole);
    const operand = this.plan(expr.operand);
    const { field } = expr;
    if (expr.testOnly) return { run: (frame) => isPresent(operand.run(frame), field) };
    return {
      run: (frame) => {
        const found = selectField(operand.run(frame), field);
        if (found !== noneOptional) frame.spend(1);
        return found;
      },
    };
  }

  #call(expr: CallExpr): Plan {
    const [first, second, third] = expr.args;
    if (expr.target !== undefined && first !== undefined && (expr.fn === "or" || expr.fn === "orValue")) {
      return alternative(this.plan(expr.target), this.plan(first), expr.fn === "orValue");
    }
    if (first !== undefined && second !== undefined) {
      if (expr.fn === "_&&_") return logical(this.plan(first), this.plan(second), false);
      if (expr.fn === "_||_") return logical(this.plan(first), this.plan(second), true);
      if (expr.fn === "_?_:_" && third !== undefined) {
        return conditional(this.plan(first), this.#part(second), this.#part(third));
      }
      if (expr.fn === "_?._" || expr.fn === "_[?_]") {
        return accessor(this.plan(first), this.#part(second), optionalIndex);
      }
      if (expr.fn === "_[_]") return accessor(this.plan(first), this.#part(second), indexAny);
    }
    return this.#invocation(
      expr,
      expr.args.map((arg) => this.plan(arg)),
    );
  }

  /** A branch or a key: that a variable is looked up there costs nothing, in upstream's books. */
  #part(expr: Expr): Plan {
    const plan = this.plan(expr);
    if (!isAttribute(expr)) return plan;
    return {
      ...plan,
      run: (frame) => {
        const value = plan.run(frame);
        frame.spend(-1);
        return value;
      },
    };
  }

  #invocation(expr: CallExpr, args: readonly Plan[]): Plan {
    const namespaced = this.#checked.namespacedOf(expr);
    const isMember = expr.target !== undefined && namespaced === undefined;
    const all = isMember ? [this.plan(expr.target), ...args] : args;
    const name = namespaced ?? expr.fn.replace(/^\./, "");
    const overloads = this.#checked.overloadsOf(expr);
    const only = overloads.length === 1 ? overloads[0] : undefined;
    const implementation = only === undefined ? dispatcher(name, overloads) : guarded(name, only);
    return (
      known(name, all, implementation) ??
      invoked(all, { name, implementation, overload: only?.id ?? equalityIds.get(name) ?? "" })
    );
  }

  #list({ elements, optional }: ListExpr): Plan {
    const plans = elements.map((element) => this.plan(element));
    const constants = plans.flatMap(({ constant }) => (constant === undefined ? [] : [constant]));
    if (constants.length === plans.length && optional.size === 0) {
      return constantly(new ArrayList(constants));
    }
    return {
      run: (frame) => {
        const items: Value[] = [];
        for (const [at, plan] of plans.entries()) {
          const value = unwrapped(plan.run(frame), optional.has(at));
          if (value instanceof Fault) return value;
          if (value !== undefined) items.push(value);
        }
        frame.spend(listCost);
        return new ArrayList(items);
      },
    };
  }

  #map({ entries }: MapExpr): Plan {
    const plans = entries.map(({ key, value, optional }) => ({
      key: this.plan(key),
      value: this.plan(value),
      optional,
    }));
    const isConstant = plans.every(
      ({ key, value, optional }) => key.constant !== undefined && value.constant !== undefined && !optional,
    );
    const built = isConstant ? buildMap(plans, noFrame) : undefined;
    if (built !== undefined && !isFault(built)) return constantly(built);
    return {
      run: (frame) => {
        const map = buildMap(plans, frame);
        if (!isFault(map)) frame.spend(mapCost);
        return map;
      },
    };
  }

  #struct({ typeName, fields }: StructExpr): Plan {
    const plans = fields.map(({ name, value, optional }) => ({ name, value: this.plan(value), optional }));
    return {
      run: (frame) => {
        const found = new Map<string, readonly [Value, Value]>();
        for (const { name, value, optional } of plans) {
          const made = unwrapped(value.run(frame), optional);
          if (made instanceof Fault) return made;
          if (made !== undefined) found.set(mapKey(name) ?? "", [name, made]);
        }
        frame.spend(structCost);
        return new EntryMap(found, typeName);
      },
    };
  }

  #comprehension(expr: ComprehensionExpr): Plan {
    return planFold(expr, this);
  }
}

/** A variable, or what lies below one. */
function isAttribute(expr: Expr): boolean {
  if (expr.kind === "ident") return true;
  if (expr.kind === "select") return !expr.testOnly && isAttribute(expr.operand);
  const isIndex = expr.kind === "call" && expr.fn === "_[_]";
  return isIndex && expr.args[0] !== undefined && isAttribute(expr.args[0]);
}

const equalityIds = new Map([
  ["_==_", "equals"],
  ["_!=_", "not_equals"],
]);

/** Calls that are cheaper than they look, or look at errors. */
function known(name: string, args: readonly Plan[], run: Implementation): Plan | undefined {
  const [first, second] = args;
  if (first === undefined) return undefined;
  if (foldedCalls.has(name) && args.length === 1 && first.constant !== undefined) {
    const value = run([first.constant]);
    return isFault(value) ? undefined : constantly(value);
  }
  if (name === "@in" && second?.constant instanceof ListValue) {
    const list = second.constant;
    return { run: (frame) => strictly([first.run(frame), list], run) };
  }
  if (name !== "@not_strictly_false") return undefined;
  return {
    run: (frame) => {
      const value = first.run(frame);
      frame.spend(1);
      return run([value]);
    },
  };
}

interface Invocation {
  readonly name: string;
  readonly overload: string;
  readonly implementation: Implementation;
}

function invoked(args: readonly Plan[], { name, overload, implementation }: Invocation): Plan {
  const { cost, isAhead } = chargeOf(name, overload);
  const run = (frame: Frame): Value => {
    const values: Value[] = [];
    let fault: Fault | undefined;
    for (const plan of args) {
      const value = plan.run(frame);
      if (value instanceof Fault) {
        // Upstream evaluates one or two arguments all the same, and charges for the call.
        if (args.length > 2) return value;
        fault ??= value;
      }
      values.push(value);
    }
    if (isAhead) frame.spend(cost(values, null, overload));
    const result = fault ?? implementation(values);
    if (!isAhead) frame.spend(cost(values, result, overload));
    return result;
  };
  return { run };
}

interface EntryPlan {
  readonly key: Plan;
  readonly value: Plan;
  readonly optional: boolean;
}

/** For what needs none: constants. */
const noFrame = new Frame(() => undefined, 0);

function buildMap(plans: readonly EntryPlan[], frame: Frame): Value {
  const found = new Map<string, readonly [Value, Value]>();
  for (const plan of plans) {
    const key = plan.key.run(frame);
    if (key instanceof Fault) return key;
    const text = mapKey(key);
    if (text === undefined) return new Fault(`unsupported key type: ${typeNameOf(key)}`);
    if (found.has(text)) return new Fault("Failed with repeated key");
    const value = unwrapped(plan.value.run(frame), plan.optional);
    if (value instanceof Fault) return value;
    if (value !== undefined) found.set(text, [key, value]);
  }
  return new EntryMap(found);
}

/** undefined: an optional without a value. */
function unwrapped(value: Value, isOptional: boolean): Value | undefined {
  if (!isOptional) return value;
  return value instanceof Optional ? value.value : noSuchOverload;
}

function indexAny(container: Value, key: Value): Value {
  return container instanceof Optional ? optionalIndex(container, key) : index(container, key);
}

function selectField(value: Value, field: string): Value {
  if (value instanceof MapValue) return value.find(field) ?? new Fault(`no such key: ${field}`);
  if (value instanceof Fault) return value;
  if (value instanceof Optional) return optionalIndex(value, field);
  return noSuchOverload;
}

function isPresent(value: Value, field: string): Value {
  if (value instanceof Fault) return value;
  if (value instanceof Optional) return value.value === undefined ? false : isPresent(value.value, field);
  if (!(value instanceof MapValue)) return noSuchOverload;
  const found = value.find(field);
  return found !== undefined;
}

/** What an optional doesn't have costs nothing. */
const accessor = (container: Plan, key: Plan, access: (container: Value, key: Value) => Value): Plan => ({
  run: (frame) => {
    const value = container.run(frame);
    if (value instanceof Fault || value === noneOptional) return value;
    const at = key.run(frame);
    const found = at instanceof Fault ? at : access(value, at);
    if (found !== noneOptional) frame.spend(1);
    return found;
  },
});

/** `or` and `orValue`: free, and the other is only looked at where there is no value. */
const alternative = (optional: Plan, other: Plan, isValue: boolean): Plan => ({
  run: (frame) => {
    const first = optional.run(frame);
    if (first instanceof Fault) return first;
    if (!(first instanceof Optional)) return noSuchOverload;
    if (first.value === undefined) return other.run(frame);
    return isValue ? first.value : first;
  },
});

/** `decides`: the value of either side that settles it, whatever the other is, an error even. */
const logical = (left: Plan, right: Plan, decides: boolean): Plan => ({
  run: (frame) => {
    const first = left.run(frame);
    if (first === decides) return decides;
    const second = right.run(frame);
    if (second === decides) return decides;
    if (first === !decides && second === !decides) return !decides;
    if (first instanceof Fault) return first;
    return second instanceof Fault ? second : noSuchOverload;
  },
});

const conditional = (condition: Plan, yes: Plan, no: Plan): Plan => ({
  run: (frame) => {
    const value = condition.run(frame);
    if (value === true) return yes.run(frame);
    if (value === false) return no.run(frame);
    return value instanceof Fault ? value : noSuchOverload;
  },
});

function strictly(args: readonly Value[], run: Implementation): Value {
  return args.find(isFault) ?? run(args);
}

const isOperator = (name: string): boolean => /^[_!@-]/.test(name);

const fits = ({ params }: Overload, args: readonly Value[]): boolean =>
  args.every((arg, at) => isOf(params[at], arg));

/** Which overload it is, only the values can tell. */
const dispatcher =
  (name: string, overloads: readonly Overload[]): Implementation =>
  (args) => {
    const fitting = overloads.find((overload) => fits(overload, args));
    return fitting === undefined ? unfit(name, args) : fitting.run(args);
  };

/** Values of other types than the function's are told; not what it can't do with those within. */
const guarded =
  (name: string, overload: Overload): Implementation =>
  (args) => {
    const value = overload.run(args);
    return value === noSuchOverload && !fits(overload, args) ? unfit(name, args) : value;
  };

/** upstream: cel-go common/decls MaybeNoSuchOverload */
const unfit = (name: string, args: readonly Value[]): Fault =>
  isOperator(name)
    ? noSuchOverload
    : new Fault(`no such overload: ${name}(${args.map(typeNameOf).join(", ")})`);

const kindNames: Readonly<Record<string, string>> = {
  null: "null_type",
  timestamp: "google.protobuf.Timestamp",
  duration: "google.protobuf.Duration",
};

/** Whether a value is of a declared type, as far as its outside tells. */
function isOf(type: CelType | undefined, value: Value): boolean {
  if (type === undefined) return false;
  switch (type.kind) {
    case "param":
    case "dyn":
      return true;
    case "list":
      return value instanceof ListValue && (value.size === 0 || isOf(type.elem, value.at(0)));
    case "map":
      return value instanceof MapValue;
    case "opaque":
    case "object":
      return typeNameOf(value) === type.name;
    default:
      return typeNameOf(value) === (kindNames[type.kind] ?? type.kind);
  }
}
