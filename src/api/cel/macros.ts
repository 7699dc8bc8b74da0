/** Macros: calls that the parser turns into other trees. upstream: cel-go parser/macro.go, cel/library.go, ext/{bindings,comprehensions,lists}.go */
import { accumulatorName, type CallExpr, type Expr } from "./ast.ts";
import type { Value } from "./values.ts";

export interface NodeFactory {
  node(): { readonly id: number; readonly offset: number };
  /** Whether `cel.bind(name, value, body)` is one: only where devices are selected. */
  readonly takesBindings: boolean;
}

export class MacroError extends Error {
  readonly offset: number;
  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

interface Expansion {
  readonly build: Builder;
  readonly target: Expr;
  readonly args: readonly Expr[];
}

/** undefined: not a macro. */
export function expandMacro(call: CallExpr, factory: NodeFactory): Expr | undefined {
  const { fn, target, args } = call;
  const build = new Builder(factory);
  if (target === undefined) return fn === "has" && args.length === 1 ? expandHas(args, build) : undefined;
  if (factory.takesBindings && isBinding(call)) return expandBinding(args, build);
  return receiverMacros.get(`${fn}/${args.length}`)?.({ build, target, args });
}

const isBinding = ({ fn, target, args }: CallExpr): boolean =>
  fn === "bind" && args.length === 3 && target?.kind === "ident" && target.name === "cel";

function expandBinding([name, value, body]: readonly Expr[], build: Builder): Expr {
  if (name?.kind !== "ident" || name.name.startsWith(".")) {
    throw new MacroError(name?.offset ?? 0, "cel.bind() variable names must be simple identifiers");
  }
  return build.bind(name.name, need(value), need(body));
}

function expandHas([arg]: readonly Expr[], build: Builder): Expr {
  if (arg?.kind !== "select" || arg.testOnly) {
    throw new MacroError(arg?.offset ?? 0, "invalid argument to has() macro");
  }
  return { ...build.node(), kind: "select", operand: arg.operand, field: arg.field, testOnly: true };
}

interface Fold {
  readonly range: Expr;
  readonly vars: readonly string[];
  readonly init: Expr;
  readonly condition: Expr;
  readonly step: Expr;
  readonly result?: Expr;
  readonly accuVar?: string;
}

class Builder {
  readonly #factory: NodeFactory;

  constructor(factory: NodeFactory) {
    this.#factory = factory;
  }

  node(): { readonly id: number; readonly offset: number } {
    return this.#factory.node();
  }

  literal(value: Value): Expr {
    return { ...this.node(), kind: "literal", value };
  }

  ident(name: string): Expr {
    return { ...this.node(), kind: "ident", name };
  }

  accu(): Expr {
    return this.ident(accumulatorName);
  }

  list(...elements: Expr[]): Expr {
    return { ...this.node(), kind: "list", elements, optional: new Set() };
  }

  call(fn: string, ...args: Expr[]): Expr {
    return { ...this.node(), kind: "call", fn, target: undefined, args };
  }

  method(target: Expr, fn: string, ...args: Expr[]): Expr {
    return { ...this.node(), kind: "call", fn, target, args };
  }

  /** `init ? ... ` only where the filter says so. */
  filtered(filter: Expr | undefined, step: Expr): Expr {
    return filter === undefined ? step : this.call("_?_:_", filter, step, this.accu());
  }

  fold({ range, vars, init, condition, step, result, accuVar = accumulatorName }: Fold): Expr {
    return {
      ...this.node(),
      kind: "comprehension",
      range,
      iterVar: vars[0] ?? "",
      iterVar2: vars[1],
      accuVar,
      accuInit: init,
      condition,
      step,
      result: result ?? this.accu(),
    };
  }

  /** `value`, under a name, for `body`. */
  bind(name: string, value: Expr, body: Expr): Expr {
    return this.fold({
      range: this.list(),
      vars: ["#unused"],
      accuVar: name,
      init: value,
      condition: this.literal(false),
      step: this.ident(name),
      result: body,
    });
  }
}

const notSimple = "argument must be a simple name";
const overwrites = "iteration variable overwrites accumulator variable";
const notIdentifier = "argument is not an identifier";

function nameOf(arg: Expr | undefined, complaint = notSimple): string {
  if (arg?.kind === "ident" && !arg.name.startsWith(".")) return arg.name;
  throw new MacroError(arg?.offset ?? 0, complaint);
}

/** The first `count` arguments as names of what is looked at in turn, and the others. */
function split(
  args: readonly Expr[],
  count: number,
  complaint = notSimple,
): { names: string[]; rest: readonly Expr[] } {
  const vars = args.slice(0, count);
  const names = vars.map((arg) => nameOf(arg, complaint));
  const [first, second] = names;
  if (first === second) throw new MacroError(vars[1]?.offset ?? 0, `duplicate variable name: ${first ?? ""}`);
  const bad = vars[names.findIndex((name) => accumulatorNames.has(name))];
  if (bad !== undefined) throw new MacroError(bad.offset, overwrites);
  return { names, rest: args.slice(count) };
}

/** Its name now, and before. */
const accumulatorNames: ReadonlySet<string> = new Set([accumulatorName, "__result__"]);

function need(expr: Expr | undefined): Expr {
  if (expr === undefined) throw new MacroError(0, "a macro lacks an argument");
  return expr;
}

type Macro = (expansion: Expansion) => Expr;

const all =
  (vars: number): Macro =>
  ({ build, target, args }) => {
    const { names, rest } = split(args, vars);
    return build.fold({
      range: target,
      vars: names,
      init: build.literal(true),
      condition: build.call("@not_strictly_false", build.accu()),
      step: build.call("_&&_", build.accu(), need(rest[0])),
    });
  };

const exists =
  (vars: number): Macro =>
  ({ build, target, args }) => {
    const { names, rest } = split(args, vars);
    return build.fold({
      range: target,
      vars: names,
      init: build.literal(false),
      condition: build.call("@not_strictly_false", build.call("!_", build.accu())),
      step: build.call("_||_", build.accu(), need(rest[0])),
    });
  };

const existsOne =
  (vars: number): Macro =>
  ({ build, target, args }) => {
    const { names, rest } = split(args, vars);
    const counted = build.call("_+_", build.accu(), build.literal(1n));
    return build.fold({
      range: target,
      vars: names,
      init: build.literal(0n),
      condition: build.literal(true),
      step: build.call("_?_:_", need(rest[0]), counted, build.accu()),
      result: build.call("_==_", build.accu(), build.literal(1n)),
    });
  };

const mapTo =
  (vars: number): Macro =>
  ({ build, target, args }) => {
    const { names, rest } = split(args, vars, vars === 1 ? notIdentifier : notSimple);
    const filter = rest.length > 1 ? rest[0] : undefined;
    return build.fold({
      range: target,
      vars: names,
      init: build.list(),
      condition: build.literal(true),
      step: build.filtered(filter, build.call("_+_", build.accu(), build.list(need(rest.at(-1))))),
    });
  };

const filter: Macro = ({ build, target, args }) => {
  const { names, rest } = split(args, 1, notIdentifier);
  return build.fold({
    range: target,
    vars: names,
    init: build.list(),
    condition: build.literal(true),
    step: build.filtered(need(rest[0]), build.call("_+_", build.accu(), build.list(need(args[0])))),
  });
};

const toMap =
  (isEntry: boolean): Macro =>
  ({ build, target, args }) => {
    const { names, rest } = split(args, 2);
    const guard = rest.length > 1 ? rest[0] : undefined;
    const made = need(rest.at(-1));
    const inserted = isEntry
      ? build.call("cel.@mapInsert", build.accu(), made)
      : build.call("cel.@mapInsert", build.accu(), build.ident(names[0] ?? ""), made);
    return build.fold({
      range: target,
      vars: names,
      init: { ...build.node(), kind: "map", entries: [] },
      condition: build.literal(true),
      step: build.filtered(guard, inserted),
    });
  };

const optional =
  (isFlat: boolean): Macro =>
  ({ build, target, args }) => {
    const macro = isFlat ? "optFlatMap" : "optMap";
    const name = nameOf(args[0], `${macro}() variable name must be a simple identifier`);
    const value = build.bind(name, build.method(target, "value"), need(args[1]));
    return build.call(
      "_?_:_",
      build.method(target, "hasValue"),
      isFlat ? value : build.call("optional.of", value),
      build.call("optional.none"),
    );
  };

const sortBy: Macro = ({ build, target, args }) => {
  if (target.kind === "literal" || target.kind === "map" || target.kind === "struct") {
    throw new MacroError(
      target.offset,
      "sortBy can only be applied to a list, identifier, comprehension, call or select expression",
    );
  }
  const input = "@__sortBy_input__";
  const keys = mapTo(1)({ build, target: build.ident(input), args });
  return build.bind(input, target, build.method(build.ident(input), "@sortByAssociatedKeys", keys));
};

const receiverMacros = new Map<string, Macro>([
  ["all/2", all(1)],
  ["all/3", all(2)],
  ["exists/2", exists(1)],
  ["exists/3", exists(2)],
  ["exists_one/2", existsOne(1)],
  ["existsOne/2", existsOne(1)],
  ["exists_one/3", existsOne(2)],
  ["existsOne/3", existsOne(2)],
  ["map/2", mapTo(1)],
  ["map/3", mapTo(1)],
  ["filter/2", filter],
  ["transformList/3", mapTo(2)],
  ["transformList/4", mapTo(2)],
  ["transformMap/3", toMap(false)],
  ["transformMap/4", toMap(false)],
  ["transformMapEntry/3", toMap(true)],
  ["transformMapEntry/4", toMap(true)],
  ["optMap/2", optional(false)],
  ["optFlatMap/2", optional(true)],
  ["sortBy/2", sortBy],
]);
