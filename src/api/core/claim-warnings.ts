/** PersistentVolumes and claims on them. upstream: pkg/api/persistentvolume/util.go, pkg/api/persistentvolumeclaim/util.go */
import type {
  PersistentVolume,
  PersistentVolumeClaim,
  PersistentVolumeClaimSpec,
} from "../generated/types/core-v1.ts";
import type { Loose } from "../meta/loose.ts";
import { parseQuantity, quantityIsWhole, formatQuantity, QuantityError } from "../meta/quantity.ts";
import { nodeSelectorWarnings } from "./label-warnings.ts";
import type { ResourceList } from "./resource-list.ts";
import { sourceWarnings } from "./volume-warnings.ts";

/** Half a byte is nothing. */
export function fractionWarnings(
  list: ResourceList | undefined,
  names: readonly string[],
  path: string,
): string[] {
  if (list === undefined) return [];
  return names.flatMap((name) => {
    const text = list[name];
    if (text === undefined || !mayBeFraction(text)) return [];
    try {
      const quantity = parseQuantity(text);
      if (quantityIsWhole(quantity)) return [];
      return [
        `${path}[${name}]: fractional byte value "${formatQuantity(quantity)}" is invalid, must be an integer`,
      ];
    } catch (error) {
      if (error instanceof QuantityError) return [];
      throw error;
    }
  });
}

/** Nearly no amount needs to be parsed to know. */
const mayBeFraction = (text: string): boolean => /[.munE]/.test(text);

export const claimSpecWarnings = (
  { resources }: Loose<PersistentVolumeClaimSpec>,
  path: string,
): string[] => [
  ...fractionWarnings(resources?.requests, ["storage"], `${path}.resources.requests`),
  ...fractionWarnings(resources?.limits, ["storage"], `${path}.resources.limits`),
];

const annotations = [
  [
    "volume.beta.kubernetes.io/storage-class",
    'deprecated since v1.8; use "storageClassName" attribute instead',
  ],
  ["volume.beta.kubernetes.io/mount-options", 'deprecated since v1.31; use "mountOptions" attribute instead'],
] as const;

const noted = (
  { metadata }: Loose<PersistentVolume | PersistentVolumeClaim>,
  kinds: readonly (typeof annotations)[number][],
): string[] =>
  kinds
    .filter(([key]) => metadata?.annotations?.[key] !== undefined)
    .map(([key, message]) => `metadata.annotations[${key}]: ${message}`);

/** Of a claim, the one about mounting says nothing. */
export const claimWarnings = (claim: Loose<PersistentVolumeClaim>): string[] => [
  ...noted(claim, annotations.slice(0, 1)),
  ...claimSpecWarnings(claim.spec ?? {}, "spec"),
];

export function persistentVolumeWarnings(volume: Loose<PersistentVolume>): string[] {
  const { spec = {} } = volume;
  const warnings = noted(volume, annotations);
  if (spec.persistentVolumeReclaimPolicy === "Recycle") {
    warnings.push(
      "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.",
    );
  }
  warnings.push(...nodeSelectorWarnings(spec.nodeAffinity?.required, "spec.nodeAffinity.required"));
  return [...warnings, ...sourceWarnings(spec, "spec")];
}
