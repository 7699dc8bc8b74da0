/** Objects of one kind in its versions, as server-side apply compares them. */
import type { AnyObject } from "../../meta/object.ts";
import { compareStates, type Comparison } from "./compare.ts";
import { createdFields } from "./created-fields.ts";
import {
  filtered,
  inOrder,
  isEmptyTree,
  isMember,
  leaf,
  recursiveDifference,
  setOfPaths,
  type FieldPattern,
  type FieldTree,
} from "./field-tree.ts";
import { fieldKey, fieldNameOf } from "./path-element.ts";
import type { AskConversion } from "./known-versions.ts";
import { deducedType, type ApplyType } from "./schema.ts";

/** The versions in which a kind is served. */
export interface KindVersions {
  /** "apps/v1"; undefined for a version that isn't served (any longer). */
  typeOf(apiVersion: string): ApplyType | undefined;
  /** A new object that may share parts with the given one. */
  convert(object: AnyObject, from: string, to: string): AnyObject;
  /** Instead of `convert`, where it takes asking somebody. Rejects with StatusError. */
  readonly ask?: AskConversion | undefined;
}

/** What a request may not change anyway, so that nobody comes to own it by it. */
export type IgnoredFields =
  /** These, and what is below them. */
  | { readonly reset: FieldTree }
  /** All but these. */
  | { readonly only: FieldPattern };

export interface ObjectState {
  readonly apiVersion: string;
  readonly object: AnyObject;
}

/** Of metadata: the server's own, in nobody's set. upstream: managedfields/internal/stripmeta.go */
const systemMetadata = new Set([
  "name",
  "namespace",
  "creationTimestamp",
  "selfLink",
  "uid",
  "clusterName",
  "generation",
  "managedFields",
  "resourceVersion",
]);

const metadataKey = fieldKey("metadata");

export const strippedFields: FieldTree = setOfPaths([
  [fieldKey("apiVersion")],
  [fieldKey("kind")],
  [metadataKey],
  ...[...systemMetadata].map((name) => [metadataKey, fieldKey(name)]),
]);

export class ObjectComparer {
  readonly #ignored: IgnoredFields;
  readonly #skipped: ReadonlySet<string>;
  /** What is ignored is skipped as a whole. */
  readonly #skipsAll: boolean;

  constructor(ignored: IgnoredFields) {
    this.#ignored = ignored;
    const reset = "reset" in ignored ? ignored.reset : leaf;
    const whole = Object.entries(reset).flatMap(([key, node]) => (isMember(node) ? [fieldNameOf(key)] : []));
    const names = whole.filter((name) => name !== undefined);
    this.#skipped = new Set(["apiVersion", "kind", "metadata", ...names]);
    this.#skipsAll =
      "reset" in ignored && names.length === Object.keys(reset).length && !names.includes("metadata");
  }

  /** Without what isn't tracked. */
  visible(fields: FieldTree): FieldTree {
    if (isEmptyTree(fields)) return fields;
    const ignored = this.#ignored;
    return "reset" in ignored ? recursiveDifference(fields, ignored.reset) : filtered(fields, ignored.only);
  }

  compare(before: AnyObject, after: AnyObject, type: ApplyType): Comparison {
    const rest = compareStates(before, after, type, this.#skipped);
    const metaType = type.map?.field("metadata")?.type ?? deducedType;
    const meta = compareStates(before.metadata ?? {}, after.metadata ?? {}, metaType, systemMetadata);
    return {
      added: this.#joined(meta.added, rest.added),
      modified: this.#joined(meta.modified, rest.modified),
      removed: this.#joined(meta.removed, rest.removed),
    };
  }

  /** All that a new object holds, as FieldsV1 in text; undefined where only a comparison can tell. */
  created(object: AnyObject, type: ApplyType): string | undefined {
    if (!this.#skipsAll) return undefined;
    return createdFields(object, type, { fields: this.#skipped, metadata: systemMetadata });
  }

  #joined(meta: FieldTree, rest: FieldTree): FieldTree {
    if (isEmptyTree(meta)) return this.visible(rest);
    return this.visible(inOrder({ [metadataKey]: meta, ...rest }));
  }
}
