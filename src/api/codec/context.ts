/** Where a decoder is within an object, and what it has found so far. */
import { DecodeError, strictFaultsMax } from "./decode-error.ts";

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
  readonly unknownFields: string[] = [];
  /** Keys of all objects met: compared with the text's, it tells whether a key was given twice. */
  keys = 0;
  /** Name of the innermost struct. */
  struct = "";

  constructor(ownsValue = false, known?: KnownStruct) {
    this.ownsValue = ownsValue;
    this.known = known;
  }

  unknown(name: string): void {
    if (this.unknownFields.length < strictFaultsMax) this.unknownFields.push(this.#text(name));
  }

  /** "spec.containers[0].foo" */
  #text(name: string): string {
    let text = "";
    for (const step of [...this.path, name]) {
      if (typeof step === "number") text += `[${step}]`;
      else text += `${text === "" ? "" : "."}${typeof step === "string" ? step : step.key}`;
    }
    return text;
  }

  /** What Go says of a value that doesn't fit. */
  mismatch(value: unknown, goType: string): DecodeError {
    const fields = this.path.filter((step) => typeof step === "string");
    const target =
      fields.length === 0
        ? `Go value of type ${goType}`
        : `Go struct field ${this.struct}.${fields.join(".")} of type ${goType}`;
    return new DecodeError(`json: cannot unmarshal ${jsonKind(value)} into ${target}`, {
      mismatch: { value, goType },
    });
  }
}

function jsonKind(value: unknown): string {
  if (Array.isArray(value)) return "array";
  if (value === null) return "null";
  if (typeof value === "boolean") return "bool";
  if (typeof value !== "number") return typeof value;
  return Number.isInteger(value) && Math.abs(value) < 2 ** 31 ? "number" : `number ${value}`;
}
