/** What a container sees of the pod's volumes. upstream: pkg/apis/core/validation/validation.go (ValidateVolumeMounts) */
import type { Container, VolumeDevice, VolumeMount } from "../generated/types/core-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import type { Loose } from "../meta/loose.ts";
import { checkDescendingPath, checkNoBacksteps } from "./path-rules.ts";
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

interface KnownMounts {
  readonly volumes: VolumesByName;
  readonly deviceNames: ReadonlySet<string | undefined>;
  readonly devicePaths: ReadonlySet<string | undefined>;
  readonly paths: Set<string>;
}

function checkDevices(
  devices: readonly Device[],
  { mounts, volumes }: { mounts: readonly Mount[]; volumes: VolumesByName },
  path: string,
  faults: FaultList,
): void {
  const paths = new Set<string>();
  const names = new Set<string>();
  const mountPaths = new Set(mounts.map(({ mountPath }) => mountPath));
  for (const [index, { name = "", devicePath = "" }] of devices.entries()) {
    const at = `${path}[${index}]`;
    if (name === "") faults.required(`${at}.name`);
    if (names.has(name)) faults.invalid(`${at}.name`, name, "must be unique");
    const source = volumes.get(name);
    if (source === undefined) faults.notFound(`${at}.name`, name);
    else if (source.persistentVolumeClaim === undefined && source.ephemeral === undefined) {
      faults.invalid(
        `${at}.name`,
        name,
        "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode",
      );
    }
    if (devicePath === "") faults.required(`${at}.devicePath`);
    if (paths.has(devicePath)) faults.invalid(`${at}.devicePath`, devicePath, "must be unique");
    if (devicePath !== "") checkNoBacksteps(devicePath, `${path}.devicePath`, faults);
    if (mountPaths.has(devicePath)) {
      faults.invalid(`${at}.devicePath`, devicePath, "must not already exist as a path in volumeMounts");
    }
    names.add(name);
    paths.add(devicePath);
  }
}

export function checkMounts(host: Host, volumes: VolumesByName, path: string, faults: FaultList): void {
  const mounts = host.volumeMounts ?? [];
  const devices = host.volumeDevices ?? [];
  const list = `${path}.volumeMounts`;
  const known: KnownMounts = {
    volumes,
    deviceNames: new Set(devices.map(({ name }) => name)),
    devicePaths: new Set(devices.map(({ devicePath }) => devicePath)),
    paths: new Set(),
  };
  const privileged = host.securityContext?.privileged === true;
  for (const [index, mount] of mounts.entries()) {
    const item = `${list}[${index}]`;
    checkMount(mount, [list, item], known, faults);
    checkPropagation(mount.mountPropagation, privileged, `${list}.mountPropagation`, faults);
  }
  // Hardly any container has them.
  if (devices.length > 0) checkDevices(devices, { mounts, volumes }, `${path}.volumeDevices`, faults);
}
