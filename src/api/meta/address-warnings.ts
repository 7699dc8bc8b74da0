/** Addresses in a form that is understood but not the usual one. upstream: apimachinery/pkg/util/validation/ip.go */
import { isIP } from "node:net";

/** RFC 5952, as the URL parser writes it. An IPv4 address is its own. */
function canonical(address: string): string {
  if (isIP(address) !== 6) return address;
  return new URL(`http://[${address}]/`).hostname.slice(1, -1);
}

/** "::ffff:1.2.3.4" is 1.2.3.4. */
function mappedAddress(address: string): string | undefined {
  const [, high = "", low = ""] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical(address)) ?? [];
  if (high === "") return undefined;
  const [left, right] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [left >> 8, left & 0xff, right >> 8, right & 0xff].join(".");
}

/** "010.0.0.01" is read as 10.0.0.1 wherever it once was accepted. */
function withoutLeadingZeros(address: string): string | undefined {
  if (!/^\d+(\.\d+){3}$/.test(address)) return undefined;
  const plain = address.split(".").map(Number).join(".");
  return plain !== address && isIP(plain) === 4 ? plain : undefined;
}

export function addressWarnings(address: string, path: string): string[] {
  const quoted = JSON.stringify(address);
  const family = address.includes("%") ? 0 : isIP(address);
  const better = family === 6 ? mappedAddress(address) : withoutLeadingZeros(address);
  if (better !== undefined) {
    return [
      `${path}: non-standard IP address ${quoted} will be considered invalid in a future Kubernetes release: use "${better}"`,
    ];
  }
  if (family !== 6 || canonical(address) === address) return [];
  return [`${path}: IPv6 address ${quoted} should be in RFC 5952 canonical format ("${canonical(address)}")`];
}

/** The bits of an address, most significant first. */
function bitsOf(address: string): { value: bigint; length: number } {
  if (isIP(address) === 4) {
    return { value: address.split(".").reduce((sum, part) => (sum << 8n) | BigInt(part), 0n), length: 32 };
  }
  const [head = "", tail = ""] = canonical(address).split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === "" ? [] : tail.split(":");
  const middle = Array.from({ length: 8 - left.length - right.length }, () => "0");
  const groups = [...left, ...middle, ...right];
  return { value: groups.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n), length: 128 };
}

function textOf(value: bigint, length: number): string {
  if (length === 32) return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 0xffn)).join(".");
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((value >> BigInt(112 - index * 16)) & 0xff_ffn).toString(16),
  );
  return canonical(groups.join(":"));
}

/** Of a range that validation has found fine. */
export function rangeWarnings(range: string, path: string): string[] {
  const [address = "", text = ""] = range.split("/");
  if (isIP(address) === 0 || address.includes("%") || !/^\d+$/.test(text)) return [];
  const { value, length } = bitsOf(address);
  const size = Number(text);
  const rest = BigInt(Math.max(0, length - size));
  const first = (value >> rest) << rest;
  const quoted = JSON.stringify(range);
  if (first !== value) {
    const network = `${textOf(first, length)}/${size}`;
    const single = `${textOf(value, length)}/${length}`;
    return [
      `${path}: CIDR value ${quoted} is ambiguous in this context (should be "${network}" or "${single}"?)`,
    ];
  }
  const better = `${textOf(value, length)}/${size}`;
  if (better === range) return [];
  return [`${path}: IPv6 CIDR value ${quoted} should be in RFC 5952 canonical format ("${better}")`];
}
