/**
 * CustomResourceDefinitions: whether one may be stored.
 * upstream: apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go
 */
import type { CustomResourceDefinition, JSONSchemaProps } from "../generated/types/apiextensions-v1.ts";
import { FaultList } from "../meta/fault-list.ts";
import type { FieldError } from "../meta/field-error.ts";
import { checkImmutable, isSame } from "../meta/field-rules.ts";
import { asGoStruct, type GoShape } from "../meta/go-struct.ts";
import type { Loose } from "../meta/loose.ts";
import { dns1035LabelFaults, dnsSubdomainFaults } from "../meta/names.ts";
import { checkAnyMetaUpdate, checkMeta, checkMetaUpdate } from "../meta/object-meta-validation.ts";
import { jsonEqual } from "../patch/json-value.ts";
import { defaultFaults, type DefaultDeps } from "../schema/structural/default-faults.ts";
import { structuralFaults, type PatternFault } from "../schema/structural/structurality.ts";
import { hasDefault, schemaHas } from "../schema/structural/structural.ts";
import { approvalAnnotation, approvalOf, isProtectedGroup } from "./approval.ts";
import { caBundleFault } from "./ca-bundle.ts";
import { checkConversion } from "./conversion-validation.ts";
import { hoist, type Hoisted, type LooseSpec, type VersionParts } from "./hoisted.ts";
import { checkNames, checkRequiredNames } from "./names-validation.ts";
import type { RuleChecker } from "./rule-check.ts";
import { schemaFaults } from "./schema-validation.ts";
import {
  checkColumn,
  checkDeprecation,
  checkSelectableFields,
  checkSubresources,
} from "./version-validation.ts";

export type LooseDefinition = Loose<CustomResourceDefinition>;

export interface DefinitionValidatorDeps extends DefaultDeps {
  /** A new one for each schema; none for one without rules. One that is as it was may cost what it cost. */
  readonly checker: (schema: JSONSchemaProps, isUnchanged: boolean) => RuleChecker | undefined;
  readonly patternFault: PatternFault;
}

interface SchemaPlace {
  readonly path: string;
  readonly hasStatus: boolean;
  readonly isUnchanged: boolean;
}

/** What a definition may keep that a new one may not have. */
interface Leniency {
  readonly allowsBadCa: boolean;
  /** Versions whose schema is the stored one. */
  readonly unchanged: ReadonlySet<string>;
}

export class DefinitionValidator {
  readonly #deps: DefinitionValidatorDeps;

  constructor(deps: DefinitionValidatorDeps) {
    this.#deps = deps;
  }

  create(crd: LooseDefinition): readonly FieldError[] {
    const faults = new FaultList();
    const { names = {}, group = "" } = crd.spec ?? {};
    const wanted = `${names.plural ?? ""}.${group}`;
    const nameFaults = (name: string): readonly string[] => [
      ...dnsSubdomainFaults(name),
      ...(name === wanted ? [] : ['must be spec.names.plural+"."+spec.group']),
    ];
    checkMeta(
      crd.metadata as CustomResourceDefinition["metadata"],
      { namespaced: false, nameFaults, plainFinalizers: true },
      faults,
    );
    this.#spec(crd.spec ?? {}, { allowsBadCa: true, unchanged: new Set() }, faults);
    this.#rest(crd, undefined, faults);
    return faults.all;
  }

  update(crd: LooseDefinition, old: LooseDefinition): readonly FieldError[] {
    const faults = new FaultList();
    checkMetaOf(crd, old, faults);
    const spec = crd.spec ?? {};
    const before = old.spec ?? {};
    const established = isEstablished(old);
    const oldCa = before.conversion?.webhook?.clientConfig?.caBundle ?? "";
    const allowsBadCa = !established || (oldCa !== "" && caBundleFault(oldCa) !== undefined);
    this.#spec(spec, { allowsBadCa, unchanged: unchangedSchemas(spec, before) }, faults);
    if (established) {
      checkImmutable(spec.scope, before.scope, "spec.scope", faults);
      checkImmutable(spec.names?.kind, before.names?.kind, "spec.names.kind", faults);
    }
    checkImmutable(spec.group, before.group, "spec.group", faults);
    checkImmutable(spec.names?.plural, before.names?.plural, "spec.names.plural", faults);
    this.#rest(crd, old, faults);
    return faults.all;
  }

  /** The spec is the stored one. */
  statusUpdate(crd: LooseDefinition, old: LooseDefinition): readonly FieldError[] {
    const faults = new FaultList();
    checkMetaOf(crd, old, faults);
    checkNames(crd.status?.acceptedNames ?? {}, "status.acceptedNames", faults);
    return faults.all;
  }

  #rest(crd: LooseDefinition, old: LooseDefinition | undefined, faults: FaultList): void {
    checkNames(crd.status?.acceptedNames ?? {}, "status.acceptedNames", faults);
    checkStoredVersions(crd, faults);
    checkApproval(crd, old, faults);
    if (crd.spec?.preserveUnknownFields === true && old?.spec?.preserveUnknownFields !== true) {
      faults.invalid(
        "spec.preserveUnknownFields",
        true,
        "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead",
      );
    }
  }

  #spec(spec: LooseSpec, { allowsBadCa, unchanged }: Leniency, faults: FaultList): void {
    checkGroup(spec.group ?? "", faults);
    faults.oneOf("spec.scope", spec.scope, ["Cluster", "Namespaced"]);
    const hoisted = hoist(spec);
    checkSchemasThere(hoisted, faults);
    if (spec.preserveUnknownFields === true && hasDefaults(hoisted)) {
      const why = "must be false in order to use defaults in the schema";
      faults.invalid("spec.preserveUnknownFields", true, why);
    }
    for (const [index, version] of hoisted.versions.entries()) {
      const path = `spec.versions[${index}]`;
      const nameFaults = dns1035LabelFaults(version.name);
      if (nameFaults.length > 0) faults.invalid(`${path}.name`, version.name, nameFaults.join(","));
      checkDeprecation(version, path, faults);
      const hasStatus = (version.subresources ?? hoisted.top.subresources)?.status !== undefined;
      const isUnchanged = unchanged.has(version.name);
      this.#parts(version, { path, schemaField: "schema", hasStatus, isUnchanged }, faults);
    }
    checkVersionSet(spec, faults);
    checkRequiredNames(spec.names ?? {}, "spec.names", faults);
    checkNames(spec.names ?? {}, "spec.names", faults);
    const hasStatus = [hoisted.top, ...hoisted.versions].some(
      ({ subresources }) => subresources?.status !== undefined,
    );
    const isUnchanged = unchanged.has(hoisted.versions[0]?.name ?? "");
    this.#parts(hoisted.top, { path: "spec", schemaField: "validation", hasStatus, isUnchanged }, faults);
    const { conversion } = spec;
    if (conversion !== undefined && conversion.strategy !== "None" && spec.preserveUnknownFields === true) {
      const why = "must be None if spec.preserveUnknownFields is true";
      faults.invalid("spec.conversion.strategy", conversion.strategy, why);
    }
    checkConversion(conversion, "spec.conversion", faults, allowsBadCa);
  }

  #parts(
    parts: VersionParts,
    place: SchemaPlace & { readonly schemaField: "schema" | "validation" },
    faults: FaultList,
  ): void {
    const { path, schemaField } = place;
    const schema = parts.schema?.openAPIV3Schema;
    if (schema !== undefined) {
      this.#schema(schema, { ...place, path: `${path}.${schemaField}.openAPIV3Schema` }, faults);
    }
    checkSubresources(parts.subresources, `${path}.subresources`, faults);
    for (const [index, column] of (parts.additionalPrinterColumns ?? []).entries()) {
      checkColumn(column, `${path}.additionalPrinterColumns[${index}]`, faults);
    }
    const fields = parts.selectableFields ?? [];
    const at = `${path}.selectableFields`;
    if (fields.length === 0) return;
    if (schema === undefined) faults.invalid(at, "", selectableWithoutSchema[schemaField]);
    else checkSelectableFields(fields, schema, at, faults);
  }

  #schema(schema: JSONSchemaProps, { path, hasStatus, isUnchanged }: SchemaPlace, faults: FaultList): void {
    if (hasStatus) checkRoot(schema, path, faults);
    if (schema.nullable === true) faults.forbidden(`${path}.nullable`, "nullable cannot be true at the root");
    const unreadable = unreadableText(schema);
    const structural =
      unreadable === undefined ? structuralFaults(schema, path, this.#deps.patternFault) : [];
    const defaults =
      unreadable === undefined && structural.length === 0 ? defaultFaults(schema, path, this.#deps) : [];
    const isFine = unreadable === undefined && structural.length + defaults.length === 0;
    faults.addAll(structural);
    faults.addAll(defaults);
    const before = faults.count;
    faults.addAll(schemaFaults(schema, path, isFine ? this.#deps.checker(schema, isUnchanged) : undefined));
    if (unreadable !== undefined && faults.count === before) faults.invalid(path, "", unreadable);
  }
}

/** Where schemas are alike and fields aren't, or the other way round, upstream finds no schema beside the fields. */
const selectableWithoutSchema = {
  schema: "selectableFields may only be set when version.schema.openAPIV3Schema is not included",
  validation: "selectableFields may only be set when validations.schema is included",
};

function unchangedSchemas(spec: LooseSpec, before: LooseSpec): ReadonlySet<string> {
  return new Set(
    (spec.versions ?? []).flatMap(({ name = "", schema }) => {
      const old = before.versions?.find((version) => version.name === name);
      return old !== undefined && jsonEqual(schema, old.schema) ? [name] : [];
    }),
  );
}

export const isEstablished = (crd: LooseDefinition): boolean =>
  crd.status?.conditions?.some(({ type, status }) => type === "Established" && status === "True") === true;

/** Fields that no structural schema has: with one of them, it isn't even looked at as such. */
function unreadableText(schema: JSONSchemaProps): string | undefined {
  let first = unreadable.length;
  schemaHas(schema, (each) => {
    const at = unreadable.findIndex(([is]) => is(each));
    if (at >= 0) first = Math.min(first, at);
    return first === 0;
  });
  return unreadable[first]?.[1];
}

/** What is told first wherever it stands. */
const unreadable: readonly (readonly [is: (schema: JSONSchemaProps) => boolean, text: string])[] = [
  ...(
    ["id", "$schema", "$ref", "patternProperties", "dependencies", "additionalItems", "definitions"] as const
  ).map(
    (field) =>
      [
        (schema: JSONSchemaProps) => schema[field] !== undefined,
        `OpenAPIV3Schema '${field === "$schema" ? "schema" : field}' is not supported`,
      ] as const,
  ),
  [({ items }) => Array.isArray(items), "OpenAPIV3Schema 'items' must be a schema, but is an array"],
  [
    (schema) => schema["x-kubernetes-preserve-unknown-fields"] === false,
    "internal error: 'x-kubernetes-preserve-unknown-fields' must be true or undefined",
  ],
];

function checkMetaOf(crd: LooseDefinition, old: LooseDefinition, faults: FaultList): void {
  type Meta = CustomResourceDefinition["metadata"];
  checkAnyMetaUpdate(crd.metadata as Meta, old.metadata as Meta, false, faults);
  checkMetaUpdate(crd.metadata as Meta, old.metadata as Meta, faults, { plainFinalizers: true });
}

function checkGroup(group: string, faults: FaultList): void {
  const found = dnsSubdomainFaults(group);
  if (group === "") faults.required("spec.group");
  else if (found.length > 0) faults.invalid("spec.group", group, found.join(","));
  else if (!group.includes(".")) {
    faults.invalid("spec.group", group, "should be a domain with at least one dot");
  }
}

function checkSchemasThere({ top, versions }: Hoisted, faults: FaultList): void {
  if (top.schema?.openAPIV3Schema !== undefined) return;
  for (const [index, { schema }] of versions.entries()) {
    if (schema?.openAPIV3Schema === undefined) {
      faults.required(`spec.versions[${index}].schema.openAPIV3Schema`, "schemas are required");
    }
  }
}

const hasDefaults = ({ top, versions }: Hoisted): boolean =>
  [top, ...versions].some(({ schema }) => schemaHas(schema?.openAPIV3Schema, hasDefault));

const versionShape: GoShape = {
  Name: ["name", ""],
  Served: ["served", false],
  Storage: ["storage", false],
  Deprecated: ["deprecated", false],
  DeprecationWarning: ["deprecationWarning", null],
  Schema: ["schema", null],
  Subresources: ["subresources", null],
  AdditionalPrinterColumns: ["additionalPrinterColumns", null],
  SelectableFields: ["selectableFields", null],
};
const hoistedFields = ["schema", "subresources", "additionalPrinterColumns", "selectableFields"] as const;

/** What is the same in all versions upstream keeps beside them. */
function shownVersions(versions: NonNullable<LooseSpec["versions"]>): unknown {
  const [first = {}] = versions;
  const shared = hoistedFields.filter((field) => versions.every((one) => isSame(one[field], first[field])));
  const without = Object.fromEntries(shared.map((field) => [field, undefined]));
  return asGoStruct(
    versions.map((version) => ({ ...version, ...without })),
    versionShape,
  );
}

function checkVersionSet({ versions = [] }: LooseSpec, faults: FaultList): void {
  const names = versions.map(({ name }) => name);
  if (new Set(names).size < names.length) {
    faults.invalid("spec.versions", shownVersions(versions), "must contain unique version names");
  }
  if (versions.filter(({ storage }) => storage === true).length !== 1) {
    faults.invalid(
      "spec.versions",
      shownVersions(versions),
      "must have exactly one version marked as storage version",
    );
  }
}

/** With a status subresource, the status is looked at alone: nothing of it may be said at the root. */
const rootFields = new Map<string, string>(
  [
    "Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength Pattern",
    "MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example",
    "XPreserveUnknownFields XValidations",
  ].flatMap((line) => line.split(" ").map((name) => [jsonName(name), name] as const)),
);

function jsonName(name: string): string {
  if (name === "XPreserveUnknownFields") return "x-kubernetes-preserve-unknown-fields";
  return name === "XValidations" ? "x-kubernetes-validations" : name.charAt(0).toLowerCase() + name.slice(1);
}

/** What Go can't tell from a field that isn't there. */
const isZero = (field: string, value: unknown): boolean =>
  value === undefined || value === false || (value === "" && field !== "$ref");

function checkRoot(schema: JSONSchemaProps, path: string, faults: FaultList): void {
  const { type = "" } = schema;
  if (type !== "" && type !== "object") {
    faults.invalid(
      `${path}.type`,
      type,
      'only "object" is allowed as the type at the root of the schema if the status subresource is enabled',
    );
    return;
  }
  if (Object.entries(schema).every(([field, value]) => rootFields.has(field) || isZero(field, value))) return;
  const allowed = [...rootFields.values()].join(" ");
  faults.invalid(
    path,
    schema,
    `only [${allowed}] fields are allowed at the root of the schema if the status subresource is enabled`,
  );
}

function checkStoredVersions({ spec, status }: LooseDefinition, faults: FaultList): void {
  const path = "status.storedVersions";
  const { storedVersions: stored } = status ?? {};
  if (stored === undefined || stored.length === 0) {
    faults.invalid(path, stored ?? null, "must have at least one stored version");
    return;
  }
  const names = new Set((spec?.versions ?? []).map(({ name }) => name));
  for (const { name = "", storage } of spec?.versions ?? []) {
    if (storage === true && !stored.includes(name)) {
      faults.invalid(path, stored, `must have the storage version ${name}`);
    }
  }
  for (const [index, name] of stored.entries()) {
    if (names.has(name)) continue;
    faults.invalid(
      `${path}[${index}]`,
      name,
      `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`,
    );
  }
}

function checkApproval(crd: LooseDefinition, old: LooseDefinition | undefined, faults: FaultList): void {
  if (!isProtectedGroup(crd.spec?.group ?? "")) return;
  const annotations = crd.metadata?.annotations;
  const { state, text } = approvalOf(annotations);
  const before = old?.metadata?.annotations;
  if (old !== undefined && approvalOf(before).state === state) return;
  const path = `metadata.annotations[${approvalAnnotation}]`;
  if (state === "missing") faults.required(path, text);
  else if (state === "invalid") faults.invalid(path, annotations?.[approvalAnnotation] ?? "", text);
}
