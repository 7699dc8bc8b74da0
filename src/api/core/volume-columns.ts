/** PersistentVolumes and their claims in tables. upstream: pkg/printers/internalversion/printers.go */
import type { ObjectReference, PersistentVolume, PersistentVolumeClaim } from "../generated/types/core-v1.ts";
import type { Loose } from "../meta/loose.ts";
import {
  ageOf,
  amountText,
  columns,
  nameOf,
  orEmpty,
  orUnset,
  type Cell,
  type Printer,
} from "../meta/printer.ts";

/** Older than the field; still wins over it. */
const classAnnotation = "volume.beta.kubernetes.io/storage-class";

const modeLetters: readonly (readonly [mode: string, letters: string])[] = [
  ["ReadWriteOnce", "RWO"],
  ["ReadOnlyMany", "ROX"],
  ["ReadWriteMany", "RWX"],
  ["ReadWriteOncePod", "RWOP"],
];

const modesText = (modes: readonly string[] = []): string =>
  modeLetters
    .filter(([mode]) => modes.includes(mode))
    .map(([, letters]) => letters)
    .join(",");

function classOf({ metadata, spec }: Loose<PersistentVolume | PersistentVolumeClaim>): string {
  return metadata?.annotations?.[classAnnotation] ?? spec?.storageClassName ?? "";
}

const phaseOf = ({ metadata, status }: Loose<PersistentVolume | PersistentVolumeClaim>): string =>
  metadata?.deletionTimestamp === undefined ? (status?.phase ?? "") : "Terminating";

const claimText = (claim: Loose<ObjectReference> | undefined): string =>
  claim === undefined ? "" : `${orEmpty(claim.namespace)}/${orEmpty(claim.name)}`;

function volumeCells(volume: Loose<PersistentVolume>, nowMs: number): readonly Cell[] {
  const { spec, status } = volume;
  return [
    nameOf(volume),
    amountText(spec?.capacity?.["storage"]),
    modesText(spec?.accessModes),
    orEmpty(spec?.persistentVolumeReclaimPolicy),
    phaseOf(volume),
    claimText(spec?.claimRef),
    classOf(volume),
    orUnset(spec?.volumeAttributesClassName),
    orEmpty(status?.reason),
    ageOf(volume, nowMs),
    orUnset(spec?.volumeMode),
  ];
}

function claimCells(claim: Loose<PersistentVolumeClaim>, nowMs: number): readonly Cell[] {
  const { spec, status } = claim;
  const isBound = spec?.volumeName !== undefined && spec.volumeName !== "";
  return [
    nameOf(claim),
    phaseOf(claim),
    spec?.volumeName ?? "",
    isBound ? amountText(status?.capacity?.["storage"]) : "",
    isBound ? modesText(status?.accessModes) : "",
    classOf(claim),
    orUnset(spec?.volumeAttributesClassName),
    ageOf(claim, nowMs),
    orUnset(spec?.volumeMode),
  ];
}

export const persistentVolumePrinter: Printer = {
  columns: columns(
    "Name~|Capacity|Access Modes|Reclaim Policy|Status|Claim|StorageClass|VolumeAttributesClass|Reason|Age|VolumeMode*",
  ),
  cells: volumeCells,
};

export const persistentVolumeClaimPrinter: Printer = {
  columns: columns(
    "Name~|Status|Volume|Capacity|Access Modes|StorageClass|VolumeAttributesClass|Age|VolumeMode*",
  ),
  cells: claimCells,
};
