/**
 * What is asked of a pod's log. upstream: pkg/apis/core/v1 (url.Values to PodLogOptions), pkg/apis/core/validation
 * (ValidatePodLogOptions, where PodLogsQuerySplitStreams is off), pkg/registry/core/pod/strategy.go (LogLocation)
 */
import { forbidden, invalid, type FieldError } from "#api/meta/field-error.ts";
import { parseGoTime, rfc3339, TimeError } from "#api/meta/go-time.ts";
import { badRequestError, invalidError } from "#api/meta/status.ts";
import { integer, isTrue } from "#apiserver/request/query.ts";
import { toRfc3339 } from "#base/clock.ts";

/** Go's zero: what an empty time is read as. */
const noTime = "0001-01-01T00:00:00Z";

type Int64 = number | bigint;

export interface LogOptions {
  readonly follow: boolean;
  readonly limitBytes: Int64 | undefined;
  readonly previous: boolean;
  readonly sinceSeconds: Int64 | undefined;
  /** RFC 3339, whole seconds. */
  readonly sinceTime: string | undefined;
  readonly tailLines: Int64 | undefined;
  readonly timestamps: boolean;
}

/** Throws 400 for what can't be read, and 422 for what may not be asked, of the pod `name`. */
export function logOptions(query: URLSearchParams, name: string): LogOptions {
  // The first that can't be read is told of, in this order.
  const sinceSeconds = integer(query, "sinceSeconds");
  const sinceTime = time(query, "sinceTime");
  const tailLines = integer(query, "tailLines");
  const limitBytes = integer(query, "limitBytes");
  const flag = (field: string): boolean => isTrue(query.get(field));
  const options: LogOptions = {
    follow: flag("follow"),
    limitBytes,
    previous: flag("previous"),
    sinceSeconds,
    sinceTime,
    tailLines,
    timestamps: flag("timestamps"),
  };
  const faults = faultsOf(options);
  if (query.has("stream")) faults.push(forbidden("stream", "may not be specified"));
  if (faults.length > 0) throw invalidError({ group: "", kind: "PodLogOptions", name }, faults);
  return options;
}

function time(query: URLSearchParams, name: string): string | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  if (text === "" || text === "null") return noTime;
  try {
    return toRfc3339(parseGoTime(text, rfc3339).seconds * 1000);
  } catch (error) {
    if (!(error instanceof TimeError)) throw error;
    throw badRequestError(error.message);
  }
}

function faultsOf({ tailLines, limitBytes, sinceSeconds, sinceTime }: LogOptions): FieldError[] {
  const faults: FieldError[] = [];
  const atLeast = (field: string, value: Int64 | undefined, min: number, detail: string): void => {
    if (value !== undefined && value < min) faults.push(invalid(field, value, detail));
  };
  atLeast("tailLines", tailLines, 0, "must be greater than or equal to 0");
  atLeast("limitBytes", limitBytes, 1, "must be greater than 0");
  if (sinceSeconds !== undefined && sinceTime !== undefined) {
    faults.push(forbidden("", "at most one of `sinceTime` or `sinceSeconds` may be specified"));
  } else atLeast("sinceSeconds", sinceSeconds, 1, "must be greater than 0");
  return faults;
}

/** What the kubelet is asked. */
export function kubeletParams(options: LogOptions): URLSearchParams {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined && value !== false) params.set(name, String(value));
  }
  return params;
}
