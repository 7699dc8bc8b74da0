/** What the handlers need to know about API types. One implementation, over the type table: type-semantics.ts. */
import type { StructZeros } from "#api/codec/go-zeros.ts";
import type { AnyObject, GroupVersionKind } from "#api/meta/object.ts";
import type { ApplyType } from "#api/patch/apply/schema.ts";
import type { RequestBody } from "./call.ts";

export interface Decoded {
  readonly object: AnyObject;
  /** Unknown and duplicate fields, as strict decoding words them: `unknown field "spec.x"`. */
  readonly strictFaults: readonly string[];
}

export interface TypeSemantics {
  /**
   * Reads JSON, YAML or protobuf as `kind`; what comes back is the caller's to change. Absent kind and apiVersion are
   * filled in. Throws 400 for a body that can't be read or is of another kind, 415 for an unknown media type.
   */
  decode(body: RequestBody, kind: GroupVersionKind): Promise<Decoded>;
  /** Reads a body of options, whatever apiVersion it names; undefined when it is empty. */
  decodeOptions(body: RequestBody, kind: string): Promise<AnyObject | undefined>;
  /** The same check of a value that is JSON already: what a patch made of `old`, of which it may have parts. */
  check(value: AnyObject, kind: GroupVersionKind, old?: AnyObject): Decoded;
  /** And of what server-side apply made of it, whose nulls are no client's: they stay, for validation to refuse. */
  checkApplied(value: AnyObject, kind: GroupVersionKind, old?: AnyObject): Decoded;
  applyDefaults(object: AnyObject, kind: GroupVersionKind): void;
  /** How server-side apply sees objects of that kind. */
  applyType(kind: GroupVersionKind): ApplyType;
  /** What clients see of fields that nobody set, in objects of that kind; undefined where that is nothing. */
  zeros(kind: GroupVersionKind): StructZeros | undefined;
  /** Applies a patch to a copy. Throws StatusError 400, 415 or 422. */
  patch(current: AnyObject, patch: Patch, kind: GroupVersionKind): AnyObject;
}

export type PatchMediaType =
  | "application/json-patch+json"
  | "application/merge-patch+json"
  | "application/strategic-merge-patch+json";

export const applyMediaType = "application/apply-patch+yaml";

export interface Patch {
  readonly mediaType: PatchMediaType;
  /** Parsed JSON. */
  readonly body: unknown;
}
