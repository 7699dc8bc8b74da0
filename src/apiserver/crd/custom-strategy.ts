/**
 * What custom resources are prepared and checked by.
 * upstream: apiextensions-apiserver/pkg/registry/customresource/{strategy,status_strategy,validator}.go
 */
import { FaultList } from "#api/meta/fault-list.ts";
import { invalid, type FieldError } from "#api/meta/field-error.ts";
import type { CustomResourceSubresourceScale } from "#api/generated/types/apiextensions-v1.ts";
import { apiVersionOf, type AnyObject, type GroupVersionKind } from "#api/meta/object.ts";
import {
  checkAnyMetaUpdate,
  checkMeta,
  checkMetaUpdate,
  subdomainName,
} from "#api/meta/object-meta-validation.ts";
import type { CompiledSchema } from "#api/schema/structural/compiled-schema.ts";
import {
  PartStrategy,
  bumpGeneration,
  isSameContent,
  type Strategy,
  type StrategyContext,
} from "#apiserver/registry/strategy.ts";
import { integerAt, textAt } from "./simple-path.ts";

export interface CustomStrategyOptions {
  readonly kind: GroupVersionKind;
  readonly namespaced: boolean;
  readonly hasStatus: boolean;
  readonly scale: CustomResourceSubresourceScale | undefined;
}

interface MoreToCheck {
  /** What is wrong with its counts. */
  readonly scaled: readonly FieldError[];
  readonly context: StrategyContext | undefined;
}

const int32Max = 2 ** 31 - 1;

export class CustomStrategy implements Strategy {
  readonly allowCreateOnUpdate = false;
  readonly allowUnconditionalUpdate = false;
  readonly returnsDeletedObject = false;
  readonly #options: CustomStrategyOptions;
  readonly #schema: CompiledSchema;

  constructor(options: CustomStrategyOptions, schema: CompiledSchema) {
    this.#options = options;
    this.#schema = schema;
  }

  prepareForCreate(object: AnyObject, context: StrategyContext): void {
    if (this.#options.hasStatus) delete object["status"];
    (object.metadata ??= {}).generation = 1;
    warnOfFinalizers(object, undefined, context);
  }

  prepareForUpdate(object: AnyObject, old: AnyObject, context: StrategyContext): void {
    const { hasStatus } = this.#options;
    if (hasStatus) {
      if (old["status"] === undefined) delete object["status"];
      else object["status"] = old["status"];
    }
    if (!isSameContent(object, old, !hasStatus)) bumpGeneration(object, old);
    warnOfFinalizers(object, old, context);
  }

  validateCreate(object: AnyObject): readonly FieldError[] {
    const typed = this.#typeFaults(object);
    if (typed.length > 0) return typed;
    const faults = new FaultList();
    const { namespaced } = this.#options;
    checkMeta(object.metadata, { namespaced, nameFaults: subdomainName, plainFinalizers: true }, faults);
    const scaled = [...this.#specScale(object), ...this.#statusScale(object)];
    return this.#contentFaults(object, undefined, faults, { scaled, context: undefined });
  }

  validateUpdate(object: AnyObject, old: AnyObject, context?: StrategyContext): readonly FieldError[] {
    const scaled = [...this.#specScale(object), ...this.#statusScale(object)];
    return this.#updateFaults(object, old, { scaled, context });
  }

  validateStatus(object: AnyObject, old: AnyObject, context?: StrategyContext): readonly FieldError[] {
    return this.#updateFaults(object, old, { scaled: this.#statusScale(object), context });
  }

  #updateFaults(object: AnyObject, old: AnyObject, more: MoreToCheck): readonly FieldError[] {
    const common = new FaultList();
    checkAnyMetaUpdate(object.metadata, old.metadata, this.#options.namespaced, common);
    return [...common.all, ...this.#ownUpdateFaults(object, old, more)];
  }

  #ownUpdateFaults(object: AnyObject, old: AnyObject, more: MoreToCheck): readonly FieldError[] {
    const typed = this.#typeFaults(object);
    if (typed.length > 0) return typed;
    const faults = new FaultList();
    checkMetaUpdate(object.metadata, old.metadata, faults, { plainFinalizers: true });
    return this.#contentFaults(object, old, faults, more);
  }

  #contentFaults(
    object: AnyObject,
    old: AnyObject | undefined,
    faults: FaultList,
    { scaled, context }: MoreToCheck,
  ): readonly FieldError[] {
    faults.addAll(this.#schema.valueFaults(object, old));
    faults.addAll(scaled);
    faults.addAll(this.#schema.structureFaults(object, old));
    const warn = (text: string): void => context?.warn(text);
    faults.addAll(this.#schema.ruleFaults(object, old, { known: faults.all, warn }));
    return faults.all;
  }

  #typeFaults({ kind = "", apiVersion = "" }: AnyObject): FieldError[] {
    const own = this.#options.kind;
    const wanted = apiVersionOf(own);
    return [
      ...(kind === own.kind ? [] : [invalid("kind", kind, `must be ${own.kind}`)]),
      ...(apiVersion === wanted ? [] : [invalid("apiVersion", apiVersion, `must be ${wanted}`)]),
    ];
  }

  #specScale(object: AnyObject): FieldError[] {
    const { scale } = this.#options;
    return scale === undefined ? [] : countFaults(object, scale.specReplicasPath);
  }

  #statusScale(object: AnyObject): FieldError[] {
    const { scale } = this.#options;
    if (scale === undefined) return [];
    const selector = scale.labelSelectorPath ?? "";
    const text = selector === "" ? undefined : textAt(object, selector);
    return [
      ...countFaults(object, scale.statusReplicasPath),
      ...(text instanceof TypeError ? [invalid(selector, "", text.message)] : []),
    ];
  }
}

function countFaults(object: AnyObject, path: string): FieldError[] {
  const count = integerAt(object, path);
  if (count instanceof TypeError) return [invalid(path, 0, count.message)];
  if (count === undefined) return [];
  if (count < 0) return [invalid(path, count, "should be a non-negative integer")];
  return count > int32Max ? [invalid(path, count, `should be less than or equal to ${int32Max}`)] : [];
}

const standardFinalizers = new Set(["kubernetes", "orphan", "foregroundDeletion"]);

function warnOfFinalizers(object: AnyObject, old: AnyObject | undefined, context: StrategyContext): void {
  const known = new Set(old?.metadata?.finalizers);
  for (const name of [...(object.metadata?.finalizers ?? [])].toSorted()) {
    if (known.has(name) || name.includes("/") || standardFinalizers.has(name)) continue;
    context.warn(
      `metadata.finalizers: ${JSON.stringify(name)}: prefer a domain-qualified finalizer name including a path (/) to avoid accidental conflicts with other finalizer writers`,
    );
  }
}

/** For /status: nothing else changes, metadata included. */
export class CustomStatusStrategy extends PartStrategy {
  readonly #main: CustomStrategy;

  constructor(main: CustomStrategy) {
    super(false);
    this.#main = main;
  }

  prepareForUpdate(object: AnyObject, old: AnyObject): void {
    const { status, metadata } = object;
    const managedFields = metadata?.managedFields;
    for (const name of Object.keys(object)) Reflect.deleteProperty(object, name);
    Object.assign(object, structuredClone(old));
    if (status === undefined) delete object["status"];
    else object["status"] = status;
    const kept = (object.metadata ??= {});
    if (managedFields === undefined) delete kept.managedFields;
    else kept.managedFields = managedFields;
  }

  validateUpdate(object: AnyObject, old: AnyObject, context?: StrategyContext): readonly FieldError[] {
    return this.#main.validateStatus(object, old, context);
  }
}
