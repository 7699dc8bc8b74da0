/** The key that a pod's request is for, and the proof that whoever asks holds it. upstream: pkg/apis/certificates/validation/validation.go */
import { constants, createPublicKey, verify, type KeyObject } from "node:crypto";
import type { PodCertificateRequestSpec } from "#api/generated/types/certificates-v1beta1.ts";
import { invalid, omitted, tooLong, type FieldError } from "#api/meta/field-error.ts";
import type { Loose } from "#api/meta/loose.ts";

const keyPath = "spec.pkixPublicKey";
const proofPath = "spec.proofOfPossession";
const sizeMax = 10 * 1024;
const modulusBits = [3072, 4096];
/** Node's names of the curves that Go reads to Go's own. */
const curves: Readonly<Record<string, string>> = {
  secp224r1: "P-224",
  prime256v1: "P-256",
  secp384r1: "P-384",
  secp521r1: "P-521",
};
/** Go reads them, but no pod has one. */
const otherTypes = ["dsa", "x25519"];

type Spec = Loose<PodCertificateRequestSpec>;

/** Undefined: it isn't one. `encoded` is base64 of a SubjectPublicKeyInfo. */
export function readKey(encoded: string): KeyObject | undefined {
  try {
    return createPublicKey({ key: Buffer.from(encoded, "base64"), format: "der", type: "spki" });
  } catch {
    return undefined;
  }
}

export const malformedKey = (encoded: string): FieldError =>
  invalid(keyPath, encoded, "must be a valid PKIX-serialized public key");

export function keyFaults(spec: Spec): readonly FieldError[] {
  const { pkixPublicKey = "", proofOfPossession = "", podUID = "" } = spec;
  const proof = Buffer.from(proofOfPossession, "base64");
  if (Buffer.byteLength(pkixPublicKey, "base64") > sizeMax) return [tooLong(keyPath, sizeMax)];
  if (proof.length > sizeMax) return [tooLong(proofPath, sizeMax)];
  const key = readKey(pkixPublicKey);
  const fault = key === undefined ? malformedKey(pkixPublicKey) : kindFault(key, pkixPublicKey);
  if (fault !== undefined || key === undefined) return fault === undefined ? [] : [fault];
  return isSignedBy(key, Buffer.from(podUID), proof)
    ? []
    : [invalid(proofPath, omitted, "could not verify proof-of-possession signature")];
}

function kindFault(key: KeyObject, encoded: string): FieldError | undefined {
  const { namedCurve = "", modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case "ed25519":
      return undefined;
    case "ec": {
      const curve = curves[namedCurve];
      if (curve === undefined) return malformedKey(encoded);
      return curve === "P-224"
        ? invalid(keyPath, `curve ${curve}`, "elliptic public keys must use curve P256 or P384")
        : undefined;
    }
    case "rsa": {
      const bits = Math.ceil(modulusLength / 8) * 8;
      return modulusBits.includes(bits)
        ? undefined
        : invalid(keyPath, `${bits}-bit modulus`, "RSA keys must have modulus size 3072 or 4096");
    }
    default:
      return otherTypes.includes(key.asymmetricKeyType ?? "")
        ? invalid(keyPath, encoded, "unknown public key type; supported types are Ed25519, ECDSA, and RSA")
        : malformedKey(encoded);
  }
}

function isSignedBy(key: KeyObject, data: Buffer, signature: Buffer): boolean {
  if (key.asymmetricKeyType !== "rsa") {
    return verify(key.asymmetricKeyType === "ed25519" ? null : "sha256", data, key, signature);
  }
  const { RSA_PKCS1_PSS_PADDING: padding, RSA_PSS_SALTLEN_AUTO: saltLength } = constants;
  return verify("sha256", data, { key, padding, saltLength }, signature);
}
