/** The volumes of a pod. upstream: pkg/apis/core/validation/validation.go (ValidateVolumes) */
import type {
  ConfigMapVolumeSource,
  DownwardAPIVolumeFile,
  EmptyDirVolumeSource,
  EphemeralVolumeSource,
  HostPathVolumeSource,
  KeyToPath,
  NFSVolumeSource,
  ProjectedVolumeSource,
  ServiceAccountTokenProjection,
  Volume,
  VolumeProjection,
  VolumeSource,
} from "../generated/types/core-v1.ts";
import { FaultList } from "../meta/fault-list.ts";
import { checkDnsLabel } from "../meta/field-rules.ts";
import type { Loose } from "../meta/loose.ts";
import { checkTemplateMeta } from "../meta/object-meta-validation.ts";
import { dnsSubdomainFaults } from "../meta/names.ts";
import { checkClaimSpec } from "./claim-validation.ts";
import { checkFieldRef, checkResourceFieldRef } from "./env-validation.ts";
import { readQuantity } from "./resource-validation.ts";
import { checkPluginSource } from "./plugin-source-validation.ts";
import { checkFileMode, checkFilePath, checkNoBacksteps } from "./path-rules.ts";

export type VolumesByName = ReadonlyMap<string, Loose<VolumeSource>>;

const hostPathTypes = [
  "",
  "BlockDevice",
  "CharDevice",
  "Directory",
  "DirectoryOrCreate",
  "File",
  "FileOrCreate",
  "Socket",
];
const tokenSecondsMin = 600;
const tokenSecondsMax = 2 ** 32;

const isEmpty = (text: string | undefined): boolean => text === undefined || text === "";

export function checkHostPath(source: Loose<HostPathVolumeSource>, path: string, faults: FaultList): void {
  if (isEmpty(source.path)) faults.required(`${path}.path`);
  else checkNoBacksteps(source.path ?? "", `${path}.path`, faults);
  faults.optionalOneOf(`${path}.type`, source.type, hostPathTypes);
}

function checkEmptyDir({ sizeLimit }: Loose<EmptyDirVolumeSource>, path: string, faults: FaultList): void {
  const limit = sizeLimit === undefined ? undefined : readQuantity(sizeLimit, `${path}.sizeLimit`, faults);
  if (limit !== undefined && limit.nano < 0n) {
    faults.forbidden(`${path}.sizeLimit`, "SizeLimit field must be a valid resource quantity");
  }
}

export function checkNfs(source: Loose<NFSVolumeSource>, path: string, faults: FaultList): void {
  if (isEmpty(source.server)) faults.required(`${path}.server`);
  if (isEmpty(source.path)) faults.required(`${path}.path`);
  else if (source.path?.startsWith("/") === false) {
    faults.invalid(`${path}.path`, source.path, "must be an absolute path");
  }
}

function checkKeys(items: readonly Loose<KeyToPath>[] = [], path: string, faults: FaultList): void {
  for (const [index, { key, path: file = "", mode }] of items.entries()) {
    const at = `${path}.items[${index}]`;
    if (isEmpty(key)) faults.required(`${at}.key`);
    if (file === "") faults.required(`${at}.path`);
    else checkFilePath(file, `${at}.path`, faults);
    checkFileMode(mode, `${at}.mode`, faults);
  }
}

function checkDownwardFile(file: Loose<DownwardAPIVolumeFile>, path: string, faults: FaultList): void {
  const { path: target = "", fieldRef, resourceFieldRef } = file;
  if (target === "") faults.required(`${path}.path`);
  checkFilePath(target, `${path}.path`, faults);
  if (fieldRef !== undefined) {
    checkFieldRef(fieldRef, "volume", `${path}.fieldRef`, faults);
    if (resourceFieldRef !== undefined) {
      faults.invalid(path, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously");
    }
  } else if (resourceFieldRef !== undefined) {
    checkResourceFieldRef(resourceFieldRef, "volume", `${path}.resourceFieldRef`, faults);
  } else faults.required(path, "one of fieldRef and resourceFieldRef is required");
  checkFileMode(file.mode, `${path}.mode`, faults);
}

function checkDownward(
  items: readonly Loose<DownwardAPIVolumeFile>[] = [],
  path: string,
  faults: FaultList,
): void {
  for (const [index, file] of items.entries()) checkDownwardFile(file, `${path}.items[${index}]`, faults);
}

function checkTokenSource(
  source: Loose<ServiceAccountTokenProjection>,
  path: string,
  faults: FaultList,
): void {
  const { expirationSeconds = tokenSecondsMin } = source;
  const at = `${path}.expirationSeconds`;
  if (expirationSeconds < tokenSecondsMin) {
    faults.invalid(at, expirationSeconds, "may not specify a duration less than 10 minutes");
  } else if (expirationSeconds > tokenSecondsMax) {
    faults.invalid(at, expirationSeconds, "may not specify a duration larger than 2^32 seconds");
  }
  if (isEmpty(source.path)) faults.required(`${path}.path`);
  else {
    faults.ratcheting("tokenPath", (found) => {
      checkFilePath(source.path ?? "", `${path}.path`, found);
    });
  }
}

function checkNamed(
  source: { readonly name?: string | undefined; readonly items?: Loose<KeyToPath>[] | undefined } = {},
  path: string,
  faults: FaultList,
): void {
  if (isEmpty(source.name)) faults.required(`${path}.name`);
  checkKeys(source.items, path, faults);
}

/** In upstream's order. */
const projections = [
  "secret",
  "configMap",
  "downwardAPI",
  "serviceAccountToken",
  "clusterTrustBundle",
  "podCertificate",
] as const;

function checkProjection(
  source: Loose<VolumeProjection>,
  kind: (typeof projections)[number],
  path: string,
  faults: FaultList,
): void {
  switch (kind) {
    case "secret":
    case "configMap":
      checkNamed(source[kind], path, faults);
      break;
    case "downwardAPI":
      checkDownward(source.downwardAPI?.items, path, faults);
      break;
    case "serviceAccountToken":
      checkTokenSource(source.serviceAccountToken ?? {}, path, faults);
      break;
    case "clusterTrustBundle":
      if (isEmpty(source.clusterTrustBundle?.path)) faults.required(`${path}.path`);
      else checkFilePath(source.clusterTrustBundle?.path ?? "", `${path}.path`, faults);
      break;
    case "podCertificate":
  }
}

function checkProjected(source: Loose<ProjectedVolumeSource>, path: string, faults: FaultList): void {
  checkFileMode(source.defaultMode, `${path}.defaultMode`, faults);
  for (const [index, projection] of (source.sources ?? []).entries()) {
    const at = `${path}.sources[${index}]`;
    const used = projections.filter((kind) => projection[kind] !== undefined);
    if (used.length === 0) faults.required(at, "must specify at least one of the projected volume sources");
    for (const [position, kind] of used.entries()) {
      const field = `${at}.${kind}`;
      if (position > 0) faults.forbidden(field, "may not specify more than 1 volume type per source");
      else checkProjection(projection, kind, field, faults);
    }
  }
}

function checkEphemeral(source: Loose<EphemeralVolumeSource>, path: string, faults: FaultList): void {
  const claim = source.volumeClaimTemplate;
  const at = `${path}.volumeClaimTemplate`;
  if (claim === undefined) {
    faults.required(at);
    return;
  }
  checkTemplateMeta(claim.metadata, `${at}.metadata`, faults);
  checkClaimSpec(claim.spec ?? {}, `${at}.spec`, faults);
}

/** Of a source that is there. Most have no more to say than that they are. */
function checkOwnSource(source: Loose<VolumeSource>, kind: string, path: string, faults: FaultList): void {
  switch (kind) {
    case "emptyDir":
      checkEmptyDir(source.emptyDir ?? {}, path, faults);
      break;
    case "hostPath":
      checkHostPath(source.hostPath ?? {}, path, faults);
      break;
    case "nfs":
      checkNfs(source.nfs ?? {}, path, faults);
      break;
    case "persistentVolumeClaim":
      if (isEmpty(source.persistentVolumeClaim?.claimName)) faults.required(`${path}.claimName`);
      break;
    case "csi":
      checkCsiDriverName(source.csi?.driver, `${path}.driver`, faults);
      break;
    case "ephemeral":
      checkEphemeral(source.ephemeral ?? {}, path, faults);
      break;
    default:
      checkFileSource(source, kind, path, faults);
  }
}

function checkFiles(
  source: Loose<Pick<ConfigMapVolumeSource, "defaultMode" | "items">> = {},
  path: string,
  faults: FaultList,
): void {
  checkFileMode(source.defaultMode, `${path}.defaultMode`, faults);
  checkKeys(source.items, path, faults);
}

/** Those that put files into a pod. */
function checkFileSource(
  { secret, configMap, downwardAPI, projected }: Loose<VolumeSource>,
  kind: string,
  path: string,
  faults: FaultList,
): void {
  switch (kind) {
    case "secret":
      if (isEmpty(secret?.secretName)) faults.required(`${path}.secretName`);
      checkFiles(secret, path, faults);
      break;
    case "configMap":
      if (isEmpty(configMap?.name)) faults.required(`${path}.name`);
      checkFiles(configMap, path, faults);
      break;
    case "downwardAPI":
      checkFileMode(downwardAPI?.defaultMode, `${path}.defaultMode`, faults);
      checkDownward(downwardAPI?.items, path, faults);
      break;
    case "projected":
      checkProjected(projected ?? {}, path, faults);
      break;
    default:
  }
}

/** upstream: ValidateCSIDriverName. Case counts for nothing. */
export function checkCsiDriverName(name: string | undefined, path: string, faults: FaultList): void {
  const driver = name ?? "";
  if (driver === "") faults.required(path);
  if (driver.length > 63) faults.tooLong(path, 63);
  faults.messages(path, driver, dnsSubdomainFaults(driver.toLowerCase()));
}

function checkSource(volume: Loose<Volume>, path: string, faults: FaultList): void {
  const present = Object.keys(volume).filter(
    (key) => key !== "name" && volume[key as keyof Volume] !== undefined,
  );
  if (present.length === 0) faults.required(path, "must specify a volume type");
  for (const [position, name] of present.entries()) {
    if (position > 0) faults.forbidden(`${path}.${name}`, "may not specify more than 1 volume type");
    else {
      checkOwnSource(volume, name, `${path}.${name}`, faults);
      checkPluginSource(volume, name, `${path}.${name}`, faults);
    }
  }
}

/** Answers with the volumes that mounts may refer to: the faultless ones. */
export function checkVolumes(
  volumes: readonly Loose<Volume>[] = [],
  path: string,
  faults: FaultList,
): VolumesByName {
  const known = new Map<string, Loose<VolumeSource>>();
  for (const [index, volume] of volumes.entries()) {
    const at = `${path}[${index}]`;
    const own = new FaultList();
    const { name = "" } = volume;
    checkSource(volume, at, own);
    if (name === "") own.required(`${at}.name`);
    else checkDnsLabel(name, `${at}.name`, own);
    if (known.has(name)) own.duplicate(`${at}.name`, name);
    if (own.count === 0) known.set(name, volume);
    else faults.addAll(own.all);
  }
  return known;
}
