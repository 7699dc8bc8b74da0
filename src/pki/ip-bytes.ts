/** IP addresses as the 4 or 16 bytes that certificates hold. */
import { isIP } from "node:net";

export function ipToBytes(address: string): Buffer {
  const kind = isIP(address);
  if (kind === 4) return Buffer.from(address.split(".").map(Number));
  if (kind !== 6 || address.includes("%")) {
    throw new TypeError(`${JSON.stringify(address)} is not an IP address`);
  }
  const [head = "", tail] = embeddedIpv4ToGroups(address).split("::");
  const before = groupsOf(head);
  const after = tail === undefined ? [] : groupsOf(tail);
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0);
  const bytes = Buffer.alloc(16);
  [...before, ...zeros, ...after].forEach((group, i) => bytes.writeUInt16BE(group, i * 2));
  return bytes;
}

const groupsOf = (text: string): number[] =>
  text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));

/** "::ffff:10.0.0.1" → "::ffff:a00:1" */
function embeddedIpv4ToGroups(address: string): string {
  const last = address.slice(address.lastIndexOf(":") + 1);
  if (!last.includes(".")) return address;
  const [a = 0, b = 0, c = 0, d = 0] = last.split(".").map(Number);
  const groups = `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  return address.slice(0, address.length - last.length) + groups;
}

/** The canonical text (RFC 5952) of 4 or 16 bytes; hex of anything else. */
export function ipFromBytes(bytes: Buffer): string {
  if (bytes.length === 4) return [...bytes].join(".");
  if (bytes.length !== 16) return bytes.toString("hex");
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(i * 2));
  const run = longestZeroRun(groups);
  return run.length < 2
    ? hexGroups(groups)
    : `${hexGroups(groups.slice(0, run.start))}::${hexGroups(groups.slice(run.start + run.length))}`;
}

const hexGroups = (groups: readonly number[]): string => groups.map((group) => group.toString(16)).join(":");

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  groups.forEach((group, i) => {
    if (group !== 0) start = i + 1;
    else if (i - start + 1 > best.length) best = { start, length: i - start + 1 };
  });
  return best;
}
