/** IP addresses and networks. upstream: apiserver/pkg/cel/library/{ip,cidr}.go, Go's net/netip */
import type { Implementation, Library, LibraryFunction } from "../functions.ts";
import { Fault, noSuchOverload, Opaque, type Value } from "../values.ts";
import { AddressFault, readAddress, readNetwork, type Bytes } from "./address-text.ts";
import { quote } from "./quote.ts";

const mappedPrefix = [...Array.from({ length: 10 }, () => 0), 0xff, 0xff];
const startsWith = (bytes: Bytes, prefix: Bytes): boolean =>
  prefix.every((byte, index) => bytes[index] === byte);

/** In IPv6. */
const isMapped = (bytes: Bytes): boolean => bytes.length === 16 && startsWith(bytes, mappedPrefix);

function parseAddress(text: string): IpValue | Fault {
  const read = attempt(
    readAddress,
    text,
    `IP Address ${quote(text)} parse error during conversion from string: `,
  );
  if (read instanceof Fault) return read;
  if (read.zone !== "") return new Fault(`IP address ${quote(text)} with zone value is not allowed`);
  if (isMapped(read.bytes)) return new Fault(`IPv4-mapped IPv6 address ${quote(text)} is not allowed`);
  return new IpValue(read.bytes);
}

export class IpValue extends Opaque {
  readonly typeName = "net.IP";
  readonly bytes: Bytes;

  constructor(bytes: Bytes) {
    super();
    this.bytes = bytes;
  }

  get size(): number {
    return this.bytes.length;
  }

  equals(other: Opaque): boolean {
    return other instanceof IpValue && other.text() === this.text();
  }

  /** In its canonical form (RFC 5952). */
  text(): string {
    if (this.bytes.length === 4) return this.bytes.join(".");
    const groups = Array.from({ length: 8 }, (_, index) =>
      (((this.bytes[index * 2] ?? 0) << 8) | (this.bytes[index * 2 + 1] ?? 0)).toString(16),
    );
    const runs = [...groups.join(":").matchAll(/\b0(?::0)+\b/g)].map(([run]) => run);
    const longest = runs.toSorted((a, b) => b.length - a.length)[0];
    if (longest === undefined) return groups.join(":");
    const joined = groups.join(":");
    const at = joined.search(new RegExp(`(?:^|:)${longest}(?:$|:)`));
    const start = joined.indexOf(longest, at);
    const before = joined.slice(0, start).replace(/:$/, "");
    const after = joined.slice(start + longest.length).replace(/^:/, "");
    return `${before}::${after}`;
  }

  isIn(prefix: Bytes, bits: number): boolean {
    if (prefix.length !== this.bytes.length) return false;
    return maskedTo(this.bytes, bits).every((byte, index) => byte === maskedTo(prefix, bits)[index]);
  }
}

function maskedTo(bytes: Bytes, bits: number): number[] {
  return bytes.map((byte, index) => {
    const kept = Math.min(8, Math.max(0, bits - index * 8));
    return byte & (0xff << (8 - kept)) & 0xff;
  });
}

const networkFault = "network address parse error during conversion from string: ";

/** Upstream says twice that it couldn't. */
function parseNetwork(text: string): CidrValue | Fault {
  const read = attempt(readNetwork, text, networkFault + networkFault);
  if (read instanceof Fault) return read;
  if (isMapped(read.bytes)) {
    return new Fault(`${networkFault}IPv4-mapped IPv6 address ${quote(text)} is not allowed`);
  }
  return new CidrValue(new IpValue(read.bytes), read.bits);
}

export class CidrValue extends Opaque {
  readonly typeName = "net.CIDR";
  readonly address: IpValue;
  readonly bits: number;

  constructor(address: IpValue, bits: number) {
    super();
    this.address = address;
    this.bits = bits;
  }

  /** What its comparison costs: the bytes its prefix covers. */
  get size(): number {
    return Math.ceil(this.bits / 8);
  }

  equals(other: Opaque): boolean {
    return other instanceof CidrValue && other.text() === this.text();
  }

  text(): string {
    return `${this.address.text()}/${this.bits}`;
  }

  masked(): CidrValue {
    return new CidrValue(new IpValue(maskedTo(this.address.bytes, this.bits)), this.bits);
  }

  contains({ address, bits }: CidrValue): boolean {
    return this.bits <= bits && address.isIn(this.address.bytes, this.bits);
  }
}

function attempt<T>(parse: (text: string) => T, text: string, prefix: string): T | Fault {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof AddressFault) return new Fault(`${prefix}${error.message}`);
    throw error;
  }
}

const ofText =
  (run: (text: string) => Value): Implementation =>
  ([text]) =>
    typeof text === "string" ? run(text) : noSuchOverload;
const ofIp =
  (run: (ip: IpValue) => Value): Implementation =>
  ([ip]) =>
    ip instanceof IpValue ? run(ip) : noSuchOverload;
const ofCidr =
  (run: (cidr: CidrValue, other: Value) => Value): Implementation =>
  ([cidr, other = null]) =>
    cidr instanceof CidrValue ? run(cidr, other) : noSuchOverload;

const ipTest = (name: string, id: string, test: (bytes: Bytes) => boolean): LibraryFunction => ({
  name,
  overloads: [`ip_${id}: net.IP.() -> bool`],
  run: ofIp(({ bytes }) => test(bytes)),
});

const isV4 = ({ length }: Bytes): boolean => length === 4;
const isUnspecified = (bytes: Bytes): boolean => bytes.every((byte) => byte === 0);
const isLoopback = (bytes: Bytes): boolean =>
  isV4(bytes) ? bytes[0] === 127 : bytes.every((byte, index) => byte === (index === 15 ? 1 : 0));
const isLinkLocalMulticast = (bytes: Bytes): boolean =>
  isV4(bytes) ? startsWith(bytes, [224, 0, 0]) : bytes[0] === 0xff && ((bytes[1] ?? 0) & 0x0f) === 2;
const isLinkLocalUnicast = (bytes: Bytes): boolean =>
  isV4(bytes) ? startsWith(bytes, [169, 254]) : bytes[0] === 0xfe && ((bytes[1] ?? 0) & 0xc0) === 0x80;
const isMulticast = (bytes: Bytes): boolean =>
  isV4(bytes) ? ((bytes[0] ?? 0) & 0xf0) === 0xe0 : bytes[0] === 0xff;
const isBroadcast = (bytes: Bytes): boolean => isV4(bytes) && bytes.every((byte) => byte === 255);

function isGlobalUnicast(bytes: Bytes): boolean {
  const others = [isUnspecified, isBroadcast, isLoopback, isMulticast, isLinkLocalUnicast];
  return !others.some((test) => test(bytes));
}

const ipFunctions: Library = [
  { name: "ip", overloads: ["string_to_ip: (string) -> net.IP"], run: ofText(parseAddress) },
  {
    name: "isIP",
    overloads: ["is_ip: (string) -> bool"],
    run: ofText((text) => !(parseAddress(text) instanceof Fault)),
  },
  {
    name: "ip.isCanonical",
    overloads: ["ip_is_canonical: (string) -> bool"],
    run: ofText((text) => {
      const ip = parseAddress(text);
      return ip instanceof Fault ? ip : ip.text() === text;
    }),
  },
  {
    name: "family",
    overloads: ["ip_family: net.IP.() -> int"],
    run: ofIp(({ bytes }) => (isV4(bytes) ? 4n : 6n)),
  },
  { name: "string", overloads: ["ip_to_string: (net.IP) -> string"], run: ofIp((ip) => ip.text()) },
  ipTest("isUnspecified", "is_unspecified", isUnspecified),
  ipTest("isLoopback", "is_loopback", isLoopback),
  ipTest("isLinkLocalMulticast", "is_link_local_multicast", isLinkLocalMulticast),
  ipTest("isLinkLocalUnicast", "is_link_local_unicast", isLinkLocalUnicast),
  ipTest("isGlobalUnicast", "is_global_unicast", isGlobalUnicast),
];

function containsIp(cidr: CidrValue, other: Value): Value {
  // Upstream doesn't say what is wrong with the text.
  const ip = typeof other === "string" ? parseAddress(other) : other;
  return ip instanceof IpValue ? ip.isIn(cidr.address.bytes, cidr.bits) : noSuchOverload;
}

function containsCidr(cidr: CidrValue, other: Value): Value {
  const inner = typeof other === "string" ? parseNetwork(other) : other;
  if (inner instanceof Fault) return inner;
  return inner instanceof CidrValue ? cidr.contains(inner) : noSuchOverload;
}

const cidrFunctions: Library = [
  { name: "cidr", overloads: ["string_to_cidr: (string) -> net.CIDR"], run: ofText(parseNetwork) },
  {
    name: "isCIDR",
    overloads: ["is_cidr: (string) -> bool"],
    run: ofText((text) => !(parseNetwork(text) instanceof Fault)),
  },
  {
    name: "containsIP",
    overloads: [
      "cidr_contains_ip_string: net.CIDR.(string) -> bool",
      "cidr_contains_ip_ip: net.CIDR.(net.IP) -> bool",
    ],
    run: ofCidr(containsIp),
  },
  {
    name: "containsCIDR",
    overloads: [
      "cidr_contains_cidr_string: net.CIDR.(string) -> bool",
      "cidr_contains_cidr: net.CIDR.(net.CIDR) -> bool",
    ],
    run: ofCidr(containsCidr),
  },
  { name: "ip", overloads: ["cidr_ip: net.CIDR.() -> net.IP"], run: ofCidr(({ address }) => address) },
  {
    name: "prefixLength",
    overloads: ["cidr_prefix_length: net.CIDR.() -> int"],
    run: ofCidr(({ bits }) => BigInt(bits)),
  },
  {
    name: "masked",
    overloads: ["cidr_masked: net.CIDR.() -> net.CIDR"],
    run: ofCidr((cidr) => cidr.masked()),
  },
  { name: "string", overloads: ["cidr_to_string: (net.CIDR) -> string"], run: ofCidr((cidr) => cidr.text()) },
];

export const addressesLibrary: Library = [...ipFunctions, ...cidrFunctions];
