/** What claims ask for. upstream: pkg/apis/resource/validation/validation.go (validateDeviceClaim) */
import type {
  DeviceClaim,
  DeviceClaimConfiguration,
  DeviceConfiguration,
  DeviceConstraint,
  DeviceRequest,
  DeviceSelector,
  DeviceSubRequest,
  DeviceToleration,
  ResourceClaimSpec,
} from "../generated/types/resource-v1.ts";
import { checkCsiDriverName } from "../core/volume-validation.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { checkLabelName } from "../meta/field-rules.ts";
import type { Loose } from "../meta/loose.ts";
import { dnsLabelFaults, dnsSubdomainFaults, labelValueFaults } from "../meta/names.ts";
import { checkUnique } from "./binding-validation.ts";
import { checkPropertyName } from "./device-validation.ts";
import { expressionLengthMax } from "./selectors.ts";

const requestsMax = 32;
const alternativesMax = 8;
const selectorsMax = 32;
const constraintsMax = 32;
const configMax = 32;
const parametersLengthMax = 10 * 1024;

const oneOfBoth = "exactly one of `exactly` or `firstAvailable` is required";
const requestNeeded =
  "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";

type Ask = Loose<Omit<DeviceSubRequest, "name">>;

/** Names of requests, and of alternatives as "request/alternative". */
export type RequestNames = ReadonlySet<string>;

export function checkSelectors(
  selectors: readonly Loose<DeviceSelector>[] = [],
  path: string,
  faults: FaultList,
): void {
  if (selectors.length > selectorsMax) {
    faults.tooMany(path, selectors.length, selectorsMax);
    return;
  }
  for (const [index, { cel }] of selectors.entries()) {
    const at = `${path}[${index}].cel`;
    if (cel === undefined) faults.required(at);
    else if (Buffer.byteLength(cel.expression ?? "") > expressionLengthMax) {
      faults.tooLong(`${at}.expression`, expressionLengthMax);
    }
  }
}

export function checkToleration(toleration: Loose<DeviceToleration>, path: string, faults: FaultList): void {
  const { key = "", operator = "", value = "", effect = "" } = toleration;
  if (key !== "") checkLabelName(key, `${path}.key`, faults);
  faults.oneOf(`${path}.operator`, operator, ["Equal", "Exists"]);
  if (operator === "Exists" && value !== "") {
    faults.invalid(`${path}.value`, value, "must be empty for operator `Exists`");
  }
  if (operator === "Equal") faults.messages(`${path}.value`, value, labelValueFaults(value));
  if (effect !== "") faults.oneOf(`${path}.effect`, effect, ["NoExecute", "NoSchedule", "None"]);
}

function checkMode({ allocationMode = "", count = 0 }: Ask, path: string, faults: FaultList): void {
  if (allocationMode === "All") {
    if (count !== 0) {
      faults.invalid(`${path}.count`, count, "must not be specified when allocationMode is 'All'");
    }
  } else if (allocationMode === "ExactCount") {
    if (count <= 0) faults.invalid(`${path}.count`, count, "must be greater than zero");
  } else faults.notSupported(`${path}.allocationMode`, allocationMode, ["All", "ExactCount"]);
}

function checkAsk(ask: Ask, path: string, faults: FaultList): void {
  const { deviceClassName = "" } = ask;
  if (deviceClassName === "") faults.required(`${path}.deviceClassName`);
  else faults.messages(`${path}.deviceClassName`, deviceClassName, dnsSubdomainFaults(deviceClassName));
  checkSelectors(ask.selectors, `${path}.selectors`, faults);
  checkMode(ask, path, faults);
  for (const [index, toleration] of (ask.tolerations ?? []).entries()) {
    checkToleration(toleration, `${path}.tolerations[${index}]`, faults);
  }
}

const checkName = (name: string, path: string, faults: FaultList): void =>
  faults.messages(path, name, dnsLabelFaults(name));

const namesOf = (named: readonly { readonly name?: string | undefined }[]): readonly string[] =>
  named.map(({ name = "" }) => name);

function checkRequest(request: Loose<DeviceRequest>, path: string, faults: FaultList): void {
  const { exactly, firstAvailable = [] } = request;
  const has = firstAvailable.length > 0;
  if (exactly === undefined && !has) faults.required(path, oneOfBoth);
  else if (exactly !== undefined && has) {
    faults.invalid(path, undefined, `${oneOfBoth}, but multiple fields are set`);
  } else if (exactly !== undefined) checkAsk(exactly, `${path}.exactly`, faults);
  if (exactly !== undefined || !has) return;
  const at = `${path}.firstAvailable`;
  if (firstAvailable.length > alternativesMax) {
    faults.tooMany(at, firstAvailable.length, alternativesMax);
    return;
  }
  for (const [index, alternative] of firstAvailable.entries()) {
    checkName(alternative.name ?? "", `${at}[${index}].name`, faults);
    checkAsk(alternative, `${at}[${index}]`, faults);
  }
  checkUnique(namesOf(firstAvailable), at, faults);
}

export const namesIn = (requests: readonly Loose<DeviceRequest>[]): RequestNames =>
  new Set(
    requests.flatMap(({ name = "", firstAvailable = [] }) => [
      name,
      ...firstAvailable.map((alternative) => `${name}/${alternative.name ?? ""}`),
    ]),
  );

export function checkRequestNames(
  given: readonly string[] = [],
  known: RequestNames,
  path: string,
  faults: FaultList,
): void {
  if (given.length > requestsMax) {
    faults.tooMany(path, given.length, requestsMax);
    return;
  }
  for (const [index, name] of given.entries()) checkRequestName(name, known, `${path}[${index}]`, faults);
  checkUnique(given, path, faults);
}

export function checkRequestName(name: string, known: RequestNames, at: string, faults: FaultList): void {
  const parts = name.split("/");
  if (parts.length <= 2) for (const part of parts) faults.messages(at, part, dnsLabelFaults(part));
  if (!known.has(name)) faults.invalid(at, name, requestNeeded);
}

/** "example.com/name" */
function checkAttribute(name: string | undefined, path: string, faults: FaultList): void {
  if (name === undefined) return;
  checkPropertyName(name, path, faults);
  if (!name.includes("/")) {
    faults.invalid(path, name, "a fully qualified name must be a domain and a name separated by a slash");
  }
}

function checkConstraint(
  constraint: Loose<DeviceConstraint>,
  names: RequestNames,
  path: string,
  faults: FaultList,
): void {
  checkRequestNames(constraint.requests, names, `${path}.requests`, faults);
  const { matchAttribute, distinctAttribute } = constraint;
  if (matchAttribute === undefined && distinctAttribute === undefined) {
    faults.required(`${path}.matchAttribute`);
  }
  checkAttribute(matchAttribute, `${path}.matchAttribute`, faults);
  if (matchAttribute === undefined) {
    checkAttribute(distinctAttribute, `${path}.distinctAttribute`, faults);
  }
}

export function checkConfiguration(
  { opaque }: Loose<DeviceConfiguration>,
  path: string,
  faults: FaultList,
): void {
  if (opaque === undefined) {
    faults.required(`${path}.opaque`);
    return;
  }
  checkCsiDriverName(opaque.driver, `${path}.opaque.driver`, faults);
  const { parameters } = opaque;
  const at = `${path}.opaque.parameters`;
  if (parameters === undefined || parameters === null) faults.required(at);
  else if (Buffer.byteLength(JSON.stringify(parameters)) > parametersLengthMax) {
    faults.tooLong(at, parametersLengthMax);
  } else if (typeof parameters !== "object" || Array.isArray(parameters)) {
    faults.invalid(at, "<value omitted>", "must be a valid JSON object");
  }
}

export function checkConfigurations(
  configurations: readonly Loose<DeviceClaimConfiguration>[] = [],
  names: RequestNames,
  path: string,
  faults: FaultList,
): void {
  if (configurations.length > configMax) {
    faults.tooMany(path, configurations.length, configMax);
    return;
  }
  for (const [index, configuration] of configurations.entries()) {
    const at = `${path}[${index}]`;
    checkRequestNames(configuration.requests, names, `${at}.requests`, faults);
    checkConfiguration(configuration, at, faults);
  }
}

function checkRequests(requests: readonly Loose<DeviceRequest>[], path: string, faults: FaultList): void {
  for (const [index, request] of requests.entries()) {
    const at = `${path}[${index}]`;
    checkName(request.name ?? "", `${at}.name`, faults);
    checkRequest(request, at, faults);
  }
  checkUnique(namesOf(requests), path, faults);
}

function checkDevices(claim: Loose<DeviceClaim>, path: string, faults: FaultList): void {
  const { requests = [], constraints = [] } = claim;
  const known = namesIn(requests);
  if (requests.length > requestsMax) faults.tooMany(`${path}.requests`, requests.length, requestsMax);
  else checkRequests(requests, `${path}.requests`, faults);
  const at = `${path}.constraints`;
  if (constraints.length > constraintsMax) faults.tooMany(at, constraints.length, constraintsMax);
  else {
    for (const [index, constraint] of constraints.entries()) {
      checkConstraint(constraint, known, `${at}[${index}]`, faults);
    }
  }
  checkConfigurations(claim.config, known, `${path}.config`, faults);
}

export const checkClaimSpec = (
  { devices = {} }: Loose<ResourceClaimSpec>,
  path: string,
  faults: FaultList,
): void => checkDevices(devices, `${path}.devices`, faults);
