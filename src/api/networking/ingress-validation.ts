/** Ingresses and their classes. upstream: pkg/apis/networking/validation/validation.go */
import type {
  HTTPIngressPath,
  Ingress,
  IngressBackend,
  IngressClass,
  IngressClassParametersReference,
  IngressRule,
} from "../generated/types/networking-v1.ts";
import { checkBalancerHostname, checkBalancerIp } from "../core/balancer-status-validation.ts";
import { parseAddress } from "../meta/addresses.ts";
import { FaultList } from "../meta/fault-list.ts";
import { checkDnsLabel, checkDomainPrefixedPath, checkImmutable } from "../meta/field-rules.ts";
import type { KindValidation } from "../meta/kind-validation.ts";
import type { Loose } from "../meta/loose.ts";
import {
  dns1035LabelFaults,
  dnsSubdomainFaults,
  pathSegmentFaults,
  portNameFaults,
  portNumberFaults,
  wildcardSubdomainFaults,
} from "../meta/names.ts";

const hostFaults = (host: string): readonly string[] =>
  host.includes("*") ? wildcardSubdomainFaults(host) : dnsSubdomainFaults(host);

function checkBackend(backend: Loose<IngressBackend>, path: string, faults: FaultList): void {
  const { service, resource } = backend;
  if (service !== undefined && resource !== undefined) {
    faults.invalid(path, "", "cannot set both resource and service backends");
  } else if (resource !== undefined) checkReference(resource, `${path}.resource`, faults);
  else if (service !== undefined) checkServiceBackend(service, path, faults);
  else faults.invalid(path, "", "resource or service backend is required");
}

interface Reference {
  readonly apiGroup?: string | undefined;
  readonly kind?: string | undefined;
  readonly name?: string | undefined;
}

/** upstream: validateIngressTypedLocalObjectReference */
function checkReference(
  { apiGroup, kind = "", name = "" }: Reference,
  path: string,
  faults: FaultList,
): void {
  if (apiGroup !== undefined) faults.messages(`${path}.apiGroup`, apiGroup, dnsSubdomainFaults(apiGroup));
  for (const [field, value] of Object.entries({ kind, name })) {
    if (value === "") faults.required(`${path}.${field}`, `${field} is required`);
    else faults.messages(`${path}.${field}`, value, pathSegmentFaults(value));
  }
}

function checkServiceBackend(
  { name = "", port }: NonNullable<Loose<IngressBackend>["service"]>,
  path: string,
  faults: FaultList,
): void {
  const at = `${path}.service`;
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
  if (pathType === undefined) {
    faults.required(`${path}.pathType`, "pathType must be specified");
    return;
  }
  const at = `${path}.path`;
  if (pathType === "Exact" || pathType === "Prefix") {
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

function checkRuleValue({ http }: Loose<IngressRule>, path: string, faults: FaultList): void {
  if (http === undefined) return;
  const paths = http.paths ?? [];
  if (paths.length === 0) faults.required(`${path}.http.paths`);
  for (const [position, one] of paths.entries()) checkPath(one, `${path}.http.paths[${position}]`, faults);
}

/** What a stored ingress may go on saying, since it said it before that was refused. */
interface Tolerated {
  readonly secretNames: boolean;
  readonly wildcardRules: boolean;
}

function checkRules(rules: readonly Loose<IngressRule>[], tolerated: Tolerated, faults: FaultList): void {
  for (const [index, rule] of rules.entries()) {
    const path = `spec.rules[${index}]`;
    const { host = "" } = rule;
    if (host !== "") {
      if (parseAddress(host) !== undefined) {
        faults.invalid(`${path}.host`, host, "must be a DNS name, not an IP address");
      }
      faults.messages(`${path}.host`, host, hostFaults(host));
    }
    if (!host.includes("*") || !tolerated.wildcardRules) checkRuleValue(rule, path, faults);
  }
}

function checkSpec({ spec = {} }: Loose<Ingress>, tolerated: Tolerated, faults: FaultList): void {
  const { rules = [], defaultBackend, tls = [], ingressClassName } = spec;
  if (rules.length === 0 && defaultBackend === undefined) {
    faults.invalid("spec", spec.rules ?? null, "either `defaultBackend` or `rules` must be specified");
  }
  if (defaultBackend !== undefined) checkBackend(defaultBackend, "spec.defaultBackend", faults);
  checkRules(rules, tolerated, faults);
  for (const [index, { hosts = [], secretName = "" }] of tls.entries()) {
    const path = `spec.tls[${index}]`;
    for (const [position, host] of hosts.entries()) {
      faults.messages(`${path}.hosts[${position}]`, host, hostFaults(host));
    }
    if (secretName === "" || tolerated.secretNames) continue;
    faults.messages(`${path}.secretName`, secretName, dnsSubdomainFaults(secretName));
  }
  if (ingressClassName !== undefined) {
    faults.messages("spec.ingressClassName", ingressClassName, dnsSubdomainFaults(ingressClassName));
  }
}

const classAnnotation = "kubernetes.io/ingress.class";

/** Old objects may say two things. */
function checkNewIngress(ingress: Loose<Ingress>, faults: FaultList): void {
  const annotation = ingress.metadata?.annotations?.[classAnnotation];
  const className = ingress.spec?.ingressClassName;
  if (annotation === undefined || className === undefined || annotation === className) return;
  // Upstream says so of "annotations", too.
  faults.invalid(
    `annotations.${classAnnotation}`,
    annotation,
    "must match `ingressClassName` when both are specified",
  );
}

function hasBadWildcardRule(rule: Loose<IngressRule>): boolean {
  const found = new FaultList();
  if (rule.host?.includes("*") === true) checkRuleValue(rule, "", found);
  return found.count > 0;
}

const isBadSecretName = (name = ""): boolean => name !== "" && dnsSubdomainFaults(name).length > 0;

function checkIngress(ingress: Loose<Ingress>, faults: FaultList, { spec: old }: Loose<Ingress> = {}): void {
  const tolerated = {
    secretNames: old?.tls?.some(({ secretName }) => isBadSecretName(secretName)) === true,
    wildcardRules: old?.rules?.some(hasBadWildcardRule) === true,
  };
  checkSpec(ingress, tolerated, faults);
}

/** upstream: ValidateIngressLoadBalancerStatus */
function checkIngressStatus({ status }: Loose<Ingress>, _old: Loose<Ingress>, faults: FaultList): void {
  for (const [index, { ip = "", hostname = "" }] of (status?.loadBalancer?.ingress ?? []).entries()) {
    const path = `status.loadBalancer.ingress[${index}]`;
    checkBalancerIp(ip, `${path}.ip`, faults);
    checkBalancerHostname(hostname, `${path}.hostname`, faults);
  }
}

export const ingressValidation: KindValidation = {
  check: checkIngress,
  onCreate: checkNewIngress,
  onStatusUpdate: checkIngressStatus,
  newSteps: ["metadata", "rules", "creation"],
  steps: ["metadata change", "metadata", "rules"],
};

const controllerLengthMax = 250;
function checkIngressClass({ spec }: Loose<IngressClass>, faults: FaultList): void {
  const controller = spec?.controller ?? "";
  if (Buffer.byteLength(controller) > controllerLengthMax) {
    faults.tooLong("spec.controller", controllerLengthMax);
  }
  checkDomainPrefixedPath(controller, "spec.controller", faults);
  if (spec?.parameters !== undefined) checkParameters(spec.parameters, "spec.parameters", faults);
}

function checkParameters(
  parameters: Loose<IngressClassParametersReference>,
  path: string,
  faults: FaultList,
): void {
  checkReference(parameters, path, faults);
  const { scope, namespace } = parameters;
  if (scope === undefined) faults.required(`${path}.scope`);
  else if (scope === "Namespace") {
    if (namespace === undefined) {
      faults.required(`${path}.namespace`, "`parameters.scope` is set to 'Namespace'");
    } else checkDnsLabel(namespace, `${path}.namespace`, faults);
  } else if (scope === "Cluster") {
    if (namespace !== undefined) {
      faults.forbidden(`${path}.namespace`, "`parameters.scope` is set to 'Cluster'");
    }
  } else faults.notSupported(`${path}.scope`, scope, ["Cluster", "Namespace"]);
}

export const ingressClassValidation: KindValidation = {
  check: checkIngressClass,
  onUpdate: ({ spec }: Loose<IngressClass>, old: Loose<IngressClass>, faults) =>
    checkImmutable(spec?.controller, old.spec?.controller, "spec.controller", faults),
  steps: ["metadata change", "change", "metadata", "rules"],
};
