/** What is said to a KMS plugin, and how what it protects is stored. upstream: kms/apis/v2/api.proto, apiserver/pkg/storage/value/encrypt/envelope/kmsv2/v2/api.proto */
import { bytes, int32, messages, messageType, text, type Field } from "#wire/protobuf.ts";

/** A map of bytes, entry by entry. */
const annotation = messageType({ key: text(1), value: bytes(2) });
const annotations = (id: number): Field<readonly Annotation[]> => messages(id, () => annotation);

export interface Annotation {
  readonly key: string;
  readonly value: Buffer;
}

export const statusRequest = messageType({});
export const statusResponse = messageType({ version: text(1), healthz: text(2), keyId: text(3) });
export const encryptRequest = messageType({ plaintext: bytes(1), uid: text(2) });
export const encryptResponse = messageType({
  ciphertext: bytes(1),
  keyId: text(2),
  annotations: annotations(3),
});
export const decryptRequest = messageType({
  ciphertext: bytes(1),
  uid: text(2),
  keyId: text(3),
  annotations: annotations(4),
});
export const decryptResponse = messageType({ plaintext: bytes(1) });

/** What the plain text of a source is: a key, or a seed that each value's own key is derived from. */
export const sourceTypes = { key: 0, seed: 1 } as const;

export const encryptedObject = messageType({
  encryptedData: bytes(1),
  keyId: text(2),
  encryptedSource: bytes(3),
  annotations: annotations(4),
  sourceType: int32(5),
});
