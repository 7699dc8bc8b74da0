/** Where a decoder is within an object, and what it has found so far. */
import { isNumber } from "#base/exact-json.ts";
import { DecodeError, type Mismatch } from "./decode-error.ts";
import { isNumberText, nodeAt, treeOfText, type JsonNode, type JsonStep } from "./json-tree.ts";

/** What the readers of scalars ask for. */
export interface ScalarContext {
  /** That what is read here was written without point or exponent, as far as can be told. */
  readonly isWhole: boolean;
  /** The number that is read here as it was written; `otherwise` where nobody knows. */
  readonly numberText: (otherwise: unknown) => string;
  readonly mismatch: (value: unknown, goType: string, isRead?: boolean) => DecodeError;
}

export type KnownStruct = Readonly<Record<string, unknown>> | undefined;

export class Context implements ScalarContext {
  /** What is read may be changed and be part of the result: nobody else has it. */
  readonly ownsValue: boolean;
  /** What was read already of the struct that is being read: parts of it needn't be looked at again. */
  known: KnownStruct;
  readonly path: JsonStep[] = [];
  /** Some field of the value its struct doesn't have. */
  hasUnknown = false;
  /** Keys of all objects met: compared with the text's, it tells whether a key was given twice. */
  keys = 0;
  /** Undefined: what is read was no text. */
  readonly #source: Source | undefined;
  #tree: JsonNode | undefined;

  constructor(ownsValue = false, known?: KnownStruct, source?: Source) {
    this.ownsValue = ownsValue;
    this.known = known;
    this.#source = source;
  }

  get isWhole(): boolean {
    return this.#source?.hasFractions !== true || !/[.eE]/.test(this.numberText(""));
  }

  numberText(otherwise: unknown): string {
    if (this.#source === undefined) return String(otherwise);
    this.#tree ??= treeOfText(this.#source.text);
    const found = nodeAt(this.#tree, this.path);
    return typeof found === "string" && isNumberText(found) ? found : String(otherwise);
  }

  /** That it doesn't fit. Where, and whether anything else is told of first, says who reads it again. */
  mismatch(value: unknown, goType: string, isRead = false): DecodeError {
    const number = isNumber(value) ? this.numberText(value) : "";
    return mismatchError({ value, goType, isRead, number });
  }
}

export interface Source {
  readonly text: string;
  readonly hasFractions: boolean;
}

/** In Go's words. */
export function mismatchError(mismatch: Mismatch): DecodeError {
  const { value, goType, number, struct = "", fields = [] } = mismatch;
  const target =
    fields.length === 0
      ? `Go value of type ${goType}`
      : `Go struct field ${struct}.${fields.join(".")} of type ${goType}`;
  return new DecodeError(`json: cannot unmarshal ${kindOf(value, goType, number)} into ${target}`, {
    mismatch,
  });
}

const numberTypes = new Set(["uint8", "int32", "int64", "float64"]);

/** Which number it is, Go says where numbers are wanted: there it has looked at it. */
function kindOf(value: unknown, goType: string, number: string): string {
  if (isNumber(value)) return numberTypes.has(goType) ? `number ${number}` : "number";
  if (Array.isArray(value)) return "array";
  if (value === null) return "null";
  return typeof value === "boolean" ? "bool" : typeof value;
}
