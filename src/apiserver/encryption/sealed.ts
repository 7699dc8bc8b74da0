/** What tells values that were encrypted from plain ones. upstream: apiserver/pkg/storage/value/encrypt/identity */

/** Every sealed value begins with it; what doesn't is plain. */
export const sealedPrefix = "k8s:enc:";

const sealedBytes = Buffer.from(sealedPrefix, "latin1");

export const startsWith = (value: Buffer, prefix: Buffer): boolean =>
  value.length >= prefix.length && value.compare(prefix, 0, prefix.length, 0, prefix.length) === 0;

export const isSealed = (value: Buffer): boolean => startsWith(value, sealedBytes);

/** What is said of a sealed value where nobody has a key. */
export const sealedText = "identity transformer tried to read encrypted data";
