/** What checking one value against one schema found. upstream: kube-openapi/pkg/validation/{validate/result,errors/schema}.go */
import {
  invalid,
  notSupportedOf,
  required,
  toldMax,
  tooLong,
  tooMany,
  type FieldError,
} from "../../meta/field-error.ts";
import { wholeObject } from "./field-path.ts";

export class Outcome {
  readonly faults: FieldError[] = [];
  /** How many checks were made: of several alternatives that fail, the one with most is told of. */
  checks = 0;

  get isValid(): boolean {
    return this.faults.length === 0;
  }

  add(...faults: readonly FieldError[]): void {
    for (const fault of faults) this.#note(fault);
  }

  merge({ faults, checks }: Outcome): void {
    for (const fault of faults) this.#note(fault);
    this.checks += checks;
  }

  #note(fault: FieldError): void {
    if (this.faults.length < toldMax) this.faults.push(fault);
  }
}

/** The path without the dot that a member of the root has in texts. */
const fieldName = (path: string): string => {
  const name = path.startsWith(".") ? path.slice(1) : path;
  return name === "" ? wholeObject : name;
};

const inBody = (path: string, what: string): string => `${path} in body ${what}`;

export const faultOf = {
  required: (path: string): FieldError => required(fieldName(path), ""),

  type: (path: string, wanted: string, got: unknown): FieldError => ({
    type: "FieldValueTypeInvalid",
    field: fieldName(path),
    message: `Invalid value: ${got === null || got === undefined ? '""' : JSON.stringify(got)}: ${inBody(
      path,
      `must be of type ${wanted}${typeof got === "string" ? `: ${JSON.stringify(got)}` : ""}`,
    )}`,
  }),

  enum: (path: string, value: unknown, supported: string): FieldError =>
    notSupportedOf(fieldName(path), value, supported),

  tooLong: (path: string, max: number | bigint): FieldError => tooLong(fieldName(path), max),

  tooMany: (path: string, actual: number, max: number | bigint): FieldError =>
    tooMany(fieldName(path), actual, max),

  rule: (path: string, value: unknown, what: string): FieldError =>
    invalid(fieldName(path), value ?? "", inBody(path, what)),

  forbiddenProperty: (path: string, name: string): FieldError =>
    invalid(fieldName(path), name, `${path}.${name} in body is a forbidden property`),

  /** Of alternatives and their like: upstream names no field for these. */
  whole: (text: string): FieldError => invalid(wholeObject, "", text),
} as const;
