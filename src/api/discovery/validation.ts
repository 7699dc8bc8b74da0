/** EndpointSlices. upstream: pkg/apis/discovery/validation/validation.go */
import { isIP } from "node:net";
import { protocols } from "../core/container-validation.ts";
import { checkOrdinaryIp } from "../core/service-validation.ts";
import type { Endpoint, EndpointPort, EndpointSlice, ForZone } from "../generated/types/discovery-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { checkDnsLabel, checkImmutable, checkLabels } from "../meta/field-rules.ts";
import type { ValidationsByKind } from "../meta/kind-validation.ts";
import type { Loose } from "../meta/loose.ts";
import { dnsSubdomainFaults, ipFaults, portNumberFaults, qualifiedNameFaults } from "../meta/names.ts";

const endpointsMax = 1000;
const addressesMax = 100;
const portsMax = 20_000;
const hintsMax = 8;
const topologyMax = 16;

function addressFaults(address: string, type: string): readonly string[] {
  if (type === "FQDN") return dnsSubdomainFaults(address);
  const messages = ipFaults(address);
  if (messages.length > 0) return messages;
  const family = type === "IPv4" ? 4 : 6;
  return isIP(address) === family ? [] : [`must be a valid ${type} address`];
}

function checkEndpoint(endpoint: Loose<Endpoint>, type: string, path: string, faults: FaultList): void {
  const addresses = endpoint.addresses ?? [];
  if (addresses.length === 0) {
    faults.required(`${path}.addresses`, "must contain at least 1 address");
  } else if (addresses.length > addressesMax) {
    faults.tooMany(`${path}.addresses`, addresses.length, addressesMax);
  }
  for (const [index, address] of addresses.entries()) {
    const at = `${path}.addresses[${index}]`;
    const messages = addressFaults(address, type);
    if (messages.length > 0) faults.messages(at, address, messages);
    else if (type !== "FQDN") checkOrdinaryIp(address, at, faults);
  }
  const { nodeName, hostname } = endpoint;
  if (nodeName !== undefined) faults.messages(`${path}.nodeName`, nodeName, dnsSubdomainFaults(nodeName));
  checkTopology(endpoint.deprecatedTopology, `${path}.deprecatedTopology`, faults);
  if (hostname !== undefined) checkDnsLabel(hostname, `${path}.hostname`, faults);
  if (endpoint.hints !== undefined) {
    checkHints(endpoint.hints.forZones, qualifiedNameFaults, `${path}.hints.forZones`, faults);
    checkHints(endpoint.hints.forNodes, dnsSubdomainFaults, `${path}.hints.forNodes`, faults);
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
  if (ports.length > portsMax) faults.tooMany("ports", ports.length, portsMax);
  const names = new Set<string>();
  for (const [index, { name = "", protocol, port, appProtocol }] of ports.entries()) {
    const path = `ports[${index}]`;
    if (name !== "") checkDnsLabel(name, `${path}.name`, faults);
    if (names.has(name)) faults.duplicate(`${path}.name`, name);
    names.add(name);
    faults.oneOf(`${path}.protocol`, protocol, protocols);
    if (port !== undefined) faults.messages(`${path}.port`, port, portNumberFaults(port));
    if (appProtocol !== undefined) {
      faults.messages(`${path}.appProtocol`, appProtocol, qualifiedNameFaults(appProtocol));
    }
  }
}

function checkSlice(
  { addressType = "", endpoints = [], ports }: Loose<EndpointSlice>,
  faults: FaultList,
): void {
  faults.oneOf("addressType", addressType, ["FQDN", "IPv4", "IPv6"]);
  if (endpoints.length > endpointsMax) faults.tooMany("endpoints", endpoints.length, endpointsMax);
  for (const [index, endpoint] of endpoints.entries()) {
    checkEndpoint(endpoint, addressType, `endpoints[${index}]`, faults);
  }
  checkPorts(ports, faults);
}

export const discoveryValidations: ValidationsByKind = {
  EndpointSlice: {
    check: checkSlice,
    onUpdate: ({ addressType }: Loose<EndpointSlice>, old: Loose<EndpointSlice>, faults) =>
      checkImmutable(addressType, old.addressType, "addressType", faults),
  },
};
