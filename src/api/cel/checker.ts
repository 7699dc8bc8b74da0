/** Gives every node of a tree its type and every call its overloads. upstream: cel-go checker/checker.go */
import {
  type CallExpr,
  childrenOf,
  type ComprehensionExpr,
  type Expr,
  type ListExpr,
  type MapExpr,
  qualifiedName,
  type SelectExpr,
  type StructExpr,
} from "./ast.ts";
import type { FunctionDeclaration, Functions, Overload } from "./functions.ts";
import type { Issues } from "./source.ts";
import { literalType, typeNames } from "./type-names.ts";
import {
  boolType,
  type CelType,
  dynType,
  errorType,
  formatType,
  intType,
  isAssignable,
  listType,
  mapType,
  mostGeneral,
  objectType,
  optionalType,
  sameType,
  Substitutions,
} from "./types.ts";

/** Knows the fields of declared objects. */
export interface TypeProvider {
  hasType(name: string): boolean;
  fieldType(typeName: string, field: string): CelType | undefined;
}

export interface CheckEnvironment {
  readonly functions: Functions;
  readonly variables: ReadonlyMap<string, CelType>;
  readonly types: TypeProvider;
}

export interface Checked {
  readonly expr: Expr;
  readonly type: CelType;
  typeOf(expr: Expr): CelType;
  overloadsOf(expr: Expr): readonly Overload[];
  /** The variable or type that a node names as a whole, dots and all. */
  referenceOf(expr: Expr): string | undefined;
  /** The function's full name, where its target is only a namespace: `sets.contains(…)`. */
  namespacedOf(expr: Expr): string | undefined;
}

export function check(expr: Expr, environment: CheckEnvironment, issues: Issues): Checked {
  return new Checker(environment, issues).run(expr);
}

class Checker {
  readonly #env: CheckEnvironment;
  readonly #issues: Issues;
  readonly #known = new Substitutions();
  readonly #types = new Map<number, CelType>();
  readonly #overloads = new Map<number, readonly Overload[]>();
  readonly #references = new Map<number, string>();
  readonly #namespaced = new Map<number, string>();
  readonly #scopes: Map<string, CelType>[] = [];
  #lastVar = 0;

  constructor(environment: CheckEnvironment, issues: Issues) {
    this.#env = environment;
    this.#issues = issues;
  }

  run(expr: Expr): Checked {
    this.#check(expr);
    for (const [id, type] of this.#types) this.#types.set(id, this.#known.apply(type, true));
    this.#checkAggregates(expr, false);
    return {
      expr,
      type: this.#type(expr),
      typeOf: (node) => this.#type(node),
      overloadsOf: (node) => this.#overloads.get(node.id) ?? [],
      referenceOf: (node) => this.#references.get(node.id),
      namespacedOf: (node) => this.#namespaced.get(node.id),
    };
  }

  #type(expr: Expr): CelType {
    return this.#types.get(expr.id) ?? errorType;
  }

  #check(expr: Expr): void {
    this.#types.set(expr.id, this.#typed(expr));
  }

  #typed(expr: Expr): CelType {
    switch (expr.kind) {
      case "literal":
        return literalType(expr.value);
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

  #lookup(name: string): CelType | undefined {
    const absolute = name.startsWith(".") ? name.slice(1) : name;
    if (absolute === name) {
      const scope = this.#scopes.findLast((each) => each.has(name));
      if (scope !== undefined) return scope.get(name);
    }
    const variable = this.#env.variables.get(absolute);
    if (variable !== undefined) return variable;
    const named = typeNames.get(absolute);
    if (named !== undefined) return { kind: "type", of: named };
    return this.#env.types.hasType(absolute) ? { kind: "type", of: objectType(absolute) } : undefined;
  }

  #ident(expr: Expr, name: string): CelType {
    const type = this.#lookup(name);
    if (type !== undefined) {
      this.#references.set(expr.id, name);
      return type;
    }
    this.#issues.report(expr.offset, `undeclared reference to '${name}' (in container '')`);
    return errorType;
  }

  #select(expr: SelectExpr): CelType {
    const name = qualifiedName(expr);
    const isShadowed =
      name !== undefined && this.#scopes.some((scope) => scope.has(name.split(".")[0] ?? ""));
    const whole = name === undefined || isShadowed ? undefined : this.#lookup(name);
    if (name !== undefined && whole !== undefined) {
      this.#references.set(expr.id, name);
      return whole;
    }
    this.#check(expr.operand);
    const target = this.#known.apply(this.#type(expr.operand), false);
    const field = this.#field(expr, target, expr.field);
    return expr.testOnly ? boolType : field;
  }

  /** A field of an optional is an optional field. */
  #field(expr: Expr, target: CelType, name: string): CelType {
    if (target.kind === "opaque" && target.name === "optional_type") {
      const inner = this.#field(expr, target.params[0] ?? dynType, name);
      return inner.kind === "opaque" && inner.name === "optional_type" ? inner : optionalType(inner);
    }
    switch (target.kind) {
      case "error":
      case "dyn":
        return dynType;
      case "param":
        isAssignable(this.#known, [dynType], [target]);
        return dynType;
      case "map":
        return target.value;
      case "object": {
        const type = this.#env.types.fieldType(target.name, name);
        if (type !== undefined) return type;
        this.#issues.report(expr.offset, `undefined field '${name}'`);
        return errorType;
      }
      default:
        this.#issues.report(expr.offset, `type '${formatType(target)}' does not support field selection`);
        return errorType;
    }
  }

  #call(expr: CallExpr): CelType {
    if (expr.fn === "_?._") return this.#optionalSelect(expr);
    for (const arg of expr.args) this.#check(arg);
    const namespace = expr.target === undefined ? undefined : qualifiedName(expr.target);
    if (namespace !== undefined) {
      const name = `${namespace}.${expr.fn}`.replace(/^\./, "");
      const declared = this.#env.functions.find(name);
      if (declared !== undefined) {
        this.#namespaced.set(expr.id, name);
        return this.#resolve(expr, declared, expr.args, false);
      }
    }
    if (expr.target !== undefined) this.#check(expr.target);
    const declared = this.#env.functions.find(expr.fn.replace(/^\./, ""));
    if (declared === undefined) {
      this.#issues.report(expr.offset, `undeclared reference to '${expr.fn}' (in container '')`);
      return errorType;
    }
    const isMember = expr.target !== undefined;
    return this.#resolve(expr, declared, isMember ? [expr.target, ...expr.args] : expr.args, isMember);
  }

  #optionalSelect(expr: CallExpr): CelType {
    const [operand, field] = expr.args;
    if (operand === undefined || field?.kind !== "literal" || typeof field.value !== "string") {
      return errorType;
    }
    this.#check(operand);
    this.#check(field);
    const target = this.#known.apply(this.#type(operand), false);
    const type = this.#field(expr, target, field.value);
    return type.kind === "opaque" && type.name === "optional_type" ? type : optionalType(type);
  }

  #resolve(
    expr: CallExpr,
    { name, overloads }: FunctionDeclaration,
    args: readonly Expr[],
    isMember: boolean,
  ): CelType {
    const types = args.map((arg) => this.#type(arg));
    const matching: Overload[] = [];
    let result: CelType | undefined;
    for (const overload of overloads) {
      if (overload.isMember !== isMember || overload.params.length !== types.length) continue;
      const fresh = this.#instantiate(overload);
      if (!isAssignable(this.#known, types, fresh.params)) continue;
      matching.push(overload);
      const found = this.#known.apply(fresh.result, false);
      if (result === undefined) result = found;
      else if (!sameType(result, found)) result = dynType;
    }
    if (result === undefined) {
      const shown = types.map((type) => formatType(this.#known.apply(type, true)));
      const signature = isMember
        ? `${shown[0] ?? ""}.(${shown.slice(1).join(", ")})`
        : `(${shown.join(", ")})`;
      this.#issues.report(expr.offset, `found no matching overload for '${name}' applied to '${signature}'`);
      return errorType;
    }
    this.#overloads.set(expr.id, matching);
    return result;
  }

  /** Type parameters of each use are its own. */
  #instantiate({ params, result }: Overload): Pick<Overload, "params" | "result"> {
    const fresh = new Substitutions();
    this.#lastVar += 1;
    for (const letter of "ABKTUV") {
      fresh.bind({ kind: "param", name: letter }, { kind: "param", name: `_var${this.#lastVar}${letter}` });
    }
    return { params: params.map((param) => fresh.apply(param, false)), result: fresh.apply(result, false) };
  }

  #newVar(): CelType {
    this.#lastVar += 1;
    return { kind: "param", name: `_var${this.#lastVar}` };
  }

  #join(previous: CelType | undefined, current: CelType): CelType {
    if (previous === undefined) return current;
    return isAssignable(this.#known, [previous], [current]) ? mostGeneral(previous, current) : dynType;
  }

  /** `?x` holds an optional, whose value is meant. */
  #unwrapped(expr: Expr, isOptional: boolean): CelType {
    const type = this.#type(expr);
    if (!isOptional) return type;
    if (type.kind === "opaque" && type.name === "optional_type") return type.params[0] ?? dynType;
    if (type.kind !== "dyn" && type.kind !== "error") {
      this.#issues.report(
        expr.offset,
        `expected type 'optional_type(${formatType(type)})' but found '${formatType(type)}'`,
      );
    }
    return type;
  }

  #list({ elements, optional }: ListExpr): CelType {
    let elem: CelType | undefined;
    for (const [index, element] of elements.entries()) {
      this.#check(element);
      elem = this.#join(elem, this.#unwrapped(element, optional.has(index)));
    }
    return listType(elem ?? this.#newVar());
  }

  #map({ entries }: MapExpr): CelType {
    let keys: CelType | undefined;
    let values: CelType | undefined;
    for (const { key, value, optional } of entries) {
      this.#check(key);
      keys = this.#join(keys, this.#type(key));
      this.#check(value);
      values = this.#join(values, this.#unwrapped(value, optional));
    }
    return mapType(keys ?? this.#newVar(), values ?? this.#newVar());
  }

  #struct(expr: StructExpr): CelType {
    const name = expr.typeName.replace(/^\./, "");
    for (const { value } of expr.fields) this.#check(value);
    if (!this.#env.types.hasType(name)) {
      const known = typeNames.get(name);
      this.#issues.report(
        expr.offset,
        known === undefined
          ? `undeclared reference to '${expr.typeName}' (in container '')`
          : `'${name}' is not a message type`,
      );
      return errorType;
    }
    this.#references.set(expr.id, name);
    for (const { name: field, value, optional, offset } of expr.fields) {
      const type = this.#env.types.fieldType(name, field);
      if (type === undefined) {
        this.#issues.report(offset, `undefined field '${field}'`);
        continue;
      }
      const found = this.#unwrapped(value, optional);
      if (!isAssignable(this.#known, [found], [type])) {
        this.#issues.report(
          offset,
          `expected type of field '${field}' is '${formatType(type)}' but provided type is '${formatType(found)}'`,
        );
      }
    }
    return objectType(name);
  }

  #comprehension(expr: ComprehensionExpr): CelType {
    this.#check(expr.range);
    this.#check(expr.accuInit);
    const accu = this.#type(expr.accuInit);
    const [first, second] = this.#iterated(expr);
    this.#scopes.push(new Map([[expr.accuVar, accu]]));
    const vars = new Map([[expr.iterVar, first]]);
    if (expr.iterVar2 !== undefined) vars.set(expr.iterVar2, second);
    this.#scopes.push(vars);
    this.#check(expr.condition);
    this.#assert(expr.condition, boolType);
    this.#check(expr.step);
    this.#assert(expr.step, accu);
    this.#scopes.pop();
    this.#check(expr.result);
    this.#scopes.pop();
    return this.#known.apply(this.#type(expr.result), false);
  }

  #iterated({ range, iterVar2 }: ComprehensionExpr): [CelType, CelType] {
    const type = this.#known.apply(this.#type(range), false);
    const two = iterVar2 !== undefined;
    switch (type.kind) {
      case "list":
        return two ? [intType, type.elem] : [type.elem, type.elem];
      case "map":
        return [type.key, type.value];
      case "dyn":
      case "error":
      case "param":
        isAssignable(this.#known, [dynType], [type]);
        return [dynType, dynType];
      default:
        this.#issues.report(
          range.offset,
          `expression of type '${formatType(type)}' cannot be range of a comprehension (must be list, map, or dynamic)`,
        );
        return [errorType, errorType];
    }
  }

  #assert(expr: Expr, type: CelType): void {
    if (isAssignable(this.#known, [type], [this.#type(expr)])) return;
    const [expected, found] = [type, this.#type(expr)].map((each) =>
      formatType(this.#known.apply(each, true)),
    );
    this.#issues.report(expr.offset, `expected type '${expected ?? ""}' but found '${found ?? ""}'`);
  }

  /** Lists and maps as written are of one type; only arguments of format() may mix. upstream: cel/validator.go */
  #checkAggregates(expr: Expr, isFormatted: boolean): void {
    if (this.#issues.count > 0) return;
    if (!isFormatted) {
      if (expr.kind === "list") {
        this.#checkSame(expr.elements.map((each, index) => [each, expr.optional.has(index)]));
      }
      if (expr.kind === "map") {
        this.#checkSame(expr.entries.map(({ key }) => [key, false]));
        this.#checkSame(expr.entries.map(({ value, optional }) => [value, optional]));
      }
    }
    const passes =
      expr.kind === "call"
        ? expr.fn === "format"
        : isFormatted && (expr.kind === "list" || expr.kind === "map");
    for (const child of childrenOf(expr)) this.#checkAggregates(child, passes);
  }

  #checkSame(parts: readonly (readonly [Expr, boolean])[]): void {
    let first: CelType | undefined;
    for (const [expr, isOptional] of parts) {
      const type = this.#unwrapped(expr, isOptional);
      first ??= type;
      if (!sameType(first, type)) {
        this.#issues.report(
          expr.offset,
          `expected type '${formatType(first)}' but found '${formatType(type)}'`,
        );
        return;
      }
    }
  }
}
