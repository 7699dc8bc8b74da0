/** The objects of a write in the version that a webhook asked for. */
import type { AnyObject } from "#api/meta/object.ts";
import { internalError } from "#api/meta/status.ts";
import { errorText } from "#base/log.ts";
import type { AdmissionAttributes } from "../admission.ts";
import type { Named, ObjectTypes } from "./object-types.ts";
import type { Question } from "./review.ts";

export type Subject = Pick<Question, "named" | "object" | "oldObject" | "seen">;

export const isSameKind = (a: Named["gvk"], b: Named["gvk"]): boolean =>
  a.group === b.group && a.version === b.version && a.kind === b.kind;

/** Throws StatusError where it can't be had in that version. */
export async function inVersion(
  { gvk, object, oldObject }: AdmissionAttributes,
  named: Named,
  types: ObjectTypes,
): Promise<Subject> {
  if (isSameKind(gvk, named.gvk)) return subjectOf(named, object, oldObject, types);
  const convert = async (each: AnyObject | undefined): Promise<AnyObject | undefined> =>
    each === undefined ? undefined : converted(types, structuredClone(each), gvk, named.gvk);
  return subjectOf(named, await convert(object), await convert(oldObject), types);
}

export function subjectOf(
  named: Named,
  object: AnyObject | undefined,
  oldObject: AnyObject | undefined,
  types: ObjectTypes,
): Subject {
  const seen = {
    object: object === undefined ? undefined : types.written(object, named.gvk),
    oldObject: oldObject === undefined ? undefined : types.written(oldObject, named.gvk, "stored"),
  };
  return { named, object, oldObject, seen };
}

/** What a conversion webhook gets wrong is nobody's fault who writes. */
export async function converted(
  types: ObjectTypes,
  object: AnyObject,
  from: Named["gvk"],
  to: Named["gvk"],
): Promise<AnyObject> {
  try {
    return await types.convert(object, from, to);
  } catch (error) {
    throw internalError(errorText(error), { cause: error });
  }
}
