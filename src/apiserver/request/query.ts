/** Query parameters as the API reads them. upstream: apimachinery/pkg/runtime/conversion.go, apis/meta/internalversion/validation */
import { forbidden, notSupported, type FieldError } from "#api/meta/field-error.ts";
import { badRequestError, invalidError } from "#api/meta/status.ts";

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
    timeoutSeconds: integer(query, "timeoutSeconds"),
    limit: integer(query, "limit") ?? 0,
    continue: query.get("continue") ?? "",
    sendInitialEvents: sendInitialEvents === null ? undefined : isTrue(sendInitialEvents),
  };
  const faults = isWatch ? watchFaults(options) : listFaults(options);
  if (faults.length > 0) {
    throw invalidError({ group: "meta.k8s.io", kind: "ListOptions", name: "" }, faults);
  }
  return options;
}

/** A whole number, or undefined when absent. */
export function integer(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === "") return undefined;
  const value = Number(text);
  if (!/^[+-]?\d+$/.test(text) || !Number.isSafeInteger(value)) {
    throw badRequestError(
      `unable to decode query parameters: strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`,
    );
  }
  return value;
}

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

/** "" and "0" have meanings of their own; anything else is a decimal revision. */
export function parseResourceVersion(text: string): bigint {
  if (text === "") return 0n;
  if (!/^\d{1,19}$/.test(text)) {
    throw badRequestError(
      `resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
    );
  }
  return BigInt(text);
}

/** dryRun=All, or nothing. */
export function parseDryRun(query: URLSearchParams, kind: string): boolean {
  const values = query.getAll("dryRun");
  const odd = values.filter((value) => value !== "All");
  if (odd.length > 0) {
    throw invalidError({ group: "meta.k8s.io", kind, name: "" }, [notSupported("dryRun", odd[0], ["All"])]);
  }
  return values.length > 0;
}
