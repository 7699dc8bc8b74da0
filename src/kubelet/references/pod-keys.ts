/** A pod's key, and the proof that we hold it. upstream: pkg/kubelet/podcertificate/podcertificatemanager.go (generateKeyAndProof) */
import { constants, generateKeyPair, sign, type KeyObject } from "node:crypto";
import { promisify } from "node:util";

const generate = promisify(generateKeyPair);

export interface ProvenKey {
  /** PKCS#8, PEM. */
  readonly privatePem: string;
  /** SubjectPublicKeyInfo, base64. */
  readonly pkixPublicKey: string;
  /** The pod's UID, signed; base64. */
  readonly proofOfPossession: string;
}

interface Pair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

function pairOf(keyType: string): Promise<Pair> {
  switch (keyType) {
    case "RSA3072":
    case "RSA4096":
      return generate("rsa", { modulusLength: Number(keyType.slice("RSA".length)) });
    case "ECDSAP256":
    case "ECDSAP384":
    case "ECDSAP521":
      return generate("ec", { namedCurve: `P-${keyType.slice("ECDSAP".length)}` });
    case "ED25519":
      return generate("ed25519", {});
    default:
      return Promise.reject(new Error(`unknown key type ${JSON.stringify(keyType)}`));
  }
}

/** Not on this thread: an RSA key takes a second. */
export async function provenKeyFor(keyType: string, podUid: string): Promise<ProvenKey> {
  const { publicKey, privateKey: key } = await pairOf(keyType);
  const isRsa = key.asymmetricKeyType === "rsa";
  const algorithm = key.asymmetricKeyType === "ed25519" ? null : "sha256";
  const padding = isRsa ? { padding: constants.RSA_PKCS1_PSS_PADDING } : {};
  return {
    privatePem: key.export({ type: "pkcs8", format: "pem" }).toString(),
    pkixPublicKey: publicKey.export({ type: "spki", format: "der" }).toString("base64"),
    proofOfPossession: sign(algorithm, Buffer.from(podUid), { key, ...padding }).toString("base64"),
  };
}
