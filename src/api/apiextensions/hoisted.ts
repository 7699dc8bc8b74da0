/**
 * A definition as upstream checks it: what all versions have alike counts as said once, at the top. Paths in messages
 * follow from that. upstream: apiextensions-apiserver/pkg/apis/apiextensions/v1/conversion.go
 */
import type {
  CustomResourceColumnDefinition,
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
  CustomResourceSubresources,
  CustomResourceValidation,
  SelectableField,
} from "../generated/types/apiextensions-v1.ts";
import type { Loose } from "../meta/loose.ts";
import { jsonEqual } from "../patch/json-value.ts";

export type LooseSpec = NonNullable<Loose<CustomResourceDefinition>["spec"]>;

export interface VersionParts {
  readonly schema: CustomResourceValidation | undefined;
  readonly subresources: CustomResourceSubresources | undefined;
  readonly additionalPrinterColumns: CustomResourceColumnDefinition[] | undefined;
  readonly selectableFields: SelectableField[] | undefined;
}

export interface Hoisted {
  /** Of all versions alike; undefined parts are none, or differ. */
  readonly top: VersionParts;
  /** Without what went to the top. */
  readonly versions: readonly (CustomResourceDefinitionVersion & VersionParts)[];
}

const partNames = ["schema", "subresources", "additionalPrinterColumns", "selectableFields"] as const;

export function hoist(spec: LooseSpec): Hoisted {
  const versions = (spec.versions ?? []) as readonly CustomResourceDefinitionVersion[];
  const common = partNames.filter((name) => isAlike(versions, name));
  const [first] = versions;
  const pick = (version: CustomResourceDefinitionVersion | undefined, wanted: boolean): VersionParts =>
    Object.fromEntries(
      partNames.map((name) => [name, common.includes(name) === wanted ? version?.[name] : undefined]),
    ) as unknown as VersionParts;
  return {
    top: pick(first, true),
    versions: versions.map((version) => ({ ...version, ...pick(version, false) })),
  };
}

const isAlike = (
  versions: readonly CustomResourceDefinitionVersion[],
  name: (typeof partNames)[number],
): boolean => versions.every((version) => jsonEqual(version[name], versions[0]?.[name]));
