/**
 * The token an agent joins with, in k3s's format: `K10<sha256 of the CA file>::<user>:<password>`.
 * The hash pins the authority: an agent trusts the CA it downloads only when its file has this hash.
 */
import { createHash, timingSafeEqual } from "node:crypto";

const prefix = "K10";
const hashLength = 64;

export interface JoinToken {
  /** Lower-case hex SHA-256 of the CA's PEM file. Undefined in a short token: the CA is trusted unseen. */
  readonly caHash: string | undefined;
  readonly user: string;
  readonly password: string;
}

export class JoinTokenError extends Error {
  override readonly name = "JoinTokenError";
  readonly code = "BAD_TOKEN";
}

export function hashCa(caPem: string): string {
  return createHash("sha256").update(caPem).digest("hex");
}

export function formatJoinToken(caPem: string, user: string, password: string): string {
  return `${prefix}${hashCa(caPem)}::${user}:${password}`;
}

/**
 * Reads a full token, or a short one: only the password, belonging to `shortUser`.
 * Throws JoinTokenError naming what is wrong; the password is never part of the text.
 */
export function parseJoinToken(text: string, shortUser = "node"): JoinToken {
  const token = text.trim();
  if (token === "") throw new JoinTokenError("the token is empty");
  if (!token.startsWith(prefix)) return parseShort(token, shortUser);
  const separator = token.indexOf("::");
  if (separator < 0) {
    throw new JoinTokenError(
      'the token starts with K10 but has no "::" after the CA hash: K10<hash>::<user>:<password>',
    );
  }
  const caHash = token.slice(prefix.length, separator);
  if (caHash.length !== hashLength) {
    throw new JoinTokenError(
      `the token's CA hash has ${caHash.length} characters, must have ${hashLength} (was the token cut off?)`,
    );
  }
  if (!/^[0-9a-f]+$/.test(caHash)) {
    throw new JoinTokenError("the token's CA hash must be lower-case hexadecimal");
  }
  return { caHash, ...parseCredentials(token.slice(separator + 2)) };
}

function parseShort(token: string, user: string): JoinToken {
  if (/\s/.test(token)) throw new JoinTokenError("the token contains white space");
  return token.includes(":")
    ? { caHash: undefined, ...parseCredentials(token) }
    : { caHash: undefined, user, password: token };
}

function parseCredentials(text: string): { user: string; password: string } {
  const colon = text.indexOf(":");
  if (colon < 0) throw new JoinTokenError('the token has no ":" between user and password');
  const user = text.slice(0, colon);
  const password = text.slice(colon + 1);
  if (user === "") throw new JoinTokenError("the token's user is empty");
  if (password === "") throw new JoinTokenError("the token's password is empty");
  if (/\s/.test(text)) throw new JoinTokenError("the token contains white space");
  return { user, password };
}

/** Whether the CA that a server showed is the one the token names. Throws JoinTokenError when not. */
export function checkCaHash(token: JoinToken, caPem: string): void {
  const actual = hashCa(caPem);
  if (token.caHash === undefined || token.caHash === actual) return;
  throw new JoinTokenError(
    `the server's CA has the hash ${actual}, the token names ${token.caHash}: ` +
      "this is another cluster, or somebody is between us and the server",
  );
}

/** Compares secrets in a time that doesn't tell where they differ. */
export function equalSecrets(a: string, b: string): boolean {
  return timingSafeEqual(digestOf(a), digestOf(b));
}

const digestOf = (text: string): Buffer => createHash("sha256").update(text).digest();
