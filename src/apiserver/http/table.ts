/** Objects as rows: what kubectl get prints. upstream: apiserver/pkg/endpoints/handlers/response.go */
import { cellsOf, columnsOf } from "#api/columns.ts";
import type { ShownKind } from "#api/meta/printer.ts";
import type { AnyObject, KubeObject, ListMeta, ObjectMeta, OwnerReference } from "#api/meta/object.ts";

export type IncludeObject = "None" | "Metadata" | "Object";

export interface TableOptions {
  readonly gvk: ShownKind;
  /** "v1" or "v1beta1" */
  readonly version: string;
  readonly includeObject: IncludeObject;
  readonly nowMs: number;
  /** As clients see it. */
  readonly written: (object: AnyObject) => AnyObject;
}

/** `withColumns`: in a watch only the first table has them. */
export function tableOf(
  objects: readonly AnyObject[],
  metadata: ListMeta,
  options: TableOptions,
  withColumns = true,
): AnyObject {
  return {
    kind: "Table",
    apiVersion: `meta.k8s.io/${options.version}`,
    metadata,
    columnDefinitions: withColumns ? columnsOf(options.gvk) : null,
    rows: objects.map((object) => ({
      ...cellsOf(options.gvk, object, options.nowMs),
      ...(options.includeObject === "None" ? {} : { object: rowObject(object, options) }),
    })),
  };
}

function rowObject(object: AnyObject, { includeObject, version, gvk, written }: TableOptions): KubeObject {
  return includeObject === "Object" ? written(object) : partialOf(object, gvk, version);
}

/** Metadata alone, in the order of its struct: custom resources have theirs in a map's. */
export function partialOf({ metadata = {} }: KubeObject, gvk: ShownKind, version: string): AnyObject {
  return {
    kind: "PartialObjectMetadata",
    apiVersion: `meta.k8s.io/${version}`,
    metadata: gvk.printer === undefined ? inOrder(metadata) : structOrder(metadata),
  };
}

const fieldsOf = {
  owner: ["apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion"],
  manager: ["manager", "operation", "apiVersion", "time", "fieldsType", "fieldsV1", "subresource"],
} as const;

/** Also what lies in them. */
function structOrder(metadata: ObjectMeta): ObjectMeta {
  const { ownerReferences, managedFields } = metadata;
  return {
    ...inOrder(metadata),
    ownerReferences: ownerReferences?.map((owner) => picked(owner, fieldsOf.owner) as OwnerReference),
    managedFields: managedFields?.map((entry) => picked(entry, fieldsOf.manager)),
  };
}

/** As they are kept in memory they come in the order in which they were set, which depends on who has set them. */
export function inOrder(metadata: ObjectMeta): ObjectMeta {
  const { name, generateName, namespace, selfLink, uid, resourceVersion, ...more } = metadata;
  const { generation, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds, ...rest } = more;
  const { labels, annotations, ownerReferences, finalizers, managedFields } = rest;
  const identity = { name, generateName, namespace, selfLink, uid, resourceVersion };
  const life = { generation, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds };
  return { ...identity, ...life, labels, annotations, ownerReferences, finalizers, managedFields };
}

const picked = <T extends object, K extends keyof T>(object: T, fields: readonly K[]): Pick<T, K> =>
  Object.fromEntries(fields.map((field) => [field, object[field]])) as Pick<T, K>;
