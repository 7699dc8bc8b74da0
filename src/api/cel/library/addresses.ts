/** IP addresses and networks. upstream: apiserver/pkg/cel/library/{ip,cidr}.go, Go's net/netip */
import type { Implementation, Library, LibraryFunction } from "../functions.ts";
import { Fault, noSuchOverload, Opaque, type Value } from "../values.ts";
import { quote } from "./quote.ts";

/** 4 or 16 bytes. */
type Bytes = readonly number[];

class AddressFault extends Error {}

function parseV4(text: string): Bytes {
  const parts = text.split(".");
  const bytes = parts.map((part) => {
    if (!/^\d{1,3}$/.test(part) || Number(part) > 255) {
      throw new AddressFault(refusal(text, "IPv4 field has value >255"));
    }
    if (part.length > 1 && part.startsWith("0")) {
      throw new AddressFault(refusal(text, "IPv4 field has octet with leading zero"));
    }
    return Number(part);
  });
  if (bytes.length !== 4) throw new AddressFault(refusal(text, "IPv4 address too short"));
  return bytes;
}

const refusal = (text: string, why: string): string => `ParseAddr(${quote(text)}): ${why}`;

function parseV6(text: string): Bytes {
  const halves = text.split("::");
  if (halves.length > 2) throw new AddressFault(refusal(text, "multiple :: in address"));
  const [front = [], back] = halves.map((half) => groupsOf(half, text));
  const missing = 16 - front.length - (back?.length ?? 0);
  if (back === undefined) {
    if (missing !== 0) throw new AddressFault(refusal(text, "address string too short"));
    return front;
  }
  if (missing < 2) throw new AddressFault(refusal(text, "the :: must expand to at least one field of zeros"));
  return [...front, ...Array.from({ length: missing }, () => 0), ...back];
}

function groupsOf(half: string, whole: string): number[] {
  if (half === "") return [];
  return half.split(":").flatMap((group, index, all) => {
    if (index === all.length - 1 && group.includes(".")) return [...parseV4(group)];
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) {
      throw new AddressFault(refusal(whole, "each colon-separated field must have at least one digit"));
    }
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

const mappedPrefix = [...Array.from({ length: 10 }, () => 0), 0xff, 0xff];
const startsWith = (bytes: Bytes, prefix: Bytes): boolean =>
  prefix.every((byte, index) => bytes[index] === byte);

function parseAddress(text: string): IpValue {
  if (text.includes("%")) throw new AddressFault(`IP address ${quote(text)} with zone value is not allowed`);
  if (!/[.:]/.test(text)) throw new AddressFault(refusal(text, "unable to parse IP"));
  const bytes = text.includes(":") ? parseV6(text) : parseV4(text);
  if (bytes.length === 16 && startsWith(bytes, mappedPrefix)) {
    throw new AddressFault(`IPv4-mapped IPv6 address ${quote(text)} is not allowed`);
  }
  return new IpValue(bytes);
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

function parseNetwork(text: string): CidrValue {
  const refuse = (why: string): AddressFault => new AddressFault(`netip.ParsePrefix(${quote(text)}): ${why}`);
  const slash = text.lastIndexOf("/");
  if (slash < 0) throw refuse("no '/'");
  const address = parseAddress(text.slice(0, slash));
  const bits = text.slice(slash + 1);
  if (!/^(?:0|[1-9]\d{0,2})$/.test(bits)) throw refuse(`bad bits after slash: ${quote(bits)}`);
  if (Number(bits) > address.bytes.length * 8) throw refuse("prefix length out of range");
  return new CidrValue(address, Number(bits));
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

const ipFrom = (text: string): IpValue | Fault =>
  attempt(parseAddress, text, `IP Address ${quote(text)} parse error during conversion from string: `);
const cidrFrom = (text: string): CidrValue | Fault =>
  attempt(parseNetwork, text, "network address parse error during conversion from string: ");

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
  { name: "ip", overloads: ["string_to_ip: (string) -> net.IP"], run: ofText(ipFrom) },
  {
    name: "isIP",
    overloads: ["is_ip: (string) -> bool"],
    run: ofText((text) => !(ipFrom(text) instanceof Fault)),
  },
  {
    name: "ip.isCanonical",
    overloads: ["ip_is_canonical: (string) -> bool"],
    run: ofText((text) => {
      const ip = ipFrom(text);
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
  const ip = typeof other === "string" ? ipFrom(other) : other;
  if (ip instanceof Fault) return ip;
  return ip instanceof IpValue ? ip.isIn(cidr.address.bytes, cidr.bits) : noSuchOverload;
}

function containsCidr(cidr: CidrValue, other: Value): Value {
  const inner = typeof other === "string" ? cidrFrom(other) : other;
  if (inner instanceof Fault) return inner;
  return inner instanceof CidrValue ? cidr.contains(inner) : noSuchOverload;
}

const cidrFunctions: Library = [
  { name: "cidr", overloads: ["string_to_cidr: (string) -> net.CIDR"], run: ofText(cidrFrom) },
  {
    name: "isCIDR",
    overloads: ["is_cidr: (string) -> bool"],
    run: ofText((text) => !(cidrFrom(text) instanceof Fault)),
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
