/** JSON Web Tokens, signed as a key's kind has it: what is needed to issue, verify and publish keys. Claims are the caller's affair. */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from "node:crypto";
import { CompactSign, compactVerify, decodeProtectedHeader, type JWK } from "jose";

export type Claims = Readonly<Record<string, unknown>>;

/** What upstream signs with: RSA with one, elliptic curves each with its own. */
type KeyAlgorithm = "RS256" | "ES256" | "ES384" | "ES512";

export interface VerificationKey {
  readonly keyId: string;
  readonly algorithm: KeyAlgorithm;
  readonly publicKey: KeyObject;
}

export interface SigningKey extends VerificationKey {
  readonly privateKey: KeyObject;
}

export class JwtError extends Error {
  override readonly name = "JwtError";
  readonly code = "BAD_JWT";
}

/** A new ECDSA P-256 key, as PEM to keep in a file. */
export function generateSigningKeyPem(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return privateKey.export({ type: "sec1", format: "pem" }).toString();
}

export function parseSigningKey(pem: string): SigningKey {
  return { ...parseVerificationKey(pem), privateKey: createPrivateKey(pem) };
}

/** From the PEM of a public key, of a private key or of a certificate. Throws JwtError for a kind that signs no tokens. */
export function parseVerificationKey(pem: string): VerificationKey {
  const publicKey = createPublicKey(pem);
  return { keyId: keyIdOf(publicKey), algorithm: algorithmOf(publicKey), publicKey };
}

/** Every key in a text of PEM blocks; those of another kind are passed over, as upstream does. Throws JwtError when there is none. */
export function parseVerificationKeys(pem: string): VerificationKey[] {
  const keys = [...pem.matchAll(pemBlock)].flatMap(([block]) => {
    try {
      return [parseVerificationKey(block)];
    } catch {
      return [];
    }
  });
  if (keys.length === 0) throw new JwtError("data does not contain any valid RSA or ECDSA public keys");
  return keys;
}

const pemBlock = /-----BEGIN ([A-Z0-9 ]+)-----[^-]*-----END \1-----/g;

const curveAlgorithms: Readonly<Record<string, KeyAlgorithm>> = {
  prime256v1: "ES256",
  secp384r1: "ES384",
  secp521r1: "ES512",
};

function algorithmOf(key: KeyObject): KeyAlgorithm {
  if (key.asymmetricKeyType === "rsa") return "RS256";
  const algorithm = curveAlgorithms[key.asymmetricKeyDetails?.namedCurve ?? ""];
  if (algorithm === undefined) throw new JwtError("the key must be RSA, or ECDSA of P-256, P-384 or P-521");
  return algorithm;
}

/** upstream: pkg/serviceaccount/jwt.go: the hash of the key's SubjectPublicKeyInfo. */
function keyIdOf(publicKey: KeyObject): string {
  const spki = publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(spki).digest("base64url");
}

export function signJwt(claims: Claims, key: SigningKey): Promise<string> {
  return new CompactSign(Buffer.from(JSON.stringify(claims), "utf8"))
    .setProtectedHeader({ alg: key.algorithm, kid: key.keyId })
    .sign(key.privateKey);
}

/** The claims of a token without looking at its signature; undefined when it is no JWT at all. */
export function readClaims(token: string): Claims | undefined {
  const parts = token.split(".");
  if (parts.length !== 3) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(parts[1] ?? "", "base64url").toString("utf8"));
    return typeof claims === "object" && claims !== null && !Array.isArray(claims)
      ? (claims as Claims)
      : undefined;
  } catch {
    return undefined;
  }
}

/** The claims of a token that one of the keys has signed: the key it names, or any when that one is unknown. */
export async function verifyJwt(token: string, keys: readonly VerificationKey[]): Promise<Claims> {
  const keyId = keyIdIn(token);
  const named = keys.filter((key) => key.keyId === keyId);
  let cause: unknown = new JwtError("there is no key to verify tokens with");
  for (const { publicKey, algorithm } of named.length > 0 ? named : keys) {
    try {
      const { payload } = await compactVerify(token, publicKey, { algorithms: [algorithm] });
      return JSON.parse(Buffer.from(payload).toString("utf8")) as Claims;
    } catch (error) {
      cause = error;
    }
  }
  throw new JwtError("the token's signature is invalid", { cause });
}

function keyIdIn(token: string): unknown {
  try {
    return decodeProtectedHeader(token).kid;
  } catch {
    return undefined;
  }
}

/** The public half as RFC 7517 has it. */
export function toJwk({ keyId, algorithm, publicKey }: VerificationKey): JWK {
  return { use: "sig", kid: keyId, alg: algorithm, ...publicKey.export({ format: "jwk" }) };
}
