/** What a container sees of the pod's volumes. upstream: pkg/apis/core/validation/validation.go (ValidateVolumeMounts) */
import type { Container, VolumeDevice, VolumeMount } from "../generated/types/core-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import type { Loose } from "../meta/loose.ts";
import { checkDescendingPath, hasBacksteps } from "./path-rules.ts";
import type { VolumesByName } from "./volume-validation.ts";

type Mount = Loose<VolumeMount>;
type Device = Loose<VolumeDevice>;
type Host = Loose<Pick<Container, "volumeMounts" | "volumeDevices" | "securityContext">>;

function checkSubPaths(
  { subPath = "", subPathExpr = "" }: Mount,
  paths: [list: string, item: string],
  faults: FaultList,
): void {
  const [list, item] = paths;
  // upstream names the list here, not the item.
  if (subPath !== "") checkDescendingPath(subPath, `${list}.subPath`, faults);
  if (subPathExpr === "") return;
  if (subPath !== "") {
    faults.invalid(`${item}.subPathExpr`, subPathExpr, "subPathExpr and subPath are mutually exclusive");
  }
  checkDescendingPath(subPathExpr, `${list}.subPathExpr`, faults);
}

const propagations = ["Bidirectional", "HostToContainer", "None"];

function checkPropagation(
  mode: string | undefined,
  privileged: boolean,
  path: string,
  faults: FaultList,
): void {
  faults.optionalOneOf(path, mode, propagations);
  if (mode === "Bidirectional" && !privileged) {
    faults.forbidden(path, "Bidirectional mount propagation is available only to privileged containers");
  }
}

const recursions = ["Disabled", "Enabled", "IfPossible"];

/** upstream: validateMountRecursiveReadOnly, which names the list too. */
function checkRecursion(mount: Mount, path: string, faults: FaultList): void {
  const { recursiveReadOnly: mode, readOnly, mountPropagation } = mount;
  if (mode === undefined || mode === "Disabled") return;
  if (mode !== "Enabled" && mode !== "IfPossible") {
    faults.notSupported(path, mode, recursions);
    return;
  }
  if (readOnly !== true) faults.forbidden(path, "may only be specified when readOnly is true");
  if (mountPropagation !== undefined && mountPropagation !== "None") {
    faults.forbidden(path, "may only be specified when mountPropagation is None or not specified");
  }
}

function checkMount(
  mount: Mount,
  paths: [list: string, item: string],
  known: KnownMounts,
  faults: FaultList,
): void {
  const { name = "", mountPath = "" } = mount;
  const [, item] = paths;
  if (name === "") faults.required(`${item}.name`);
  if (!known.volumes.has(name)) faults.notFound(`${item}.name`, name);
  if (mountPath === "") faults.required(`${item}.mountPath`);
  if (known.paths.has(mountPath)) faults.invalid(`${item}.mountPath`, mountPath, "must be unique");
  known.paths.add(mountPath);
  if (known.deviceNames.has(name)) {
    faults.invalid(`${item}.name`, name, "must not already exist in volumeDevices");
  }
  if (known.devicePaths.has(mountPath)) {
    faults.invalid(`${item}.mountPath`, mountPath, "must not already exist as a path in volumeDevices");
  }
  checkSubPaths(mount, paths, faults);
}

interface KnownDevices {
  readonly volumes: VolumesByName;
  readonly names: Set<string>;
  readonly paths: Set<string>;
}

function checkDeviceName(
  name: string,
  { names, volumes }: KnownDevices,
  path: string,
  faults: FaultList,
): void {
  if (name === "") faults.required(path);
  if (names.has(name)) faults.invalid(path, name, "must be unique");
  const source = volumes.get(name);
  if (source === undefined) faults.notFound(path, name);
  else if (source.persistentVolumeClaim === undefined && source.ephemeral === undefined) {
    const detail = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
    faults.invalid(path, name, detail);
  }
  if (name !== "") names.add(name);
}

function checkDevicePath(devicePath: string, { paths }: KnownDevices, path: string, faults: FaultList): void {
  if (devicePath === "") faults.required(path);
  if (paths.has(devicePath)) faults.invalid(path, devicePath, "must be unique");
  if (hasBacksteps(devicePath)) faults.invalid(path, devicePath, "can not contain backsteps ('..')");
  else paths.add(devicePath);
}

interface KnownMounts {
  readonly volumes: VolumesByName;
  readonly deviceNames: ReadonlySet<string>;
  readonly devicePaths: ReadonlySet<string>;
  readonly paths: Set<string>;
}

function checkDevices(
  devices: readonly Device[],
  { mounts, volumes }: { mounts: readonly Mount[]; volumes: VolumesByName },
  path: string,
  faults: FaultList,
): void {
  const known: KnownDevices = { volumes, names: new Set(), paths: new Set() };
  // Of a volume that is mounted more than once, the last place counts.
  const mounted = new Map(mounts.map(({ name = "", mountPath = "" }) => [name, mountPath]));
  const mountPaths = new Set(mounted.values());
  for (const [index, { name = "", devicePath = "" }] of devices.entries()) {
    const at = `${path}[${index}]`;
    checkDeviceName(name, known, `${at}.name`, faults);
    checkDevicePath(devicePath, known, `${at}.devicePath`, faults);
    if (mounted.has(name)) faults.invalid(`${at}.name`, name, "must not already exist in volumeMounts");
    if (mountPaths.has(devicePath)) {
      faults.invalid(`${at}.devicePath`, devicePath, "must not already exist as a path in volumeMounts");
    }
  }
}

export function checkMounts(host: Host, volumes: VolumesByName, path: string, faults: FaultList): void {
  const mounts = host.volumeMounts ?? [];
  const devices = host.volumeDevices ?? [];
  const list = `${path}.volumeMounts`;
  const known: KnownMounts = {
    volumes,
    deviceNames: new Set(devices.map(({ name = "" }) => name)),
    devicePaths: new Set(new Map(devices.map(({ name, devicePath = "" }) => [name, devicePath])).values()),
    paths: new Set(),
  };
  const privileged = host.securityContext?.privileged === true;
  for (const [index, mount] of mounts.entries()) {
    const item = `${list}[${index}]`;
    checkMount(mount, [list, item], known, faults);
    checkPropagation(mount.mountPropagation, privileged, `${list}.mountPropagation`, faults);
    checkRecursion(mount, `${list}.recursiveReadOnly`, faults);
  }
  // Hardly any container has them.
  if (devices.length > 0) checkDevices(devices, { mounts, volumes }, `${path}.volumeDevices`, faults);
}
