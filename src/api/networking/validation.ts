/** Ingresses and network policies. upstream: pkg/apis/networking/validation/validation.go */
import { BlockList, isIP } from "node:net";
import type {
  HTTPIngressPath,
  Ingress,
  IngressBackend,
  IngressClass,
  IngressClassParametersReference,
  IngressSpec,
  IPBlock,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
} from "../generated/types/networking-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { checkImmutable, checkLabelSelector, checkPort } from "../meta/field-rules.ts";
import type { ValidationsByKind } from "../meta/kind-validation.ts";
import type { Loose } from "../meta/loose.ts";
import {
  cidrFaults,
  dns1035LabelFaults,
  dnsSubdomainFaults,
  pathSegmentFaults,
  portNameFaults,
  portNumberFaults,
  wildcardSubdomainFaults,
} from "../meta/names.ts";
import { addressValidation, serviceRangeValidation } from "./address-validation.ts";
import { protocols } from "../core/container-validation.ts";

function checkHost(host: string, path: string, faults: FaultList): void {
  if (host === "") return;
  if (isIP(host) !== 0) faults.invalid(path, host, "must be a DNS name, not an IP address");
  faults.messages(path, host, host.includes("*") ? wildcardSubdomainFaults(host) : dnsSubdomainFaults(host));
}

function checkBackend(backend: Loose<IngressBackend>, path: string, faults: FaultList): void {
  const { service, resource } = backend;
  if (service !== undefined && resource !== undefined) {
    faults.invalid(path, "", "cannot set both resource and service backends");
  } else if (resource !== undefined) checkResourceBackend(resource, `${path}.resource`, faults);
  else checkServiceBackend(service, path, faults);
}

function checkResourceBackend(
  { kind = "", name = "", apiGroup = "" }: NonNullable<Loose<IngressBackend>["resource"]>,
  path: string,
  faults: FaultList,
): void {
  if (apiGroup !== "") faults.messages(`${path}.apiGroup`, apiGroup, dnsSubdomainFaults(apiGroup));
  for (const [field, value] of Object.entries({ kind, name })) {
    if (value === "") faults.required(`${path}.${field}`);
    else faults.messages(`${path}.${field}`, value, pathSegmentFaults(value));
  }
}

function checkServiceBackend(
  service: Loose<IngressBackend>["service"],
  path: string,
  faults: FaultList,
): void {
  const at = `${path}.service`;
  const { name = "", port } = service ?? {};
  if (name === "") faults.required(`${at}.name`);
  else faults.messages(`${at}.name`, name, dns1035LabelFaults(name));
  const { name: portName = "", number = 0 } = port ?? {};
  if (portName !== "" && number !== 0) {
    faults.invalid(path, "", "cannot set both port name & port number");
  } else if (portName !== "") faults.messages(`${at}.port.name`, portName, portNameFaults(portName));
  else if (number !== 0) faults.messages(`${at}.port.number`, number, portNumberFaults(number));
  else faults.required(path, "port name or number is required");
}

const pathTypes = ["Exact", "ImplementationSpecific", "Prefix"];
const forbiddenSequences = ["//", "/./", "/../", "%2f", "%2F"];
const forbiddenEnds = ["/..", "/."];

function checkPath(
  { path: url = "", pathType, backend }: Loose<HTTPIngressPath>,
  path: string,
  faults: FaultList,
): void {
  const at = `${path}.path`;
  if (pathType === undefined) faults.required(`${path}.pathType`, "pathType must be specified");
  else if (pathType === "Exact" || pathType === "Prefix") {
    if (!url.startsWith("/")) faults.invalid(at, url, "must be an absolute path");
    for (const sequence of forbiddenSequences) {
      if (url.includes(sequence)) faults.invalid(at, url, `must not contain '${sequence}'`);
    }
    for (const end of forbiddenEnds) {
      if (url.endsWith(end)) faults.invalid(at, url, `cannot end with '${end}'`);
    }
  } else if (pathType === "ImplementationSpecific") {
    if (url !== "" && !url.startsWith("/")) faults.invalid(at, url, "must be an absolute path");
  } else faults.notSupported(`${path}.pathType`, pathType, pathTypes);
  checkBackend(backend ?? {}, `${path}.backend`, faults);
}

function checkRules({ rules = [] }: Loose<IngressSpec>, faults: FaultList): void {
  for (const [index, { host = "", http }] of rules.entries()) {
    const path = `spec.rules[${index}]`;
    checkHost(host, `${path}.host`, faults);
    if (http === undefined) continue;
    const paths = http.paths ?? [];
    if (paths.length === 0) faults.required(`${path}.http.paths`);
    for (const [position, one] of paths.entries()) checkPath(one, `${path}.http.paths[${position}]`, faults);
  }
}

function checkIngress({ spec = {} }: Loose<Ingress>, faults: FaultList): void {
  const { rules = [], defaultBackend, tls = [], ingressClassName } = spec;
  if (rules.length === 0 && defaultBackend === undefined) {
    faults.invalid("spec", rules, "either `defaultBackend` or `rules` must be specified");
  }
  if (defaultBackend !== undefined) checkBackend(defaultBackend, "spec.defaultBackend", faults);
  checkRules(spec, faults);
  for (const [index, { hosts = [], secretName = "" }] of tls.entries()) {
    for (const [position, host] of hosts.entries()) {
      const path = `spec.tls[${index}].hosts[${position}]`;
      faults.messages(
        path,
        host,
        host.includes("*") ? wildcardSubdomainFaults(host) : dnsSubdomainFaults(host),
      );
    }
    if (secretName !== "") {
      faults.messages(`spec.tls[${index}].secretName`, secretName, dnsSubdomainFaults(secretName));
    }
  }
  if (ingressClassName !== undefined) {
    faults.messages("spec.ingressClassName", ingressClassName, dnsSubdomainFaults(ingressClassName));
  }
}

const classAnnotation = "kubernetes.io/ingress.class";

/** Old objects may say it both ways. */
function checkNewIngress({ metadata, spec }: Loose<Ingress>, faults: FaultList): void {
  const annotation = metadata?.annotations?.[classAnnotation];
  if (annotation !== undefined && spec?.ingressClassName !== undefined) {
    faults.invalid(
      `metadata.annotations.${classAnnotation}`,
      annotation,
      "can not be set when the class field is also set",
    );
  }
}

function checkIngressClass({ spec }: Loose<IngressClass>, faults: FaultList): void {
  const controller = spec?.controller ?? "";
  if (controller.length > 250) faults.tooLong("spec.controller", 250);
  if (controller === "") faults.required("spec.controller");
  else if (!/^[^/]+\/.+$/.test(controller)) {
    faults.invalid("spec.controller", controller, 'must be a domain-prefixed path (such as "acme.io/foo")');
  }
  if (spec?.parameters !== undefined) checkParameters(spec.parameters, "spec.parameters", faults);
}

function checkParameters(
  parameters: Loose<IngressClassParametersReference>,
  path: string,
  faults: FaultList,
): void {
  for (const field of ["kind", "name"] as const) {
    const value = parameters[field] ?? "";
    if (value === "") faults.required(`${path}.${field}`);
    else faults.messages(`${path}.${field}`, value, pathSegmentFaults(value));
  }
  faults.optionalOneOf(`${path}.scope`, parameters.scope, ["Cluster", "Namespace"]);
  if (parameters.scope === "Namespace" && (parameters.namespace ?? "") === "") {
    faults.required(`${path}.namespace`, "`parameters.scope` is set to 'Namespace'");
  }
  if (parameters.scope === "Cluster" && parameters.namespace !== undefined) {
    faults.forbidden(`${path}.namespace`, "`parameters.scope` is set to 'Cluster'");
  }
}

function checkPolicyPorts(
  ports: readonly Loose<NetworkPolicyPort>[] = [],
  path: string,
  faults: FaultList,
): void {
  for (const [index, { protocol, port, endPort }] of ports.entries()) {
    const at = `${path}.ports[${index}]`;
    faults.optionalOneOf(`${at}.protocol`, protocol, protocols);
    if (port !== undefined) checkPort(port, `${at}.port`, faults);
    if (endPort === undefined) continue;
    if (port === undefined) {
      faults.required(`${at}.port`, "must be specified when `endPort` is specified");
    } else if (typeof port === "string") {
      faults.invalid(`${at}.endPort`, endPort, "may not be specified when `port` is non-numeric");
    } else if (endPort < port) {
      faults.invalid(`${at}.endPort`, endPort, "must be greater than or equal to `port`");
    } else faults.messages(`${at}.endPort`, endPort, portNumberFaults(endPort));
  }
}

function isInside(inner: string, outer: string): boolean {
  const [innerIp = "", innerBits = "0"] = inner.split("/");
  const [outerIp = "", outerBits = "0"] = outer.split("/");
  const family = isIP(outerIp) === 6 ? "ipv6" : "ipv4";
  if (isIP(innerIp) !== isIP(outerIp)) return false;
  const net = new BlockList();
  net.addSubnet(outerIp, Number(outerBits), family);
  return Number(innerBits) > Number(outerBits) && net.check(innerIp, family);
}

function checkBlock({ cidr = "", except = [] }: Loose<IPBlock>, path: string, faults: FaultList): void {
  if (cidr === "") {
    faults.required(`${path}.cidr`);
    return;
  }
  const messages = cidrFaults(cidr);
  faults.messages(`${path}.cidr`, cidr, messages);
  for (const [index, excluded] of except.entries()) {
    const at = `${path}.except[${index}]`;
    const own = cidrFaults(excluded);
    faults.messages(at, excluded, own);
    if (own.length === 0 && messages.length === 0 && !isInside(excluded, cidr)) {
      faults.invalid(at, excluded, `must be a strict subset of \`${cidr}\``);
    }
  }
}

function checkPeers(peers: readonly Loose<NetworkPolicyPeer>[] = [], path: string, faults: FaultList): void {
  for (const [index, { podSelector, namespaceSelector, ipBlock }] of peers.entries()) {
    const at = `${path}[${index}]`;
    const selects = podSelector !== undefined || namespaceSelector !== undefined;
    checkLabelSelector(podSelector, `${at}.podSelector`, faults);
    checkLabelSelector(namespaceSelector, `${at}.namespaceSelector`, faults);
    if (ipBlock !== undefined) checkBlock(ipBlock, `${at}.ipBlock`, faults);
    if (!selects && ipBlock === undefined) faults.required(at, "must specify a peer");
    if (selects && ipBlock !== undefined) {
      faults.forbidden(at, "may not specify both ipBlock and another peer");
    }
  }
}

function checkNetworkPolicy({ spec = {} }: Loose<NetworkPolicy>, faults: FaultList): void {
  checkLabelSelector(spec.podSelector, "spec.podSelector", faults);
  for (const [index, rule] of (spec.ingress ?? []).entries()) {
    checkPolicyPorts(rule.ports, `spec.ingress[${index}]`, faults);
    checkPeers(rule.from, `spec.ingress[${index}].from`, faults);
  }
  for (const [index, rule] of (spec.egress ?? []).entries()) {
    checkPolicyPorts(rule.ports, `spec.egress[${index}]`, faults);
    checkPeers(rule.to, `spec.egress[${index}].to`, faults);
  }
  const types = spec.policyTypes ?? [];
  if (types.length > 2) {
    faults.invalid("spec.policyTypes", types, "may not specify more than two policyTypes");
  }
  for (const [index, type] of types.entries()) {
    faults.optionalOneOf(`spec.policyTypes[${index}]`, type, ["Egress", "Ingress"]);
  }
}

export const networkingValidations: ValidationsByKind = {
  IPAddress: addressValidation,
  Ingress: { check: checkIngress, onCreate: checkNewIngress },
  IngressClass: {
    check: checkIngressClass,
    onUpdate: ({ spec }: Loose<IngressClass>, old: Loose<IngressClass>, faults) =>
      checkImmutable(spec?.controller, old.spec?.controller, "spec.controller", faults),
  },
  NetworkPolicy: { check: checkNetworkPolicy },
  ServiceCIDR: serviceRangeValidation,
};
