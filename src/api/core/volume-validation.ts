/** The volumes of a pod. upstream: pkg/apis/core/validation/validation.go (ValidateVolumes) */
import { goQuote } from "../meta/go-quote.ts";
import type {
  ClusterTrustBundleProjection,
  ConfigMapVolumeSource,
  CSIVolumeSource,
  DownwardAPIVolumeFile,
  EmptyDirVolumeSource,
  EphemeralVolumeSource,
  HostPathVolumeSource,
  KeyToPath,
  NFSVolumeSource,
  PodCertificateProjection,
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
import { checkPodCertificate, checkTrustBundle } from "./certificate-projections.ts";
import { checkFieldRef, checkResourceFieldRef } from "./env-validation.ts";
import { readQuantity } from "./resource-validation.ts";
import { checkOneOf } from "./plugin-source-validation.ts";
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
  if (isEmpty(source.path)) {
    faults.required(`${path}.path`);
    return;
  }
  checkNoBacksteps(source.path ?? "", `${path}.path`, faults);
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
  const { path: exported = "" } = source;
  if (exported === "") faults.required(`${path}.path`);
  if (!exported.startsWith("/")) faults.invalid(`${path}.path`, exported, "must be an absolute path");
}

function checkKey({ key, path: file = "", mode }: Loose<KeyToPath>, at: string, faults: FaultList): void {
  if (isEmpty(key)) faults.required(`${at}.key`);
  if (file === "") faults.required(`${at}.path`);
  else checkFilePath(file, `${at}.path`, faults);
  checkFileMode(mode, `${at}.mode`, faults);
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

/** Its path is told as if it were the volume's. */
function checkTokenSource(
  source: Loose<ServiceAccountTokenProjection>,
  path: string,
  volumePath: string,
  faults: FaultList,
): void {
  const { expirationSeconds = tokenSecondsMin } = source;
  const at = `${path}.expirationSeconds`;
  if (expirationSeconds < tokenSecondsMin) {
    faults.invalid(at, expirationSeconds, "may not specify a duration less than 10 minutes");
  } else if (expirationSeconds > tokenSecondsMax) {
    faults.invalid(at, expirationSeconds, "may not specify a duration larger than 2^32 seconds");
  }
  if (isEmpty(source.path)) faults.required(`${volumePath}.path`);
  else {
    faults.ratcheting("tokenPath", (found) => {
      checkFilePath(source.path ?? "", `${volumePath}.path`, found);
    });
  }
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

const certificateFiles = ["credentialBundlePath", "keyPath", "certificateChainPath"] as const;
const certificateFilesText = "credentialBundlePath, keyPath, and certificateChainPath";

/** The sources of a projected volume, whose files must not be in each other's way. */
class ProjectedCheck {
  readonly #path: string;
  readonly #faults: FaultList;
  readonly #files = new Set<string>();

  constructor(path: string, faults: FaultList) {
    this.#path = path;
    this.#faults = faults;
  }

  source(source: Loose<VolumeProjection>, path: string): void {
    const used = projections.filter((kind) => source[kind] !== undefined);
    for (const kind of used) this.#projection(source, kind, `${path}.${kind}`);
    if (used.length > 1) this.#faults.forbidden(path, "may not specify more than 1 volume type per source");
  }

  #projection(source: Loose<VolumeProjection>, kind: (typeof projections)[number], path: string): void {
    switch (kind) {
      case "secret":
      case "configMap":
        this.#named(source[kind], path);
        break;
      case "downwardAPI":
        for (const file of source.downwardAPI?.items ?? []) {
          checkDownwardFile(file, path, this.#faults);
          this.#note(file.path, file.path ?? "");
        }
        break;
      case "serviceAccountToken":
        checkTokenSource(source.serviceAccountToken ?? {}, path, this.#path, this.#faults);
        break;
      case "clusterTrustBundle":
        this.#trustBundle(source.clusterTrustBundle, path);
        break;
      case "podCertificate":
        this.#certificate(source.podCertificate, path);
    }
  }

  /** Upstream counts no path as one, too. */
  #trustBundle(bundle: Loose<ClusterTrustBundleProjection> = {}, path: string): void {
    checkTrustBundle(bundle, path, this.#faults);
    const { path: file = "" } = bundle;
    this.#take(file, file);
  }

  #certificate(certificate: Loose<PodCertificateProjection> = {}, path: string): void {
    checkPodCertificate(certificate, path, this.#faults);
    const files = certificateFiles.filter((field) => !isEmpty(certificate[field]));
    for (const field of files) {
      const file = certificate[field] ?? "";
      checkFilePath(file, `${path}.${field}`, this.#faults);
      this.#take(file, file);
    }
    if (files.length > 0) return;
    this.#faults.required(path, `specify at least one of ${certificateFilesText}`);
  }

  #named({ name, items = [] }: Named = {}, path: string): void {
    if (isEmpty(name)) this.#faults.required(`${path}.name`);
    for (const [index, item] of items.entries()) {
      checkKey(item, `${path}.items[${index}]`, this.#faults);
      this.#note(item.path, name ?? "");
    }
  }

  /** `shown`: what a fault names. */
  #note(file: string | undefined, shown: string): void {
    if (file !== undefined && file !== "") this.#take(file, shown);
  }

  #take(file: string, shown: string): void {
    if (this.#files.has(file)) this.#faults.invalid(this.#path, shown, "conflicting duplicate paths");
    this.#files.add(file);
  }
}

interface Named {
  readonly name?: string | undefined;
  readonly items?: readonly Loose<KeyToPath>[] | undefined;
}

function checkProjected(source: Loose<ProjectedVolumeSource>, path: string, faults: FaultList): void {
  checkFileMode(source.defaultMode, `${path}.defaultMode`, faults);
  const check = new ProjectedCheck(path, faults);
  for (const [index, projection] of (source.sources ?? []).entries()) {
    check.source(projection, `${path}.sources[${index}]`);
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

function checkCsi(
  { driver, nodePublishSecretRef }: Loose<CSIVolumeSource>,
  path: string,
  faults: FaultList,
): void {
  checkCsiDriverName(driver, `${path}.driver`, faults);
  if (nodePublishSecretRef === undefined) return;
  const { name = "" } = nodePublishSecretRef;
  if (name === "") faults.required(`${path}.nodePublishSecretRef.name`);
  else faults.messages(`${path}.name`, name, dnsSubdomainFaults(name));
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
      checkCsi(source.csi ?? {}, path, faults);
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
  for (const [index, item] of (source.items ?? []).entries()) {
    checkKey(item, `${path}.items[${index}]`, faults);
  }
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
      // Which one of them isn't told.
      for (const file of downwardAPI?.items ?? []) checkDownwardFile(file, path, faults);
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
  if (driver === "") {
    faults.required(path);
    return;
  }
  if (Buffer.byteLength(driver) > 63) faults.tooLong(path, 63);
  faults.messages(path, driver, dnsSubdomainFaults(driver.toLowerCase()));
}

interface Place {
  /** Undefined of a template. */
  readonly podName: string | undefined;
  readonly path: string;
}

const isNamed = (podName: string | undefined): podName is string => podName !== undefined && podName !== "";

/** Of the claim that is made for a pod's volume. */
function checkClaimName({ name = "" }: Loose<Volume>, { podName, path }: Place, faults: FaultList): void {
  if (!isNamed(podName) || name === "") return;
  const claimName = `${podName}-${name}`;
  for (const message of dnsSubdomainFaults(claimName)) {
    faults.invalid(`${path}.name`, name, `PVC name ${goQuote(claimName)}: ${message}`);
  }
}

const order = [
  "emptyDir",
  "hostPath",
  "gitRepo",
  "gcePersistentDisk",
  "awsElasticBlockStore",
  "secret",
  "nfs",
  "iscsi",
  "glusterfs",
  "flocker",
  "persistentVolumeClaim",
  "rbd",
  "cinder",
  "cephfs",
  "quobyte",
  "downwardAPI",
  "fc",
  "flexVolume",
  "configMap",
  "azureFile",
  "vsphereVolume",
  "photonPersistentDisk",
  "portworxVolume",
  "azureDisk",
  "storageos",
  "projected",
  "scaleIO",
  "csi",
  "ephemeral",
  "image",
];

function checkSource(volume: Loose<Volume>, place: Place, faults: FaultList): void {
  const { path, podName } = place;
  const check = (kind: string, at: string): void => {
    checkOwnSource(volume, kind, at, faults);
    if (kind === "ephemeral") checkClaimName(volume, place, faults);
    // A template's may be filled in by somebody else.
    if (kind === "image" && podName !== undefined && isEmpty(volume.image?.reference)) {
      faults.required(`${at}.reference`);
    }
  };
  const of = { path, volumeName: volume.name ?? "", isPersistent: false };
  checkOneOf({ sources: volume, order }, of, check, faults);
}

export function checkVolumes(
  volumes: readonly Loose<Volume>[] = [],
  { podName, path }: Place,
  faults: FaultList,
): VolumesByName {
  const known = new Map<string, Loose<VolumeSource>>();
  const made = new Set<string>();
  for (const { name = "", ephemeral } of isNamed(podName) ? volumes : []) {
    if (ephemeral !== undefined) made.add(`${podName}-${name}`);
  }
  for (const [index, volume] of volumes.entries()) {
    const at = `${path}[${index}]`;
    const own = new FaultList();
    const { name = "", persistentVolumeClaim } = volume;
    checkSource(volume, { podName, path: at }, own);
    if (name === "") own.required(`${at}.name`);
    else checkDnsLabel(name, `${at}.name`, own);
    if (known.has(name)) own.duplicate(`${at}.name`, name);
    if (own.count === 0) known.set(name, volume);
    else faults.addAll(own.all);
    const claim = persistentVolumeClaim?.claimName;
    if (claim !== undefined && made.has(claim)) {
      faults.invalid(
        `${at}.persistentVolumeClaim.claimName`,
        claim,
        "must not reference a PVC that gets created for an ephemeral volume",
      );
    }
  }
  return known;
}
