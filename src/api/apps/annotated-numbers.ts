/** Fields that are annotations since apps/v1 has them no more: numbers all the same. upstream: pkg/apis/apps/v1/conversion.go */
import { DecodeError } from "../codec/decode-error.ts";
import { parseInt64 } from "../meta/go-integer.ts";
import type { AnyObject } from "../meta/object.ts";

export const templateGeneration = "deprecated.daemonset.template.generation";
const rollbackTo = "deprecated.deployment.rollback.to";

/** Writes such a number as Go would. Throws DecodeError. */
export function settleAnnotatedNumbers(kind: string, { metadata }: AnyObject): void {
  const annotations = metadata?.annotations;
  if (annotations === undefined) return;
  const name = kind === "DaemonSet" ? templateGeneration : rollbackTo;
  const text = annotations[name];
  if (text === undefined || (text === "" && name === rollbackTo)) return;
  const value = parseInt64(text);
  if (typeof value === "string") {
    const where = name === rollbackTo ? `failed to parse annotation[${name}]=${text} as int64: ` : "";
    throw new DecodeError(where + value);
  }
  annotations[name] = String(value);
}
