/**
 * What the main thread and the SQLite worker say to each other. One request at a time is worked on, in order; but a
 * sweep lets others go first, and so has an answer of its own.
 */
import type { StoredLease } from "../backend.ts";
import type { KeyRange } from "../key-range.ts";
import type { StoreOpenFault } from "./open-errors.ts";
import type { Packed } from "./records.ts";

export interface DatabaseOptions {
  readonly path: string;
  readonly nativeBinding?: string | undefined;
  /** The file may grow to this size; absent means as large as the disk. */
  readonly quotaBytes?: number | undefined;
  /** See CurrentTableOptions. */
  readonly generationKeys?: number | undefined;
}

/** The first message, through the worker's ordinary port. */
export interface Hello {
  /** Raised with each request; the worker sleeps on it, which wakes it faster than its event loop would. */
  readonly bell: Int32Array<SharedArrayBuffer>;
}

export type Request =
  /** Answered by any number of `rows` replies with the current state in key order, then by `opened`. */
  | { readonly kind: "open"; readonly options: DatabaseOptions }
  /**
   * Makes the rows durable in one transaction. When one of an epoch has failed, those of the same epoch behind it are
   * refused: they rest on it.
   */
  | { readonly kind: "commit"; readonly rows: Packed; readonly epoch: number }
  /** Two records per event in `range`: the event's row, and its key's row before (when there was one). */
  | { readonly kind: "events"; readonly range: KeyRange; readonly from: bigint; readonly to: bigint }
  /** One record without value per event in `range`. */
  | { readonly kind: "changes"; readonly range: KeyRange; readonly from: bigint; readonly to: bigint }
  /** One record per position. */
  | { readonly kind: "entries"; readonly positions: BigUint64Array<ArrayBuffer> }
  | { readonly kind: "compact"; readonly revision: bigint }
  /** One slice of it. One at a time. */
  | { readonly kind: "sweep" }
  /** From now on the file stays as it is, until `endCopy`; writes go on beside it. */
  | { readonly kind: "beginCopy" }
  | { readonly kind: "readCopy"; readonly page: number; readonly count: number }
  | { readonly kind: "endCopy" }
  | { readonly kind: "close" };

export interface Opened {
  readonly kind: "opened";
  readonly revision: bigint;
  readonly compacted: bigint;
  readonly leases: readonly StoredLease[];
  readonly alarms: bigint;
}

export type Reply =
  | { readonly kind: "rows"; readonly rows: Packed }
  | Opened
  | { readonly kind: "done" }
  | { readonly kind: "read"; readonly revision: bigint; readonly rows: Packed }
  | { readonly kind: "swept"; readonly more: boolean }
  | { readonly kind: "copying"; readonly revision: bigint; readonly pages: number }
  | { readonly kind: "copied"; readonly pages: Uint8Array<ArrayBuffer> }
  | {
      readonly kind: "failed";
      readonly asked: Request["kind"];
      readonly message: string;
      /** Of SQLite, when it was SQLite that failed. */
      readonly code: string | undefined;
      readonly fault: StoreOpenFault | undefined;
    };
