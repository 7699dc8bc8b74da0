/** The objects of a write in the version that a webhook asked for. */
import type { AnyObject } from "#api/meta/object.ts";
import type { AdmissionAttributes } from "../admission.ts";
import type { Named, ObjectTypes } from "./object-types.ts";
import type { Question } from "./review.ts";

export const isSameKind = (a: Named["gvk"], b: Named["gvk"]): boolean =>
  a.group === b.group && a.version === b.version && a.kind === b.kind;

export function inVersion(
  { gvk, object, oldObject }: AdmissionAttributes,
  named: Named,
  types: ObjectTypes,
): Pick<Question, "named" | "object" | "oldObject"> {
  if (isSameKind(gvk, named.gvk)) return { named, object, oldObject };
  const convert = (each: AnyObject | undefined): AnyObject | undefined =>
    each === undefined ? undefined : types.convert(structuredClone(each), gvk, named.gvk);
  return { named, object: convert(object), oldObject: convert(oldObject) };
}
