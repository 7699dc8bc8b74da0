/** Network policies, and the group's other kinds. upstream: pkg/apis/networking/validation/validation.go */
import type {
  IPBlock,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
} from "../generated/types/networking-v1.ts";
import { isWithin, legacyCidrFaults, parseRange } from "../meta/addresses.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { checkLabelSelector, checkPort } from "../meta/field-rules.ts";
import type { ValidationsByKind } from "../meta/kind-validation.ts";
import type { Loose } from "../meta/loose.ts";
import { portNumberFaults } from "../meta/names.ts";
import { addressValidation, serviceRangeValidation } from "./address-validation.ts";
import { ingressClassValidation, ingressValidation } from "./ingress-validation.ts";

const protocols = ["TCP", "UDP", "SCTP"];
const policyTypes = ["Ingress", "Egress"];

function checkEndPort({ port, endPort }: Loose<NetworkPolicyPort>, path: string, faults: FaultList): void {
  if (endPort === undefined) return;
  if (port === undefined) {
    faults.invalid(path, endPort, "may not be specified when `port` is not specified");
  } else if (typeof port === "string") {
    faults.invalid(path, endPort, "may not be specified when `port` is non-numeric");
  } else {
    // Upstream shows the port here.
    if (endPort < port) faults.invalid(path, port, "must be greater than or equal to `port`");
    faults.messages(path, endPort, portNumberFaults(endPort));
  }
}

function checkPolicyPort(port: Loose<NetworkPolicyPort>, path: string, faults: FaultList): void {
  faults.optionalOneOf(`${path}.protocol`, port.protocol, protocols);
  const isName = typeof port.port === "string";
  if (isName) checkEndPort(port, `${path}.endPort`, faults);
  if (port.port !== undefined) checkPort(port.port, `${path}.port`, faults);
  if (!isName) checkEndPort(port, `${path}.endPort`, faults);
}

function checkBlock({ cidr = "", except = [] }: Loose<IPBlock>, path: string, faults: FaultList): void {
  if (cidr === "") {
    faults.required(`${path}.cidr`);
    return;
  }
  faults.messages(`${path}.cidr`, cidr, legacyCidrFaults(cidr));
  const whole = parseRange(cidr);
  if (whole === undefined) return;
  for (const [index, excluded] of except.entries()) {
    const at = `${path}.except[${index}]`;
    faults.messages(at, excluded, legacyCidrFaults(excluded));
    const part = parseRange(excluded);
    if (part !== undefined && !isWithin(part, whole)) {
      faults.invalid(at, excluded, "must be a strict subset of `cidr`");
    }
  }
}

function checkPeer(
  { podSelector, namespaceSelector, ipBlock }: Loose<NetworkPolicyPeer>,
  path: string,
  faults: FaultList,
): void {
  const selects = podSelector !== undefined || namespaceSelector !== undefined;
  checkLabelSelector(podSelector, `${path}.podSelector`, faults);
  checkLabelSelector(namespaceSelector, `${path}.namespaceSelector`, faults);
  if (ipBlock !== undefined) checkBlock(ipBlock, `${path}.ipBlock`, faults);
  if (!selects && ipBlock === undefined) faults.required(path, "must specify a peer");
  if (selects && ipBlock !== undefined) {
    faults.forbidden(path, "may not specify both ipBlock and another peer");
  }
}

interface Rule {
  readonly ports: readonly Loose<NetworkPolicyPort>[] | undefined;
  readonly peers: readonly Loose<NetworkPolicyPeer>[] | undefined;
  readonly peersField: "from" | "to";
}

function checkRule({ ports = [], peers = [], peersField }: Rule, path: string, faults: FaultList): void {
  for (const [index, port] of ports.entries()) checkPolicyPort(port, `${path}.ports[${index}]`, faults);
  for (const [index, peer] of peers.entries()) checkPeer(peer, `${path}.${peersField}[${index}]`, faults);
}

function checkNetworkPolicy({ spec = {} }: Loose<NetworkPolicy>, faults: FaultList): void {
  checkLabelSelector(spec.podSelector, "spec.podSelector", faults);
  for (const [index, { ports, from }] of (spec.ingress ?? []).entries()) {
    checkRule({ ports, peers: from, peersField: "from" }, `spec.ingress[${index}]`, faults);
  }
  for (const [index, { ports, to }] of (spec.egress ?? []).entries()) {
    checkRule({ ports, peers: to, peersField: "to" }, `spec.egress[${index}]`, faults);
  }
  const types = spec.policyTypes ?? [];
  if (types.length > policyTypes.length) {
    faults.invalid("spec.policyTypes", types, "may not specify more than two policyTypes");
    return;
  }
  for (const [index, type] of types.entries()) {
    faults.optionalOneOf(`spec.policyTypes[${index}]`, type, policyTypes);
  }
}

export const networkingValidations: ValidationsByKind = {
  IPAddress: addressValidation,
  Ingress: ingressValidation,
  IngressClass: ingressClassValidation,
  NetworkPolicy: { check: checkNetworkPolicy },
  ServiceCIDR: serviceRangeValidation,
};
