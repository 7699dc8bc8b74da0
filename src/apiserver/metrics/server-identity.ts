/** Which of several servers says something. upstream: apiserver/pkg/server/config.go, NewConfig */
import { createHash } from "node:crypto";

const alphabet = "abcdefghijklmnopqrstuvwxyz234567";

/** Servers of other APIs on the same host are others. */
const component = "kube-apiserver";

/** "apiserver-" and 26 characters that a host's name always leads to. */
export function serverIdOf(hostname: string): string {
  const hash = createHash("sha256");
  for (const part of [hostname, component]) {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(Buffer.byteLength(part));
    hash.update(length).update(part);
  }
  const bytes = hash.digest().subarray(0, 16);
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  const digits = bits.match(/.{1,5}/g) ?? [];
  return `apiserver-${digits.map((each) => alphabet[Number.parseInt(each.padEnd(5, "0"), 2)]).join("")}`;
}

/** How metrics show what has no end of values or is to be kept back. */
export const shownHash = (text: string): string =>
  `sha256:${createHash("sha256").update(text).digest("hex")}`;
