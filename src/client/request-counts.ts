/**
 * What clients of the API ask and how long it takes.
 * upstream: component-base/metrics/prometheus/restclient/metrics.go
 */
import { StatusError } from "#api/meta/status.ts";
import { Tally } from "#base/tally.ts";

/** In seconds. */
const requestBuckets: readonly number[] = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];

/** In bytes. */
const requestSizeBuckets: readonly number[] = [
  64, 256, 512, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216,
];

/** Of one method to one server. */
export class RequestCounts {
  readonly method: string;
  readonly host: string;
  /** By the answer's status; 0: there was none. */
  readonly byCode = new Map<number, number>();
  readonly retriesByCode = new Map<number, number>();
  readonly durations = new Tally(requestBuckets);
  /** Of bodies; nothing is sent within the process. */
  readonly sent = new Tally(requestSizeBuckets);
  readonly received = new Tally(requestSizeBuckets);

  constructor(method: string, host: string) {
    this.method = method;
    this.host = host;
  }

  answered(code: number): void {
    this.byCode.set(code, (this.byCode.get(code) ?? 0) + 1);
  }

  retried(code: number): void {
    this.retriesByCode.set(code, (this.retriesByCode.get(code) ?? 0) + 1);
  }
}

/** 0 when there was no answer. */
export const codeOf = (error: unknown): number => (error instanceof StatusError ? error.code : 0);
