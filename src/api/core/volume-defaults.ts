/** Defaults of volumes, in pods and as PersistentVolumes. upstream: pkg/apis/core/v1/defaults.go */
import type {
  DownwardAPIVolumeFile,
  PersistentVolumeClaimSpec,
  PersistentVolumeSource,
  Volume,
  VolumeProjection,
  VolumeSource,
} from "../generated/types/core-v1.ts";
import { fillEmpty, type Loose } from "../meta/loose.ts";
import { pullPolicyOf } from "./image-name.ts";
import { roundResources } from "./resource-list.ts";

/** 0644 */
const fileMode = 420;
const tokenSeconds = 3600;

/** The sources that pods and PersistentVolumes have in common, as far as they have defaults. */
type SharedSource = Pick<
  PersistentVolumeSource & VolumeSource,
  "hostPath" | "iscsi" | "rbd" | "azureDisk" | "scaleIO"
>;

export function defaultSharedSource(source: Loose<SharedSource>): void {
  if (source.hostPath !== undefined) source.hostPath.type ??= "";
  fillEmpty(source.iscsi, { iscsiInterface: "default" });
  fillEmpty(source.rbd, { pool: "rbd", user: "admin", keyring: "/etc/ceph/keyring" });
  if (source.azureDisk !== undefined) source.azureDisk.readOnly ??= false;
  fillEmpty(source.azureDisk, { cachingMode: "ReadWrite", kind: "Shared", fsType: "ext4" });
  fillEmpty(source.scaleIO, { storageMode: "ThinProvisioned", fsType: "xfs" });
}

function defaultFiles(files: readonly Loose<DownwardAPIVolumeFile>[] | undefined): void {
  for (const { fieldRef } of files ?? []) if (fieldRef !== undefined) fieldRef.apiVersion ||= "v1";
}

function defaultProjection({ downwardAPI, serviceAccountToken }: Loose<VolumeProjection>): void {
  defaultFiles(downwardAPI?.items);
  if (serviceAccountToken !== undefined) serviceAccountToken.expirationSeconds ??= tokenSeconds;
}

export function defaultClaimSpec(spec: Loose<PersistentVolumeClaimSpec>): void {
  spec.volumeMode ??= "Filesystem";
  roundResources(spec.resources?.limits);
  roundResources(spec.resources?.requests);
}

/** A volume without a source is an empty directory. */
export function defaultVolume(volume: Loose<Volume>): void {
  const hasSource = Object.entries(volume).some(([key, value]) => key !== "name" && value !== undefined);
  if (!hasSource) volume.emptyDir = {};
  defaultSharedSource(volume);
  const { secret, configMap, downwardAPI, projected, ephemeral, image } = volume;
  for (const files of [secret, configMap, downwardAPI, projected]) {
    if (files !== undefined) files.defaultMode ??= fileMode;
  }
  defaultFiles(downwardAPI?.items);
  projected?.sources?.forEach(defaultProjection);
  const claim = ephemeral?.volumeClaimTemplate;
  if (claim !== undefined) defaultClaimSpec((claim.spec ??= {}));
  if (image !== undefined) image.pullPolicy ||= pullPolicyOf(image.reference ?? "");
}
