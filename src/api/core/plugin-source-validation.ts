/** Volumes of storage systems, in pods and as PersistentVolumes. upstream: pkg/apis/core/validation/validation.go */
import { endOf } from "#base/trim.ts";
import type {
  AzureDiskVolumeSource,
  FCVolumeSource,
  FlockerVolumeSource,
  GlusterfsPersistentVolumeSource,
  ISCSIVolumeSource,
  PersistentVolumeSpec,
  QuobyteVolumeSource,
  SecretReference,
  StorageOSPersistentVolumeSource,
  Volume,
} from "../generated/types/core-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { checkDnsLabel } from "../meta/field-rules.ts";
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

/** Whose source it is: a PersistentVolume's has more to say, and is judged otherwise here and there. */
export interface SourcePlace {
  readonly path: string;
  readonly volumeName: string;
  readonly isPersistent: boolean;
}

const iscsiNames = [
  ["iqn", isQualifiedIscsiName],
  ["eui", (name: string): boolean => /^eui.[0-9A-Za-z]{16}$/.test(name)],
  ["naa", (name: string): boolean => /^naa.[0-9A-Za-z]{32}$/.test(name)],
] as const;

/** Whether it ends with what upstream's /iqn\.\d{4}-\d{2}\.([[:alnum:]-.]+)(:[^,;*&$|\s]+)$/ takes. */
function isQualifiedIscsiName(name: string): boolean {
  const parts = endOf(name, /[^,;*&$|\s]/).split(":");
  const last = parts.length - 1;
  return parts.some((part, index) => {
    const isFollowed = index < last - 1 || (index === last - 1 && parts[last] !== "");
    return isFollowed && /iqn\.\d{4}-\d{2}\../.test(endOf(part, /[0-9A-Za-z\-.]/));
  });
}

/** Of the volume's name and its portal, with a colon between. */
const iscsiNamesLengthMax = 64;
const iscsiNamesTooLong =
  "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.";

function checkIscsiName(name: string, isPersistent: boolean, path: string, faults: FaultList): void {
  const isValid = iscsiNames.find(([prefix]) => name.startsWith(prefix))?.[1];
  if (isValid === undefined) {
    const rule = isPersistent
      ? "must be valid format"
      : "must be valid format starting with iqn, eui, or naa";
    faults.invalid(path, name, rule);
  } else if (!isValid(name)) faults.invalid(path, name, "must be valid format");
}

function checkIscsiSecret(
  { secretRef, chapAuthDiscovery, chapAuthSession }: Loose<ISCSIVolumeSource>,
  { path, isPersistent }: SourcePlace,
  faults: FaultList,
): void {
  const authenticates = chapAuthDiscovery === true || chapAuthSession === true;
  if (authenticates && secretRef === undefined) faults.required(`${path}.secretRef`);
  if (isPersistent && secretRef !== undefined && isEmpty(secretRef.name)) {
    faults.required(`${path}.secretRef.name`);
  }
}

function checkIscsi(source: Loose<ISCSIVolumeSource>, place: SourcePlace, faults: FaultList): void {
  const { targetPortal = "", iqn = "", lun = 0, initiatorName } = source;
  const { path, volumeName, isPersistent } = place;
  const isTooLong =
    initiatorName !== undefined && `${volumeName}:${targetPortal}`.length > iscsiNamesLengthMax;
  if (targetPortal === "") faults.required(`${path}.targetPortal`);
  if (isTooLong && isPersistent) faults.invalid(`${path}.targetportal`, targetPortal, iscsiNamesTooLong);
  if (iqn === "") faults.required(`${path}.iqn`);
  else checkIscsiName(iqn, isPersistent, `${path}.iqn`, faults);
  if (lun < 0 || lun > lunMax) faults.invalid(`${path}.lun`, lun, rangeMessage(0, lunMax));
  checkIscsiSecret(source, place, faults);
  if (initiatorName !== undefined) {
    checkIscsiName(initiatorName, isPersistent, `${path}.initiatorname`, faults);
  }
  if (isTooLong && !isPersistent) {
    faults.invalid(`${path.slice(0, path.lastIndexOf("."))}.name`, volumeName, iscsiNamesTooLong);
  }
}

function checkFc(source: Loose<FCVolumeSource>, { path }: SourcePlace, faults: FaultList): void {
  const { targetWWNs = [], wwids = [], lun } = source;
  const at = `${path}.targetWWNs`;
  if (targetWWNs.length === 0 && wwids.length === 0) {
    faults.required(at, "must specify either targetWWNs or wwids, but not both");
  }
  if (targetWWNs.length > 0 && wwids.length > 0) {
    faults.invalid(at, targetWWNs, "targetWWNs and wwids can not be specified simultaneously");
  }
  if (targetWWNs.length === 0) return;
  if (lun === undefined) faults.required(`${path}.lun`, "lun is required if targetWWNs is specified");
  else if (lun < 0 || lun > lunMax) faults.invalid(`${path}.lun`, lun, rangeMessage(0, lunMax));
}

function checkPartition(
  { partition = 0 }: { readonly partition?: number | undefined },
  { path }: SourcePlace,
  faults: FaultList,
): void {
  if (partition < 0 || partition > 255) {
    faults.invalid(`${path}.partition`, partition, rangeMessage(1, 255));
  }
}

function checkFlocker(source: Loose<FlockerVolumeSource>, { path }: SourcePlace, faults: FaultList): void {
  const { datasetName = "", datasetUUID = "" } = source;
  if (datasetName === "" && datasetUUID === "") {
    faults.required(path, "one of datasetName and datasetUUID is required");
  }
  if (datasetName !== "" && datasetUUID !== "") {
    faults.invalid(path, "resource", "datasetName and datasetUUID can not be specified simultaneously");
  }
  if (datasetName.includes("/")) {
    faults.invalid(`${path}.datasetName`, datasetName, "must not contain '/'");
  }
}

const registriesNeeded = "must be a host:port pair or multiple pairs separated by commas";
const hostAndPort = /^(?:\[[^[\]]*\]|[^:[\]]*):[^:[\]]*$/;

function checkQuobyte(source: Loose<QuobyteVolumeSource>, { path }: SourcePlace, faults: FaultList): void {
  const { registry = "", tenant = "", volume } = source;
  if (registry === "") faults.required(`${path}.registry`, registriesNeeded);
  else if (tenant.length > 64) {
    faults.required(`${path}.tenant`, "must be a UUID and may not exceed a length of 64 characters");
  } else {
    for (const pair of registry.split(",")) {
      if (!hostAndPort.test(pair)) faults.invalid(`${path}.registry`, registry, registriesNeeded);
    }
  }
  if (isEmpty(volume)) faults.required(`${path}.volume`);
}

type WithSecret = { readonly secretRef?: Loose<SecretReference> | undefined };

function checkSecretNames({ secretRef }: WithSecret, place: SourcePlace, faults: FaultList): void {
  if (secretRef === undefined) return;
  const { path, isPersistent } = place;
  if (isEmpty(secretRef.name)) faults.required(`${path}.secretRef.name`);
  if (isPersistent && isEmpty(secretRef.namespace)) faults.required(`${path}.secretRef.namespace`);
}

type WithOptions = { readonly options?: Readonly<Record<string, string>> | undefined };

function checkFlexOptions({ options = {} }: WithOptions, { path }: SourcePlace, faults: FaultList): void {
  for (const key of Object.keys(options)) {
    const namespace = `.${(key.split("/", 1)[0] ?? "").toLowerCase()}`;
    if (namespace.endsWith(".kubernetes.io") || namespace.endsWith(".k8s.io")) {
      const rule = "kubernetes.io and k8s.io namespaces are reserved";
      faults.invalid(`${path}.options[${key}]`, key, rule);
    }
  }
}

function checkAzureDisk(
  source: Loose<AzureDiskVolumeSource>,
  { path }: SourcePlace,
  faults: FaultList,
): void {
  const { cachingMode, kind, diskURI = "" } = source;
  faults.optionalOneOf(`${path}.cachingMode`, cachingMode, ["None", "ReadOnly", "ReadWrite"]);
  faults.optionalOneOf(`${path}.kind`, kind, ["Dedicated", "Managed", "Shared"]);
  if (kind === undefined) return;
  const [start, form] =
    kind === "Managed"
      ? [
          "/subscriptions/",
          "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}",
        ]
      : ["https://", "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"];
  if (!diskURI.startsWith(start)) faults.notSupported(`${path}.diskURI`, diskURI, [form]);
}

function checkStorageOs(
  source: Loose<StorageOSPersistentVolumeSource>,
  place: SourcePlace,
  faults: FaultList,
): void {
  const { volumeName = "", volumeNamespace = "", secretRef } = source;
  const { path } = place;
  if (volumeName === "") faults.required(`${path}.volumeName`);
  else checkDnsLabel(volumeName, `${path}.volumeName`, faults);
  if (volumeNamespace !== "") checkDnsLabel(volumeNamespace, `${path}.volumeNamespace`, faults);
  checkSecretNames({ secretRef }, place, faults);
}

function checkGlusterfs(
  { endpointsNamespace: namespace }: Loose<GlusterfsPersistentVolumeSource>,
  { path, isPersistent }: SourcePlace,
  faults: FaultList,
): void {
  if (!isPersistent || namespace === undefined) return;
  const at = `${path}.endpointsNamespace`;
  if (namespace !== "") checkDnsLabel(namespace, at, faults);
  else faults.invalid(at, namespace, "if the endpointnamespace is set, it must be a valid namespace name");
}

type Check = (source: never, place: SourcePlace, faults: FaultList) => void;

const otherChecks: Readonly<Record<string, Check>> = {
  awsElasticBlockStore: checkPartition,
  azureDisk: checkAzureDisk,
  azureFile: ({ secretNamespace }: { secretNamespace?: string }, { path, isPersistent }, faults) => {
    if (isPersistent && secretNamespace === "") faults.required(`${path}.secretNamespace`);
  },
  cinder: checkSecretNames,
  fc: checkFc,
  flexVolume: checkFlexOptions,
  flocker: checkFlocker,
  gcePersistentDisk: checkPartition,
  gitRepo: ({ directory = "" }: { directory?: string }, { path }, faults) => {
    checkDescendingPath(directory, `${path}.directory`, faults);
  },
  glusterfs: checkGlusterfs,
  iscsi: checkIscsi,
  quobyte: checkQuobyte,
  storageos: checkStorageOs,
};

/** Where upstream says something else than the field's name: when one is too much, and in its own faults. */
const refusedNames: Readonly<Record<string, string>> = { cephfs: "cephFS", downwardAPI: "downwarAPI" };
const shownNames: Readonly<Record<string, string>> = { gcePersistentDisk: "persistentDisk" };

interface SourceList {
  readonly sources: Sources;
  /** Those that there may be, in the order in which they are looked at: the first that is there counts. */
  readonly order: readonly string[];
}

/** The one source that a volume has. `check` looks at it, if it is none of those that this file knows. */
export function checkOneOf(
  { sources, order }: SourceList,
  place: SourcePlace,
  check: (name: string, path: string) => void,
  faults: FaultList,
): void {
  let isFirst = true;
  for (const name of order) {
    if (Reflect.get(sources, name) === undefined) continue;
    if (isFirst) {
      const path = `${place.path}.${shownNames[name] ?? name}`;
      check(name, path);
      checkPluginSource(sources, name, { ...place, path }, faults);
    } else {
      faults.forbidden(
        `${place.path}.${refusedNames[name] ?? name}`,
        "may not specify more than 1 volume type",
      );
    }
    isFirst = false;
  }
  if (isFirst) faults.required(place.path, "must specify a volume type");
}

/** The check of one source that is there; does nothing for those that have more to say than this. */
function checkPluginSource(sources: Sources, name: string, place: SourcePlace, faults: FaultList): void {
  const source: unknown = Reflect.get(sources, name);
  if (typeof source !== "object" || source === null) return;
  for (const field of requiredFields[name] ?? []) {
    if (isEmpty(Reflect.get(source, field))) faults.required(`${place.path}.${field}`);
  }
  otherChecks[name]?.(source as never, place, faults);
}
