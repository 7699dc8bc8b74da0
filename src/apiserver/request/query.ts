/** Query parameters as the API reads them. upstream: apimachinery/pkg/runtime/conversion.go, apis/meta/internalversion/validation */
import { forbidden, notSupported, type FieldError } from "#api/meta/field-error.ts";
import { numberOf, plainInt64 } from "#base/exact-json.ts";
import { badRequestError, failure, invalidError, type StatusError } from "#api/meta/status.ts";

/** Anything but absence, "false" and "0" is true, also an empty value. */
export function isTrue(value: string | null): boolean {
  return value !== null && value.toLowerCase() !== "false" && value !== "0";
}

export interface ListOptions {
  readonly labelSelector: string;
  readonly fieldSelector: string;
  readonly isWatch: boolean;
  readonly allowWatchBookmarks: boolean;
  readonly resourceVersion: string;
  readonly resourceVersionMatch: string;
  readonly timeoutSeconds: number | undefined;
  /** 0 means all. */
  readonly limit: number;
  readonly continue: string;
  readonly sendInitialEvents: boolean | undefined;
}

export function parseListOptions(query: URLSearchParams, isWatch: boolean): ListOptions {
  const sendInitialEvents = query.get("sendInitialEvents");
  const options: ListOptions = {
    labelSelector: query.get("labelSelector") ?? "",
    fieldSelector: query.get("fieldSelector") ?? "",
    isWatch,
    allowWatchBookmarks: isTrue(query.get("allowWatchBookmarks")),
    resourceVersion: query.get("resourceVersion") ?? "",
    resourceVersionMatch: query.get("resourceVersionMatch") ?? "",
    timeoutSeconds: numberOf(integer(query, "timeoutSeconds")),
    limit: Number(integer(query, "limit") ?? 0),
    continue: query.get("continue") ?? "",
    sendInitialEvents: sendInitialEvents === null ? undefined : isTrue(sendInitialEvents),
  };
  const faults = isWatch ? watchFaults(options) : listFaults(options);
  if (faults.length > 0) {
    throw invalidError({ group: "meta.k8s.io", kind: "ListOptions", name: "" }, faults);
  }
  return options;
}

/** A whole number, or undefined when absent. Throws 400. */
export function integer(query: URLSearchParams, name: string): number | bigint | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const isNumber = /^[+-]?\d+$/.test(text);
  const value = isNumber ? wholeNumber(text) : undefined;
  if (value !== undefined && BigInt.asIntN(64, value) === value) return plainInt64(value);
  throw badRequestError(parseFault("ParseInt", text, isNumber));
}

/** Ports, one in each value or several with commas between them. Throws 400. */
export function portNumbers(query: URLSearchParams, name: string): readonly number[] {
  return query.getAll(name).flatMap((value) => value.split(",").map(portNumber));
}

function portNumber(text: string): number {
  const isNumber = /^\d+$/.test(text);
  if (isNumber && Number(text) <= portMax) return Number(text);
  throw badRequestError(`cannot convert to []int32: ${parseFault("ParseUint", text, isNumber)}`);
}

/** Go reads them as 16 bits. */
const portMax = 0xff_ff;

/** Of 64 bits. */
const digitsMax = 20;

/** Of digits, perhaps with a sign; undefined for so many that finding out its value would take long. */
function wholeNumber(text: string): bigint | undefined {
  const digits = text.replace(/^[+-]?0*(?=\d)/, "");
  if (digits.length > digitsMax) return undefined;
  return text.startsWith("-") ? -BigInt(digits) : BigInt(digits);
}

/** As Go says that a number can't be read. */
const parseFault = (parser: string, text: string, isNumber: boolean): string =>
  `strconv.${parser}: parsing ${JSON.stringify(text)}: ${isNumber ? "value out of range" : "invalid syntax"}`;

function listFaults(options: ListOptions): readonly FieldError[] {
  const { resourceVersionMatch: match, resourceVersion } = options;
  const faults: FieldError[] = [];
  const fault = (text: string): number => faults.push(forbidden("resourceVersionMatch", text));
  if (match !== "") {
    if (resourceVersion === "") fault("resourceVersionMatch is forbidden unless resourceVersion is provided");
    if (options.continue !== "") fault("resourceVersionMatch is forbidden when continue is provided");
    if (match !== "Exact" && match !== "NotOlderThan") {
      faults.push(notSupported("resourceVersionMatch", match, ["Exact", "NotOlderThan", ""]));
    }
    if (match === "Exact" && resourceVersion === "0") {
      fault('resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
    }
  }
  if (options.sendInitialEvents !== undefined) {
    faults.push(forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"));
  }
  return faults;
}

function watchFaults(options: ListOptions): readonly FieldError[] {
  const { resourceVersionMatch: match, sendInitialEvents } = options;
  const faults: FieldError[] = [];
  const fault = (text: string): number => faults.push(forbidden("resourceVersionMatch", text));
  if (sendInitialEvents !== undefined && match !== "NotOlderThan") {
    fault("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
  }
  if (match === "") return faults;
  if (sendInitialEvents === undefined) {
    fault("resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
  }
  if (match !== "NotOlderThan") faults.push(notSupported("resourceVersionMatch", match, ["NotOlderThan"]));
  if (options.continue !== "") fault("resourceVersionMatch is forbidden when continue is provided");
  return faults;
}

/**
 * "" and "0" have meanings of their own; anything else is a decimal revision. Throws 422 for what isn't.
 * upstream: APIObjectVersioner.ParseResourceVersion, convertStorageErrorOrNot
 */
export const parseResourceVersion = (text: string): bigint => versionIn(text, invalidVersion);

/** The same of a list, which is refused with 400. upstream: apiserver/pkg/storage ValidateListOptions */
export const parseListVersion = (text: string): bigint =>
  versionIn(text, (why) => badRequestError(`invalid resource version: ${why}`));

const invalidVersion = (message: string): StatusError => failure({ code: 422, reason: "Invalid", message });

function versionIn(text: string, refusal: (why: string) => StatusError): bigint {
  if (text === "") return 0n;
  const isNumber = /^\d+$/.test(text);
  const value = isNumber ? wholeNumber(text) : undefined;
  if (value !== undefined && BigInt.asUintN(64, value) === value) return value;
  const why = parseFault("ParseUint", text, isNumber);
  throw refusal(`resourceVersion: Invalid value: ${JSON.stringify(text)}: ${why}`);
}

/** Of dryRun, which takes "All" and nothing else. */
export function dryRunFaults(values: readonly string[]): readonly FieldError[] {
  return values.every((value) => value === "All") ? [] : [notSupported("dryRun", values, ["All"])];
}
