/** CSI drivers and where they are. upstream: pkg/apis/storage/validation/validation.go (ValidateCSIDriver, ValidateCSINode) */
import { checkCsiDriverName } from "../core/volume-validation.ts";
import type { CSIDriver, CSINode, CSINodeDriver, TokenRequest } from "../generated/types/storage-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import {
  checkImmutable,
  checkNonNegative,
  immutableMessage,
  isSame,
  repeatedAt,
} from "../meta/field-rules.ts";
import { asGoStruct, type GoShape } from "../meta/go-struct.ts";
import type { Loose } from "../meta/loose.ts";
import { qualifiedNameFaults } from "../meta/names.ts";

const tokenSecondsMin = 600;
const tokenSecondsMax = 2 ** 32;
const updatePeriodSecondsMin = 10;
const nodeIdLengthMax = 256;

function checkTokenRequests(
  requests: readonly Loose<TokenRequest>[] = [],
  path: string,
  faults: FaultList,
): void {
  const audiences = new Set<string>();
  for (const [index, { audience = "", expirationSeconds }] of requests.entries()) {
    const at = `${path}[${index}]`;
    if (audiences.has(audience)) {
      faults.duplicate(`${at}.audience`, audience);
      continue;
    }
    audiences.add(audience);
    if (expirationSeconds === undefined) continue;
    const field = `${at}.expirationSeconds`;
    if (expirationSeconds < tokenSecondsMin) {
      faults.invalid(field, expirationSeconds, "may not specify a duration less than 10 minutes");
    }
    if (expirationSeconds > tokenSecondsMax) {
      faults.invalid(field, expirationSeconds, "may not specify a duration larger than 2^32 seconds");
    }
  }
}

export function checkCsiDriver({ spec = {} }: Loose<CSIDriver>, faults: FaultList): void {
  if (spec.attachRequired === undefined) faults.required("spec.attachedRequired");
  if (spec.podInfoOnMount === undefined) faults.required("spec.podInfoOnMount");
  if (spec.storageCapacity === undefined) faults.required("spec.storageCapacity");
  faults.optionalOneOf("spec.fsGroupPolicy", spec.fsGroupPolicy, ["File", "None", "ReadWriteOnceWithFSType"]);
  checkTokenRequests(spec.tokenRequests, "spec.tokenRequests", faults);
  for (const mode of spec.volumeLifecycleModes ?? []) {
    faults.optionalOneOf("spec.volumeLifecycleModes", mode, ["Persistent", "Ephemeral"]);
  }
  const period = spec.nodeAllocatableUpdatePeriodSeconds;
  if (period !== undefined && period < updatePeriodSecondsMin) {
    faults.invalid(
      "spec.nodeAllocatableUpdatePeriodSeconds",
      period,
      `must be greater than or equal to ${updatePeriodSecondsMin} seconds`,
    );
  }
  const inSecrets = spec.serviceAccountTokenInSecrets;
  if (inSecrets !== undefined && (spec.tokenRequests ?? []).length === 0) {
    faults.invalid(
      "spec.serviceAccountTokenInSecrets",
      inSecrets,
      "serviceAccountTokenInSecrets is set but no tokenRequests are specified",
    );
  }
}

export function checkCsiDriverUpdate(
  { spec }: Loose<CSIDriver>,
  old: Loose<CSIDriver>,
  faults: FaultList,
): void {
  checkImmutable(spec?.attachRequired, old.spec?.attachRequired, "spec.attachedRequired", faults);
  checkImmutable(
    spec?.volumeLifecycleModes,
    old.spec?.volumeLifecycleModes,
    "spec.volumeLifecycleModes",
    faults,
  );
}

/** `names` are those of the drivers before it, and gets this one's. */
function checkNodeDriver(
  driver: Loose<CSINodeDriver>,
  names: Set<string>,
  path: string,
  faults: FaultList,
): void {
  const { name = "", nodeID = "", topologyKeys = [], allocatable } = driver;
  checkCsiDriverName(name, `${path}.name`, faults);
  if (nodeID === "") faults.required(`${path}.nodeID`);
  if (Buffer.byteLength(nodeID) > nodeIdLengthMax) {
    faults.invalid(`${path}.nodeID`, nodeID, `must be ${nodeIdLengthMax} characters or less`);
  }
  checkNonNegative(allocatable?.count, `${path}.allocatable.count`, faults);
  if (names.has(name)) faults.duplicate(`${path}.name`, name);
  names.add(name);
  const repeated = repeatedAt(topologyKeys);
  for (const [index, key] of topologyKeys.entries()) {
    // Upstream says these of the driver, not of its keys.
    if (key === "") faults.required(path);
    if (repeated.has(index)) faults.duplicate(path, key);
    faults.messages(path, key, qualifiedNameFaults(key));
  }
}

export function checkCsiNode({ spec = {} }: Loose<CSINode>, faults: FaultList): void {
  const names = new Set<string>();
  for (const [index, driver] of (spec.drivers ?? []).entries()) {
    checkNodeDriver(driver, names, `spec.drivers[${index}]`, faults);
  }
}

const driverShape: GoShape = {
  Name: ["name", ""],
  NodeID: ["nodeID", ""],
  TopologyKeys: ["topologyKeys", null],
  Allocatable: ["allocatable", null],
};

/** A driver's count of volumes may change, where it is given; nothing else that is there already. */
export function checkCsiNodeUpdate(
  { spec = {} }: Loose<CSINode>,
  old: Loose<CSINode>,
  faults: FaultList,
): void {
  const byName = Map.groupBy(spec.drivers ?? [], ({ name }) => name);
  for (const { allocatable: _before, ...before } of old.spec?.drivers ?? []) {
    for (const { allocatable: _now, ...driver } of byName.get(before.name) ?? []) {
      if (isSame(driver, before)) continue;
      faults.invalid("spec.drivers", asGoStruct(driver, driverShape), immutableMessage);
    }
  }
}
