/** Where a decoder is within an object, and what it has found so far. */
import { isNumber } from "#base/exact-json.ts";
import { DecodeError, strictFaultsMax } from "./decode-error.ts";
import { numberTexts, type NumberTexts } from "./json-text.ts";
import type { FaultPath } from "./strict-faults.ts";

/** A field's name, an index, or a key of a map (told from a field by its class). */
export type Step = string | number | MapKey;

export class MapKey {
  readonly key: string;
  constructor(key: string) {
    this.key = key;
  }
}

export type KnownStruct = Readonly<Record<string, unknown>> | undefined;

export class Context {
  /** What is read may be changed and be part of the result: nobody else has it. */
  readonly ownsValue: boolean;
  /** What was read already of the struct that is being read: parts of it needn't be looked at again. */
  known: KnownStruct;
  readonly path: Step[] = [];
  readonly unknownFields: FaultPath[] = [];
  /** Keys of all objects met: compared with the text's, it tells whether a key was given twice. */
  keys = 0;
  /** Name of the innermost struct. */
  struct = "";
  /** Undefined: what is read was no text. */
  readonly #source: Source | undefined;
  #numberTexts: NumberTexts | undefined;

  constructor(ownsValue = false, known?: KnownStruct, source?: Source) {
    this.ownsValue = ownsValue;
    this.known = known;
    this.#source = source;
  }

  /** That what is read here was written without point or exponent, as far as can be told. */
  get isWhole(): boolean {
    return this.#source?.hasFractions !== true || !/[.eE]/.test(this.numberText(""));
  }

  /** The number that is read here as it was written; `otherwise` where nobody knows. */
  numberText(otherwise: unknown): string {
    if (this.#source === undefined) return String(otherwise);
    this.#numberTexts ??= numberTexts(this.#source.text);
    let found: NumberTexts | string | undefined = this.#numberTexts;
    for (const step of this.path) {
      if (typeof found === "object") found = found.get(plainStep(step));
    }
    return typeof found === "string" ? found : String(otherwise);
  }

  unknown(name: string): void {
    if (this.unknownFields.length >= strictFaultsMax) return;
    this.unknownFields.push([...this.path.map(plainStep), name]);
  }

  /** What Go says of a value that doesn't fit. */
  mismatch(value: unknown, goType: string): DecodeError {
    const fields = this.path.filter((step) => typeof step === "string");
    const target =
      fields.length === 0
        ? `Go value of type ${goType}`
        : `Go struct field ${this.struct}.${fields.join(".")} of type ${goType}`;
    return new DecodeError(`json: cannot unmarshal ${this.#kind(value, goType)} into ${target}`, {
      mismatch: { value, goType },
    });
  }

  /** Which number it is, Go says where numbers are wanted: there it has looked at it. */
  #kind(value: unknown, goType: string): string {
    if (!isNumber(value)) return jsonKind(value);
    return numberTypes.has(goType) ? `number ${this.numberText(value)}` : "number";
  }
}

export interface Source {
  readonly text: string;
  readonly hasFractions: boolean;
}

const plainStep = (step: Step): string | number => (step instanceof MapKey ? step.key : step);

const numberTypes = new Set(["int32", "int64", "float64"]);

function jsonKind(value: unknown): string {
  if (Array.isArray(value)) return "array";
  if (value === null) return "null";
  return typeof value === "boolean" ? "bool" : typeof value;
}
