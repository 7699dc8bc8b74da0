/** A body that isn't what its type says. The message is upstream's; the server answers 400 with it. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
  readonly code = "DECODE";
}

/** At most so many faults are collected from one body. upstream: sigs.k8s.io/json decode.go */
export const strictFaultsMax = 100;
