/** Volumes of storage systems, in pods and as PersistentVolumes. upstream: pkg/apis/core/validation/validation.go */
import type {
  FCVolumeSource,
  ISCSIVolumeSource,
  PersistentVolumeSpec,
  Volume,
} from "../generated/types/core-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import type { Loose } from "../meta/loose.ts";
import { rangeMessage } from "../meta/names.ts";
import { checkDescendingPath } from "./path-rules.ts";

const lunMax = 255;

/** What each of them can't be without. */
const requiredFields: Readonly<Record<string, readonly string[]>> = {
  awsElasticBlockStore: ["volumeID"],
  azureDisk: ["diskName", "diskURI"],
  azureFile: ["secretName", "shareName"],
  cephfs: ["monitors"],
  cinder: ["volumeID"],
  flexVolume: ["driver"],
  gcePersistentDisk: ["pdName"],
  gitRepo: ["repository"],
  glusterfs: ["endpoints", "path"],
  image: ["reference"],
  photonPersistentDisk: ["pdID"],
  portworxVolume: ["volumeID"],
  rbd: ["monitors", "image"],
  scaleIO: ["gateway", "system", "volumeName"],
  vsphereVolume: ["volumePath"],
};

type Sources = Loose<Volume | PersistentVolumeSpec>;

function isEmpty(value: unknown): boolean {
  return (
    value === undefined || value === null || value === "" || (Array.isArray(value) && value.length === 0)
  );
}

const iscsiNames = [
  ["iqn", /iqn\.\d{4}-\d{2}\.([0-9A-Za-z\-.]+)(:[^,;*&$|\s]+)$/],
  ["eui", /^eui.[0-9A-Za-z]{16}$/],
  ["naa", /^naa.[0-9A-Za-z]{32}$/],
] as const;

function checkIscsiName(name: string, path: string, faults: FaultList): void {
  const expression = iscsiNames.find(([prefix]) => name.startsWith(prefix))?.[1];
  if (expression?.test(name) !== true) faults.invalid(path, name, "must be valid format");
}

function checkIscsi(source: Loose<ISCSIVolumeSource>, path: string, faults: FaultList): void {
  const { targetPortal = "", iqn = "", lun = 0, initiatorName, secretRef } = source;
  if (targetPortal === "") faults.required(`${path}.targetPortal`);
  if (iqn === "") faults.required(`${path}.iqn`);
  else checkIscsiName(iqn, `${path}.iqn`, faults);
  if (lun < 0 || lun > lunMax) faults.invalid(`${path}.lun`, lun, rangeMessage(0, lunMax));
  const authenticates = source.chapAuthDiscovery === true || source.chapAuthSession === true;
  if (authenticates && secretRef === undefined) faults.required(`${path}.secretRef`);
  if (secretRef !== undefined && (secretRef.name ?? "") === "") faults.required(`${path}.secretRef.name`);
  if (initiatorName !== undefined) checkIscsiName(initiatorName, `${path}.initiatorname`, faults);
}

function checkFc(source: Loose<FCVolumeSource>, path: string, faults: FaultList): void {
  const { targetWWNs = [], wwids = [], lun } = source;
  const either = "must specify either targetWWNs or wwids, but not both";
  if (targetWWNs.length === 0 && wwids.length === 0) faults.required(`${path}.targetWWNs`, either);
  if (targetWWNs.length > 0 && wwids.length > 0) faults.invalid(`${path}.targetWWNs`, targetWWNs, either);
  if (targetWWNs.length === 0) return;
  if (lun === undefined) faults.required(`${path}.lun`, "lun is required if targetWWNs is specified");
  else if (lun < 0 || lun > lunMax) faults.invalid(`${path}.lun`, lun, rangeMessage(0, lunMax));
}

function checkPartition(source: object, path: string, faults: FaultList): void {
  const partition: unknown = Reflect.get(source, "partition");
  if (typeof partition === "number" && (partition < 0 || partition > 255)) {
    faults.invalid(`${path}.partition`, partition, rangeMessage(1, 255));
  }
}

/** The check of one source that is there; does nothing for those that have more to say than this. */
export function checkPluginSource(sources: Sources, name: string, path: string, faults: FaultList): void {
  const source: unknown = Reflect.get(sources, name);
  if (typeof source !== "object" || source === null) return;
  for (const field of requiredFields[name] ?? []) {
    if (isEmpty(Reflect.get(source, field))) faults.required(`${path}.${field}`);
  }
  if (name === "iscsi") checkIscsi(source, path, faults);
  if (name === "fc") checkFc(source, path, faults);
  if (name === "awsElasticBlockStore" || name === "gcePersistentDisk") checkPartition(source, path, faults);
  const directory: unknown = Reflect.get(source, "directory");
  if (name === "gitRepo" && typeof directory === "string") {
    checkDescendingPath(directory, `${path}.directory`, faults);
  }
}
