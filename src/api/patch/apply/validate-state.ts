/** Whether a value fits its type, in upstream's words. upstream: structured-merge-diff/v6/typed/validate.go */
import { goQuote } from "../../meta/go-quote.ts";
import { isNumber } from "#base/exact-json.ts";
import { goText, goTypeName, isList, isMap, type JsonMap } from "../json-value.ts";
import { ApplyTypeError, formOf, keyOfItem } from "./list-items.ts";
import { fieldKey, keyText, pathText } from "./path-element.ts";
import type { ApplyType, ListType, MapType, ScalarKind } from "./schema.ts";

interface Fault {
  readonly path: readonly string[];
  readonly text: string;
}

export interface ValidationOptions {
  /** What is stored already may hold items that can't be told apart. */
  readonly allowDuplicates: boolean;
}

/** Throws ApplyTypeError with all faults. */
export function validateState(value: unknown, type: ApplyType, options: ValidationOptions): void {
  const faults: Fault[] = [];
  new StateValidation(options, faults).value(value, type, []);
  if (faults.length === 0) return;
  const texts = faults.map(({ path, text }) => (path.length === 0 ? text : `${pathText(path)}: ${text}`));
  throw new ApplyTypeError(
    texts.length === 1 ? (texts[0] ?? "") : ["errors:", ...texts.map((text) => `  ${text}`)].join("\n"),
  );
}

class StateValidation {
  readonly #options: ValidationOptions;
  readonly #faults: Fault[];

  constructor(options: ValidationOptions, faults: Fault[]) {
    this.#options = options;
    this.#faults = faults;
  }

  value(value: unknown, type: ApplyType, path: readonly string[]): void {
    const form = formOf(type, value);
    if (form === "map" && type.map !== undefined) this.#map(value, type.map, path);
    else if (form === "list" && type.list !== undefined) this.#list(value, type.list, path);
    else if (type.scalar !== undefined) this.#scalar(value, type.scalar, path);
  }

  #fault(path: readonly string[], text: string): void {
    this.#faults.push({ path, text });
  }

  #scalar(value: unknown, kind: ScalarKind, path: readonly string[]): void {
    if (value === null || value === undefined) return;
    switch (kind) {
      case "numeric":
        if (!isNumber(value)) {
          this.#fault(path, `expected numeric (int or float), got ${goTypeName(value)}`);
        }
        break;
      case "string":
        if (typeof value !== "string") this.#fault(path, `expected string, got ${goStruct(value)}`);
        break;
      case "boolean":
        if (typeof value !== "boolean") this.#fault(path, `expected boolean, got ${goPointer(value)}`);
        break;
      case "untyped":
        if (typeof value === "object") this.#fault(path, `expected any scalar, got ${goPointer(value)}`);
    }
  }

  #map(value: unknown, type: MapType, path: readonly string[]): void {
    if (value === null) return;
    if (!isMap(value)) {
      this.#fault(path, `expected map, got ${goPointer(value)}`);
      return;
    }
    this.#entries(value, type, path);
  }

  #entries(value: JsonMap, type: MapType, path: readonly string[]): void {
    for (const [name, each] of Object.entries(value)) {
      const inner = type.field(name)?.type ?? type.element;
      const step = [...path, fieldKey(name)];
      if (inner === undefined) this.#fault(step, "field not declared in schema");
      else this.value(each, inner, step);
    }
  }

  #list(value: unknown, type: ListType, path: readonly string[]): void {
    if (value === null) return;
    if (!isList(value)) {
      this.#fault(path, `expected list, got ${goPointer(value)}`);
      return;
    }
    const seen = new Set<string>();
    for (const [index, item] of value.entries()) {
      const key = type.isAtomic ? `i:${index}` : this.#keyOf(type, item, path, index);
      if (key === undefined) continue;
      if (seen.has(key) && !this.#options.allowDuplicates) {
        this.#fault(path, `duplicate entries for key ${keyText(key)}`);
      }
      seen.add(key);
      this.value(item, type.element, [...path, key]);
    }
  }

  #keyOf(type: ListType, item: unknown, path: readonly string[], index: number): string | undefined {
    try {
      return keyOfItem(type, item);
    } catch (error) {
      if (!(error instanceof ApplyTypeError)) throw error;
      this.#fault(path, `element ${index}: ${error.message}`);
      return undefined;
    }
  }
}

/** %v of a pointer to a struct with the value. */
const goPointer = (value: unknown): string => `&{${goText(value)}}`;

/** %#v of the same. */
const goStruct = (value: unknown): string => `&value.valueUnstructured{Value:${goSyntax(value)}}`;

function goSyntax(value: unknown): string {
  if (isList(value)) return `[]interface {}{${value.map(goSyntax).join(", ")}}`;
  if (isMap(value)) {
    const pairs = Object.keys(value)
      .toSorted()
      .map((name) => `${goQuote(name)}:${goSyntax(value[name])}`);
    return `map[string]interface {}{${pairs.join(", ")}}`;
  }
  if (typeof value === "string") return goQuote(value);
  return value === null || value === undefined ? "interface {}(nil)" : JSON.stringify(value);
}
