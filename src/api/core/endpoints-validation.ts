/** Endpoints and the addresses in them. upstream: pkg/apis/core/validation/validation.go (ValidateEndpoints, ValidateEndpointIP) */
import type { EndpointAddress, EndpointPort, Endpoints } from "../generated/types/core-v1.ts";
import { legacyIpFaults, parseAddress } from "../meta/addresses.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { checkDnsLabel, isSame } from "../meta/field-rules.ts";
import type { Loose } from "../meta/loose.ts";
import { dnsSubdomainFaults, portNumberFaults, qualifiedNameFaults } from "../meta/names.ts";
import { protocols } from "./container-validation.ts";

/** By what an address must not be, whether it is, in its bits: of IPv4 and of IPv6. */
const special: readonly (readonly [
  is: (bits: bigint) => boolean,
  ofSix: (bits: bigint) => boolean,
  text: string,
])[] = [
  [
    (bits) => bits >> 24n === 127n,
    (bits) => bits === 1n,
    "may not be in the loopback range (127.0.0.0/8, ::1/128)",
  ],
  [
    (bits) => bits >> 16n === 0xa9_fen,
    (bits) => bits >> 118n === 0xfe_80n >> 6n,
    "may not be in the link-local range (169.254.0.0/16, fe80::/10)",
  ],
  [
    (bits) => bits >> 8n === 0xe0_00_00n,
    (bits) => bits >> 120n === 0xffn && ((bits >> 112n) & 0xfn) === 2n,
    "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)",
  ],
];

/** Of an address that can be read; one of IPv4 within IPv6 is looked at as what it is. */
export function checkEndpointIp(ip: string, path: string, faults: FaultList): void {
  const address = parseAddress(ip);
  if (address === undefined) return;
  const isMapped = address.length === 128 && address.bits >> 32n === 0xff_ffn;
  const bits = isMapped ? address.bits & 0xff_ff_ff_ffn : address.bits;
  if (bits === 0n) faults.invalid(path, ip, `may not be unspecified (${ip})`);
  for (const [ofFour, ofSix, text] of special) {
    const is = isMapped || address.length === 32 ? ofFour : ofSix;
    if (is(bits)) faults.invalid(path, ip, text);
  }
}

function checkAddress(address: Loose<EndpointAddress>, path: string, faults: FaultList): void {
  const { ip = "", hostname = "", nodeName } = address;
  const messages = legacyIpFaults(ip);
  faults.messages(`${path}.ip`, ip, messages);
  if (hostname !== "") checkDnsLabel(hostname, `${path}.hostname`, faults);
  if (nodeName !== undefined) faults.messages(`${path}.nodeName`, nodeName, dnsSubdomainFaults(nodeName));
  if (messages.length === 0) checkEndpointIp(ip, `${path}.ip`, faults);
  // upstream tells of it once more where it looks at what an address is for.
  else if (parseAddress(ip) === undefined) faults.invalid(`${path}.ip`, ip, "must be a valid IP address");
}

function checkEndpointPort(
  port: Loose<EndpointPort>,
  needsName: boolean,
  path: string,
  faults: FaultList,
): void {
  const { name = "", port: number = 0, protocol, appProtocol } = port;
  if (name !== "") checkDnsLabel(name, `${path}.name`, faults);
  else if (needsName) faults.required(`${path}.name`);
  faults.messages(`${path}.port`, number, portNumberFaults(number));
  faults.oneOf(`${path}.protocol`, protocol, protocols);
  if (appProtocol !== undefined) {
    faults.messages(`${path}.appProtocol`, appProtocol, qualifiedNameFaults(appProtocol));
  }
}

/** upstream: ValidateEndpoints. What is stored was fine once, even if it isn't by now. */
export function checkEndpoints(
  { subsets = [] }: Loose<Endpoints>,
  faults: FaultList,
  old?: Loose<Endpoints>,
): void {
  if (old !== undefined && isSame(subsets, old.subsets ?? [])) return;
  for (const [index, { addresses = [], notReadyAddresses = [], ports = [] }] of subsets.entries()) {
    const path = `subsets[${index}]`;
    if (addresses.length + notReadyAddresses.length === 0) {
      faults.required(path, "must specify `addresses` or `notReadyAddresses`");
    }
    for (const [position, address] of addresses.entries()) {
      checkAddress(address, `${path}.addresses[${position}]`, faults);
    }
    for (const [position, address] of notReadyAddresses.entries()) {
      checkAddress(address, `${path}.notReadyAddresses[${position}]`, faults);
    }
    for (const [position, port] of ports.entries()) {
      checkEndpointPort(port, ports.length > 1, `${path}.ports[${position}]`, faults);
    }
  }
}
