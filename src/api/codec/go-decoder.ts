/**
 * What Go's decoder says of JSON that isn't quite what its type says: which of several faults it tells, and in which
 * order. It goes through the text once; a value that doesn't fit it remembers and goes on, and what a type's own reader
 * refuses ends it. Nothing is decoded here: json.ts does that, and asks here only when something is amiss.
 * upstream: sigs.k8s.io/json decode.go, kubernetes_patch.go; apiextensions/v1/marshal.go
 */
import { goQuote } from "../meta/go-quote.ts";
import { mismatchError, type ScalarContext } from "./context.ts";
import { DecodeError } from "./decode-error.ts";
import { isNumberText, JsonMap, scalarOf, type JsonNode } from "./json-tree.ts";
import { readByte, scalarReaders } from "./scalars.ts";

export interface GoStruct {
  /** "PodSpec" */
  readonly name: string;
  /** "v1.PodSpec" */
  readonly goType: string;
  readonly shapes: ReadonlyMap<string, GoShape>;
}

export type GoShape =
  | { readonly kind: "struct"; readonly struct: GoStruct }
  | { readonly kind: "list"; readonly goType: string; readonly items: GoShape }
  | { readonly kind: "map"; readonly goType: string; readonly values: GoShape }
  | {
      readonly kind: "scalar";
      /** Throws DecodeError. */
      readonly read: (value: unknown, context: ScalarContext) => unknown;
      /** Its type reads itself: what it refuses ends the decoding. */
      readonly readsItself: boolean;
    }
  /** []byte: base64 text, or a list of numbers. */
  | { readonly kind: "bytes" }
  /** interface{} */
  | { readonly kind: "any" }
  /** Kept as it is. */
  | { readonly kind: "raw" }
  /** One of several forms, which its type reads itself. */
  | { readonly kind: "forms"; readonly map: GoShape; readonly list?: GoShape; readonly isBool?: boolean };

export interface GoOutcome {
  /** The fault that Go returns. */
  readonly error: DecodeError | undefined;
  /** Of what can be decoded: `unknown field "spec.foo"`, `duplicate field "spec.x"`. */
  readonly strictFaults: readonly string[];
  readonly unknownFields: readonly string[];
}

/** More are not collected. upstream: kubernetes_patch.go saveStrictError */
const strictFaultsMax = 100;
/** In characters: a key may be as long as the request, and a hundred wrong fields lie below it. */
const toldMax = 256 * 1024;

export function decodeAsGo(root: JsonNode, shape: GoShape): GoOutcome {
  const decoder = new GoDecoder();
  const error = decoder.run(root, shape);
  const isDecoded = error === undefined;
  return {
    error,
    strictFaults: isDecoded ? [...decoder.faults] : [],
    unknownFields: isDecoded ? decoder.unknown : [],
  };
}

class GoDecoder implements ScalarContext {
  readonly faults = new Set<string>();
  readonly unknown: string[] = [];
  /** "spec.containers[0]" */
  #path = "";
  #struct = "";
  readonly #fields: string[] = [];
  #saved: DecodeError | undefined;
  #scalar = "";
  #told = 0;

  run(root: JsonNode, shape: GoShape): DecodeError | undefined {
    try {
      this.#value(root, shape);
      return this.#saved;
    } catch (error) {
      if (error instanceof DecodeError) return error;
      throw error;
    }
  }

  get isWhole(): boolean {
    return !/[.eE]/.test(this.#scalar);
  }

  numberText(): string {
    return this.#scalar;
  }

  mismatch(value: unknown, goType: string, isRead = false): DecodeError {
    const place = { struct: this.#struct, fields: [...this.#fields] };
    return mismatchError({ value, goType, isRead, number: this.#scalar, ...place });
  }

  #value(node: JsonNode, shape: GoShape): void {
    if (node === "null") return;
    if (typeof node === "string") this.#scalar = node;
    switch (shape.kind) {
      case "struct":
        this.#structValue(node, shape.struct);
        return;
      case "list":
        this.#listValue(node, shape);
        return;
      case "map":
        this.#mapValue(node, shape);
        return;
      case "scalar":
        this.#scalarValue(node, shape);
        return;
      case "bytes":
        this.#bytes(node);
        return;
      case "any":
        this.#any(node);
        return;
      case "forms":
        this.#forms(node, shape);
        return;
      case "raw":
        return;
    }
  }

  #listValue(node: JsonNode, { goType, items }: GoShape & { kind: "list" }): void {
    if (typeof node === "string" || node instanceof JsonMap) this.#save(node, goType);
    else this.#items(node, items);
  }

  #mapValue(node: JsonNode, { goType, values }: GoShape & { kind: "map" }): void {
    if (node instanceof JsonMap) this.#entries(node, values);
    else this.#save(node, goType);
  }

  #bytes(node: JsonNode): void {
    if (typeof node === "string" || node instanceof JsonMap) this.#scalarValue(node, bytesShape);
    else this.#items(node, byteShape);
  }

  #save(node: JsonNode, goType: string): void {
    this.#saved ??= this.mismatch(plainValue(node), goType);
  }

  #structValue(node: JsonNode, struct: GoStruct): void {
    if (!(node instanceof JsonMap)) {
      this.#save(node, struct.goType);
      return;
    }
    const outer = { path: this.#path, struct: this.#struct };
    const seen = new Set<string>();
    for (const [key, inner] of node.entries) {
      const shape = struct.shapes.get(key);
      const path = this.#inner(key);
      if (shape === undefined) {
        if (this.#fault("unknown", path)) this.unknown.push(path);
        continue;
      }
      if (seen.has(key)) this.#fault("duplicate", path);
      seen.add(key);
      this.#fields.push(key);
      this.#struct = struct.name;
      this.#path = path;
      this.#value(inner, shape);
      this.#path = outer.path;
      this.#struct = outer.struct;
      this.#fields.pop();
    }
  }

  #entries(node: JsonMap, values: GoShape): void {
    const outer = this.#path;
    const seen = new Set<string>();
    for (const [key, inner] of node.entries) {
      const path = this.#inner(key);
      if (seen.has(key)) this.#fault("duplicate", path);
      seen.add(key);
      this.#path = path;
      this.#value(inner, values);
      this.#path = outer;
    }
  }

  #items(nodes: readonly JsonNode[], items: GoShape): void {
    const outer = this.#path;
    nodes.forEach((node, index) => {
      this.#path = `${outer}[${index}]`;
      this.#value(node, items);
    });
    this.#path = outer;
  }

  #any(node: JsonNode): void {
    if (node instanceof JsonMap) this.#entries(node, anyShape);
    else if (typeof node !== "string") this.#items(node, anyShape);
    else if (isNumberText(node) && !Number.isFinite(Number(node))) this.#save(node, "float64");
  }

  #scalarValue(node: JsonNode, { read, readsItself }: GoShape & { kind: "scalar" }): void {
    try {
      read(plainValue(node), this);
    } catch (error) {
      if (readsItself || !(error instanceof DecodeError)) throw error;
      this.#saved ??= error;
    }
  }

  /** Within, nobody asks for what is unknown or given twice. */
  #forms(node: JsonNode, { map, list, isBool = false }: GoShape & { kind: "forms" }): void {
    if (isBool && (node === "true" || node === "false")) return;
    const shape = node instanceof JsonMap ? map : typeof node === "string" ? undefined : list;
    if (shape === undefined) {
      if (isBool) throw new DecodeError("boolean or JSON schema expected");
      return;
    }
    const fault = new GoDecoder().run(node, shape);
    if (fault === undefined) return;
    const { mismatch } = fault;
    if (mismatch === undefined) throw fault;
    const fields = [...this.#fields, ...(mismatch.fields ?? [])];
    throw mismatchError({ ...mismatch, struct: this.#struct, fields });
  }

  #inner(key: string): string {
    return this.#path === "" ? key : `${this.#path}.${key}`;
  }

  #fault(what: string, path: string): boolean {
    if (this.faults.size >= strictFaultsMax || this.#told > toldMax) return false;
    this.#told += path.length;
    this.faults.add(`${what} field ${goQuote(path)}`);
    return true;
  }
}

const bytesShape = { kind: "scalar", read: scalarReaders.bytes, readsItself: false } as const;
const byteShape = { kind: "scalar", read: readByte, readsItself: false } as const;
const anyShape: GoShape = { kind: "any" };

/** Of what isn't scalar only what it is. */
const plainValue = (node: JsonNode): unknown =>
  typeof node === "string" ? scalarOf(node) : node instanceof JsonMap ? {} : [];
