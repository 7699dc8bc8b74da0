/** A YAML stream's first document as nodes. upstream: go.yaml.in/yaml/v2 parserc.go, decode.go */
import { yamlError, type Cursor } from "./cursor.ts";
import { YamlScanner, type Token } from "./scanner.ts";

export interface ScalarNode {
  readonly kind: "scalar";
  readonly line: number;
  /** "" where there is none. */
  readonly tag: string;
  readonly value: string;
  /** Written plainly and without a tag: what it is, is found out from its text. */
  readonly isImplicit: boolean;
}

export type YamlNode =
  | ScalarNode
  | { readonly kind: "alias"; readonly line: number; readonly name: string; readonly target: YamlNode }
  | { readonly kind: "sequence"; readonly line: number; readonly items: YamlNode[] }
  /** Keys and values by turns. */
  | { readonly kind: "mapping"; readonly line: number; readonly items: YamlNode[] };

/** Our stack is the bound; goyaml's is 10,000. */
export const depthMax = 1000;

export const longTag = "tag:yaml.org,2002:";

/** Undefined where there is none. Throws DecodeError. */
export const firstDocument = (cursor: Cursor): YamlNode | undefined => new YamlParser(cursor).document();

interface Properties {
  readonly line: number;
  readonly anchor: string | undefined;
  readonly tag: string;
}

const endsEntry = new Set<Token["type"]>(["entry", "block end"]);
const endsIndentless = new Set<Token["type"]>(["entry", "key", "value", "block end"]);
const endsPair = new Set<Token["type"]>(["key", "value", "block end"]);
const endsFlowItem = new Set<Token["type"]>(["value", "flow entry", "flow sequence end"]);
const endsFlowKey = new Set<Token["type"]>(["value", "flow entry", "flow mapping end"]);
const endsDocument = new Set<Token["type"]>(["directive", "document start", "document end", "stream end"]);

class YamlParser {
  readonly #scanner: YamlScanner;
  readonly #tags = new Map<string, string>();
  readonly #anchors = new Map<string, YamlNode>();
  #depth = 0;

  constructor(cursor: Cursor) {
    this.#scanner = new YamlScanner(cursor, depthMax);
  }

  document(): YamlNode | undefined {
    const { type } = this.#scanner.peek();
    if (type === "stream end") return undefined;
    const isExplicit = type === "directive" || type === "document start";
    if (isExplicit) this.#directives();
    for (const [handle, prefix] of [
      ["!", "!"],
      ["!!", longTag],
    ] as const) {
      if (!this.#tags.has(handle)) this.#tags.set(handle, prefix);
    }
    if (isExplicit) {
      this.#expect("document start", "did not find expected <document start>");
      this.#scanner.take();
    }
    const first = this.#scanner.peek();
    const node =
      isExplicit && endsDocument.has(first.type) ? emptyAt(first.line) : this.#node({ isBlock: true });
    // Goyaml looks whether the document is over.
    this.#scanner.peek();
    return node;
  }

  #directives(): void {
    let hasVersion = false;
    for (;;) {
      const token = this.#scanner.peek();
      if (token.type !== "directive") return;
      const { directive, line } = token;
      if (directive.type === "tag") {
        if (this.#tags.has(directive.handle)) fail("found duplicate %TAG directive", line);
        this.#tags.set(directive.handle, directive.prefix);
      } else {
        if (hasVersion) fail("found duplicate %YAML directive", line);
        if (!directive.isKnown) fail("found incompatible YAML document", line);
        hasVersion = true;
      }
      this.#scanner.take();
    }
  }

  #expect(type: Token["type"], problem: string): void {
    const token = this.#scanner.peek();
    if (token.type !== type) fail(problem, token.line);
  }

  #isNext(type: Token["type"]): boolean {
    return this.#scanner.peek().type === type;
  }

  /** `mayHang`: a sequence may stand where the key of its mapping does. */
  #node({ isBlock, mayHang = false }: { readonly isBlock: boolean; readonly mayHang?: boolean }): YamlNode {
    const token = this.#scanner.peek();
    if (token.type === "alias") return this.#alias(token);
    if (++this.#depth > depthMax) fail(`exceeded max depth of ${depthMax}`, token.line);
    const node = this.#content(this.#properties(token), isBlock, mayHang);
    this.#depth--;
    return node;
  }

  #alias({ name, line }: Token & { readonly type: "alias" | "anchor" }): YamlNode {
    const target = this.#anchors.get(name);
    if (target === undefined) throw yamlError(`unknown anchor '${name}' referenced`, 0);
    this.#scanner.take();
    return { kind: "alias", line, name, target };
  }

  /** An anchor and a tag, in any order. */
  #properties({ line }: Token): Properties {
    let anchor: string | undefined;
    let tag: (Token & { readonly type: "tag" }) | undefined;
    for (let left = 2; left > 0; left--) {
      const token = this.#scanner.peek();
      if (token.type === "anchor" && anchor === undefined) anchor = token.name;
      else if (token.type === "tag" && tag === undefined) tag = token;
      else break;
      this.#scanner.take();
    }
    this.#scanner.peek();
    return { line, anchor, tag: tag === undefined ? "" : this.#tagText(tag) };
  }

  #tagText({ tag: { handle, suffix }, line }: Token & { readonly type: "tag" }): string {
    if (handle === "") return suffix;
    const text = (this.#tags.get(handle) ?? "") + (this.#tags.has(handle) ? suffix : "");
    if (text === "") fail("found undefined tag handle", line);
    return text;
  }

  #content({ line, anchor, tag }: Properties, isBlock: boolean, mayHang: boolean): YamlNode {
    const token = this.#scanner.peek();
    if (token.type === "scalar") {
      this.#scanner.take();
      const isImplicit = (tag === "" && token.isPlain) || tag === "!";
      return this.#anchored(anchor, { kind: "scalar", line, tag, value: token.value, isImplicit });
    }
    const items: YamlNode[] = [];
    const kind = collectionOf(token.type, isBlock, mayHang);
    if (kind !== undefined) {
      // Its anchor may be spoken of within it.
      const node = this.#anchored(anchor, { kind, line, items });
      this.#fill(token.type, items);
      return node;
    }
    if (anchor === undefined && tag === "") fail("did not find expected node content", token.line);
    return this.#anchored(anchor, { kind: "scalar", line, tag, value: "", isImplicit: tag === "" });
  }

  #anchored(anchor: string | undefined, node: YamlNode): YamlNode {
    if (anchor !== undefined) this.#anchors.set(anchor, node);
    return node;
  }

  #fill(type: Token["type"], items: YamlNode[]): void {
    if (type === "flow sequence") this.#flowSequence(items);
    else if (type === "flow mapping") this.#flowMapping(items);
    else if (type === "block sequence") this.#blockSequence(items);
    else if (type === "block mapping") this.#blockMapping(items);
    else this.#hangingSequence(items);
  }

  #blockSequence(items: YamlNode[]): void {
    this.#scanner.take();
    while (this.#isNext("entry")) items.push(this.#entry(endsEntry));
    this.#expect("block end", "did not find expected '-' indicator");
    this.#scanner.take();
  }

  #hangingSequence(items: YamlNode[]): void {
    while (this.#isNext("entry")) items.push(this.#entry(endsIndentless));
  }

  #entry(ends: ReadonlySet<Token["type"]>): YamlNode {
    const { line } = this.#scanner.peek();
    this.#scanner.take();
    return ends.has(this.#scanner.peek().type) ? emptyAt(line) : this.#node({ isBlock: true });
  }

  #blockMapping(items: YamlNode[]): void {
    this.#scanner.take();
    while (this.#isNext("key")) {
      items.push(this.#pairPart());
      const { type, line } = this.#scanner.peek();
      items.push(type === "value" ? this.#pairPart() : emptyAt(line));
    }
    this.#expect("block end", "did not find expected key");
    this.#scanner.take();
  }

  #pairPart(): YamlNode {
    const { line } = this.#scanner.peek();
    this.#scanner.take();
    if (endsPair.has(this.#scanner.peek().type)) return emptyAt(line);
    return this.#node({ isBlock: true, mayHang: true });
  }

  #flowSequence(items: YamlNode[]): void {
    this.#scanner.take();
    for (let isFirst = true; !this.#isNext("flow sequence end"); isFirst = false) {
      if (!isFirst) this.#comma("did not find expected ',' or ']'");
      if (this.#isNext("flow sequence end")) break;
      items.push(this.#isNext("key") ? this.#flowPair() : this.#node({ isBlock: false }));
    }
    this.#scanner.take();
  }

  #comma(problem: string): void {
    this.#expect("flow entry", problem);
    this.#scanner.take();
  }

  /** A mapping of one pair, without braces. */
  #flowPair(): YamlNode {
    const { line } = this.#scanner.peek();
    this.#scanner.take();
    return { kind: "mapping", line, items: [this.#flowPairKey(), this.#flowValue(endsFlowItem)] };
  }

  #flowPairKey(): YamlNode {
    const token = this.#scanner.peek();
    if (!endsFlowItem.has(token.type)) return this.#node({ isBlock: false });
    // Goyaml passes over what comes instead of a key.
    this.#scanner.take();
    return emptyAt(token.line);
  }

  #flowValue(ends: ReadonlySet<Token["type"]>): YamlNode {
    const token = this.#scanner.peek();
    if (token.type !== "value") return emptyAt(token.line);
    this.#scanner.take();
    const next = this.#scanner.peek();
    const isEmpty = ends.has(next.type) && next.type !== "value";
    return isEmpty ? emptyAt(next.line) : this.#node({ isBlock: false });
  }

  #flowMapping(items: YamlNode[]): void {
    this.#scanner.take();
    for (let isFirst = true; !this.#isNext("flow mapping end"); isFirst = false) {
      if (!isFirst) this.#comma("did not find expected ',' or '}'");
      if (this.#isNext("flow mapping end")) break;
      if (this.#isNext("key")) this.#flowMappingPair(items);
      else {
        items.push(this.#node({ isBlock: false }));
        items.push(emptyAt(this.#scanner.peek().line));
      }
    }
    this.#scanner.take();
  }

  #flowMappingPair(items: YamlNode[]): void {
    this.#scanner.take();
    const { type, line } = this.#scanner.peek();
    items.push(endsFlowKey.has(type) ? emptyAt(line) : this.#node({ isBlock: false }));
    items.push(this.#flowValue(endsFlowKey));
  }
}

function collectionOf(
  type: Token["type"],
  isBlock: boolean,
  mayHang: boolean,
): "sequence" | "mapping" | undefined {
  switch (type) {
    case "flow sequence":
      return "sequence";
    case "flow mapping":
      return "mapping";
    case "block sequence":
      return isBlock ? "sequence" : undefined;
    case "block mapping":
      return isBlock ? "mapping" : undefined;
    case "entry":
      return mayHang ? "sequence" : undefined;
    default:
      return undefined;
  }
}

/** What a parser says of a token: its lines are counted from 0, and the first has none. */
function fail(problem: string, line: number): never {
  throw yamlError(problem, line);
}

const emptyAt = (line: number): ScalarNode => ({
  kind: "scalar",
  line,
  tag: "",
  value: "",
  isImplicit: true,
});
