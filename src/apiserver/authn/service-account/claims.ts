/** What a service account's token says. upstream: pkg/serviceaccount/claims.go */
import type { Claims } from "#pki/jwt.ts";

export interface ObjectClaim {
  readonly name: string;
  readonly uid: string;
}

export interface AccountClaims {
  readonly issuer: string;
  readonly subject: string;
  readonly audiences: readonly string[];
  /** Seconds since the epoch. */
  readonly issuedAt: number;
  readonly notBefore: number;
  readonly expires: number;
  readonly tokenId: string;
  readonly namespace: string;
  readonly serviceAccount: ObjectClaim;
  readonly pod: ObjectClaim | undefined;
  readonly secret: ObjectClaim | undefined;
  /** The node of the bound pod, or the bound node. Its uid is "" when the node didn't exist at issue. */
  readonly node: ObjectClaim | undefined;
  /** The client should have asked for a new token by then. */
  readonly warnAfter: number | undefined;
}

const privateKey = "kubernetes.io";

export function toJwtClaims(claims: AccountClaims): Claims {
  return {
    aud: claims.audiences,
    exp: claims.expires,
    iat: claims.issuedAt,
    iss: claims.issuer,
    jti: claims.tokenId,
    [privateKey]: {
      namespace: claims.namespace,
      ...(claims.node === undefined ? {} : { node: withoutEmptyUid(claims.node) }),
      ...(claims.pod === undefined ? {} : { pod: claims.pod }),
      ...(claims.secret === undefined ? {} : { secret: claims.secret }),
      serviceaccount: claims.serviceAccount,
      ...(claims.warnAfter === undefined ? {} : { warnafter: claims.warnAfter }),
    },
    nbf: claims.notBefore,
    sub: claims.subject,
  };
}

const withoutEmptyUid = ({ name, uid }: ObjectClaim): Partial<ObjectClaim> =>
  uid === "" ? { name } : { name, uid };

/** Undefined: not the claims of a service account's token. */
export function fromJwtClaims(claims: Claims): AccountClaims | undefined {
  const own = claims[privateKey];
  if (!isRecord(own)) return undefined;
  const serviceAccount = objectClaim(own["serviceaccount"]);
  const { namespace } = own;
  if (serviceAccount === undefined || typeof namespace !== "string") return undefined;
  const audiences = typeof claims["aud"] === "string" ? [claims["aud"]] : claims["aud"];
  return {
    issuer: text(claims["iss"]),
    subject: text(claims["sub"]),
    audiences: Array.isArray(audiences) ? audiences.map(text) : [],
    issuedAt: seconds(claims["iat"]),
    notBefore: seconds(claims["nbf"]),
    expires: seconds(claims["exp"]),
    tokenId: text(claims["jti"]),
    namespace,
    serviceAccount,
    pod: objectClaim(own["pod"]),
    secret: objectClaim(own["secret"]),
    node: objectClaim(own["node"]),
    warnAfter: typeof own["warnafter"] === "number" ? own["warnafter"] : undefined,
  };
}

function objectClaim(value: unknown): ObjectClaim | undefined {
  return isRecord(value) && typeof value["name"] === "string"
    ? { name: value["name"], uid: text(value["uid"]) }
    : undefined;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const text = (value: unknown): string => (typeof value === "string" ? value : "");
const seconds = (value: unknown): number => (typeof value === "number" ? value : 0);
