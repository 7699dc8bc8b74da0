/** Faults of a field, in upstream's types and wording. upstream: apimachinery/pkg/util/validation/field/errors.go */

import { goJson } from "../codec/go-json.ts";
import { goQuote } from "./go-quote.ts";

export type FieldErrorType =
  | "FieldValueNotFound"
  | "FieldValueRequired"
  | "FieldValueDuplicate"
  | "FieldValueInvalid"
  | "FieldValueNotSupported"
  | "FieldValueForbidden"
  | "FieldValueTooLong"
  | "FieldValueTooMany"
  | "InternalError"
  | "FieldValueTypeInvalid";

export interface FieldError {
  readonly type: FieldErrorType;
  /** "spec.containers[0].name" */
  readonly field: string;
  /** The message without the field's name; what a Status cause carries. */
  readonly message: string;
  /**
   * Says which kind of fault this is, where an object that has one of that kind already may keep it, and have others:
   * what was allowed once can't be taken back from what is there.
   */
  readonly ratchet?: string;
}

/** As upstream: a pointer to nothing is the word "null", in quotes; a list or map that isn't there is a bare null. */
function quoted(value: unknown): string {
  if (typeof value === "string" || value === undefined) return goQuote(value ?? "null");
  return goJson(value);
}

export const required = (field: string, detail: string): FieldError => ({
  type: "FieldValueRequired",
  field,
  message: withDetail("Required value", detail),
});

/**
 * So many faults of one object are told. Upstream tells all: of a list whose items take two bytes of a request each, hundreds
 * of megabytes.
 */
export const toldMax = 10_000;

/**
 * In characters, of the messages of all faults that are told: each may hold the whole of a long rule, or of a schema's
 * values, so that ten thousand are gigabytes.
 */
export const toldTextMax = 32 * 2 ** 20;

/** As many as are told, one at least. */
export function toldOf(faults: readonly FieldError[]): readonly FieldError[] {
  let text = 0;
  const told = faults.slice(0, toldMax);
  const end = told.findIndex(({ message }, index) => {
    text += message.length;
    return index > 0 && text > toldTextMax;
  });
  return end < 0 ? told : told.slice(0, end);
}

/** In place of a value that isn't shown. */
export const omitted = Symbol("omitted");

const said = (what: string, value: unknown): string =>
  value === omitted ? what : `${what}: ${quoted(value)}`;

export const invalid = (field: string, value: unknown, detail: string): FieldError => ({
  type: "FieldValueInvalid",
  field,
  message: withDetail(said("Invalid value", value), detail),
});

export const supportedText = (supported: readonly string[]): string =>
  supported.length === 0 ? "" : `supported values: ${supported.map(goQuote).join(", ")}`;

/** `supported`: their text, made once where many faults tell it. */
export const notSupportedOf = (field: string, value: unknown, supported: string): FieldError => ({
  type: "FieldValueNotSupported",
  field,
  message: withDetail(said("Unsupported value", value), supported),
});

export const notSupported = (field: string, value: unknown, supported: readonly string[]): FieldError =>
  notSupportedOf(field, value, supportedText(supported));

export const duplicate = (field: string, value: unknown): FieldError => ({
  type: "FieldValueDuplicate",
  field,
  message: said("Duplicate value", value),
});

export const notFound = (field: string, value: unknown, detail = ""): FieldError => ({
  type: "FieldValueNotFound",
  field,
  message: withDetail(said("Not found", value), detail),
});

export const forbidden = (field: string, detail: string): FieldError => ({
  type: "FieldValueForbidden",
  field,
  message: withDetail("Forbidden", detail),
});

/** As upstream tells of a check that itself failed. */
export const internalError = (field: string, detail: string): FieldError => ({
  type: "InternalError",
  field,
  message: withDetail("Internal error", detail),
});

export const tooLong = (field: string, max: number | bigint): FieldError => ({
  type: "FieldValueTooLong",
  field,
  message: `Too long: may not be more than ${max} bytes`,
});

export const tooMany = (field: string, actual: number, max: number | bigint): FieldError => ({
  type: "FieldValueTooMany",
  field,
  message: `Too many: ${actual}: must have at most ${max} items`,
});

function withDetail(text: string, detail: string): string {
  return detail === "" ? text : `${text}: ${detail}`;
}

/** "spec.replicas: Invalid value: -1: must be greater than or equal to 0" */
export const fieldErrorText = (error: FieldError): string => `${error.field}: ${error.message}`;

/** All of them in one text, each once. upstream: ErrorList.ToAggregate */
export function fieldErrorsText(faults: readonly FieldError[]): string {
  const texts = [...new Set(faults.map(fieldErrorText))];
  return texts.length === 1 ? (texts[0] ?? "") : `[${texts.join(", ")}]`;
}
