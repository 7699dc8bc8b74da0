/**
 * IP addresses and ranges as upstream's API takes them. Old fields also take forms that others read differently:
 * leading zeros, IPv4 within IPv6, bits after a range's prefix.
 * upstream: apimachinery/pkg/util/validation/ip.go, k8s.io/utils/net (ParseIPSloppy, ParseCIDRSloppy)
 */
import { goQuote } from "./go-quote.ts";
import { isIP } from "node:net";
import { endOf } from "#base/trim.ts";

export interface Address {
  readonly bits: bigint;
  readonly length: 32 | 128;
}

export interface AddressRange {
  readonly address: Address;
  readonly prefix: number;
}

const dotted = /^\d+(?:\.\d+){3}$/;

/** The address of IPv4 that it ends with, or "". */
function dottedEnd(text: string): string {
  const end = endOf(text, /[\d.]/);
  return dotted.test(end) ? end : "";
}

const withoutZeros = (text: string): string =>
  text
    .split(".")
    .map((part) => part.replace(/^0+(?=\d)/, ""))
    .join(".");

const bitsOfFour = (text: string): bigint =>
  text.split(".").reduce((bits, part) => (bits << 8n) | BigInt(part), 0n);

/** RFC 5952, as the URL parser writes it. */
const canonicalSix = (text: string): string => new URL(`http://[${text}]/`).hostname.slice(1, -1);

function bitsOfSix(text: string): bigint {
  const [head = "", tail = ""] = canonicalSix(text).split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === "" ? [] : tail.split(":");
  const middle = Array.from({ length: 8 - left.length - right.length }, () => "0");
  return [...left, ...middle, ...right].reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n);
}

/** Of any form that an old field takes. */
export function parseAddress(text: string): Address | undefined {
  if (dotted.test(text)) {
    const plain = withoutZeros(text);
    return isIP(plain) === 4 ? { bits: bitsOfFour(plain), length: 32 } : undefined;
  }
  const four = dottedEnd(text);
  const plain = text.slice(0, text.length - four.length) + withoutZeros(four);
  return isIP(plain) === 6 && !plain.includes("%") ? { bits: bitsOfSix(plain), length: 128 } : undefined;
}

export function parseRange(text: string): AddressRange | undefined {
  const slash = text.indexOf("/");
  const size = text.slice(slash + 1);
  const address = slash < 0 ? undefined : parseAddress(text.slice(0, slash));
  if (address === undefined || !/^\d+$/.test(size) || Number(size) > address.length) return undefined;
  return { address, prefix: Number(size) };
}

/**
 * How many families the addresses are of, or what upstream says of the first that isn't one.
 * upstream: k8s.io/utils/net (IsDualStackIPStrings)
 */
export function addressFamilies(texts: readonly string[]): number | string {
  const addresses = texts.map(parseAddress);
  const bad = addresses.indexOf(undefined);
  return bad < 0 ? familiesOf(addresses) : `invalid IP[${bad}]: ${texts[bad]}`;
}

/** As addressFamilies. upstream: IsDualStackCIDRStrings */
export function rangeFamilies(texts: readonly string[]): number | string {
  const ranges = texts.map(parseRange);
  const bad = ranges.indexOf(undefined);
  if (bad < 0) return familiesOf(ranges.map((range) => range?.address));
  return `invalid CIDR[${bad}]: <nil> (invalid CIDR address: ${texts[bad]})`;
}

const familiesOf = (addresses: readonly (Address | undefined)[]): number =>
  new Set(addresses.map((address) => address !== undefined && isFour(address))).size;

/** IPv4 within IPv6 is IPv4. */
export const isFour = (address: Address): boolean => address.length === 32 || isMapped(address);

/** "::ffff:1.2.3.4" is 1.2.3.4. */
const isMapped = ({ bits, length }: Address): boolean => length === 128 && bits >> 32n === 0xff_ffn;

export function formatAddress(address: Address): string {
  const { bits, length } = address;
  if (length === 32 || isMapped(address)) {
    return [24n, 16n, 8n, 0n].map((shift) => String((bits >> shift) & 0xffn)).join(".");
  }
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((bits >> BigInt(112 - index * 16)) & 0xff_ffn).toString(16),
  );
  return canonicalSix(groups.join(":"));
}

export function networkOf({ address, prefix }: AddressRange): Address {
  const rest = BigInt(address.length - prefix);
  return { bits: (address.bits >> rest) << rest, length: address.length };
}

export function formatRange(range: AddressRange): string {
  const network = networkOf(range);
  return `${formatAddress(network)}/${isMapped(network) ? range.prefix - 96 : range.prefix}`;
}

/** Whether the first is a part of the second, and not all of it. */
export function isWithin(inner: AddressRange, outer: AddressRange): boolean {
  const { address, prefix } = outer;
  if (inner.address.length !== address.length || inner.prefix <= prefix) return false;
  return networkOf({ address: inner.address, prefix }).bits === networkOf(outer).bits;
}

const hasLeadingZeros = (address: string): boolean => /(?:^|[.:])0\d*(?=\.)|\.0\d/.test(zerosOnly(address));

/** The dotted part, where zeros mislead. */
const zerosOnly = (address: string): string => dottedEnd(address).replace(/(?<!\d)0(?!\d)/g, "1");

const badAddress = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
const badRange = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";

/** For fields that took every form from the start. */
export const legacyIpFaults = (text: string): readonly string[] =>
  parseAddress(text) === undefined ? [badAddress] : [];

export const legacyCidrFaults = (text: string): readonly string[] =>
  parseRange(text) === undefined ? [badRange] : [];

/** For newer fields. */
export function ipFaults(text: string): readonly string[] {
  const address = parseAddress(text);
  if (address === undefined) return [badAddress];
  const faults: string[] = [];
  if (hasLeadingZeros(text)) faults.push("must not have leading 0s");
  else if (isMapped(address)) faults.push("must not be an IPv4-mapped IPv6 address");
  const canonical = formatAddress(address);
  if (faults.length === 0 && canonical !== text) {
    faults.push(`must be in canonical form (${goQuote(canonical)})`);
  }
  return faults;
}

export function cidrFaults(text: string): readonly string[] {
  const range = parseRange(text);
  if (range === undefined) return [badRange];
  const [address = "", size = ""] = text.split("/");
  if (hasLeadingZeros(address) || /^0\d/.test(size)) {
    return ["must not have leading 0s in IP or prefix length"];
  }
  if (isMapped(range.address)) return ["must not have an IPv4-mapped IPv6 address"];
  if (networkOf(range).bits !== range.address.bits) {
    return ["must not have bits set beyond the prefix length"];
  }
  const canonical = formatRange(range);
  return canonical === text ? [] : [`must be in canonical form (${goQuote(canonical)})`];
}

/** For an address with the size of its network, as an interface has it. */
export function interfaceAddressFaults(text: string): readonly string[] {
  const range = parseRange(text);
  if (range === undefined) {
    return ["must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)"];
  }
  const { address, prefix } = range;
  const canonical = `${formatAddress(address)}/${isMapped(address) ? prefix - 96 : prefix}`;
  return canonical === text ? [] : [`must be in canonical form (${goQuote(canonical)})`];
}

/** What an address in an old field is warned of. */
export function addressWarnings(text: string, path: string): string[] {
  const address = parseAddress(text);
  if (address === undefined) return [];
  const canonical = goQuote(formatAddress(address));
  const quoted = goQuote(text);
  if (hasLeadingZeros(text) || isMapped(address)) {
    return [
      `${path}: non-standard IP address ${quoted} will be considered invalid in a future Kubernetes release: use ${canonical}`,
    ];
  }
  if (address.length === 32 || canonical === quoted) return [];
  return [`${path}: IPv6 address ${quoted} should be in RFC 5952 canonical format (${canonical})`];
}

export function rangeWarnings(text: string, path: string): string[] {
  const range = parseRange(text);
  if (range === undefined) return [];
  const warnings: string[] = [];
  const quoted = goQuote(text);
  const network = goQuote(formatRange(range));
  if (networkOf(range).bits !== range.address.bits) {
    const single = goQuote(`${formatAddress(range.address)}/${range.address.length}`);
    warnings.push(
      `${path}: CIDR value ${quoted} is ambiguous in this context (should be ${network} or ${single}?)`,
    );
  }
  const [address = "", size = ""] = text.split("/");
  if (hasLeadingZeros(address) || /^0\d/.test(size) || isMapped(range.address)) {
    warnings.push(
      `${path}: non-standard CIDR value ${quoted} will be considered invalid in a future Kubernetes release: use ${network}`,
    );
  }
  if (warnings.length > 0 || range.address.length === 32 || network === quoted) return warnings;
  return [`${path}: IPv6 CIDR value ${quoted} should be in RFC 5952 canonical format (${network})`];
}
