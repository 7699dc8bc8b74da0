/** From text to tree, macros expanded. upstream: cel-go parser/parser.go; messages in the words of its ANTLR grammar */
import { childrenOf, type CallExpr, type Expr, type MapEntry, type StructField } from "./ast.ts";
import { Lexer, type Token } from "./lexer.ts";
import { bytesOf, floatOf, intOf, LiteralError, stringOf, uintOf } from "./literals.ts";
import { expandMacro, MacroError, type NodeFactory } from "./macros.ts";
import { nowhere, type Issues } from "./source.ts";
import { textSize, type Value } from "./values.ts";

const depthMax = 250;
/** In code points; as cel-go. */
const sourceSizeMax = 100_000;

const startsExpression =
  "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";
const endsExpression =
  "{<EOF>, '==', '!=', 'in', '<', '<=', '>=', '>', '&&', '||', '[', '.', '-', '?', '+', '*', '/', '%'}";

const reserved = new Set(
  "as break const continue else false for function if import in let loop package namespace null return true var void while".split(
    " ",
  ),
);

/** By how tightly they bind; `&&`, `||` and `?:` are not among them. */
const binaryLevels: readonly ReadonlySet<string>[] = [
  new Set(["<", "<=", ">", ">=", "==", "!=", "in"]),
  new Set(["+", "-"]),
  new Set(["*", "/", "%"]),
];

class SyntaxStop extends Error {}

/** undefined: the issues say why. */
export function parse(source: string, issues: Issues, takesBindings = false): Expr | undefined {
  if (textSize(source) > sourceSizeMax) {
    issues.report(
      nowhere,
      `expression code point size exceeds limit: size: ${textSize(source)}, limit ${sourceSizeMax}`,
    );
    return undefined;
  }
  const parser = new Parser(new Lexer(source, issues).tokens(), issues, takesBindings);
  try {
    const expr = parser.whole();
    return issues.count > 0 ? undefined : expr;
  } catch (error) {
    if (error instanceof SyntaxStop) return undefined;
    throw error;
  }
}

class Parser {
  readonly #tokens: readonly Token[];
  readonly #issues: Issues;
  readonly #takesBindings: boolean;
  #at = 0;
  #lastId = 0;
  #depth = 0;
  /** How deep what was written is, of each tree that is deep at all: operators, selections and calls of members count. */
  readonly #depths = new WeakMap<Expr, number>();

  constructor(tokens: readonly Token[], issues: Issues, takesBindings: boolean) {
    this.#tokens = tokens;
    this.#takesBindings = takesBindings;
    this.#issues = issues;
  }

  whole(): Expr {
    const expr = this.#expr();
    if (this.#peek().kind !== "eof") {
      this.#stop(`mismatched input '${this.#peek().text}' expecting ${endsExpression}`);
    }
    return expr;
  }

  #expr(): Expr {
    this.#depth += 1;
    if (this.#depth > depthMax) this.#tooDeep(`expression recursion limit exceeded: ${depthMax}`);
    const condition = this.#or();
    const question = this.#peek();
    let expr = condition;
    if (this.#takes("?")) {
      const yes = this.#or();
      this.#expect(":");
      const no = this.#expr();
      expr = this.#deeper(this.#call("_?_:_", question.offset, [condition, yes, no]));
    }
    this.#depth -= 1;
    return expr;
  }

  #or(): Expr {
    return this.#logical("||", () => this.#logical("&&", () => this.#binary(0)));
  }

  /** Long chains become balanced trees, lest they are too deep. */
  #logical(op: string, operand: () => Expr): Expr {
    const terms = [operand()];
    const offsets: number[] = [];
    while (this.#peek().text === op && this.#peek().kind === "op") {
      offsets.push(this.#take().offset);
      terms.push(operand());
    }
    return this.#balanced(op, terms, offsets);
  }

  #balanced(op: string, terms: readonly Expr[], offsets: readonly number[]): Expr {
    const [only] = terms;
    if (terms.length === 1 && only !== undefined) return only;
    const middle = Math.floor(offsets.length / 2);
    return this.#call(`_${op}_`, offsets[middle] ?? 0, [
      this.#balanced(op, terms.slice(0, middle + 1), offsets.slice(0, middle)),
      this.#balanced(op, terms.slice(middle + 1), offsets.slice(middle + 1)),
    ]);
  }

  #binary(level: number): Expr {
    const ops = binaryLevels[level];
    if (ops === undefined) return this.#unary();
    let left = this.#binary(level + 1);
    while (this.#isOperator() && ops.has(this.#peek().text)) {
      const { text, offset } = this.#take();
      const name = text === "in" ? "@in" : `_${text}_`;
      left = this.#deeper(this.#call(name, offset, [left, this.#binary(level + 1)]));
    }
    return left;
  }

  #isOperator(): boolean {
    const { kind, text } = this.#peek();
    return kind === "op" || (kind === "keyword" && text === "in");
  }

  #unary(): Expr {
    const { kind, text, offset } = this.#peek();
    if (kind !== "op" || (text !== "!" && text !== "-")) return this.#member();
    const next = this.#tokens[this.#at + 1];
    if (text === "-" && (next?.kind === "int" || next?.kind === "float")) return this.#member();
    let count = 0;
    while (this.#peek().kind === "op" && this.#peek().text === text) {
      this.#take();
      count += 1;
    }
    const operand = this.#member();
    return count % 2 === 0 ? operand : this.#call(text === "!" ? "!_" : "-_", offset, [operand]);
  }

  #member(): Expr {
    let expr = this.#primary();
    for (;;) {
      const { kind, text } = this.#peek();
      if (kind !== "op" || (text !== "." && text !== "[")) return expr;
      expr = text === "." ? this.#selection(expr) : this.#index(expr);
    }
  }

  #selection(operand: Expr): Expr {
    const dot = this.#take();
    const isOptional = this.#takes("?");
    const name = this.#fieldName();
    const open = this.#peek();
    if (!isOptional && this.#takes("(")) {
      const args = this.#list(")");
      const node = this.#node(open.offset);
      return this.#expand(this.#deeper({ ...node, kind: "call", fn: name, target: operand, args }));
    }
    if (isOptional) {
      const field: Expr = { ...this.#node(dot.offset), kind: "literal", value: name };
      return this.#deeper(this.#call("_?._", dot.offset, [operand, field]));
    }
    const node = this.#node(dot.offset);
    return this.#deeper({ ...node, kind: "select", operand, field: name, testOnly: false });
  }

  #fieldName(): string {
    const token = this.#peek();
    if (token.kind === "escaped") return this.#take().text.slice(1, -1);
    if (token.kind === "ident") return this.#take().text;
    return this.#stop(
      token.kind === "eof"
        ? "no viable alternative at input '.'"
        : `no viable alternative at input '.${token.text}'`,
    );
  }

  #index(operand: Expr): Expr {
    const { offset } = this.#take();
    const isOptional = this.#takes("?");
    const key = this.#expr();
    this.#expect("]");
    return this.#deeper(this.#call(isOptional ? "_[?_]" : "_[_]", offset, [operand, key]));
  }

  #primary(): Expr {
    const token = this.#peek();
    if (token.kind === "op") return this.#bracketed(token);
    this.#take();
    switch (token.kind) {
      case "int":
        return this.#literal(token, intOf, token.text);
      case "uint":
        return this.#literal(token, uintOf, token.text);
      case "float":
        return this.#literal(token, floatOf, token.text);
      case "string":
        return this.#literal(token, stringOf, token.text);
      case "bytes":
        return this.#literal(token, bytesOf, token.text);
      case "keyword":
        if (token.text === "in") return this.#unexpected(token);
        return this.#literal(token, (text) => (text === "null" ? null : text === "true"), token.text);
      case "ident":
        return this.#named(token, "");
      default:
        return this.#unexpected(token);
    }
  }

  #bracketed(token: Token): Expr {
    this.#take();
    switch (token.text) {
      case "(": {
        const expr = this.#expr();
        this.#expect(")");
        return expr;
      }
      case "[":
        return this.#listLiteral(token);
      case "{":
        return this.#mapLiteral(token);
      case ".":
        return this.#named(
          this.#peek().kind === "ident" ? this.#take() : this.#unexpected(this.#peek()),
          ".",
        );
      case "-": {
        const number = this.#peek();
        if (number.kind !== "int" && number.kind !== "float") return this.#unexpected(number);
        this.#take();
        return this.#literal(token, number.kind === "int" ? intOf : floatOf, `-${number.text}`);
      }
      default:
        return this.#unexpected(token);
    }
  }

  #named(token: Token, dot: string): Expr {
    const open = this.#peek();
    if (this.#takes("(")) {
      const args = this.#list(")");
      return this.#expand(this.#call(dot + token.text, open.offset, args));
    }
    const typeName = this.#structName(token, dot);
    if (typeName !== undefined) return this.#struct(typeName);
    if (reserved.has(token.text)) {
      this.#issues.report(token.offset, `reserved identifier: ${token.text}`);
    }
    return { ...this.#node(token.offset), kind: "ident", name: dot + token.text };
  }

  /** "a.b.C" where `{` follows, moved over. */
  #structName(token: Token, dot: string): string | undefined {
    let at = this.#at;
    let name = dot + token.text;
    while (this.#tokens[at]?.text === "." && this.#tokens[at + 1]?.kind === "ident") {
      name += `.${this.#tokens[at + 1]?.text ?? ""}`;
      at += 2;
    }
    const brace = this.#tokens[at];
    if (brace?.kind !== "op" || brace.text !== "{") return undefined;
    this.#at = at;
    return name;
  }

  #struct(typeName: string): Expr {
    const { offset } = this.#take();
    const fields: StructField[] = [];
    while (!this.#takes("}")) {
      const optional = this.#takes("?");
      const name = this.#fieldName();
      const colon = this.#expect(":");
      fields.push({ ...this.#node(colon.offset), name, value: this.#expr(), optional });
      if (!this.#takes(",") && this.#peek().text !== "}") this.#expect("}");
    }
    return this.#asDeep({ ...this.#node(offset), kind: "struct", typeName, fields });
  }

  #mapLiteral({ offset }: Token): Expr {
    const entries: MapEntry[] = [];
    while (!this.#takes("}")) {
      const optional = this.#takes("?");
      const key = this.#expr();
      const colon = this.#expect(":");
      entries.push({ ...this.#node(colon.offset), key, value: this.#expr(), optional });
      if (!this.#takes(",") && this.#peek().text !== "}") this.#expect("}");
    }
    return this.#asDeep({ ...this.#node(offset), kind: "map", entries });
  }

  #listLiteral({ offset }: Token): Expr {
    const elements: Expr[] = [];
    const optional = new Set<number>();
    while (!this.#takes("]")) {
      if (this.#takes("?")) optional.add(elements.length);
      elements.push(this.#expr());
      if (!this.#takes(",") && this.#peek().text !== "]") this.#expect("]");
    }
    return this.#asDeep({ ...this.#node(offset), kind: "list", elements, optional });
  }

  #list(close: string): Expr[] {
    const found: Expr[] = [];
    if (this.#takes(close)) return found;
    do found.push(this.#expr());
    while (this.#takes(","));
    this.#expect(close);
    return found;
  }

  #literal({ offset }: Token, read: (text: string) => Value, text: string): Expr {
    let value: Value = null;
    try {
      value = read(text);
    } catch (error) {
      if (!(error instanceof LiteralError)) throw error;
      this.#issues.report(offset, error.message);
    }
    return { ...this.#node(offset), kind: "literal", value };
  }

  #call(fn: string, offset: number, args: readonly Expr[]): CallExpr {
    return this.#asDeep({ ...this.#node(offset), kind: "call", fn, target: undefined, args });
  }

  /** As its parts are. */
  #asDeep<T extends Expr>(expr: T): T {
    const depth = this.#depthOfParts(expr);
    if (depth > 0) this.#depths.set(expr, depth);
    return expr;
  }

  #deeper<T extends Expr>(expr: T): T {
    const depth = this.#depthOfParts(expr) + 1;
    if (depth > depthMax) this.#tooDeep("max recursion depth exceeded");
    this.#depths.set(expr, depth);
    return expr;
  }

  #depthOfParts(expr: Expr): number {
    return childrenOf(expr).reduce((deepest, part) => Math.max(deepest, this.#depths.get(part) ?? 0), 0);
  }

  #tooDeep(message: string): never {
    this.#issues.report(nowhere, message);
    throw new SyntaxStop();
  }

  #expand(call: CallExpr): Expr {
    const factory: NodeFactory = {
      node: () => this.#node(call.offset),
      takesBindings: this.#takesBindings,
    };
    try {
      const expanded = expandMacro(call, factory);
      if (expanded === undefined) return call;
      this.#depths.set(expanded, this.#depths.get(call) ?? 0);
      return expanded;
    } catch (error) {
      if (!(error instanceof MacroError)) throw error;
      this.#issues.report(error.offset, error.message);
      return call;
    }
  }

  #node(offset: number): { readonly id: number; readonly offset: number } {
    this.#lastId += 1;
    return { id: this.#lastId, offset };
  }

  #peek(): Token {
    return this.#tokens[this.#at] ?? { kind: "eof", text: "<EOF>", offset: 0 };
  }

  #take(): Token {
    const token = this.#peek();
    this.#at += 1;
    return token;
  }

  #takes(op: string): boolean {
    const { kind, text } = this.#peek();
    if (kind !== "op" || text !== op) return false;
    this.#at += 1;
    return true;
  }

  #expect(op: string): Token {
    const token = this.#peek();
    if (this.#takes(op)) return token;
    const rest = endsExpression.replace("<EOF>", `'${op}'`);
    return this.#stop(`mismatched input '${token.text}' expecting ${rest}`);
  }

  #unexpected(token: Token): never {
    const before = this.#tokens[this.#tokens.indexOf(token) - 1];
    if (token.kind === "eof" && before?.kind === "op" && before.text === "-") {
      this.#issues.report(token.offset, "Syntax error: no viable alternative at input '-'");
    }
    this.#issues.report(
      token.offset,
      `Syntax error: mismatched input '${token.text}' expecting ${startsExpression}`,
    );
    throw new SyntaxStop();
  }

  #stop(message: string): never {
    this.#issues.report(this.#peek().offset, `Syntax error: ${message}`);
    throw new SyntaxStop();
  }
}
