/** Whether a ServiceCIDR may go: not while it is the only one that an address in use lies in. Pure. upstream: pkg/controller/servicecidrs, pkg/api/servicecidr */
import type { IPAddress, ServiceCIDR } from "#api/generated/types/networking-v1.ts";
import { networkOf, parseAddress, parseRange, type Address, type AddressRange } from "#api/meta/addresses.ts";

const managerLabel = "ipaddress.kubernetes.io/managed-by";
const manager = "ipallocator.k8s.io";

/** Claims of Services only; others' addresses hold nothing back. */
export const isOfAllocator = ({ metadata }: IPAddress): boolean =>
  metadata?.labels?.[managerLabel] === manager;

const rangesOf = ({ spec }: ServiceCIDR): readonly AddressRange[] =>
  (spec?.cidrs ?? []).map(parseRange).filter((range) => range !== undefined);

/** Whether the network of `prefix` bits that `address` lies in is a part of `range`. */
function covers(range: AddressRange, address: Address, prefix: number): boolean {
  if (range.address.length !== address.length || range.prefix > prefix) return false;
  return networkOf({ address, prefix: range.prefix }).bits === networkOf(range).bits;
}

/** The network's own address is nobody's, nor, in IPv4, the one of broadcast. */
function hasAddress(range: AddressRange, address: Address): boolean {
  if (!covers(range, address, address.length)) return false;
  const last = (1n << BigInt(address.length - range.prefix)) - 1n;
  const rest = address.bits & last;
  return rest !== 0n && (address.length === 128 || rest !== last);
}

const overlap = (a: AddressRange, b: AddressRange): boolean =>
  covers(a, b.address, b.prefix) || covers(b, a.address, a.prefix);

/** Those in which the address lies. */
export function containing(address: string, cidrs: readonly ServiceCIDR[]): readonly ServiceCIDR[] {
  const parsed = parseAddress(address);
  if (parsed === undefined) return [];
  return cidrs.filter((cidr) => rangesOf(cidr).some((range) => hasAddress(range, parsed)));
}

/** Those that share addresses with it, itself among them if it is there. */
export const overlapping = (cidr: ServiceCIDR, cidrs: readonly ServiceCIDR[]): readonly ServiceCIDR[] =>
  cidrs.filter((other) => rangesOf(other).some((a) => rangesOf(cidr).some((b) => overlap(a, b))));

/** Whether no address of `addresses` is left without a ServiceCIDR when this one goes. */
export function canGo(
  cidr: ServiceCIDR,
  cidrs: readonly ServiceCIDR[],
  addresses: readonly IPAddress[],
): boolean {
  const others = cidrs.filter(({ metadata }) => metadata?.name !== cidr.metadata?.name);
  const hasParent = rangesOf(cidr).every((range) =>
    others.some((other) => rangesOf(other).some((parent) => covers(parent, range.address, range.prefix))),
  );
  if (hasParent) return true;
  return !addresses.filter(isOfAllocator).some(({ metadata }) => {
    const name = metadata?.name ?? "";
    return containing(name, [cidr]).length > 0 && containing(name, others).length === 0;
  });
}
