/** What a claim was given, and what its devices say of themselves. upstream: pkg/apis/resource/validation/validation.go */
import { goQuote } from "../meta/go-quote.ts";
import { checkNodeSelector } from "../core/affinity-validation.ts";
import { checkCsiDriverName } from "../core/volume-validation.ts";
import type {
  AllocatedDeviceStatus,
  AllocationResult,
  DeviceAllocationConfiguration,
  DeviceRequestAllocationResult,
  NetworkDeviceData,
} from "../generated/types/resource-v1.ts";
import { interfaceAddressFaults } from "../meta/addresses.ts";
import { checkConditions } from "../meta/conditions-validation.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { repeatedAt } from "../meta/field-rules.ts";
import { asGoStruct } from "../meta/go-struct.ts";
import type { Loose } from "../meta/loose.ts";
import { dnsLabelFaults } from "../meta/names.ts";
import { checkBindings, checkPoolName, checkUnique } from "./binding-validation.ts";
import {
  checkConfiguration,
  checkRequestName,
  checkRequestNames,
  type RequestNames,
} from "./claim-validation.ts";

const resultsMax = 32;
/** Of the class and of the claim. */
const configMax = 64;
const conditionsMax = 8;
const dataLengthMax = 10 * 1024;
const interfaceNameLengthMax = 256;
const hardwareAddressLengthMax = 128;
const addressesMax = 16;

const uid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const uidRule =
  "uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters";
const urnPrefix = "urn:uuid:";

/** What is wrong with it even as a UUID of whatever form. upstream: google/uuid (Validate) */
function uuidFault(text: string): string | undefined {
  const length = Buffer.byteLength(text);
  let plain = text;
  if (length === 45) {
    const prefix = text.slice(0, urnPrefix.length);
    if (prefix.toLowerCase() !== urnPrefix) return `invalid urn prefix: ${goQuote(prefix)}`;
    plain = text.slice(urnPrefix.length);
  } else if (length === 38) {
    if (!text.startsWith("{") || !text.endsWith("}")) return "invalid bracketed UUID format";
    plain = text.slice(1, -1);
  } else if (length === 32) {
    return /^[0-9a-f]*$/i.test(text) ? undefined : "invalid UUID format";
  } else if (length !== 36) return `invalid UUID length: ${length}`;
  return uid.test(plain.toLowerCase()) ? undefined : "invalid UUID format";
}

type DeviceId = Loose<Pick<AllocatedDeviceStatus, "driver" | "pool" | "device" | "shareID">>;

const idOf = ({ driver = "", pool = "", device = "", shareID }: DeviceId): string =>
  [driver, pool, device, ...(shareID === undefined ? [] : [shareID])].join("/");

const shownId = (id: DeviceId): unknown =>
  asGoStruct(id, {
    Driver: ["driver", ""],
    Pool: ["pool", ""],
    Device: ["device", ""],
    ShareID: ["shareID", ""],
  });

function checkDeviceId(id: DeviceId, path: string, faults: FaultList): void {
  const { device = "" } = id;
  checkCsiDriverName(id.driver, `${path}.driver`, faults);
  checkPoolName(id.pool ?? "", `${path}.pool`, faults);
  faults.messages(`${path}.device`, device, dnsLabelFaults(device));
}

function checkShare({ shareID }: DeviceId, path: string, faults: FaultList): void {
  if (shareID === undefined || uid.test(shareID)) return;
  const fault = uuidFault(shareID);
  const detail = fault === undefined ? uidRule : `error validating uid: ${fault}`;
  faults.invalid(`${path}.shareID`, shareID, detail);
}

/** Of an allocation that wasn't there before: it never changes. */
export function checkAllocation(
  { devices = {}, nodeSelector }: Loose<AllocationResult>,
  names: RequestNames,
  path: string,
  faults: FaultList,
): void {
  const { results = [], config = [] } = devices;
  const at = `${path}.devices`;
  if (results.length > resultsMax) faults.tooMany(`${at}.results`, results.length, resultsMax);
  else {
    for (const [index, result] of results.entries()) {
      checkResult(result, names, `${at}.results[${index}]`, faults);
    }
  }
  if (config.length > configMax) faults.tooMany(`${at}.config`, config.length, configMax);
  else {
    for (const [index, one] of config.entries()) {
      checkAllocatedConfiguration(one, names, `${at}.config[${index}]`, faults);
    }
  }
  if (nodeSelector !== undefined) checkNodeSelector(nodeSelector, `${path}.nodeSelector`, faults);
}

function checkResult(
  result: Loose<DeviceRequestAllocationResult>,
  names: RequestNames,
  path: string,
  faults: FaultList,
): void {
  checkRequestName(result.request ?? "", names, `${path}.request`, faults);
  checkDeviceId(result, path, faults);
  checkBindings(result, path, faults);
  checkShare(result, path, faults);
}

function checkAllocatedConfiguration(
  configuration: Loose<DeviceAllocationConfiguration>,
  names: RequestNames,
  path: string,
  faults: FaultList,
): void {
  faults.oneOf(`${path}.source`, configuration.source, ["FromClaim", "FromClass"]);
  checkRequestNames(configuration.requests, names, `${path}.requests`, faults);
  checkConfiguration(configuration, path, faults);
}

/** Drivers speak only of devices that the claim has. */
export function checkDeviceStatuses(
  statuses: readonly Loose<AllocatedDeviceStatus>[] | undefined,
  allocation: Loose<AllocationResult> | undefined,
  path: string,
  faults: FaultList,
): void {
  const allocated = new Set((allocation?.devices?.results ?? []).map(idOf));
  for (const [index, device] of (statuses ?? []).entries()) {
    const at = `${path}[${index}]`;
    const id = idOf(device);
    checkDeviceId(device, at, faults);
    checkShare(device, at, faults);
    if (!allocated.has(id)) faults.invalid(at, shownId(device), "must be an allocated device in the claim");
    checkDeviceStatus(device, at, faults);
  }
  for (const index of repeatedAt((statuses ?? []).map(idOf))) {
    faults.duplicate(`${path}[${index}]`, shownId(statuses?.[index] ?? {}));
  }
}

function checkDeviceStatus(
  { conditions = [], data, networkData }: Loose<AllocatedDeviceStatus>,
  at: string,
  faults: FaultList,
): void {
  if (conditions.length > conditionsMax) faults.tooMany(`${at}.conditions`, conditions.length, conditionsMax);
  checkConditions(conditions, `${at}.conditions`, faults);
  if (data === null) faults.required(`${at}.data`);
  else if (data !== undefined) {
    if (Buffer.byteLength(JSON.stringify(data)) > dataLengthMax) faults.tooLong(`${at}.data`, dataLengthMax);
    else if (typeof data !== "object" || Array.isArray(data)) {
      faults.invalid(`${at}.data`, "<value omitted>", "must be a valid JSON object");
    }
  }
  if (networkData !== undefined) checkNetworkData(networkData, `${at}.networkData`, faults);
}

function checkNetworkData(
  { interfaceName = "", hardwareAddress = "", ips = [] }: Loose<NetworkDeviceData>,
  at: string,
  faults: FaultList,
): void {
  if (Buffer.byteLength(interfaceName) > interfaceNameLengthMax) {
    faults.tooLong(`${at}.interfaceName`, interfaceNameLengthMax);
  }
  if (Buffer.byteLength(hardwareAddress) > hardwareAddressLengthMax) {
    faults.tooLong(`${at}.hardwareAddress`, hardwareAddressLengthMax);
  }
  if (ips.length > addressesMax) faults.tooMany(`${at}.ips`, ips.length, addressesMax);
  else {
    for (const [index, address] of ips.entries()) {
      faults.messages(`${at}.ips[${index}]`, address, interfaceAddressFaults(address));
    }
    checkUnique(ips, `${at}.ips`, faults);
  }
}
