/** The volumes of a pod. upstream: pkg/apis/core/validation/validation.go (ValidateVolumes) */
import type {
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
  else checkFilePath(source.path ?? "", `${path}.path`, faults);
}

type SourceCheck = (path: string) => void;
type SourceChecks = readonly (readonly [name: string, check: SourceCheck | undefined])[];

function projectionChecks(source: Loose<VolumeProjection>, faults: FaultList): SourceChecks {
  const { secret, configMap, downwardAPI, serviceAccountToken, clusterTrustBundle, podCertificate } = source;
  const named = (
    one: { readonly name?: string | undefined; readonly items?: Loose<KeyToPath>[] | undefined } | undefined,
  ) =>
    one &&
    ((path: string): void => {
      if (isEmpty(one.name)) faults.required(`${path}.name`);
      checkKeys(one.items, path, faults);
    });
  const pathed = (one: { readonly path?: string | undefined } | undefined) =>
    one &&
    ((path: string): void => {
      if (isEmpty(one.path)) faults.required(`${path}.path`);
      else checkFilePath(one.path ?? "", `${path}.path`, faults);
    });
  return [
    ["secret", named(secret)],
    ["configMap", named(configMap)],
    ["downwardAPI", downwardAPI && ((path) => checkDownward(downwardAPI.items, path, faults))],
    [
      "serviceAccountToken",
      serviceAccountToken && ((path) => checkTokenSource(serviceAccountToken, path, faults)),
    ],
    ["clusterTrustBundle", pathed(clusterTrustBundle)],
    ["podCertificate", podCertificate && (() => undefined)],
  ];
}

function checkProjected(source: Loose<ProjectedVolumeSource>, path: string, faults: FaultList): void {
  checkFileMode(source.defaultMode, `${path}.defaultMode`, faults);
  for (const [index, projection] of (source.sources ?? []).entries()) {
    const at = `${path}.sources[${index}]`;
    const used = projectionChecks(projection, faults).filter(([, check]) => check !== undefined);
    if (used.length === 0) faults.required(at, "must specify at least one of the projected volume sources");
    for (const [position, [name, check]] of used.entries()) {
      const field = `${at}.${name}`;
      if (position > 0) faults.forbidden(field, "may not specify more than 1 volume type per source");
      else check?.(field);
    }
  }
}

function checkEphemeral(source: Loose<EphemeralVolumeSource>, path: string, faults: FaultList): void {
  const claim = source.volumeClaimTemplate;
  const at = `${path}.volumeClaimTemplate`;
  if (claim === undefined) faults.required(at);
  else checkClaimSpec(claim.spec ?? {}, `${at}.spec`, faults);
}

/** The sources that have more to say than that they are there. */
function sourceChecks(
  source: Loose<VolumeSource>,
  faults: FaultList,
): ReadonlyMap<string, SourceCheck | undefined> {
  const {
    emptyDir,
    hostPath,
    secret,
    configMap,
    nfs,
    persistentVolumeClaim,
    downwardAPI,
    projected,
    csi,
    ephemeral,
  } = source;
  return new Map<string, SourceCheck | undefined>([
    ["emptyDir", emptyDir && ((path) => checkEmptyDir(emptyDir, path, faults))],
    ["hostPath", hostPath && ((path) => checkHostPath(hostPath, path, faults))],
    [
      "secret",
      secret &&
        ((path) => {
          if (isEmpty(secret.secretName)) faults.required(`${path}.secretName`);
          checkFileMode(secret.defaultMode, `${path}.defaultMode`, faults);
          checkKeys(secret.items, path, faults);
        }),
    ],
    [
      "configMap",
      configMap &&
        ((path) => {
          if (isEmpty(configMap.name)) faults.required(`${path}.name`);
          checkFileMode(configMap.defaultMode, `${path}.defaultMode`, faults);
          checkKeys(configMap.items, path, faults);
        }),
    ],
    ["nfs", nfs && ((path) => checkNfs(nfs, path, faults))],
    [
      "persistentVolumeClaim",
      persistentVolumeClaim &&
        ((path) => {
          if (isEmpty(persistentVolumeClaim.claimName)) faults.required(`${path}.claimName`);
        }),
    ],
    [
      "downwardAPI",
      downwardAPI &&
        ((path) => {
          checkFileMode(downwardAPI.defaultMode, `${path}.defaultMode`, faults);
          checkDownward(downwardAPI.items, path, faults);
        }),
    ],
    ["projected", projected && ((path) => checkProjected(projected, path, faults))],
    ["csi", csi && ((path) => checkCsiDriverName(csi.driver, `${path}.driver`, faults))],
    ["ephemeral", ephemeral && ((path) => checkEphemeral(ephemeral, path, faults))],
  ]);
}

/** upstream: ValidateCSIDriverName. Case counts for nothing. */
export function checkCsiDriverName(name: string | undefined, path: string, faults: FaultList): void {
  const driver = name ?? "";
  if (driver === "") faults.required(path);
  if (driver.length > 63) faults.tooLong(path, 63);
  faults.messages(path, driver, dnsSubdomainFaults(driver.toLowerCase()));
}

function checkSource(volume: Loose<Volume>, path: string, faults: FaultList): void {
  const present = Object.entries(volume)
    .filter(([key, value]) => key !== "name" && value !== undefined)
    .map(([key]) => key);
  if (present.length === 0) faults.required(path, "must specify a volume type");
  const checks = sourceChecks(volume, faults);
  for (const [position, name] of present.entries()) {
    if (position > 0) faults.forbidden(`${path}.${name}`, "may not specify more than 1 volume type");
    else {
      checks.get(name)?.(`${path}.${name}`);
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
    else faults.add(...own.all);
  }
  return known;
}
