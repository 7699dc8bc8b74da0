/** PersistentVolumes. upstream: pkg/apis/core/validation/validation.go (ValidatePersistentVolumeSpec) */
import { normalize } from "node:path/posix";
import type {
  CSIPersistentVolumeSource,
  NodeSelectorRequirement,
  PersistentVolume,
  PersistentVolumeSpec,
  SecretReference,
} from "../generated/types/core-v1.ts";
import { differenceText } from "../meta/difference.ts";
import { termShape } from "./gated-pod-validation.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { asGoStruct, type GoShape } from "../meta/go-struct.ts";
import { checkImmutable, immutableMessage, isSame } from "../meta/field-rules.ts";
import type { Loose } from "../meta/loose.ts";
import { dnsLabelFaults, dnsSubdomainFaults } from "../meta/names.ts";
import { checkNodeSelector } from "./affinity-validation.ts";
import { checkModes, checkStorage } from "./claim-validation.ts";
import { volumeSourceAsGo } from "./go-shapes.ts";
import { laterNameOf } from "./label-warnings.ts";
import { checkNoBacksteps } from "./path-rules.ts";
import { checkOneOf } from "./plugin-source-validation.ts";
import { checkCsiDriverName, checkHostPath, checkNfs } from "./volume-validation.ts";

type Spec = Loose<PersistentVolumeSpec>;

const inlineMessage = "may not be specified in the context of inline volumes";
const mountOptions = "volume.beta.kubernetes.io/mount-options";
/** upstream: pkg/volume/validation/pv_validation.go */
const mountable = [
  "gcePersistentDisk",
  "awsElasticBlockStore",
  "glusterfs",
  "nfs",
  "rbd",
  "quobyte",
  "iscsi",
  "cephfs",
  "cinder",
  "vsphereVolume",
  "azureFile",
  "azureDisk",
  "photonPersistentDisk",
  "storageos",
];

/** Everything of a PersistentVolumeSpec that isn't its source. */
const specFields = new Set([
  "capacity",
  "accessModes",
  "claimRef",
  "persistentVolumeReclaimPolicy",
  "storageClassName",
  "mountOptions",
  "volumeMode",
  "nodeAffinity",
  "volumeAttributesClassName",
]);

function sourcesOf(spec: Loose<PersistentVolumeSpec>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(spec).filter(([key, value]) => !specFields.has(key) && value !== undefined),
  );
}

function checkSecret(reference: Loose<SecretReference> | undefined, path: string, faults: FaultList): void {
  if (reference === undefined) return;
  const { name = "", namespace = "" } = reference;
  if (name === "") faults.required(`${path}.name`);
  else faults.messages(`${path}.name`, name, dnsSubdomainFaults(name));
  if (namespace === "") faults.required(`${path}.namespace`);
  else faults.messages(`${path}.namespace`, namespace, dnsLabelFaults(namespace));
}

const csiSecrets = [
  "controllerPublishSecretRef",
  "controllerExpandSecretRef",
  "nodePublishSecretRef",
  "nodeExpandSecretRef",
] as const;

function checkCsi(csi: Loose<CSIPersistentVolumeSource>, path: string, faults: FaultList): void {
  checkCsiDriverName(csi.driver, `${path}.driver`, faults);
  if ((csi.volumeHandle ?? "") === "") faults.required(`${path}.volumeHandle`);
  for (const field of csiSecrets) checkSecret(csi[field], `${path}.${field}`, faults);
}

function checkLocal(local: string, path: string, faults: FaultList): void {
  if (local === "") faults.required(`${path}.path`);
  else checkNoBacksteps(local, `${path}.path`, faults);
}

function checkOneSource(spec: Spec, name: string, path: string, faults: FaultList): void {
  const { hostPath, nfs, local, csi } = spec;
  if (name === "hostPath" && hostPath !== undefined) checkHostPath(hostPath, path, faults);
  else if (name === "nfs" && nfs !== undefined) checkNfs(nfs, path, faults);
  else if (name === "local" && local !== undefined) checkLocal(local.path ?? "", path, faults);
  else if (name === "csi" && csi !== undefined) checkCsi(csi, path, faults);
}

const order = [
  "hostPath",
  "gcePersistentDisk",
  "awsElasticBlockStore",
  "glusterfs",
  "flocker",
  "nfs",
  "rbd",
  "quobyte",
  "cephfs",
  "iscsi",
  "cinder",
  "fc",
  "flexVolume",
  "azureFile",
  "vsphereVolume",
  "photonPersistentDisk",
  "portworxVolume",
  "azureDisk",
  "scaleIO",
  "local",
  "storageos",
  "csi",
];

function checkSource(spec: Spec, volumeName: string, path: string, faults: FaultList): void {
  const check = (name: string, at: string): void => checkOneSource(spec, name, at, faults);
  checkOneOf({ sources: spec, order }, { path, volumeName, isPersistent: true }, check, faults);
}

/** What is only of one attachment has no life of its own. */
function checkInline(spec: Spec, path: string, faults: FaultList): void {
  if (spec.claimRef !== undefined) faults.forbidden(`${path}.claimRef`, inlineMessage);
  if (Object.keys(spec.capacity ?? {}).length > 0) faults.forbidden(`${path}.capacity`, inlineMessage);
  if (spec.csi === undefined) {
    faults.required(`${path}.csi`, "has to be specified in the context of inline volumes");
  }
}

function checkInlineRest(spec: Spec, path: string, faults: FaultList): void {
  const { persistentVolumeReclaimPolicy: policy = "", volumeMode } = spec;
  if (policy !== "" && policy !== "Retain") {
    faults.forbidden(
      `${path}.persistentVolumeReclaimPolicy`,
      "may only be Retain in the context of inline volumes",
    );
  }
  if (spec.nodeAffinity !== undefined) faults.forbidden(`${path}.nodeAffinity`, inlineMessage);
  if ((spec.storageClassName ?? "") !== "") faults.forbidden(`${path}.storageClassName`, inlineMessage);
  if (volumeMode !== undefined && volumeMode !== "Filesystem") {
    faults.forbidden(
      `${path}.volumeMode`,
      "may not specify volumeMode other than Filesystem in the context of inline volumes",
    );
  }
}

function checkCapacity(spec: Spec, path: string, faults: FaultList): void {
  const { capacity = {} } = spec;
  const names = Object.keys(capacity);
  if (names.length === 0) faults.required(path);
  if (capacity["storage"] === undefined || names.length > 1) {
    faults.notSupported(path, spec.capacity ?? null, ["storage"]);
  }
  for (const [name, text] of Object.entries(capacity)) checkStorage(text, `${path}[${name}]`, faults);
}

function checkAffinity({ nodeAffinity }: Spec, path: string, faults: FaultList): void {
  if (nodeAffinity === undefined) return;
  if (nodeAffinity.required === undefined) {
    faults.required(`${path}.required`, "must specify required node constraints");
  } else checkNodeSelector(nodeAffinity.required, `${path}.required`, faults);
}

function checkRest(spec: Spec, path: string, faults: FaultList): void {
  const { persistentVolumeReclaimPolicy: policy, storageClassName = "", hostPath } = spec;
  if (spec.local !== undefined && spec.nodeAffinity === undefined) {
    faults.required(`${path}.nodeAffinity`, "Local volume requires node affinity");
  }
  if (hostPath?.path !== undefined && normalize(hostPath.path) === "/" && policy === "Recycle") {
    faults.forbidden(
      `${path}.persistentVolumeReclaimPolicy`,
      "may not be 'recycle' for a hostPath mount of '/'",
    );
  }
  if (storageClassName !== "") {
    faults.messages(`${path}.storageClassName`, storageClassName, dnsSubdomainFaults(storageClassName));
  }
  faults.optionalOneOf(`${path}.volumeMode`, spec.volumeMode, ["Block", "Filesystem"]);
  const attributesClass = spec.volumeAttributesClassName;
  if (attributesClass === undefined) return;
  const at = `${path}.volumeAttributesClassName`;
  if (attributesClass === "") faults.required(at, "an empty string is disallowed");
  else faults.messages(at, attributesClass, dnsSubdomainFaults(attributesClass));
  if (spec.csi === undefined) {
    faults.required(`${path}.csi`, "has to be specified when using volumeAttributesClassName");
  }
}

/** `volumeName` is undefined of one that is part of a VolumeAttachment. */
export function checkPersistentVolumeSpec(
  spec: Spec,
  path: string,
  volumeName: string | undefined,
  faults: FaultList,
): void {
  const inline = volumeName === undefined;
  const modes = spec.accessModes ?? [];
  if (inline) checkInline(spec, path, faults);
  if (modes.length === 0) faults.required(`${path}.accessModes`);
  checkModes(modes, `${path}.accessModes`, faults);
  if (!inline) checkCapacity(spec, `${path}.capacity`, faults);
  faults.optionalOneOf(`${path}.persistentVolumeReclaimPolicy`, spec.persistentVolumeReclaimPolicy, [
    "Delete",
    "Recycle",
    "Retain",
  ]);
  if (!inline) checkAffinity(spec, `${path}.nodeAffinity`, faults);
  checkSource(spec, volumeName ?? "", path, faults);
  if (inline) checkInlineRest(spec, path, faults);
  else checkRest(spec, path, faults);
}

export function checkPersistentVolume(volume: Loose<PersistentVolume>, faults: FaultList): void {
  const { metadata, spec = {} } = volume;
  checkPersistentVolumeSpec(spec, "spec", metadata?.name ?? "", faults);
}

/** upstream: pkg/volume/validation (ValidatePersistentVolume) */
export function checkMountOptions({ metadata, spec = {} }: Loose<PersistentVolume>, faults: FaultList): void {
  const isMounted = Object.keys(sourcesOf(spec)).some((name) => mountable.includes(name));
  if (metadata?.annotations?.[mountOptions] !== undefined && !isMounted) {
    faults.forbidden(
      `metadata.annotations[${mountOptions}]`,
      "may not specify mount options for this volume type",
    );
  }
}

/** The secret for growing may be named later. */
function withExpandSecret(sources: Spec, before: Spec): Spec {
  if (sources.csi === undefined || before.csi?.controllerExpandSecretRef !== undefined) return sources;
  return { ...sources, csi: { ...sources.csi, controllerExpandSecretRef: undefined } };
}

type Affinity = NonNullable<Spec["nodeAffinity"]>;
type Requirements = Loose<NodeSelectorRequirement>[] | undefined;

const renewedKeys = (old: Requirements, now: Requirements): Requirements =>
  old?.map((one, index) => {
    const key = now?.[index]?.key;
    return key !== undefined && laterNameOf(one.key ?? "") === key ? { ...one, key } : one;
  });

/** `old` with the keys that `now` has in their place, where they are the same label's later name. */
function renewed(old: Affinity, now: Affinity | undefined): Affinity {
  const nodeSelectorTerms = (old.required?.nodeSelectorTerms ?? []).map((term, index) => {
    const later = now?.required?.nodeSelectorTerms?.[index];
    return {
      ...term,
      matchExpressions: renewedKeys(term.matchExpressions, later?.matchExpressions),
      matchFields: renewedKeys(term.matchFields, later?.matchFields),
    };
  });
  return { ...old, required: { ...old.required, nodeSelectorTerms } };
}

export function checkPersistentVolumeUpdate(
  volume: Loose<PersistentVolume>,
  old: Loose<PersistentVolume>,
  faults: FaultList,
): void {
  const spec = volume.spec ?? {};
  const before = old.spec ?? {};
  const [now, then] = [withExpandSecret(sourcesOf(spec), before), sourcesOf(before)];
  if (!isSame(now, then)) {
    faults.forbidden(
      "spec.persistentvolumesource",
      `spec.persistentvolumesource is immutable after creation\n${differenceText(volumeSourceAsGo(then), volumeSourceAsGo(now))}`,
    );
  }
  // Both are named without the spec they are in.
  checkImmutable(spec.volumeMode, before.volumeMode, "volumeMode", faults);
  const { nodeAffinity } = before;
  if (nodeAffinity !== undefined && !isSame(spec.nodeAffinity, renewed(nodeAffinity, spec.nodeAffinity))) {
    const detail = `${immutableMessage}, except for updating from beta label to GA`;
    const shape: GoShape = {
      Required: ["required", null, { NodeSelectorTerms: ["nodeSelectorTerms", null, termShape] }],
    };
    faults.invalid("nodeAffinity", asGoStruct(spec.nodeAffinity, shape), detail);
  }
  if (before.volumeAttributesClassName !== undefined && spec.volumeAttributesClassName === undefined) {
    faults.forbidden("spec.volumeAttributesClassName", "update from non-nil value to nil is forbidden");
  }
}
