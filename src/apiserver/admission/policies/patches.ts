/** What a mutation makes of an object. upstream: apiserver/pkg/admission/plugin/policy/mutating/patch */
import type { CompiledMutation } from "#api/cel/policy/mutating-policy.ts";
import type { Value } from "#api/cel/values.ts";
import type { Expressions } from "#api/expressions.ts";
import { apiVersionOf, type AnyObject, type GroupVersionKind } from "#api/meta/object.ts";
import { serviceUnavailableError, StatusError } from "#api/meta/status.ts";
import { ApplyTypeError } from "#api/patch/apply/list-items.ts";
import { mergeStates } from "#api/patch/apply/merge-states.ts";
import type { ApplyType } from "#api/patch/apply/schema.ts";
import { validateState } from "#api/patch/apply/validate-state.ts";
import { applyJsonPatch, isTestFailure, jsonPatchFault } from "#api/patch/json.ts";
import { isList, isMap } from "#api/patch/json-value.ts";
import { errorText } from "#base/log.ts";
import type { ObjectTypes } from "../webhooks/object-types.ts";

/** The policy can't be applied to this object: its failure policy decides. */
export class MutationError extends Error {}

interface Typed {
  readonly object: AnyObject;
  readonly gvk: GroupVersionKind;
}

interface PatchTools extends Pick<Expressions, "appliedObject" | "patchOperations" | "PatchValueError"> {
  readonly types: ObjectTypes;
}

/** Another object, read and defaulted. Throws MutationError, and StatusError that no failure policy forgives. */
export function mutated(
  subject: Typed,
  patchType: CompiledMutation["patchType"],
  value: Value,
  tools: PatchTools,
): AnyObject {
  const { gvk } = subject;
  const { types } = tools;
  const type = types.applyType(gvk);
  if (type === undefined) throw unknownKind(gvk);
  try {
    return patchType === "JSONPatch"
      ? patched(subject, tools.patchOperations(value), types)
      : types.read(merged(subject, tools.appliedObject(value), type), gvk);
  } catch (error) {
    if (error instanceof tools.PatchValueError) throw new MutationError(error.message, { cause: error });
    throw error;
  }
}

const unknownKind = (gvk: GroupVersionKind): StatusError =>
  serviceUnavailableError(
    `Resource kind ${apiVersionOf(gvk)}, Kind=${gvk.kind} not found. There can be a delay between when CustomResourceDefinitions are created and when they are available.`,
  );

/** A test that fails leaves the object as it is. */
function patched({ object, gvk }: Typed, operations: readonly object[], types: ObjectTypes): AnyObject {
  let result: AnyObject;
  try {
    result = applyJsonPatch(types.written(object, gvk), operations) as AnyObject;
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    if (isTestFailure(error)) return object;
    throw new MutationError(`JSONPath: ${jsonPatchFault(error)}`, { cause: error });
  }
  return types.read(result, gvk, "strict");
}

function merged({ object, gvk }: Typed, configuration: object, type: ApplyType): AnyObject {
  const applied = { ...configuration, apiVersion: apiVersionOf(gvk), kind: gvk.kind };
  step("failed to convert patch object to typed object", () => {
    validateState(applied, type, { allowDuplicates: false });
  });
  const atomics = atomicsIn(applied, type, "");
  if (atomics.length > 0) {
    throw new MutationError(
      `error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: ${atomics.join(", ")}`,
    );
  }
  step("failed to convert original object to typed object", () => {
    validateState(object, type, { allowDuplicates: true });
  });
  return step(
    "failed to merge patch",
    () => structuredClone(mergeStates(object, applied, type)) as AnyObject,
  );
}

function step<T>(what: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof ApplyTypeError)) throw error;
    throw new MutationError(`error applying patch: ${what}: ${errorText(error)}`, { cause: error });
  }
}

/** Whoever sets one field of an atomic value would take all others away, which is hardly meant. */
function atomicsIn(value: unknown, type: ApplyType, path: string): readonly string[] {
  if (isMap(value) && type.map !== undefined) {
    const { map } = type;
    const within = Object.entries(value).flatMap(([name, each]) => {
      const field = map.field(name);
      return field === undefined ? [] : atomicsIn(each, field.type, `${path}.${name}`);
    });
    return map.isAtomic ? [path, ...within] : within;
  }
  if (isList(value) && type.list !== undefined) {
    const { element, isAtomic } = type.list;
    const within = value.flatMap((item, index) => atomicsIn(item, element, `${path}[${index}]`));
    return isAtomic ? [path, ...within] : within;
  }
  return [];
}
