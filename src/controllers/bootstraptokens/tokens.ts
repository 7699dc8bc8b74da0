/** Secrets that hold bootstrap tokens. upstream: cluster-bootstrap/util/secrets/secrets.go */
import type { Secret } from "#api/generated/types/core-v1.ts";
import { parseTime } from "#base/clock.ts";

export const bootstrapTokens = {
  namespace: "kube-system",
  fieldSelector: "type=bootstrap.kubernetes.io/token",
};

const value = (secret: Secret, key: string): string =>
  Buffer.from(secret.data?.[key] ?? "", "base64").toString("utf8");

/** Milliseconds that it still counts, 0 for one that doesn't; undefined: there is no end. A time that can't be read is past. */
export function remainingMs(secret: Secret, nowMs: number): number | undefined {
  const expiration = value(secret, "expiration");
  if (expiration === "") return undefined;
  const left = parseTime(expiration) - nowMs;
  return left > 0 ? left : 0;
}

export interface SigningToken {
  readonly id: string;
  readonly secret: string;
}

/** Undefined: nothing is to be signed with it. */
export function signingToken(secret: Secret, nowMs: number): SigningToken | undefined {
  const [, id = ""] = /^bootstrap-token-([a-z0-9]{6})$/.exec(secret.metadata?.name ?? "") ?? [];
  const key = value(secret, "token-secret");
  const isGood =
    id !== "" &&
    value(secret, "token-id") === id &&
    key !== "" &&
    value(secret, "usage-bootstrap-signing") === "true" &&
    remainingMs(secret, nowMs) !== 0;
  return isGood ? { id, secret: key } : undefined;
}
