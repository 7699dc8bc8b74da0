/** EndpointSlices. upstream: pkg/apis/discovery/validation/validation.go */
import { protocols } from "../core/container-validation.ts";
import { checkEndpointIp } from "../core/endpoints-validation.ts";
import type { Endpoint, EndpointPort, EndpointSlice, ForZone } from "../generated/types/discovery-v1.ts";
import { legacyIpFaults, parseAddress } from "../meta/addresses.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { checkDnsLabel, checkImmutable, checkLabels, isSame } from "../meta/field-rules.ts";
import type { ValidationsByKind } from "../meta/kind-validation.ts";
import type { Loose } from "../meta/loose.ts";
import { dnsLabelFaults, dnsSubdomainFaults, labelValueFaults, qualifiedNameFaults } from "../meta/names.ts";

const endpointsMax = 1000;
const addressesMax = 100;
const portsMax = 20_000;
const hintsMax = 8;
const topologyMax = 16;

/** upstream: apimachinery/pkg/util/validation/validation.go (IsFullyQualifiedDomainName) */
function checkDomain(text: string, path: string, faults: FaultList): void {
  if (text === "") {
    faults.required(path);
    return;
  }
  const name = text.replace(/\.$/, "");
  const messages = dnsSubdomainFaults(name);
  if (messages.length > 0) {
    faults.invalid(path, name, messages.join(","));
    return;
  }
  const labels = name.split(".");
  if (labels.length < 2) {
    faults.invalid(path, name, "should be a domain with at least two segments separated by dots");
    return;
  }
  for (const label of labels) {
    const own = dnsLabelFaults(label);
    if (own.length === 0) continue;
    faults.invalid(path, label, own.join(","));
    return;
  }
}

/** Of an unknown type of address nothing can be said. */
function checkAddress(address: string, type: string, path: string, faults: FaultList): void {
  if (type === "FQDN") checkDomain(address, path, faults);
  if (type !== "IPv4" && type !== "IPv6") return;
  const messages = legacyIpFaults(address);
  faults.messages(path, address, messages);
  if (messages.length > 0) return;
  const isOfFour = parseAddress(address)?.length === 32;
  if (isOfFour !== (type === "IPv4")) faults.invalid(path, address, `must be an ${type} address`);
  checkEndpointIp(address, path, faults);
}

function checkEndpoint(endpoint: Loose<Endpoint>, type: string, path: string, faults: FaultList): void {
  const addresses = endpoint.addresses ?? [];
  if (addresses.length === 0) {
    faults.required(`${path}.addresses`, "must contain at least 1 address");
  } else if (addresses.length > addressesMax) {
    faults.tooMany(`${path}.addresses`, addresses.length, addressesMax);
  }
  for (const [index, address] of addresses.entries()) {
    checkAddress(address, type, `${path}.addresses[${index}]`, faults);
  }
  const { nodeName, hostname } = endpoint;
  if (nodeName !== undefined) faults.messages(`${path}.nodeName`, nodeName, dnsSubdomainFaults(nodeName));
  checkTopology(endpoint.deprecatedTopology, `${path}.deprecatedTopology`, faults);
  if (hostname !== undefined) checkDnsLabel(hostname, `${path}.hostname`, faults);
  const { forZones, forNodes } = endpoint.hints ?? {};
  checkHints(forZones, labelValueFaults, `${path}.hints.forZones`, faults);
  if ((forZones ?? []).length <= hintsMax) {
    checkHints(forNodes, dnsSubdomainFaults, `${path}.hints.forNodes`, faults);
  }
}

function checkHints(
  hints: readonly Loose<ForZone>[] = [],
  nameFaults: (name: string) => readonly string[],
  path: string,
  faults: FaultList,
): void {
  if (hints.length > hintsMax) {
    faults.tooMany(path, hints.length, hintsMax);
    return;
  }
  const names = new Set<string>();
  for (const [index, { name = "" }] of hints.entries()) {
    const at = `${path}[${index}].name`;
    if (names.has(name)) faults.duplicate(at, name);
    names.add(name);
    faults.messages(at, name, nameFaults(name));
  }
}

/** What the older versions had in fields of their own now. */
function checkTopology(
  topology: Readonly<Record<string, string>> = {},
  path: string,
  faults: FaultList,
): void {
  const count = Object.keys(topology).length;
  if (count > topologyMax) faults.tooMany(path, count, topologyMax);
  checkLabels(topology, path, faults);
}

function checkPorts(ports: readonly Loose<EndpointPort>[] = [], faults: FaultList): void {
  if (ports.length > portsMax) {
    faults.tooMany("ports", ports.length, portsMax);
    return;
  }
  const names = new Set<string>();
  // Upstream doesn't look at their numbers.
  for (const [index, { name = "", protocol, appProtocol }] of ports.entries()) {
    const path = `ports[${index}]`;
    if (name !== "") checkDnsLabel(name, `${path}.name`, faults);
    if (names.has(name)) faults.duplicate(`${path}.name`, name);
    names.add(name);
    faults.oneOf(`${path}.protocol`, protocol, protocols);
    if (appProtocol !== undefined) {
      faults.messages(`${path}.appProtocol`, appProtocol, qualifiedNameFaults(appProtocol));
    }
  }
}

function checkSlice(slice: Loose<EndpointSlice>, old: Loose<EndpointSlice>, faults: FaultList): void {
  const { addressType = "", endpoints = [], ports } = slice;
  faults.oneOf("addressType", addressType, ["FQDN", "IPv4", "IPv6"]);
  checkPorts(ports, faults);
  // What is stored was fine once.
  if (old.endpoints !== undefined && isSame(old.endpoints, endpoints)) return;
  if (endpoints.length > endpointsMax) {
    faults.tooMany("endpoints", endpoints.length, endpointsMax);
    return;
  }
  for (const [index, endpoint] of endpoints.entries()) {
    checkEndpoint(endpoint, addressType, `endpoints[${index}]`, faults);
  }
}

export const discoveryValidations: ValidationsByKind = {
  EndpointSlice: {
    onCreate: (slice: Loose<EndpointSlice>, faults) => checkSlice(slice, {}, faults),
    onUpdate: (slice: Loose<EndpointSlice>, old: Loose<EndpointSlice>, faults) => {
      checkSlice(slice, old, faults);
      checkImmutable(slice.addressType, old.addressType, "addressType", faults);
    },
    steps: ["metadata", "change"],
  },
};
