/** What didn't fit where, when a value had another type than its field. */
export interface Mismatch {
  readonly value: unknown;
  readonly goType: string;
  /** The field's type has a reader of its own, and this is what it said. */
  readonly isRead: boolean;
  /** The text of a number. */
  readonly number: string;
  /** The innermost struct, and the names of fields that lead there from the root. */
  readonly struct?: string;
  readonly fields?: readonly string[];
}

/** A body that isn't what its type says. The message is upstream's; the server answers 400 with it. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
  readonly code = "DECODE";
  readonly mismatch: Mismatch | undefined;

  constructor(message: string, options: ErrorOptions & { readonly mismatch?: Mismatch } = {}) {
    super(message, options);
    this.mismatch = options.mismatch;
  }
}
