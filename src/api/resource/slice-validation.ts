/** Devices that drivers offer. upstream: pkg/apis/resource/validation/validation.go (validateResourceSliceSpec) */
import { checkNodeSelector } from "../core/affinity-validation.ts";
import type { ResourcePool, ResourceSlice, ResourceSliceSpec } from "../generated/types/resource-v1.ts";
import { checkCsiDriverName } from "../core/volume-validation.ts";
import { termShape } from "../core/gated-pod-validation.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { checkImmutable } from "../meta/field-rules.ts";
import { asGoStruct } from "../meta/go-struct.ts";
import type { Loose } from "../meta/loose.ts";
import { dnsLabelFaults, dnsSubdomainFaults } from "../meta/names.ts";
import { checkPoolName, checkUnique } from "./binding-validation.ts";
import { checkCounterSets, checkDevice } from "./device-validation.ts";

const devicesMax = 128;
/** Taints and counters make a device costly. */
const heavyDevicesMax = 64;
const onlyTrue = "must be either unset or set to true";
const oneNodeRule =
  "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";

function checkPool(pool: Loose<ResourcePool>, path: string, faults: FaultList): void {
  const { name = "", resourceSliceCount = 0, generation = 0 } = pool;
  checkPoolName(name, `${path}.name`, faults);
  if (resourceSliceCount <= 0) {
    faults.invalid(`${path}.resourceSliceCount`, resourceSliceCount, "must be greater than zero");
  }
  if (generation < 0) {
    faults.invalid(`${path}.generation`, generation, "must be greater than or equal to zero");
  }
}

/** Where the devices are: said in one way. */
function checkNodes(spec: Loose<ResourceSliceSpec>, path: string, faults: FaultList): void {
  const { nodeName, nodeSelector, allNodes, perDeviceNodeSelection } = spec;
  const given: string[] = [];
  if (nodeName === "") {
    faults.invalid(`${path}.nodeName`, "", "must be either unset or set to a non-empty string");
  } else if (nodeName !== undefined) {
    given.push("`nodeName`");
    faults.messages(`${path}.nodeName`, nodeName, dnsSubdomainFaults(nodeName));
  }
  if (nodeSelector !== undefined) {
    given.push("`nodeSelector`");
    checkNodeSelector(nodeSelector, `${path}.nodeSelector`, faults);
    if ((nodeSelector.nodeSelectorTerms ?? []).length !== 1) {
      faults.invalid(
        `${path}.nodeSelector.nodeSelectorTerms`,
        asGoStruct(nodeSelector.nodeSelectorTerms ?? null, termShape),
        "must have exactly one node selector term",
      );
    }
  }
  for (const [field, value] of Object.entries({ allNodes, perDeviceNodeSelection })) {
    if (value === true) given.push(`\`${field}\``);
    else if (value === false) faults.invalid(`${path}.${field}`, false, onlyTrue);
  }
  if (given.length === 0) faults.required(path, oneNodeRule);
  else if (given.length > 1) {
    faults.invalid(path, `{${given.join(", ")}}`, `${oneNodeRule}, but multiple fields are set`);
  }
}

function checkSliceDevices(
  { devices = [], perDeviceNodeSelection = false }: Loose<ResourceSliceSpec>,
  path: string,
  faults: FaultList,
): void {
  const isHeavy = devices.some(
    ({ consumesCounters = [], taints = [] }) => consumesCounters.length + taints.length > 0,
  );
  const most = isHeavy ? heavyDevicesMax : devicesMax;
  if (devices.length > most) {
    faults.tooMany(path, devices.length, most);
    return;
  }
  for (const [index, device] of devices.entries()) {
    const { name = "" } = device;
    faults.messages(`${path}[${index}].name`, name, dnsLabelFaults(name));
    checkDevice(device, perDeviceNodeSelection, `${path}[${index}]`, faults);
  }
  const names = devices.map(({ name = "" }) => name);
  checkUnique(names, path, faults);
}

/** Nobody takes a slice over, nor moves it. */
function checkIdentity(
  spec: Loose<ResourceSliceSpec>,
  old: Loose<ResourceSliceSpec>,
  faults: FaultList,
): void {
  checkImmutable(spec.pool?.name, old.pool?.name, "spec.pool.name", faults);
  checkImmutable(spec.driver, old.driver, "spec.driver", faults);
  checkImmutable(spec.nodeName, old.nodeName, "spec.nodeName", faults);
}

/** `old` is undefined for a new one. */
export function checkSlice(
  { spec = {} }: Loose<ResourceSlice>,
  old: Loose<ResourceSlice> | undefined,
  faults: FaultList,
): void {
  checkCsiDriverName(spec.driver, "spec.driver", faults);
  checkPool(spec.pool ?? {}, "spec.pool", faults);
  if (old !== undefined) checkIdentity(spec, old.spec ?? {}, faults);
  checkNodes(spec, "spec", faults);
  if (spec.sharedCounters !== undefined && spec.devices !== undefined) {
    faults.invalid("spec", "", "only one of `sharedCounters` or `devices` is allowed");
  }
  checkSliceDevices(spec, "spec.devices", faults);
  checkCounterSets(spec.sharedCounters, "spec.sharedCounters", faults);
}
