/** A body that isn't what its type says. The message is upstream's; the server answers 400 with it. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
  readonly code = "DECODE";
  /** What didn't fit, when a value had another type than its field. */
  readonly mismatch: { readonly value: unknown; readonly goType: string } | undefined;

  constructor(message: string, options: ErrorOptions & Partial<Pick<DecodeError, "mismatch">> = {}) {
    super(message, options);
    this.mismatch = options.mismatch;
  }
}

/** At most so many faults are collected from one body. upstream: sigs.k8s.io/json decode.go */
export const strictFaultsMax = 100;
