/**
 * CustomResourceDefinitions: the versions objects may be stored in are noted, and a deleted one waits for its objects.
 * upstream: apiextensions-apiserver/pkg/registry/customresourcedefinition/{strategy,etcd}.go
 */
import { formatCheck } from "#api/schema/structural/formats.ts";
import { schemaHas } from "#api/schema/structural/structural.ts";
import type { CustomResourceDefinition } from "#api/generated/types/apiextensions-v1.ts";
import type { DefinitionValidator } from "#api/apiextensions/validation.ts";
import type { FieldError } from "#api/meta/field-error.ts";
import type { AnyObject } from "#api/meta/object.ts";
import {
  DelegatingStrategy,
  type DefaultStrategy,
  type StatusStrategy,
  type StrategyContext,
} from "#apiserver/registry/strategy.ts";
import { withCondition } from "./conditions.ts";

export const cleanupFinalizer = "customresourcecleanup.apiextensions.k8s.io";

const definitionOf = (object: AnyObject): CustomResourceDefinition =>
  object as unknown as CustomResourceDefinition;

export class DefinitionStrategy extends DelegatingStrategy {
  readonly #validator: () => DefinitionValidator;

  constructor(base: DefaultStrategy, validator: () => DefinitionValidator) {
    super(base);
    this.#validator = validator;
  }

  override prepareForCreate(object: AnyObject, context: StrategyContext): void {
    super.prepareForCreate(object, context);
    noteStoredVersion(definitionOf(object));
    warnOfFormats(definitionOf(object), undefined, context);
  }

  override prepareForUpdate(object: AnyObject, old: AnyObject, context: StrategyContext): void {
    super.prepareForUpdate(object, old, context);
    noteStoredVersion(definitionOf(object));
    warnOfFormats(definitionOf(object), definitionOf(old), context);
  }

  override validateCreate(object: AnyObject): readonly FieldError[] {
    return this.#validator().create(definitionOf(object));
  }

  override validateUpdate(object: AnyObject, old: AnyObject): readonly FieldError[] {
    return this.#validator().update(definitionOf(object), definitionOf(old));
  }

  /** Not before its objects are gone. */
  mayBeRemoved({ metadata }: AnyObject): boolean {
    return metadata?.deletionTimestamp !== undefined;
  }

  markDeleted(object: AnyObject, { now }: StrategyContext): void {
    const crd = definitionOf(object);
    const metadata = (crd.metadata ??= {});
    const isBegun = crd.status?.conditions?.some(({ type }) => type === "Terminating") === true;
    if (isBegun) return;
    const finalizers = metadata.finalizers ?? [];
    if (!finalizers.includes(cleanupFinalizer)) metadata.finalizers = [...finalizers, cleanupFinalizer];
    const pending = {
      type: "Terminating",
      status: "True",
      reason: "InstanceDeletionPending",
      message: "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
    };
    crd.status = { ...crd.status, conditions: withCondition(crd.status?.conditions ?? [], pending, now) };
  }
}

/** For /status. */
export class DefinitionStatusStrategy extends DelegatingStrategy {
  readonly #validator: () => DefinitionValidator;

  constructor(base: StatusStrategy, validator: () => DefinitionValidator) {
    super(base);
    this.#validator = validator;
  }

  override validateUpdate(object: AnyObject, old: AnyObject): readonly FieldError[] {
    return this.#validator().statusUpdate(definitionOf(object), definitionOf(old));
  }
}

function noteStoredVersion(crd: CustomResourceDefinition): void {
  // Not validated yet: anything may be missing.
  const versions = (crd.spec as Partial<CustomResourceDefinition["spec"]> | undefined)?.versions ?? [];
  const storage = versions.find((version) => version.storage)?.name;
  const known = crd.status?.storedVersions ?? [];
  if (storage === undefined || known.includes(storage)) return;
  crd.status = { ...crd.status, storedVersions: [...known, storage] };
}

/** Formats of numbers, known everywhere but checked nowhere. */
const numberFormats = new Set(["int32", "int64", "float", "double"]);

function warnOfFormats(
  crd: CustomResourceDefinition,
  old: CustomResourceDefinition | undefined,
  context: StrategyContext,
): void {
  const known = new Set(old === undefined ? [] : oddFormats(old));
  for (const format of oddFormats(crd)) {
    if (!known.has(format)) context.warn(`unrecognized format ${JSON.stringify(format)}`);
  }
}

function oddFormats({ spec }: CustomResourceDefinition): string[] {
  const found = new Set<string>();
  const versions = (spec as Partial<CustomResourceDefinition["spec"]> | undefined)?.versions ?? [];
  for (const { schema } of versions) {
    schemaHas(schema?.openAPIV3Schema, ({ format = "" }) => {
      if (format !== "" && !numberFormats.has(format) && formatCheck(format) === undefined) found.add(format);
      return false;
    });
  }
  return [...found];
}
