/** The usages of signing requests as a certificate has them. upstream: pkg/controller/certificates/authority/policies.go */
import { bits } from "./der.ts";

export interface KeyUsages {
  /** The BIT STRING of RFC 5280, 4.2.1.3; undefined when none of its bits is set. */
  readonly keyUsage: Buffer | undefined;
  /** Object identifiers of 4.2.1.12. */
  readonly purposes: readonly string[];
}

/** Bit by bit, the most significant first. */
const keyUsages: readonly (readonly string[])[] = [
  ["digital signature", "signing"],
  ["content commitment"],
  ["key encipherment"],
  ["data encipherment"],
  ["key agreement"],
  ["cert sign"],
  ["crl sign"],
  ["encipher only"],
  ["decipher only"],
];

const purposes: Readonly<Record<string, string>> = {
  any: "2.5.29.37.0",
  "server auth": "1.3.6.1.5.5.7.3.1",
  "client auth": "1.3.6.1.5.5.7.3.2",
  "code signing": "1.3.6.1.5.5.7.3.3",
  "email protection": "1.3.6.1.5.5.7.3.4",
  "s/mime": "1.3.6.1.5.5.7.3.4",
  "ipsec end system": "1.3.6.1.5.5.7.3.5",
  "ipsec tunnel": "1.3.6.1.5.5.7.3.6",
  "ipsec user": "1.3.6.1.5.5.7.3.7",
  timestamping: "1.3.6.1.5.5.7.3.8",
  "ocsp signing": "1.3.6.1.5.5.7.3.9",
  "microsoft sgc": "1.3.6.1.4.1.311.10.3.3",
  "netscape sgc": "2.16.840.1.113730.4.1",
};

export function keyUsagesOf(usages: readonly string[]): KeyUsages {
  const set = keyUsages.flatMap((names, bit) => (names.some((name) => usages.includes(name)) ? [bit] : []));
  const last = set.at(-1);
  const wanted = usages.flatMap((usage) => purposes[usage] ?? []);
  return {
    keyUsage: last === undefined ? undefined : bitString(set, last),
    purposes: [...new Set(wanted)],
  };
}

/** DER: no trailing zero bits. */
function bitString(set: readonly number[], last: number): Buffer {
  const bytes = Buffer.alloc((last >> 3) + 1);
  for (const bit of set) bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (0x80 >> (bit & 7));
  return bits(bytes, 7 - (last & 7));
}
