/** One device that a driver offers. upstream: pkg/apis/resource/validation/validation.go (validateDevice) */
import { checkNodeSelector } from "../core/affinity-validation.ts";
import { checkCsiDriverName } from "../core/volume-validation.ts";
import type {
  CounterSet,
  Device,
  DeviceAttribute,
  DeviceCounterConsumption,
  DeviceTaint,
} from "../generated/types/resource-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { asGoStruct, type GoShape } from "../meta/go-struct.ts";
import { checkLabelName } from "../meta/field-rules.ts";
import type { Loose } from "../meta/loose.ts";
import { dnsLabelFaults, dnsSubdomainFaults, identifierFaults, labelValueFaults } from "../meta/names.ts";
import { checkBindings, checkUnique } from "./binding-validation.ts";
import { checkRequestPolicy } from "./request-policy-validation.ts";

const propertiesMax = 32;
const identifierLengthMax = 32;
/** A domain of 63, a slash and an identifier. */
const nameShownMax = 63 + 1 + identifierLengthMax;
const counterShownMax = 63;
const valueLengthMax = 64;
const taintsMax = 16;
const consumptionsMax = 2;
const countersMax = 32;
const counterSetsMax = 8;

const number = "(0|[1-9]\\d*)";
const early = "(0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*)";
const build = "[0-9a-zA-Z-]+";
const semver = new RegExp(
  `^${number}\\.${number}\\.${number}(-${early}(\\.${early})*)?(\\+${build}(\\.${build})*)?$`,
);

const whereRule =
  "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec";

export function checkDevice(
  device: Loose<Device>,
  isPlacedAlone: boolean,
  path: string,
  faults: FaultList,
): void {
  const { attributes = {}, capacity = {}, taints = [] } = device;
  const count = Object.keys(attributes).length + Object.keys(capacity).length;
  if (count > propertiesMax) {
    faults.invalid(
      path,
      count,
      `the total number of attributes and capacities must not exceed ${propertiesMax}`,
    );
  }
  for (const [key, attribute] of Object.entries(attributes)) {
    const at = `${path}.attributes[${shown(key)}]`;
    checkPropertyName(key, at, faults);
    checkAttribute(attribute, at, faults);
  }
  for (const [key, one] of Object.entries(capacity)) {
    const at = `${path}.capacity[${shown(key)}]`;
    checkPropertyName(key, at, faults);
    if (one.requestPolicy === undefined) continue;
    if (device.allowMultipleAllocations === true) checkRequestPolicy(one, `${at}.requestPolicy`, faults);
    else faults.forbidden(`${at}.requestPolicy`, "allowMultipleAllocations must be true");
  }
  if (taints.length > taintsMax) faults.tooMany(`${path}.taints`, taints.length, taintsMax);
  else for (const [index, taint] of taints.entries()) checkTaint(taint, `${path}.taints[${index}]`, faults);
  checkConsumptions(device.consumesCounters, `${path}.consumesCounters`, faults);
  checkPlace(device, isPlacedAlone, path, faults);
  checkBindings(device, path, faults);
}

/** "name" or "example.com/name"; of more parts than two, upstream says nothing. */
export function checkPropertyName(name: string, path: string, faults: FaultList): void {
  const [first = "", second, ...more] = name.split("/");
  if (more.length > 0) return;
  if (second === undefined) {
    checkIdentifier(first, path, faults);
    return;
  }
  if (first === "") faults.invalid(path, "", "the domain must not be empty");
  else checkCsiDriverName(first, path, faults);
  if (second === "") faults.invalid(path, "", "the name must not be empty");
  else checkIdentifier(second, path, faults);
}

function checkIdentifier(id: string, path: string, faults: FaultList): void {
  if (Buffer.byteLength(id) > identifierLengthMax) faults.tooLong(path, identifierLengthMax);
  faults.messages(path, id, identifierFaults(id));
}

/** A name of whatever length, as a path shows it: what is too long lacks its middle. upstream: truncateIfTooLong */
function shown(name: string, max = nameShownMax): string {
  if (name.length <= max) return name;
  const rest = max - 3;
  return `${name.slice(0, Math.ceil(rest / 2))}...${name.slice(name.length - Math.floor(rest / 2))}`;
}

const attributeShape: GoShape = {
  IntValue: ["int", null],
  BoolValue: ["bool", null],
  StringValue: ["string", null],
  VersionValue: ["version", null],
};

function checkAttribute(attribute: Loose<DeviceAttribute>, path: string, faults: FaultList): void {
  const { string: text, version } = attribute;
  if (text !== undefined && Buffer.byteLength(text) > valueLengthMax) {
    faults.tooLong(`${path}.string`, valueLengthMax);
  }
  if (version !== undefined) {
    if (!semver.test(version)) {
      faults.invalid(`${path}.version`, version, "must be a string compatible with semver.org spec 2.0.0");
    }
    if (version.length > valueLengthMax) faults.tooLong(`${path}.version`, valueLengthMax);
  }
  const given = Object.values(attribute).filter((value) => value !== undefined).length;
  if (given === 1) return;
  const value = given === 0 ? "" : asGoStruct(attribute, attributeShape);
  faults.invalid(path, value, "exactly one value must be specified");
}

function checkTaint(
  { key = "", value = "", effect }: Loose<DeviceTaint>,
  path: string,
  faults: FaultList,
): void {
  checkLabelName(key, `${path}.key`, faults);
  if (value !== "") faults.messages(`${path}.value`, value, labelValueFaults(value));
  faults.oneOf(`${path}.effect`, effect, ["NoExecute", "NoSchedule", "None"]);
}

function checkConsumptions(
  consumptions: readonly Loose<DeviceCounterConsumption>[] = [],
  path: string,
  faults: FaultList,
): void {
  if (consumptions.length > consumptionsMax) {
    faults.tooMany(path, consumptions.length, consumptionsMax);
    return;
  }
  for (const [index, { counterSet = "", counters }] of consumptions.entries()) {
    const at = `${path}[${index}]`;
    if (counterSet === "") faults.required(`${at}.counterSet`);
    else faults.messages(`${at}.counterSet`, counterSet, dnsLabelFaults(counterSet));
    checkCounters(counters, `${at}.counters`, faults);
  }
  const sets = consumptions.map(({ counterSet = "" }) => counterSet);
  checkUnique(sets, path, faults);
}

function checkCounters(counters: Loose<CounterSet>["counters"] = {}, path: string, faults: FaultList): void {
  const names = Object.keys(counters);
  if (names.length === 0) faults.required(path);
  else if (names.length > countersMax) faults.tooMany(path, names.length, countersMax);
  else {
    for (const name of names) {
      faults.messages(`${path}[${shown(name, counterShownMax)}]`, name, dnsLabelFaults(name));
    }
  }
}

export function checkCounterSets(
  sets: readonly Loose<CounterSet>[] = [],
  path: string,
  faults: FaultList,
): void {
  if (sets.length > counterSetsMax) {
    faults.tooMany(path, sets.length, counterSetsMax);
    return;
  }
  for (const [index, { name = "", counters }] of sets.entries()) {
    const at = `${path}[${index}]`;
    if (name === "") faults.required(`${at}.name`);
    else faults.messages(`${at}.name`, name, dnsLabelFaults(name));
    checkCounters(counters, `${at}.counters`, faults);
  }
  const names = sets.map(({ name = "" }) => name);
  checkUnique(names, path, faults);
}

/** Devices say where they are only if their slice says so. */
function checkPlace(device: Loose<Device>, isPlacedAlone: boolean, path: string, faults: FaultList): void {
  const { nodeName, nodeSelector, allNodes } = device;
  if (!isPlacedAlone) {
    if (nodeName !== undefined || nodeSelector !== undefined || allNodes !== undefined) {
      const text =
        "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec";
      faults.invalid(path, undefined, text);
    }
    return;
  }
  const given: string[] = [];
  if (nodeName === "") faults.invalid(`${path}.nodeName`, "", "must not be empty");
  else if (nodeName !== undefined) {
    given.push("`nodeName`");
    faults.messages(`${path}.nodeName`, nodeName, dnsSubdomainFaults(nodeName));
  }
  if (nodeSelector !== undefined) {
    given.push("`nodeSelector`");
    checkNodeSelector(nodeSelector, `${path}.nodeSelector`, faults);
  }
  if (allNodes === true) given.push("`allNodes`");
  else if (allNodes === false) {
    faults.invalid(`${path}.allNodes`, false, "must be either unset or set to true");
  }
  if (given.length === 0) faults.required(path, whereRule);
  else if (given.length > 1) faults.invalid(path, `{${given.join(", ")}}`, whereRule);
}
